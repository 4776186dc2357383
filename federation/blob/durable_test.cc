// What the file store has made durable when it says that a blob is there, and in which order: no
// test can cut the power, but each can see what was synced.
#include <gmock/gmock.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "federation/blob/store.h"
#include "federation/testing_syncs.h"

namespace dure::blob {
namespace {

namespace fs = std::filesystem;
using testing_syncs::Forget;
using testing_syncs::SyncsOf;

class DurableTest : public ::testing::Test {
 protected:
  DurableTest() {
    std::string pattern = (fs::temp_directory_path() / "dure-durable-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    store_ = OpenFileBlobStore(folder_ + "/store").value();
    Forget();
    // Names that are there at a sync of something else must belong to what is synced already.
    testing_syncs::All().watched = [this] {
      for (const auto& entry : fs::directory_iterator(Blobs())) {
        if (SyncsOf(entry.path().string()) == 0) early_.push_back(entry.path().filename().string());
      }
    };
  }
  ~DurableTest() override {
    testing_syncs::All().watched = nullptr;
    store_.reset();
    fs::remove_all(folder_);
  }
  std::string Blobs() const { return WholeBlobsIn(folder_ + "/store"); }
  Incoming Write(const std::string& name, const Bytes& bytes) const {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path, std::ios::binary) << AsText(bytes);
    return {path, ManifestOf(bytes)};
  }
  void ExpectDurable(const Digest& digest) const {
    const std::string path = Blobs() + "/" + digest.Hex();
    EXPECT_GT(SyncsOf(path), 0) << "the bytes of " << digest.Hex();
    EXPECT_GT(SyncsOf(path + ".manifest"), 0) << "the manifest of " << digest.Hex();
    EXPECT_GT(SyncsOf(Blobs()), 0) << "the names";
    EXPECT_THAT(early_, ::testing::IsEmpty()) << "named before they were on the disk";
  }

  std::string folder_;
  std::unique_ptr<BlobStore> store_;
  std::vector<std::string> early_;
};

TEST_F(DurableTest, WhatWasPutIs) { ExpectDurable(store_->Put(Bytes(100, uint8_t{1})).value()); }

TEST_F(DurableTest, WhatWasImportedTogetherIsEachOfIt) {
  const std::vector<Incoming> files = {Write("one", Bytes(3'000'000, uint8_t{1})),
                                       Write("two", Bytes(100, uint8_t{2})),
                                       Write("three", Bytes(5'000, uint8_t{3}))};
  const auto digests = store_->ImportAll(files).value();
  ASSERT_EQ(digests.size(), 3u);
  for (const Digest& digest : digests) ExpectDurable(digest);
}

// Linux tells of bytes that it could not write back once for each open file.
TEST_F(DurableTest, WhatCouldNotBeWrittenBackIsNot) {
  for (const int failure : {EIO, ENOSPC}) {
    const std::vector<Incoming> files = {Write("lost", Bytes(500'000, uint8_t{4}))};
    testing_syncs::All().write_back = failure;
    EXPECT_FALSE(store_->ImportAll(files));
    EXPECT_FALSE(store_->Has(files[0].manifest.BlobDigest()));
  }
}

TEST_F(DurableTest, WhatWasUploadedIs) {
  const Bytes bytes(1'500'000, uint8_t{7});
  const Manifest manifest = ManifestOf(bytes);
  const auto spool = store_->OpenSpool(manifest).value();
  for (uint64_t i = 0; i < manifest.ChunkCount(); ++i) {
    const auto chunk = ByteView(bytes).subspan(manifest.ChunkOffset(i), manifest.ChunkSize(i));
    ASSERT_TRUE(spool->WriteChunk(i, chunk));
  }
  ASSERT_TRUE(spool->Complete());
  ExpectDurable(manifest.BlobDigest());
}

TEST_F(DurableTest, AFileThatIsWrittenOverIsSyncedAgain) {
  const Bytes first(300'000, uint8_t{1});
  const Digest former = store_->Put(first).value();
  ASSERT_TRUE(store_->Remove(former));
  const std::string path = folder_ + "/again";
  ASSERT_TRUE(store_->Recycle(first.size(), path));
  Forget();
  const Bytes second(300'000, uint8_t{2});
  std::fstream(path, std::ios::binary | std::ios::in | std::ios::out) << AsText(second);
  ExpectDurable(store_->Import(path, ManifestOf(second)).value());
}

}  // namespace
}  // namespace dure::blob
