// What becomes of the files of removed blobs.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "federation/blob/store.h"
#include "federation/random.h"

namespace dure::blob {
namespace {

namespace fs = std::filesystem;

class Folder {
 public:
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "dure-blob-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~Folder() { fs::remove_all(path_); }
  std::string path(const std::string& name = "") const { return (path_ / name).string(); }

 private:
  fs::path path_;
};

Bytes SomeBytes(size_t size, uint64_t seed) {
  Bytes bytes(size);
  SeededRandom(seed).Fill(bytes);
  return bytes;
}

ByteView ChunkOf(const Manifest& manifest, const Bytes& bytes, uint64_t index) {
  return ByteView(bytes).subspan(manifest.ChunkOffset(index), manifest.ChunkSize(index));
}

bool SameBytes(ByteView a, ByteView b) { return AsText(a) == AsText(b); }

class SpareTest : public testing::Test {
 protected:
  SpareTest() : store_(OpenFileBlobStore(folder_.path("store")).value()) {}
  static constexpr size_t kSize = limits::kSpareBytesMin + 3;
  Folder folder_;
  std::unique_ptr<BlobStore> store_;
};

TEST_F(SpareTest, ARemovedBlobsFileIsThereToBeWrittenOver) {
  const Digest digest = store_->Put(SomeBytes(kSize, 80)).value();
  EXPECT_FALSE(store_->Recycle(kSize, folder_.path("new"))) << "nothing was removed yet";
  ASSERT_TRUE(store_->Remove(digest));
  EXPECT_FALSE(store_->Recycle(kSize - 1, folder_.path("new"))) << "of no other size";
  ASSERT_TRUE(store_->Recycle(kSize, folder_.path("new")));
  EXPECT_EQ(fs::file_size(folder_.path("new")), kSize);
  EXPECT_FALSE(store_->Recycle(kSize, folder_.path("another"))) << "it is given once";
  EXPECT_FALSE(store_->Has(digest));
}

TEST_F(SpareTest, WhatSomebodyStillReadsIsNotWrittenOver) {
  const Bytes bytes = SomeBytes(kSize, 81);
  const Digest digest = store_->Put(bytes).value();
  {
    const auto reader = store_->Open(digest).value();
    ASSERT_TRUE(store_->Remove(digest));
    EXPECT_FALSE(store_->Recycle(kSize, folder_.path("new")));
    EXPECT_TRUE(SameBytes(reader->bytes(), bytes));
  }
  EXPECT_FALSE(store_->Recycle(kSize, folder_.path("new"))) << "it is gone for good";
}

TEST_F(SpareTest, WhatHasAnotherNameIsNotWrittenOver) {
  const Bytes bytes = SomeBytes(kSize, 86);
  const Digest digest = store_->Put(bytes).value();
  const fs::path given = folder_.path("given");
  fs::create_hard_link(store_->PathOf(digest).value(), given);
  ASSERT_TRUE(store_->Remove(digest));
  EXPECT_FALSE(store_->Recycle(kSize, folder_.path("new")));
  EXPECT_EQ(fs::file_size(given), kSize);
}

TEST_F(SpareTest, ASpoolInASparesFileHoldsNothingAtFirst) {
  const Digest digest = store_->Put(SomeBytes(kSize, 82)).value();
  ASSERT_TRUE(store_->Remove(digest));
  const Bytes bytes = SomeBytes(kSize, 83);
  const Manifest manifest = ManifestOf(bytes);
  // Left by a spool of that name whose bytes are gone: it would claim the spare's.
  std::ofstream(folder_.path("store/spools/" + manifest.BlobDigest().Hex() + ".bits"))
      << std::string(200, '\xff');
  const auto spool = store_->OpenSpool(manifest).value();
  EXPECT_TRUE(fs::is_empty(folder_.path("store/spare"))) << "the spool took it";
  EXPECT_EQ(spool->MissingCount(), manifest.ChunkCount());
  for (uint64_t i = 0; i < manifest.ChunkCount(); ++i) {
    ASSERT_TRUE(spool->WriteChunk(i, ChunkOf(manifest, bytes, i)));
  }
  ASSERT_TRUE(spool->Complete());
  EXPECT_TRUE(store_->Scrub(manifest.BlobDigest()));
}

TEST_F(SpareTest, SmallFilesAreDeletedAndSparesDoNotOutliveTheStore) {
  const Digest small = store_->Put(SomeBytes(limits::kSpareBytesMin - 1, 84)).value();
  const Digest large = store_->Put(SomeBytes(kSize, 85)).value();
  ASSERT_TRUE(store_->Remove(small));
  EXPECT_TRUE(fs::is_empty(folder_.path("store/spare")));
  ASSERT_TRUE(store_->Remove(large));
  EXPECT_FALSE(fs::is_empty(folder_.path("store/spare")));
  store_.reset();
  store_ = OpenFileBlobStore(folder_.path("store")).value();
  EXPECT_TRUE(fs::is_empty(folder_.path("store/spare")));
}

TEST_F(SpareTest, AScrappedFileIsASpareToo) {
  std::ofstream(folder_.path("old"), std::ios::binary) << std::string(kSize, 'x');
  store_->Scrap(folder_.path("old"));
  EXPECT_FALSE(fs::exists(folder_.path("old")));
  EXPECT_TRUE(store_->Recycle(kSize, folder_.path("new")));
  store_->Scrap(folder_.path("never-there"));
}

}  // namespace
}  // namespace dure::blob
