// What goes because nobody uses it, and what stays.
#include <gmock/gmock.h>
#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "federation/blob/store.h"
#include "federation/random.h"

namespace dure::blob {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

Bytes SomeOf(uint64_t seed, size_t size = 1000) {
  Bytes bytes(size);
  SeededRandom(seed).Fill(bytes);
  return bytes;
}

// Of both stores.
class IdleTest : public testing::TestWithParam<bool> {
 protected:
  IdleTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "dure-idle-XXXXXX").string();
    home_ = ::mkdtemp(pattern.data());
    Reopen();
  }
  ~IdleTest() override {
    store_.reset();
    std::filesystem::remove_all(home_);
  }
  void Reopen() {
    store_.reset();
    store_ = GetParam() ? OpenFileBlobStore(home_.string()).value() : MemoryBlobStore();
  }

  std::filesystem::path home_;
  std::unique_ptr<BlobStore> store_;
};

INSTANTIATE_TEST_SUITE_P(Stores, IdleTest, testing::Bool(), [](const auto& store) {
  return store.param ? std::string("Files") : std::string("Memory");
});

TEST_P(IdleTest, WhateverIsUsedInAnAgeIsNotIdle) {
  std::vector<Digest> blobs;
  for (uint64_t seed = 0; seed < 8; ++seed) blobs.push_back(store_->Put(SomeOf(seed)).value());
  const uint64_t age = store_->NewAge();
  EXPECT_EQ(store_->IdleSince(age).blobs.size(), blobs.size());
  EXPECT_TRUE(store_->Has(blobs[0]));
  EXPECT_TRUE(store_->Open(blobs[1]));
  (void)store_->PathOf(blobs[2]);
  EXPECT_TRUE(store_->Put(SomeOf(3)));
  const std::string path = (home_ / "made").string();
  std::ofstream(path) << AsText(SomeOf(4));
  EXPECT_TRUE(store_->Import(path, ManifestOf(SomeOf(4))));
  EXPECT_FALSE(store_->OpenSpool(ManifestOf(SomeOf(5))));
  const Digest fresh = store_->Put(SomeOf(9)).value();
  const Idle idle = store_->IdleSince(age);
  EXPECT_THAT(idle.blobs, UnorderedElementsAre(blobs[6], blobs[7]));
  EXPECT_THAT(store_->IdleSince(age - 1).blobs, IsEmpty());
  EXPECT_EQ(store_->IdleSince(store_->NewAge()).blobs.size(), 9u);
  EXPECT_TRUE(store_->Has(fresh));
}

TEST_P(IdleTest, OfWhatWasIdleWhatIsUsedAgainStays) {
  const Digest taken = store_->Put(SomeOf(1)).value();
  const Digest left = store_->Put(SomeOf(2)).value();
  const uint64_t age = store_->NewAge();
  const Idle idle = store_->IdleSince(age);
  EXPECT_THAT(idle.blobs, UnorderedElementsAre(taken, left));
  EXPECT_EQ(store_->Put(SomeOf(1)).value(), taken);  // it is made anew, and found to be here
  EXPECT_EQ(store_->RemoveIdle(idle, age), 1000u);
  EXPECT_THAT(store_->List(), ElementsAre(taken));
  EXPECT_TRUE(store_->Scrub(taken));
  EXPECT_FALSE(store_->Has(left));
  EXPECT_EQ(store_->RemoveIdle(idle, age), 0u);
}

// Nothing else names it while it is imported: it is found here, or comes, and stays for the age.
TEST_P(IdleTest, WhatIsImportedIsThereForTheRestOfItsAgeWhateverIsSweptMeanwhile) {
  const Bytes bytes = SomeOf(1);
  const Digest digest = store_->Put(bytes).value();
  std::atomic<uint64_t> age = store_->NewAge();
  std::atomic<bool> done = false;
  std::thread sweeper([&] {
    while (!done) (void)store_->RemoveIdle({{digest}, {}}, age);
  });
  for (int i = 0; i < 100; ++i) {
    const std::string path = (home_ / "made").string();
    std::ofstream(path) << AsText(bytes);
    age = store_->NewAge();
    EXPECT_TRUE(store_->Import(path, ManifestOf(bytes)));
    EXPECT_TRUE(store_->Scrub(digest));
  }
  done = true;
  sweeper.join();
}

TEST_P(IdleTest, ASpoolThatSomebodyHoldsOrHasOpenedInTheAgeStays) {
  const auto manifest_of = [](uint64_t seed) {
    return ManifestOf(SomeOf(seed, limits::kChunkBytes + seed));
  };
  const auto held = store_->OpenSpool(manifest_of(1)).value();
  ASSERT_TRUE(store_->OpenSpool(manifest_of(2)));
  ASSERT_TRUE(store_->OpenSpool(manifest_of(3)));
  const uint64_t age = store_->NewAge();
  ASSERT_TRUE(store_->OpenSpool(manifest_of(2)));
  const Digest left = manifest_of(3).BlobDigest();
  EXPECT_THAT(store_->IdleSince(age).spools, ElementsAre(left));
  const Idle all{{}, store_->ListSpools()};
  EXPECT_GE(store_->RemoveIdle(all, age), manifest_of(3).size);
  EXPECT_THAT(store_->ListSpools(),
              UnorderedElementsAre(manifest_of(1).BlobDigest(), manifest_of(2).BlobDigest()));
  EXPECT_FALSE(held->Discarded());
}

using IdleFilesTest = IdleTest;
INSTANTIATE_TEST_SUITE_P(OnDisk, IdleFilesTest, testing::Values(true));

TEST_P(IdleFilesTest, WhatACrashLeftHalfIsGoneAtTheNextStartOrIdle) {
  const Digest whole = store_->Put(SomeOf(1)).value();
  const Manifest torn = ManifestOf(SomeOf(2, limits::kChunkBytes));
  ASSERT_TRUE(store_->OpenSpool(torn));
  store_.reset();
  const std::string torn_hex = torn.BlobDigest().Hex();
  ASSERT_TRUE(std::filesystem::remove(home_ / "spools" / (torn_hex + ".manifest")));
  // It became whole, and the process died before its spool's other files went.
  std::ofstream(home_ / "spools" / (whole.Hex() + ".bits")) << "bits";
  // Its manifest had its name, and its bytes had not.
  std::ofstream(home_ / "blobs" / (torn_hex + ".manifest")) << "manifest";
  Reopen();
  EXPECT_FALSE(std::filesystem::exists(home_ / "spools" / (whole.Hex() + ".bits")));
  EXPECT_FALSE(std::filesystem::exists(home_ / "blobs" / (torn_hex + ".manifest")));
  EXPECT_TRUE(store_->Scrub(whole));
  const uint64_t age = store_->NewAge();
  const Idle idle = store_->IdleSince(age);
  EXPECT_THAT(idle.spools, ElementsAre(torn.BlobDigest()));
  EXPECT_GE(store_->RemoveIdle({{}, idle.spools}, age), torn.size);
  EXPECT_TRUE(std::filesystem::is_empty(home_ / "spools"));
}

TEST_P(IdleFilesTest, WhatGoesIsNotKeptToBeWrittenOver) {
  const Digest large = store_->Put(SomeOf(1, limits::kSpareBytesMin)).value();
  const uint64_t age = store_->NewAge();
  EXPECT_EQ(store_->RemoveIdle({{large}, {}}, age), limits::kSpareBytesMin);
  EXPECT_TRUE(std::filesystem::is_empty(home_ / "spare"));
  EXPECT_TRUE(std::filesystem::is_empty(home_ / "blobs"));
}

}  // namespace
}  // namespace dure::blob
