#include "policy/privacy/account_book.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "federation/journal/journal.h"

namespace dure::privacy {
namespace {

const AccountId kAccount{*DatasetId::Parse("clinic-notes"), Unit::kExample};
const RunId kRun = *RunId::Parse("run-1");
const Charge kCharge{SampledGaussian{20, 1}, 50};

class PrivacyBook : public testing::Test {
 protected:
  PrivacyBook() {
    std::string form = (std::filesystem::temp_directory_path() / "dure-privacy-XXXXXX").string();
    folder_ = mkdtemp(form.data());
  }
  ~PrivacyBook() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<journal::Journal> OpenJournal() const {
    return std::move(*journal::Journal::Open(folder_ + "/journal.db"));
  }
  static AccountBook OpenBook(journal::Journal& journal) {
    return *AccountBook::Open(*journal.Scan(kAccountKeyPrefix),
                              [&journal](const std::string& key, Bytes value) {
                                return journal.Apply(journal::Change().Put(key, std::move(value)));
                              });
  }

  std::string folder_;
};

TEST_F(PrivacyBook, RemembersAcrossRestarts) {
  {
    const auto journal = OpenJournal();
    AccountBook book = OpenBook(*journal);
    ASSERT_TRUE(book.OpenAccount(kAccount, {2'300'000, 1e-6}));
    ASSERT_FALSE(book.Reserve(kAccount, kRun, kCharge).value());
    ASSERT_TRUE(book.Commit(kAccount, kRun, {0, 0}, 7));
  }
  const auto journal = OpenJournal();
  AccountBook book = OpenBook(*journal);
  ASSERT_NE(book.Find(kAccount), nullptr);
  EXPECT_EQ(book.Find(kAccount)->Used(), (std::vector<Charge>{{kCharge.mechanism, 7}}));
  EXPECT_TRUE(book.Commit(kAccount, kRun, {0, 0}, 7));  // the repeat after the restart
  EXPECT_EQ(book.Find(kAccount)->Used().front().steps, 7u);
  EXPECT_TRUE(book.OpenAccount(kAccount, {2'300'000, 1e-6}));
  EXPECT_EQ(book.OpenAccount(kAccount, {2'300'001, 1e-6}).error().code, ErrorCode::kAlreadyExists);
  // The other unit is another account.
  EXPECT_TRUE(book.OpenAccount({kAccount.dataset, Unit::kMember}, {1, 1e-6}));
  EXPECT_EQ(book.accounts().size(), 2u);
}

// A process commits and tells through a pipe what it was told; it is killed at a random instant.
// What the journal then holds is never less than what was told.
TEST_F(PrivacyBook, HoldsAtLeastWhatWasToldWhenTheProcessIsKilled) {
  {
    const auto journal = OpenJournal();
    AccountBook book = OpenBook(*journal);
    ASSERT_TRUE(book.OpenAccount(kAccount, {900'000'000, 1e-6}));
    ASSERT_FALSE(book.Reserve(kAccount, kRun, {kCharge.mechanism, 100000}).value());
  }
  uint64_t round = 0;
  uint64_t told = 0;
  for (int life = 0; life < 6; ++life) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
      const auto journal = OpenJournal();
      AccountBook book = OpenBook(*journal);
      for (uint64_t next = round;; ++next) {
        if (!book.Commit(kAccount, kRun, {next, 0}, 3)) _exit(1);
        if (write(ends[1], &next, sizeof next) != sizeof next) _exit(1);
      }
    }
    close(ends[1]);
    // Killed while it works on the use after the last one that was heard of.
    uint64_t heard = 0;
    for (int i = 0; i < 3 + 2 * life; ++i) {
      ASSERT_EQ(read(ends[0], &heard, sizeof heard), static_cast<ssize_t>(sizeof heard));
      ++told;
    }
    kill(child, SIGKILL);
    ASSERT_EQ(waitpid(child, nullptr, 0), child);
    while (read(ends[0], &heard, sizeof heard) == static_cast<ssize_t>(sizeof heard)) ++told;
    close(ends[0]);
    const auto journal = OpenJournal();
    const AccountBook book = OpenBook(*journal);
    const uint64_t used = book.Find(kAccount)->Used().front().steps / 3;
    ASSERT_GE(used, told);
    ASSERT_LE(used, told + 1);
    told = used;
    round = heard + 2;
  }
}

TEST_F(PrivacyBook, BelievesNothingThatIsNotDurable) {
  bool full = false;
  AccountBook book = *AccountBook::Open({}, [&full](const std::string&, Bytes) -> Status {
    if (full) return Fail(ErrorCode::kExhausted, "the disk is full");
    return {};
  });
  ASSERT_TRUE(book.OpenAccount(kAccount, {2'300'000, 1e-6}));
  ASSERT_FALSE(book.Reserve(kAccount, kRun, kCharge).value());
  const Account before = *book.Find(kAccount);
  full = true;
  EXPECT_EQ(book.Commit(kAccount, kRun, {0, 0}, 7).error().code, ErrorCode::kExhausted);
  EXPECT_EQ(book.Close(kAccount, kRun).error().code, ErrorCode::kExhausted);
  EXPECT_EQ(book.SetBudget(kAccount, 1).error().code, ErrorCode::kExhausted);
  EXPECT_FALSE(book.Reserve(kAccount, *RunId::Parse("run-2"), {kCharge.mechanism, 1}));
  EXPECT_EQ(*book.Find(kAccount), before);
}

TEST_F(PrivacyBook, RefusesToStartWithAnAccountItCannotRead) {
  const Keep keep = [](const std::string&, Bytes) -> Status { return {}; };
  EXPECT_EQ(
      AccountBook::Open({{"privacy/account/clinic-notes/example", {1, 2}}}, keep).error().code,
      ErrorCode::kCorrupt);
  const Bytes other =
      Account::Open(*DatasetId::Parse("other"), Unit::kExample, {1, 1e-6})->Serialize();
  EXPECT_EQ(AccountBook::Open({{"privacy/account/clinic-notes/example", other}}, keep).error().code,
            ErrorCode::kCorrupt);
}

TEST_F(PrivacyBook, TakesWhatWasCountedElsewhereOnlyIfNothingChangedMeanwhile) {
  AccountBook book = *AccountBook::Open({}, [](const std::string&, Bytes) -> Status { return {}; });
  ASSERT_TRUE(book.OpenAccount(kAccount, {2'300'000, 1e-6}));
  const Account before = *book.Find(kAccount);
  Account changed = before;
  ASSERT_FALSE(changed.Reserve(kRun, kCharge).value());
  ASSERT_TRUE(book.SetBudget(kAccount, 2'200'000));
  EXPECT_FALSE(book.Replace(before, changed).value());
  EXPECT_EQ(book.Find(kAccount)->ReservedOf(kRun), 0u);
  ASSERT_TRUE(book.SetBudget(kAccount, 2'300'000));
  EXPECT_TRUE(book.Replace(before, changed).value());
  EXPECT_EQ(book.Find(kAccount)->ReservedOf(kRun), 50u);
}

TEST_F(PrivacyBook, RefusesDatasetsWithoutAnAccount) {
  AccountBook book = *AccountBook::Open({}, [](const std::string&, Bytes) -> Status { return {}; });
  EXPECT_EQ(book.Reserve(kAccount, kRun, kCharge).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(book.Commit(kAccount, kRun, {0, 0}, 1).error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace dure::privacy
