// Blobs that last as long as this boot of the machine.
#include <gmock/gmock.h>

#include <filesystem>

#include "federation/blob/store.h"
#include "federation/random.h"

namespace dure::blob {
namespace {

namespace fs = std::filesystem;

class PassingTest : public testing::Test {
 protected:
  PassingTest() {
    std::string pattern = (fs::temp_directory_path() / "dure-passing-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    bytes_.resize(limits::kChunkBytes + 7);
    SeededRandom(90).Fill(bytes_);
    manifest_ = ManifestOf(bytes_);
    Reopen();
  }
  ~PassingTest() override { fs::remove_all(folder_); }
  void Reopen() {
    store_.reset();
    store_ = OpenFileBlobStore(folder_.string()).value();
  }
  void Arrive(Lasting lasting) {
    const auto spool = store_->OpenSpool(manifest_, lasting).value();
    for (uint64_t i = 0; i < manifest_.ChunkCount(); ++i) {
      ASSERT_TRUE(spool->WriteChunk(
          i, ByteView(bytes_).subspan(manifest_.ChunkOffset(i), manifest_.ChunkSize(i))));
    }
    ASSERT_TRUE(spool->Complete());
  }
  // As if the machine had started anew: what was not synced may hold anything.
  void CutThePower() {
    store_.reset();
    for (const auto& boot : fs::directory_iterator(folder_ / "passing")) {
      fs::rename(boot.path(), folder_ / "passing" / "another-boot");
      break;
    }
    Reopen();
  }
  bool IsWhole() const {
    const auto reader = store_->Open(digest());
    return reader && AsText((*reader)->bytes()) == AsText(bytes_) && store_->Scrub(digest());
  }
  Digest digest() const { return manifest_.BlobDigest(); }

  fs::path folder_;
  Bytes bytes_;
  Manifest manifest_;
  std::unique_ptr<BlobStore> store_;
};

TEST_F(PassingTest, IsThereAfterADeathAndGoneAfterAPowerCut) {
  Arrive(Lasting::kThisBoot);
  EXPECT_TRUE(IsWhole());
  EXPECT_TRUE(fs::exists(store_->PathOf(digest()).value()));
  Reopen();
  EXPECT_TRUE(IsWhole());
  CutThePower();
  EXPECT_FALSE(store_->Has(digest()));
  EXPECT_FALSE(fs::exists(folder_ / "passing" / "another-boot"));
  Arrive(Lasting::kThisBoot);
  EXPECT_TRUE(IsWhole());
}

TEST_F(PassingTest, LastsFromWhenItComesToLast) {
  Arrive(Lasting::kThisBoot);
  EXPECT_FALSE(store_->OpenSpool(manifest_, Lasting::kThisBoot)) << "it is here already";
  Arrive(Lasting::kThroughPowerCuts);
  EXPECT_TRUE(IsWhole());
  CutThePower();
  EXPECT_TRUE(IsWhole());
  EXPECT_FALSE(store_->OpenSpool(manifest_, Lasting::kThisBoot)) << "it lasts longer than that";
}

TEST_F(PassingTest, APutMakesItLastToo) {
  Arrive(Lasting::kThisBoot);
  ASSERT_TRUE(store_->Put(bytes_));
  CutThePower();
  EXPECT_TRUE(IsWhole());
}

TEST_F(PassingTest, IsRemovedLikeAnyOther) {
  Arrive(Lasting::kThisBoot);
  ASSERT_TRUE(store_->Remove(digest()));
  EXPECT_FALSE(store_->Has(digest()));
  Reopen();
  EXPECT_FALSE(store_->Has(digest()));
}

}  // namespace
}  // namespace dure::blob
