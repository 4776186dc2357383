#include "federation/write_ahead.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace dure {
namespace {

namespace fs = std::filesystem;

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
