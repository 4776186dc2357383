#include "site/trainer_files.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <thread>

#include "federation/codec/files.h"

namespace dure::site {
namespace {

namespace fs = std::filesystem;

constexpr size_t kBytes = size_t{8} << 20;

ino_t InodeOf(const fs::path& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_ino : 0;
}

class TrainerFilesTest : public testing::Test {
 protected:
  TrainerFilesTest() {
    std::string pattern = (fs::temp_directory_path() / "dure-trainer-XXXXXX").string();
    home_ = ::mkdtemp(pattern.data());
    fs::create_directories(home_ / "seat");
    std::ofstream(made_ = home_ / "seat" / "result") << content_;
    taken_ = home_ / "result";
  }
  ~TrainerFilesTest() override { fs::remove_all(home_); }
  ErrorCode CodeOfTaking() {
    const Status taken = TakeOver(made_, taken_);
    EXPECT_FALSE(fs::exists(fs::symlink_status(taken_)));
    return taken.error().code;
  }
  std::string Taken() const {
    std::ifstream file(taken_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  const std::string content_ = std::string(kBytes, 'w');
  fs::path home_;
  fs::path made_;
  fs::path taken_;
};

TEST_F(TrainerFilesTest, AResultThatNobodyHoldsIsMovedAndNotCopied) {
  const ino_t inode = InodeOf(made_);
  ASSERT_TRUE(TakeOver(made_, taken_));
  EXPECT_EQ(InodeOf(taken_), inode);
  EXPECT_FALSE(fs::exists(made_));
  EXPECT_EQ(Taken(), content_);
}

TEST_F(TrainerFilesTest, WhoStillHasItOpenCannotCutItShortUnderItsReader) {
  const int held = ::open(made_.c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_TRUE(TakeOver(made_, taken_));
  const auto mapped = codec::MappedFile::Open(taken_.string());
  ASSERT_TRUE(mapped);
  ASSERT_EQ(::ftruncate(held, 0), 0);
  ::close(held);
  EXPECT_EQ(std::ranges::count(mapped->bytes(), 'w'), static_cast<ptrdiff_t>(kBytes));
}

TEST_F(TrainerFilesTest, WhoStillHasItMappedCannotChangeIt) {
  const int file = ::open(made_.c_str(), O_RDWR | O_CLOEXEC);
  void* const map = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  ASSERT_NE(map, MAP_FAILED);
  ::close(file);
  ASSERT_TRUE(TakeOver(made_, taken_));
  static_cast<char*>(map)[0] = 'x';
  ::munmap(map, kBytes);
  EXPECT_EQ(Taken(), content_);
}

TEST_F(TrainerFilesTest, WhoHasAnotherNameForItCannotChangeIt) {
  const fs::path other = home_ / "seat" / "other";
  fs::create_hard_link(made_, other);
  ASSERT_TRUE(TakeOver(made_, taken_));
  fs::resize_file(other, 0);
  EXPECT_EQ(Taken(), content_);
}

TEST_F(TrainerFilesTest, OneThatIsCutShortWhileItIsReadIsAnErrorOrWhole) {
  for (int i = 0; i < 50; ++i) {
    std::ofstream(made_) << content_;
    const int held = ::open(made_.c_str(), O_RDWR | O_CLOEXEC);
    std::thread liar([held] {
      for (int times = 0; times < 20; ++times) {
        (void)::ftruncate(held, 1);
        (void)::ftruncate(held, kBytes);
      }
    });
    const Status taken = TakeOver(made_, taken_);
    EXPECT_TRUE(taken || taken.error().code == ErrorCode::kCorrupt) << taken.error().message;
    EXPECT_EQ(fs::exists(taken_), taken.has_value());
    liar.join();
    ::close(held);
    EXPECT_FALSE(fs::exists(taken_.string() + ".copy"));
  }
}

TEST_F(TrainerFilesTest, WhatIsNoPlainFileIsRefused) {
  fs::remove(made_);
  EXPECT_EQ(CodeOfTaking(), ErrorCode::kNotFound);
  fs::create_symlink("/etc/passwd", made_);
  EXPECT_EQ(CodeOfTaking(), ErrorCode::kInvalid);
  EXPECT_TRUE(fs::exists("/etc/passwd"));
  ASSERT_EQ(::mkfifo(made_.c_str(), 0600), 0);
  EXPECT_EQ(CodeOfTaking(), ErrorCode::kInvalid);
  fs::create_directories(made_ / "below");
  EXPECT_EQ(CodeOfTaking(), ErrorCode::kInvalid);
}

TEST_F(TrainerFilesTest, EachSetOfDataHasAWorkFolderOfItsOwn) {
  seat::DataSpec one;
  one.path = "/data/a";
  seat::DataSpec both = one;
  both.more = {"/data/b"};
  seat::DataSpec turned = one;
  turned.path = "/data/b";
  turned.more = {"/data/a"};
  EXPECT_NE(WorkFolderFor(home_, one), WorkFolderFor(home_, both));
  EXPECT_EQ(WorkFolderFor(home_, turned), WorkFolderFor(home_, both));
  EXPECT_TRUE(fs::is_directory(WorkFolderFor(home_, one)));
}

TEST_F(TrainerFilesTest, ATaskReachesItsOwnDataAndNoOther) {
  seat::DataSpec data;
  data.path = "/data/a";
  const Reach reach = ReachOf(data, "/given", "/work");
  EXPECT_THAT(reach.read, testing::ElementsAre("/data/a", "/given"));
  EXPECT_THAT(reach.write, testing::ElementsAre("/work"));
}

TEST_F(TrainerFilesTest, AnotherNameOfAModelReplacesTheOneBefore) {
  const fs::path name = home_ / "base";
  std::ofstream(name) << "of the round before";
  ASSERT_TRUE(LinkAs(made_, name));
  EXPECT_EQ(InodeOf(name), InodeOf(made_));
  EXPECT_FALSE(LinkAs(home_ / "never-there", name));
  EXPECT_FALSE(fs::exists(name));
}

}  // namespace
}  // namespace dure::site
