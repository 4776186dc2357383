#include "federation/write_ahead.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

namespace dure {
namespace {

namespace fs = std::filesystem;

// What is done at each fdatasync of this program, before the disk has what it asks for.
std::function<void()> at_sync;  // NOLINT

}  // namespace
}  // namespace dure

// In place of the system's: what a file is at that instant is what a power cut leaves for certain.
extern "C" int fdatasync(int fd) {
  if (dure::at_sync) dure::at_sync();
  return static_cast<int>(syscall(SYS_fdatasync, fd));
}

namespace dure {
namespace {

class WriteAheadTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "write-ahead-XXXXXX";
    dir_ = mkdtemp(pattern.data());
  }
  void TearDown() override { fs::remove_all(dir_); }
  std::string database() const { return dir_ + "/some.db"; }
  std::string log() const { return database() + "-wal"; }
  std::string Held() const {
    std::ostringstream held;
    held << std::ifstream(log(), std::ios::binary).rdbuf();
    return held.str();
  }
  std::string dir_;
};

TEST_F(WriteAheadTest, ALogGetsZerosBehindWhatItHolds) {
  std::ofstream(log()) << "frames";
  GiveWriteAheadRoom(database());
  EXPECT_EQ(Held(), "frames" + std::string(kWriteAheadBytes - 6, '\0'));
  std::ofstream(log(), std::ios::app) << "more";
  GiveWriteAheadRoom(database());
  EXPECT_EQ(fs::file_size(log()), kWriteAheadBytes + 4) << "one that is long enough stays";
}

TEST_F(WriteAheadTest, ErasingLeavesItsLengthAndZeros) {
  const std::string frames((3 << 20) + 5, 'f');
  std::ofstream(log()) << frames;
  EXPECT_TRUE(EraseWriteAhead(database()));
  EXPECT_EQ(Held(), std::string(frames.size(), '\0'));
  fs::remove(log());
  EXPECT_TRUE(EraseWriteAhead(database())) << "there is none";
  EXPECT_TRUE(fs::is_empty(dir_));
}

// What is between two waits reaches a disk in any order. Frames without a header are no log; a
// header with the first of its frames is one, of an older state.
TEST_F(WriteAheadTest, TheHeaderIsGoneForGoodBeforeAnyFrameGoes) {
  const std::string frames(2 << 20, 'f');
  std::ofstream(log()) << frames;
  std::vector<std::string> waits;
  at_sync = [&] { waits.push_back(Held()); };
  EXPECT_TRUE(EraseWriteAhead(database()));
  at_sync = nullptr;
  ASSERT_EQ(waits.size(), 2u);
  EXPECT_EQ(waits[0].substr(0, 32), std::string(32, '\0'));
  EXPECT_EQ(waits[0].substr(32), frames.substr(32));
  EXPECT_EQ(waits[1], std::string(frames.size(), '\0'));
}

TEST_F(WriteAheadTest, NoLogIsMade) {
  GiveWriteAheadRoom(database());
  EXPECT_TRUE(fs::is_empty(dir_));
}

TEST_F(WriteAheadTest, WhatADiskDoesNotTakeWholeIsGivenBack) {
  std::ofstream(log()) << "frames";
  signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{2 << 20, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  GiveWriteAheadRoom(database());
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(Held(), "frames");
}

}  // namespace
}  // namespace dure
