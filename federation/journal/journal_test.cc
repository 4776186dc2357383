#include "federation/journal/journal.h"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
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

class ForgettingTest : public JournalTest {
 protected:
  static std::string InFile(const std::string& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  // Whether the files hold it now.
  bool Holds(const std::string& secret) const {
    return InFile(path()).find(secret) != std::string::npos ||
           InFile(path() + "-wal").find(secret) != std::string::npos;
  }
  // A small value stands inside a page, a large one on pages of its own.
  static Bytes Around(const std::string& secret, size_t bytes) {
    Bytes value(bytes, 7);
    std::ranges::copy(secret, value.end() - static_cast<ptrdiff_t>(secret.size()));
    return value;
  }

  const std::string small_ = "the seed of an attempt that has ended";
  const std::string large_ = "a share that was held for somebody else";
};

TEST_F(ForgettingTest, WhatIsErasedOrWrittenOverIsInNoFile) {
  auto journal = Journal::Open(path()).value();
  ASSERT_TRUE(journal->Apply(
      Change().Put("erased", Around(small_, 100)).Put("over", Around(large_, 20'000))));
  ASSERT_TRUE(journal->Forget());  // both are in the database now
  ASSERT_TRUE(Holds(small_) && Holds(large_)) << "what stands in an entry is kept";
  ASSERT_TRUE(journal->Apply(Change().Put("later", Around(small_, 20'000))));  // in the log alone
  ASSERT_TRUE(
      journal->Apply(Change().Erase("erased").Erase("later").Put("over", {1}).Put("other", {2})));
  ASSERT_TRUE(Holds(small_)) << "the search sees nothing";
  ASSERT_TRUE(journal->Forget());
  EXPECT_FALSE(Holds(small_));
  EXPECT_FALSE(Holds(large_));
  EXPECT_EQ(journal->Get("over").value(), Bytes({1}));
  EXPECT_EQ(journal->Get("other").value(), Bytes({2}));
}

TEST_F(ForgettingTest, WhatComesAfterwardsIsKept) {
  auto journal = Journal::Open(path()).value();
  for (uint8_t i = 0; i < 5; ++i) {
    ASSERT_TRUE(journal->Apply(Change().Put("run/" + std::to_string(i), Bytes(9'000, i))));
    ASSERT_TRUE(journal->Forget());
    ASSERT_TRUE(journal->Apply(Change().Put("last", {i})));
    // As a kill at this instant would leave it.
    const std::string copy = dir_ + "/copy.db";
    std::filesystem::remove(copy + "-wal");
    for (const std::string end : {"", "-wal"}) {
      std::filesystem::copy_file(path() + end, copy + end,
                                 std::filesystem::copy_options::overwrite_existing);
    }
    auto found = Journal::Open(copy).value();
    EXPECT_EQ(found->Get("last").value(), Bytes({i}));
    EXPECT_EQ(found->Scan("run/").value().size(), i + 1u);
  }
}

TEST_F(ForgettingTest, AKillBeforeItIsMadeGoodAtTheNextStart) {
  const pid_t child = fork();
  if (child == 0) {
    auto journal = Journal::Open(path()).value();
    const bool written = journal->Apply(Change().Put("erased", Around(small_, 100))).has_value() &&
                         journal->Apply(Change().Erase("erased").Put("other", {2})).has_value();
    if (!written) _exit(1);
    ::raise(SIGKILL);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  ASSERT_TRUE(Holds(small_));
  auto journal = Journal::Open(path()).value();
  EXPECT_FALSE(Holds(small_));
  EXPECT_EQ(journal->Get("other").value(), Bytes({2}));
}

// A command that tries the folder of a running daemon: its refused opening is closed, too.
TEST_F(ForgettingTest, WhoIsRefusedErasesNothingOfWhoHoldsIt) {
  auto journal = Journal::Open(path()).value();
  ASSERT_TRUE(journal->Apply(Change().Put("run/a", Around(small_, 100))));
  const std::string log = InFile(path() + "-wal");
  const pid_t child = fork();
  if (child == 0) _exit(Journal::Open(path()) ? 1 : 0);
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_EQ(status, 0);
  EXPECT_EQ(InFile(path() + "-wal"), log);
  journal.reset();
  EXPECT_EQ(Journal::Open(path()).value()->Get("run/a").value(), Around(small_, 100));
}

TEST_F(ForgettingTest, TheLogIsZerosBeforeItIsRemoved) {
  auto journal = Journal::Open(path()).value();
  ASSERT_TRUE(journal->Apply(Change().Put("erased", Around(small_, 100))));
  ASSERT_TRUE(journal->Apply(Change().Erase("erased")));
  // A second name, as the blocks on the disk are.
  std::filesystem::create_hard_link(path() + "-wal", dir_ + "/blocks");
  journal.reset();
  ASSERT_FALSE(std::filesystem::exists(path() + "-wal"));
  EXPECT_EQ(InFile(dir_ + "/blocks").find(small_), std::string::npos);
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
