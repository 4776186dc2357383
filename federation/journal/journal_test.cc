#include "federation/journal/journal.h"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "federation/write_ahead.h"

namespace dure::journal {
namespace {

class JournalTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "journal-XXXXXX";
    dir_ = mkdtemp(pattern.data());
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }
  std::string path() const { return dir_ + "/state.db"; }
  std::string dir_;
};

TEST_F(JournalTest, KeepsWhatItAppliedAcrossAReopen) {
  {
    auto journal = Journal::Open(path()).value();
    ASSERT_TRUE(journal->Apply(Change().Put("run/a", {1}).Put("run/b", {}).Put("x", {3})));
    ASSERT_TRUE(journal->Apply(Change().Erase("x").Put("run/a", {9})));
  }
  auto journal = Journal::Open(path()).value();
  EXPECT_EQ(journal->Get("run/a").value(), Bytes({9}));
  EXPECT_EQ(journal->Get("run/b").value(), Bytes());
  EXPECT_EQ(journal->Get("x").value(), std::nullopt);
  EXPECT_EQ(journal->Scan("run/").value().size(), 2u);
}

TEST_F(JournalTest, RefusesASecondProcess) {
  auto journal = Journal::Open(path()).value();
  const pid_t child = fork();
  if (child == 0) {
    const auto second = Journal::Open(path());
    _exit(!second && second.error().code == ErrorCode::kFailedPrecondition ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST_F(JournalTest, ACommitMakesNoFileLonger) {
  auto journal = Journal::Open(path()).value();
  const auto length = [this] { return std::filesystem::file_size(path() + "-wal"); };
  ASSERT_EQ(length(), kWriteAheadBytes);
  for (uint8_t i = 0; i < 200; ++i) {
    ASSERT_TRUE(journal->Apply(Change().Put("run/a", Bytes(20'000, i))));
  }
  EXPECT_EQ(length(), kWriteAheadBytes);
}

// A power cut leaves the log as it was: zeros behind the last commit, and none behind what a part
// of one overwrote.
TEST_F(JournalTest, WhatIsBehindTheLastCommitOfALongLogIsNothing) {
  auto journal = Journal::Open(path()).value();
  ASSERT_TRUE(journal->Apply(Change().Put("kept", {7})));
  const std::string there = dir_ + "/there.db";
  for (const char* tail : {"", "-wal"}) {
    std::filesystem::copy_file(path() + tail, there + tail);
  }
  auto restored = Journal::Open(there).value();
  EXPECT_EQ(restored->Get("kept").value(), Bytes({7}));
  ASSERT_TRUE(restored->Apply(Change().Put("kept", {8})));
  EXPECT_EQ(std::filesystem::file_size(there + "-wal"), kWriteAheadBytes);
  restored.reset();
  EXPECT_EQ(Journal::Open(there).value()->Get("kept").value(), Bytes({8}));
}

TEST_F(JournalTest, AFileThatIsNoJournalIsCorrupt) {
  std::ofstream(path()) << std::string(4096, 'x');
  const auto journal = Journal::Open(path());
  ASSERT_FALSE(journal);
  EXPECT_EQ(journal.error().code, ErrorCode::kCorrupt);
}

TEST_F(JournalTest, AFullDiskRefusesTheWholeChangeAndLosesNothing) {
  auto journal = Journal::Open(path()).value();
  ASSERT_TRUE(journal->Apply(Change().Put("kept", {7})));
  const pid_t limited = getpid();
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{256 * 1024, before.rlim_max};
  signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(prlimit(limited, RLIMIT_FSIZE, &small, nullptr), 0);
  const Status refused = journal->Apply(Change().Put("kept", {8}).Put("big", Bytes(1024 * 1024)));
  prlimit(limited, RLIMIT_FSIZE, &before, nullptr);
  EXPECT_FALSE(refused);
  EXPECT_EQ(journal->Get("kept").value(), Bytes({7}));
  EXPECT_TRUE(journal->Apply(Change().Put("big", Bytes(1024 * 1024))));
}

}  // namespace
}  // namespace dure::journal
