// What a spool on disk leaves open.
#include <gmock/gmock.h>
#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <string>
#include <thread>

#include "federation/blob/store.h"
#include "federation/random.h"

namespace dure::blob {
namespace {

class SpoolFilesTest : public testing::Test {
 protected:
  SpoolFilesTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "dure-spool-XXXXXX").string();
    home_ = ::mkdtemp(pattern.data());
    store_ = OpenFileBlobStore(home_.string()).value();
    SeededRandom(7).Fill(bytes_);
    manifest_ = ManifestOf(bytes_);
  }
  ~SpoolFilesTest() override {
    store_.reset();
    std::filesystem::remove_all(home_);
  }
  ByteView Chunk(uint64_t index) const {
    return ByteView(bytes_).subspan(manifest_.ChunkOffset(index), manifest_.ChunkSize(index));
  }
  // Room that nobody can see.
  int OpenWithoutAName() const {
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
      std::error_code gone;  // the iterator's own
      const std::string path = std::filesystem::read_symlink(entry.path(), gone).string();
      count += path.starts_with(home_.string()) && path.ends_with("(deleted)");
    }
    return count;
  }

  std::filesystem::path home_;
  std::unique_ptr<BlobStore> store_;
  Bytes bytes_ = Bytes(4 * limits::kChunkBytes);
  Manifest manifest_;
};

TEST_F(SpoolFilesTest, ADiscardedSpoolHasNoFilesAlsoIfItWasBeingWrittenTo) {
  for (int i = 0; i < 50; ++i) {
    const auto spool = store_->OpenSpool(manifest_).value();
    std::atomic<bool> begun = false;
    std::thread writer([&] {
      for (uint64_t index = 0; index < manifest_.ChunkCount(); ++index) {
        begun = true;
        begun.notify_one();
        if (!spool->WriteChunk(index, Chunk(index))) return;
      }
    });
    begun.wait(false);
    ASSERT_TRUE(store_->DiscardSpool(manifest_.BlobDigest()));
    EXPECT_EQ(OpenWithoutAName(), 0) << i;
    writer.join();
    EXPECT_EQ(spool->WriteChunk(0, Chunk(0)).error().code, ErrorCode::kCancelled);
  }
}

TEST_F(SpoolFilesTest, OneThatIsCompleteHasNoFilesWhoeverHoldsIt) {
  const auto spool = store_->OpenSpool(manifest_).value();
  for (uint64_t index = 0; index < manifest_.ChunkCount(); ++index) {
    ASSERT_TRUE(spool->WriteChunk(index, Chunk(index)));
  }
  ASSERT_TRUE(spool->Complete());
  EXPECT_EQ(OpenWithoutAName(), 0);
  EXPECT_TRUE(spool->WriteChunk(0, Chunk(0)));
  EXPECT_TRUE(spool->Complete());
  EXPECT_TRUE(store_->Scrub(manifest_.BlobDigest()));
}

}  // namespace
}  // namespace dure::blob
