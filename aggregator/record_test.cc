#include "aggregator/record.h"

#include <gmock/gmock.h>
#include <malloc.h>

#include <filesystem>
#include <future>

#include "aggregator/testing.h"
#include "federation/identity/private_files.h"
#include "federation/identity/testing.h"
#include "federation/round/testing.h"
#include "policy/ledger/note.h"
#include "policy/standing/auditor.h"

namespace dure::aggregator {
namespace {

using identity::Must;
using identity::TemporaryFolder;
using round::TestSite;

class RecordTest : public testing::Test {
 protected:
  RecordTest() {
    const auto log_signer = Ed25519Signer::Generate();
    Must(identity::WritePrivateFile(LogKey(), log_signer->ToPem()));
    self_.log_vkey = Must(ledger::NoteKey::Make("hanguk/log", log_signer->Key())).Vkey();
    self_.log_origin = "hanguk/log";
    self_.signer = Ed25519Signer::Generate();
    self_.subject.consortium = "hanguk";
    self_.subject.member = Must(MemberId::Parse("hanguk"));
    self_.subject.site = TestSite("aggregator");
    self_.subject.role = identity::Role::kAggregator;
    Open();
  }
  void Open() {
    record_.reset();
    record_ = Must(Record::Open(folder_.str(), self_, loop_));
    record_->guard().WaitedLongEnough();  // a log that nobody co-signs yet has been opened before
  }
  std::filesystem::path LogKey() const { return folder_ / "log.key"; }
  uint64_t Size() const { return record_->log().Head().head.size; }
  identity::Seat SeatOf(const char* site) const {
    identity::Seat seat;
    seat.subject.member = Must(MemberId::Parse(site));
    seat.subject.site = TestSite(site);
    seat.subject.role = identity::Role::kMember;
    seat.signing_key = signer_->Key();
    return seat;
  }
  // As the daemon does.
  Status Admit(const std::vector<identity::Seat>& seats) {
    standing::Auditor auditor;
    Must(auditor.CatchUp(record_->log()));
    return record_->Admit(seats, DescribedIn(auditor.standing().state()));
  }
  // What the record answers on the loop.
  round::Event Answer(const round::Append& append) {
    std::promise<round::Event> answered;
    record_->Append(append, {}, [&](round::Event event) { answered.set_value(std::move(event)); });
    return answered.get_future().get();
  }
  // The site's signed statement about the same numbers, sealed anew each time: other bytes.
  round::Append Submitted() {
    const ledger::Actor actor{Must(MemberId::Parse("kt")), signer_->Key(), ledger::Role::kSite};
    ledger::ContributionSubmitted event;
    event.at = {round::TestManifest().run, RoundNumber{0}, 0};
    event.site = TestSite("kt");
    event.weight = 1;
    sealed_at_ += std::chrono::seconds(1);
    const auto entry = ledger::SealNext(record_->log(), actor, *signer_, sealed_at_, event);
    return {"run/0/0/submission/kt",
            round::RecordSubmission{
                {round::TestManifest().run, RoundNumber{0}, 0}, TestSite("kt"), Must(entry).bytes}};
  }
  round::Append Proposed() const {
    return {"run/proposed", round::RecordProposed{round::TestManifest().digest()}};
  }

