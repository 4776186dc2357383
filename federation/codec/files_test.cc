#include "federation/codec/files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <vector>

namespace dure::codec {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMiB = size_t{1} << 20;

class FilesTest : public testing::Test {
 protected:
  FilesTest() {
    std::string pattern = (fs::temp_directory_path() / "dure-files-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    for (size_t i = 0; i < 2 * kMiB; ++i) memory()[i] = static_cast<uint8_t>(i * 31 + i / 4096);
  }
  ~FilesTest() override { fs::remove_all(folder_); }
  std::string Path(const std::string& name) const { return (folder_ / name).string(); }
  uint8_t* memory() { return memory_.get(); }
  // Written in two calls, the second with a tail that is no whole number of pages.
  void WriteAll(const OutputFile& file) {
    ASSERT_TRUE(file.WriteAt(0, {memory(), kMiB}));
    ASSERT_TRUE(file.WriteAt(kMiB, {memory() + kMiB, file.size() - kMiB}));
    ASSERT_TRUE(file.Sync());
  }
  // Asks the kernel to forget the file's pages.
  static void Forget(const std::string& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY);
    ::posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
    ::close(descriptor);
  }
  void ExpectReadable(const std::string& path, size_t size) {
    const auto in = InputFile::Open(path);
    ASSERT_TRUE(in);
    const std::unique_ptr<uint8_t, decltype(&std::free)> room(
        static_cast<uint8_t*>(std::aligned_alloc(kDirectBytes, kMiB)), &std::free);
    for (size_t at = 0; at < size; at += kMiB) {
      const size_t count = std::min(kMiB, size - at);
      ASSERT_TRUE(in->ReadAt(at, {room.get(), count}));
      EXPECT_TRUE(std::equal(room.get(), room.get() + count, memory() + at)) << "from " << at;
    }
  }

  fs::path folder_;
  std::unique_ptr<uint8_t, decltype(&std::free)> memory_{
      static_cast<uint8_t*>(std::aligned_alloc(kDirectBytes, 2 * kMiB)), &std::free};
};

constexpr size_t kOddSize = kMiB + 3 * 4096 + 77;

TEST_F(FilesTest, BytesWrittenAroundThePageCacheAreThere) {
  for (const Caching caching : {Caching::kKept, Caching::kAround}) {
    const std::string path = Path(caching == Caching::kKept ? "kept" : "around");
    WriteAll(OutputFile::Create(path, kOddSize, caching).value());
    const auto map = MappedFile::Open(path).value();
    ASSERT_EQ(map.bytes().size(), kOddSize);
    EXPECT_TRUE(std::equal(map.bytes().begin(), map.bytes().end(), memory()));
  }
}

TEST_F(FilesTest, AnUnalignedWriteGoesThroughThePageCache) {
  const auto file = OutputFile::Create(Path("file"), kOddSize, Caching::kAround).value();
  ASSERT_TRUE(file.WriteAt(0, {memory() + 1, 4096}));      // the address
  ASSERT_TRUE(file.WriteAt(4097, {memory() + 4096, 50}));  // the offset
  const auto map = MappedFile::Open(Path("file")).value();
  EXPECT_TRUE(std::equal(memory() + 1, memory() + 4097, map.bytes().begin()));
  EXPECT_TRUE(std::equal(memory() + 4096, memory() + 4146, map.bytes().begin() + 4097));
}

TEST_F(FilesTest, AnInputIsReadFromMemoryAndFromTheDiskAlike) {
  WriteAll(OutputFile::Create(Path("file"), kOddSize).value());
  ExpectReadable(Path("file"), kOddSize);
  Forget(Path("file"));
  ExpectReadable(Path("file"), kOddSize);
}

TEST_F(FilesTest, AnInputThatEndsTooEarlyIsCorrupt) {
  WriteAll(OutputFile::Create(Path("file"), kOddSize).value());
  const auto in = InputFile::Open(Path("file")).value();
  EXPECT_EQ(in.ReadAt(kMiB, {memory(), kMiB}).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(InputFile::Open(Path("absent")).error().code, ErrorCode::kNotFound);
}

TEST_F(FilesTest, AViewIsWhereTheBytesAreIfTheyAreInMemory) {
  WriteAll(OutputFile::Create(Path("file"), kOddSize).value());
  const auto in = InputFile::Open(Path("file")).value();
  const std::unique_ptr<uint8_t, decltype(&std::free)> room(
      static_cast<uint8_t*>(std::aligned_alloc(kDirectBytes, kMiB)), &std::free);
  const std::span<uint8_t> tail(room.get(), kOddSize - kMiB);
  std::fill(tail.begin(), tail.end(), uint8_t{0});
  const auto view = in.View(kMiB, tail);
  ASSERT_TRUE(view);
  EXPECT_NE(view->data(), tail.data());
  EXPECT_TRUE(std::ranges::equal(*view, ByteView(memory() + kMiB, tail.size())));
  EXPECT_EQ(tail[0], 0);
  EXPECT_EQ(in.View(kMiB, {room.get(), kMiB}).error().code, ErrorCode::kCorrupt);
}

TEST_F(FilesTest, AFileWrittenOverKeepsItsSize) {
  { const auto old = OutputFile::Create(Path("old"), kOddSize).value(); }
  EXPECT_EQ(OutputFile::Reuse(Path("old"), kOddSize + 1).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(OutputFile::Reuse(Path("absent"), 1).error().code, ErrorCode::kNotFound);
  WriteAll(OutputFile::Reuse(Path("old"), kOddSize).value());
  ExpectReadable(Path("old"), kOddSize);
}

}  // namespace
}  // namespace dure::codec
