// A log that was begun and not founded to its end, and one that was healed: what is said again.
#include <gmock/gmock.h>

#include "aggregator/constitution.h"
#include "aggregator/deliberation.h"
#include "aggregator/testing.h"
#include "federation/identity/private_files.h"
#include "federation/round/testing.h"
#include "policy/ledger/note.h"
#include "policy/standing/testing.h"

namespace dure::aggregator {
namespace {

using identity::Must;
using identity::TemporaryFolder;
using ::testing::HasSubstr;

class FoundingTest : public testing::Test {
 protected:
  FoundingTest() { StartAgain(); }
  ~FoundingTest() override { Close(); }
  // On the loop, where what was to be answered looks at whether it stands still.
  void Close() {
    loop_.Wait([this] {
      deliberation_.reset();
      record_.reset();
    });
  }
  void StartAgain() {
    Close();
    record_ = Must(Record::Open(folder_.str(), self_, loop_));
  }
  Status Found() {
    auto opened = Deliberation::Open(folder_.str(), *record_, loop_);
    if (!opened) return Fail(std::move(opened.error()));
    deliberation_ = std::move(*opened);
    return {};
  }
  // What a daemon that died while it declared its policies left.
  void DieAfterTheFirst() {
    Must(record_->Write(ledger::CharterDeclared{{}, rules::kWordsVersion}, "charter"));
    Must(record_->Write(ledger::PolicyDeclared{ShippedConstitution().policies[0]}, "declared/0"));
  }
  void AdmitOfficer() {
    identity::Seat seat;
    seat.subject.member = Must(MemberId::Parse("kt"));
    seat.subject.site = round::TestSite("kt-desk");
    seat.subject.role = identity::Role::kOfficer;
    seat.domicile = {identity::House::kPrivate, "KR"};
    seat.signing_key = officer_->Key();
    Must(record_->Admit({seat}, {}));
  }
  // The officer's next entry, sealed and not said yet.
  Bytes Seal(const ledger::Event& event) {
    const ledger::Actor actor{Must(MemberId::Parse("kt")), officer_->Key(), ledger::Role::kOfficer};
    return Must(ledger::SealNext(record_->log(), actor, *officer_, record_->Now(), event)).bytes;
  }
  Result<uint64_t> Take(const Bytes& entry) {
    std::promise<Result<uint64_t>> answer;
    loop_.Wait([&] {
      deliberation_->Take(officer_->Key(), entry, [&answer](Result<ledger::Appended> appended) {
        answer.set_value(appended.map([](const auto& one) { return one.receipt.index; }));
      });
    });
    return answer.get_future().get();
  }
  uint64_t Size() const { return record_->log().Head().head.size; }

  TemporaryFolder folder_;
  const identity::Identity self_ = SelfIn(folder_);
  std::unique_ptr<Ed25519Signer> officer_ = Ed25519Signer::Generate();
  loop::EventLoop loop_;
  std::unique_ptr<Record> record_;
  std::unique_ptr<Deliberation> deliberation_;
};

// Nobody can have shown it a head: without this it would wait for one before it listens.
TEST_F(FoundingTest, ThatBrokeOffIsGoneOnWithAtTheNextStart) {
  DieAfterTheFirst();
  StartAgain();
  ASSERT_FALSE(record_->guard().MayAppend());
  Must(Found());
  EXPECT_EQ(Size(), 2 + ShippedConstitution().policies.size());
}

TEST_F(FoundingTest, OfALogThatSomebodyMayHoldMoreOfSaysWhatToType) {
  DieAfterTheFirst();
  AdmitOfficer();
  const uint64_t size = Size();
  StartAgain();
  const Status found = Found();
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().message, HasSubstr("serve --alone --dir " + folder_.str()));
  EXPECT_EQ(Size(), size);
}

TEST_F(FoundingTest, AWholeLogStillWaitsForAHead) {
  Must(Found());
  StartAgain();
  Must(Found());
  EXPECT_FALSE(record_->guard().MayAppend());
}

// The answer was lost, and so was the aggregator's disk: the member says it again, to a log that
// has its entry and none of the keys under which it was written.
TEST_F(FoundingTest, WhatAMemberSaysAgainIsAnsweredAcrossAHeal) {
  Must(Found());
  AdmitOfficer();
  const ledger::PolicyProposed formula{
      ledger::ProposalKind::kFormula,
      {},
      "share formula: tokens 50, steps 20, rounds 20, evaluations 10, cap 60"};
  const uint64_t proposal = Must(Take(Seal(formula)));
  const Digest leaf = record_->log().Leaf(proposal);
  const Bytes entry = Seal(ledger::VoteCast{proposal, leaf, ledger::Choice::kYes});
  const Bytes other = Seal(ledger::VoteCast{proposal, leaf, ledger::Choice::kNo});
  const uint64_t index = Must(Take(entry));
  const auto whole = Must(ledger::MakeExtension(record_->log(), 0));
  const ledger::NoteKey key = record_->log().log_key();
  Close();
  HealAnew(folder_.str(), whole, key);
  StartAgain();
  Must(Found());
  record_->guard().WaitedLongEnough();
  EXPECT_EQ(Must(Take(entry)), index);
  EXPECT_FALSE(Take(other)) << "its place is taken";
}

}  // namespace
}  // namespace dure::aggregator