  TemporaryFolder folder_;
  identity::Identity self_;
  std::unique_ptr<Ed25519Signer> signer_ = Ed25519Signer::Generate();
  WallTime sealed_at_{};
  loop::EventLoop loop_;
  std::unique_ptr<Record> record_;
};

TEST_F(RecordTest, MayBeDestroyedWhileMuchIsStillToBeWritten) {
  constexpr int kFill = 165;
  mallopt(M_PERTURB, kFill);  // whoever looks at what is gone sees that it is
  for (int i = 0; i < 64; ++i) {
    record_->Make(
        [i](WallTime) -> Result<ledger::Event> {
          return ledger::Event(ledger::RunHalted{Must(RunId::Parse("run")), std::to_string(i)});
        },
        std::to_string(i), [](const Result<ledger::Appended>&) {});
  }
  loop_.Wait([this] { record_.reset(); });
  mallopt(M_PERTURB, 0);
}

TEST_F(RecordTest, TheGenesisIsWrittenOnceHoweverOftenTheDaemonStarts) {
  EXPECT_EQ(Size(), 1u);
  Open();
  EXPECT_EQ(Size(), 1u);
  EXPECT_TRUE(record_->log().FindKey(self_.signer->Key()));
}

// Whoever reads it can sign another log; and one that rotted must be told from one that is whole.
TEST_F(RecordTest, ALogKeyThatOthersCanReadOrThatIsAnotherIsRefused) {
  record_.reset();
  namespace fs = std::filesystem;
  fs::permissions(LogKey(), fs::perms::group_read | fs::perms::others_read, fs::perm_options::add);
  const auto open = Record::Open(folder_.str(), self_, loop_);
  ASSERT_FALSE(open);
  EXPECT_EQ(open.error().code, ErrorCode::kPermissionDenied);
  EXPECT_THAT(open.error().message, testing::HasSubstr("chmod 600"));
  Must(identity::WritePrivateFile(LogKey(), Ed25519Signer::Generate()->ToPem()));
  const auto other = Record::Open(folder_.str(), self_, loop_);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(other.error().message, testing::HasSubstr("is not the key that the members know"));
}

TEST_F(RecordTest, ASeatIsAdmittedOnce) {
  ASSERT_FALSE(record_->log().FindKey(signer_->Key()));
  Must(Admit({SeatOf("kt")}));
  EXPECT_TRUE(record_->log().FindKey(signer_->Key()));
  const uint64_t size = Size();
  Must(Admit({SeatOf("kt"), SeatOf("kt")}));
  Open();
  Must(Admit({SeatOf("kt")}));
  EXPECT_EQ(Size(), size);
}

TEST_F(RecordTest, AMemberIsDescribedOnceHoweverManySeatsItHas) {
  identity::Seat site = SeatOf("kaist");
  site.domicile = {identity::House::kAcademic, "KR"};
  Must(Admit({site}));
  ASSERT_EQ(Size(), 3u);
  const auto entry =
      Must(ledger::OpenEntry(Must(record_->log().Read(1, 2, 1 << 20)).front(), Ed25519Verifier()));
  const auto* described = std::get_if<ledger::MemberDescribed>(&entry.record.event);
  ASSERT_NE(described, nullptr) << "before its first key";
  EXPECT_EQ(*described,
            (ledger::MemberDescribed{site.subject.member, ledger::House::kAcademic, "KR"}));
  Open();
  identity::Seat officer = site;
  officer.subject.site = TestSite("kaist-officer");
  officer.signing_key = Ed25519Signer::Generate()->Key();
  Must(Admit({site, officer}));
  EXPECT_EQ(Size(), 4u) << "one more key, no other description";
}

TEST_F(RecordTest, WhatAHealedLogSaysIsNotSaidAgain) {
  identity::Seat site = SeatOf("kaist");
  site.domicile = {identity::House::kAcademic, "KR"};
  Must(Admit({site}));
  const uint64_t size = Size();
  const ledger::NoteKey key = record_->log().log_key();
  const auto whole = Must(ledger::MakeExtension(record_->log(), 0));
  record_.reset();
  HealAnew(folder_.str(), whole, key);
  Open();
  EXPECT_EQ(Size(), size);
  Must(Admit({site}));
  EXPECT_EQ(Size(), size);
  // Let in once more, by a book that does not know of it: as after a backup was put back.
  identity::Seat anew = site;
  anew.signing_key = Ed25519Signer::Generate()->Key();
  Must(Admit({anew}));
  EXPECT_EQ(Size(), size + 1) << "its key, and no other description";
}

TEST_F(RecordTest, ARevocationIsWrittenOnce) {
  Must(Admit({SeatOf("kt")}));
  Must(record_->Revoke(SeatOf("kt"), "revoked-by-operator"));
  const uint64_t size = Size();
  Must(record_->Revoke(SeatOf("kt"), "revoked-by-operator"));
  EXPECT_EQ(Size(), size);
}

TEST_F(RecordTest, AnAppendRepeatedAfterACrashFindsItsEntry) {
  const auto first = Answer(Proposed());
  const auto* appended = std::get_if<round::Appended>(&first);
  ASSERT_NE(appended, nullptr);
  EXPECT_EQ(appended->key, "run/proposed");
  EXPECT_EQ(appended->index, 1u);
  EXPECT_FALSE(appended->proof.empty());
  const uint64_t size = Size();
  Open();
  const auto again = Answer(Proposed());
  ASSERT_NE(std::get_if<round::Appended>(&again), nullptr);
  EXPECT_EQ(std::get<round::Appended>(again).index, appended->index);
  EXPECT_EQ(Size(), size);
}

// The log would know the same bytes again without a key, and its rules refuse a second submission;
// so only other bytes under the same key show that the key itself is kept from life to life.
TEST_F(RecordTest, ASubmissionSignedAnewAfterACrashFindsTheEntryOfTheFirst) {
  Must(Admit({SeatOf("kt")}));
  const round::RoundAttempt at{round::TestManifest().run, RoundNumber{0}, 0};
  Answer(Proposed());
  const auto opened =
      Answer({"run/0/0/opened", round::RecordOpened{at, Digest{}, {TestSite("kt")}}});
  ASSERT_NE(std::get_if<round::Appended>(&opened), nullptr);
  const auto first = Answer(Submitted());
  ASSERT_NE(std::get_if<round::Appended>(&first), nullptr);
  const uint64_t size = Size();
  Open();
  const auto again = Answer(Submitted());
  ASSERT_NE(std::get_if<round::Appended>(&again), nullptr) << "refused as a second submission";
  EXPECT_EQ(std::get<round::Appended>(again).index, std::get<round::Appended>(first).index);
  EXPECT_EQ(Size(), size);
}

// The doubt may end, and the clock go back, after it is sealed and before the log is asked.
TEST_F(RecordTest, NothingIsSealedByATimeInDoubt) {
  HeldLog* held = nullptr;
  RecordOptions options;
  options.seam =
      [&held](std::unique_ptr<ledger::Ledger> log) -> Result<std::unique_ptr<ledger::Ledger>> {
    auto seam = std::make_unique<HeldLog>(std::move(log));
    held = seam.get();
    return seam;
  };
  record_.reset();
  record_ = Must(Record::Open(folder_.str(), self_, loop_, std::move(options)));
  held->Hold();
  record_->time().Hear(TestSite("kt"), record_->Now() + std::chrono::hours(1));
  const ledger::RunProposed event{round::TestManifest().run, round::TestManifest().digest(), {}};
  std::promise<Result<ledger::Appended>> answer;
  record_->Make([&](WallTime) -> Result<ledger::Event> { return event; }, "run/proposed",
                [&](Result<ledger::Appended> said) { answer.set_value(std::move(said)); });
  record_->time().Forget(TestSite("kt"));
  held->LetGo();
  const auto said = answer.get_future().get();
  ASSERT_FALSE(said) << "written at entry " << said->receipt.index;
  EXPECT_EQ(said.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(Size(), 1u);
  Must(record_->Write(event, "run/proposed"));
}

TEST_F(RecordTest, AKeyThatNamesNoRunIsRefusedOnTheLoop) {
  round::Append append = Proposed();
  append.key = "NOT A RUN/proposed";
  const auto answer = Answer(append);
  const auto* refused = std::get_if<round::AppendRefused>(&answer);
  ASSERT_NE(refused, nullptr);
  EXPECT_EQ(refused->key, append.key);
}

TEST_F(RecordTest, AnEnvelopeThatNobodySignedIsRefused) {
  round::RecordSubmission submission;
  submission.site = TestSite("kt");
  submission.envelope = ToBytes("{}");
  const uint64_t size = Size();
  const auto answer = Answer({"run/0/0/submission/kt", submission});
  EXPECT_NE(std::get_if<round::AppendRefused>(&answer), nullptr);
  EXPECT_EQ(Size(), size);
}

TEST(RecordFiles, WithoutTheLogsKeyNothingIsOpened) {
  const TemporaryFolder folder;
  identity::Identity self;
  loop::EventLoop loop;
  const auto record = Record::Open(folder.str(), self, loop);
  ASSERT_FALSE(record);
  EXPECT_EQ(record.error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace dure::aggregator
