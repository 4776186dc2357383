// What the aggregator asks of its own record before it decides from it.
#include "aggregator/deliberation.h"

#include <gmock/gmock.h>

#include "aggregator/admissions.h"
#include "aggregator/deliberation_testing.h"
#include "policy/standing/cohort.h"

namespace dure::aggregator {
namespace {

TEST_F(DeliberationTest, WhatAHealedLogDeclaredIsNotDeclaredAgain) {
  Must(Start());
  const uint64_t size = log_->Head().head.size;
  const ledger::NoteKey key = log_->log_key();
  const auto whole = Must(ledger::MakeExtension(*log_, 0));
  record_.reset();
  HealAnew(folder_.str(), whole, key);
  OpenRecord();
  Must(Start());
  EXPECT_EQ(log_->Head().head.size, size);
}

TEST_F(OvertakenTest, WhatIsStillBeingWrittenWhenTheDaemonStopsIsAnsweredToNobody) {
  log_->Hold();
  const auto answer = Take("kt", Lending("x"));
  log_->AwaitHeld(1);
  loop_.Wait([&] { deliberation_.reset(); });  // what was to be answered looks at nothing of it
  log_->LetGo();
  Settle();
}

TEST_F(OvertakenTest, ADecisionBesideAMembersEntryIsMadeAgainAndNobodyDissents) {
  Say("kt", Lending("notes"));
  Approve(*deliberation_);
  log_->Hold();
  auto lent = Take("kt", Lending("reviews"));
  const standing::MeasuringRequest request{
      run_, first_model_, round::TestSite("kt"), {Must(DatasetId::Parse("notes")), 1}, {}};
  std::promise<Result<Deliberation::Admitted>> answer;
  loop_.Wait([&] {
    deliberation_->Measure(request, [&](auto admitted) { answer.set_value(std::move(admitted)); });
  });
  log_->AwaitHeld(2);  // the decision is sealed while the other entry is on its way
  log_->LetGo();
  const auto admitted = answer.get_future().get();
  ASSERT_TRUE(admitted.has_value()) << admitted.error().message;
  EXPECT_EQ(admitted->index, lent.get() + 1);
  const standing::Auditor audit = Audit();
  EXPECT_FALSE(audit.dissent()) << audit.dissent()->rule;
  EXPECT_EQ(audit.standing().state().measurings.size(), 1u);
}

TEST_F(OvertakenTest, WhatTheRecordDoesNotKnowIsNeitherMeasuredNorGranted) {
  Say("kt", Lending("notes"));
  Approve(*deliberation_);
  const uint64_t size = log_->Head().head.size;
  const Digest model = Sha256(AsBytes("anything"));
  const standing::MeasuringRequest measuring{
      run_, model, round::TestSite("kt"), {Must(DatasetId::Parse("notes")), 1}, {}};
  standing::GrantRequest grant;
  grant.model = model;
  grant.grantee = Must(MemberId::Parse("kt"));
  grant.purpose = "scientific-research";
  grant.territory = "KR";
  std::promise<ErrorCode> measured;
  std::promise<ErrorCode> granted;
  loop_.Wait([&] {
    deliberation_->Measure(measuring, [&](auto said) { measured.set_value(said.error().code); });
    deliberation_->Grant(grant, [&](auto said) { granted.set_value(said.error().code); });
  });
  EXPECT_EQ(measured.get_future().get(), ErrorCode::kNotFound);
  EXPECT_EQ(granted.get_future().get(), ErrorCode::kNotFound);
  EXPECT_EQ(log_->Head().head.size, size);
}

TEST_F(OvertakenTest, ARoundWhoseDataWouldNotBeAdmittedAnyMoreIsNotOpened) {
  Say("kt", Lending("notes"));
  Approve(*deliberation_);
  std::promise<bool> admitted;
  loop_.Wait([&] {
    deliberation_->Admit({run_, RoundNumber{0}, 0}, round::TestSite("kt"),
                         {Must(DatasetId::Parse("notes")), 1},
                         [&](auto said) { admitted.set_value(Must(std::move(said)).admit); });
  });
  ASSERT_TRUE(admitted.get_future().get());
  const round::RecordOpened opened{
      {run_, RoundNumber{0}, 0}, first_model_, {round::TestSite("kt")}};
  Say("kt",
      ledger::DatasetWithdrawn{Must(DatasetId::Parse("notes")), "owner",
                               ledger::WithdrawalScope::kFutureRounds, "2026-12-01T00:00:00Z"});
  std::promise<round::Event> answer;
  loop_.Wait([&] {
    deliberation_->OpenRound(opened, "first/0/0/opened",
                             [&](round::Event said) { answer.set_value(std::move(said)); });
  });
  const round::Event said = answer.get_future().get();
  const auto* refused = std::get_if<round::AppendRefused>(&said);
  ASSERT_NE(refused, nullptr);
  EXPECT_EQ(refused->reason, "failed-precondition");
  EXPECT_FALSE(Audit().dissent());
}

TEST_F(OvertakenTest, AVoteBesideAnAdoptionIsCountedInItAndNobodyDissents) {
  const std::string text = R"(policy "E1 Stop" ko "E1 중지" version 1 effective 2026-10-01

rule E1.1 forbid train
  title "Stop" ko "중지"
  when request.time exists
  because "Everything stops." ko "모두 멈춥니다."
end
)";
  const uint64_t proposal =
      Say("kt-desk", ledger::PolicyProposed{ledger::ProposalKind::kEmergency, {}, text});
  const auto vote = [&](const std::string& name) {
    return Take(name, ledger::VoteCast{proposal, log_->Leaf(proposal), ledger::Choice::kYes});
  };
  vote("kt-desk").get();
  log_->Hold();
  auto second = vote("etri-desk");
  auto third = vote("snu-desk");
  log_->AwaitHeld(2);
  log_->LetOneGo();  // enough of them, of two houses
  second.get();
  Settle();
  log_->AwaitHeld(2);  // the adoption is sealed while a vote is on its way
  log_->LetGo();
  third.get();
  Settle();
  const standing::Auditor audit = Audit();
  EXPECT_FALSE(audit.dissent()) << audit.dissent()->rule << ": " << audit.dissent()->text;
  EXPECT_TRUE(audit.standing().state().proposals.at(proposal).adopted);
  EXPECT_EQ(audit.standing().state().proposals.at(proposal).votes.size(), 3u);
}

TEST_F(OvertakenTest, AProposalForPoliciesThatWereReplacedEndsByItself) {
  const auto propose = [&] {
    const std::string text = R"(policy "P7 Rest" ko "P7 휴식" version 1 effective 2026-10-01

rule P7.1 forbid train
  title "Reviews rest" ko "리뷰는 쉰다"
  when dataset.id is reviews
  because "It rests." ko "쉽니다."
end
)";
    const Digest in_force = Audit().standing().state().policies;
    return Say("kt-desk", ledger::PolicyProposed{ledger::ProposalKind::kReplace, in_force, text});
  };
  const uint64_t one = propose();
  const uint64_t other = propose();
  for (const char* name : {"kt-desk", "etri-desk", "snu-desk"}) {
    Say(name, ledger::VoteCast{one, log_->Leaf(one), ledger::Choice::kYes});
  }
  Settle();
  const auto ended = [&] { return Audit().standing().state().proposals.at(other).outcome; };
  for (int turn = 0; turn < 100 && !ended(); ++turn) Settle();
  const standing::Auditor audit = Audit();
  EXPECT_FALSE(audit.dissent()) << audit.dissent()->rule << ": " << audit.dissent()->text;
  EXPECT_TRUE(audit.standing().state().proposals.at(one).adopted);
  EXPECT_TRUE(ended());
  EXPECT_FALSE(audit.standing().state().proposals.at(other).adopted);
}

TEST_F(OvertakenTest, AVoteOnARunThatIsStoppedEndsWithoutAWord) {
  ledger::RunProposed proposed{run_, Sha256(AsBytes("manifest")), {}};
  proposed.fields = {{"purpose", "scientific-research"}, {"masking", "none"}};
  Must(record_->Write(proposed, "proposed"));  // unmasked, so by vote
  const uint64_t proposal = Audit().standing().state().runs.at(run_).proposed;
  const ledger::Event vote = ledger::VoteCast{proposal, log_->Leaf(proposal), ledger::Choice::kYes};
  Say("kt-desk", vote);
  Say("etri-desk", vote);
  log_->Hold();
  loop_.Wait([&] { deliberation_->Halt(run_, "stopped", [](const Status&) {}); });
  std::future<uint64_t> last = Take("snu-desk", vote);  // the last, in the same instant
  log_->AwaitHeld(2);
  log_->LetGo();
  last.get();
  for (int turn = 0; turn < 50; ++turn) {
    loop_.Wait([&] { deliberation_->SettleVotes(); });
    Settle();
  }
  const standing::Auditor audit = Audit();
  EXPECT_FALSE(audit.dissent()) << audit.dissent()->rule << ": " << audit.dissent()->text;
  const standing::Run& run = audit.standing().state().runs.at(run_);
  EXPECT_TRUE(run.halted);
  EXPECT_FALSE(run.approved);
}

// As a record of an older build may have it: two texts in force with a rule of one name.
TEST_F(DeliberationTest, WhatTheRulesInForceCannotDecideSaysWhyUntilItIsDecided) {
  const auto started = Must(Start());
  const std::string text =
      "policy \"X Twice\" version 1 effective 2026-10-01\n"
      "rule P1.1 forbid train\n  when dataset.id is reviews\n  because \"No.\"\nend\n";
  Must(record_->Write(ledger::PolicyDeclared{text}, "declared/x"));
  Approve(*started);
  std::promise<std::string> said;
  const auto admissions =
      AdmitByTheRecord(*started, loop_, [&said](const std::string& line) { said.set_value(line); });
  round::DecideAdmissions question;
  question.at = {run_, RoundNumber{0}, 0};
  round::Candidate& kt = question.candidates.emplace_back();
  kt.site = round::TestSite("kt");
  kt.datasets = {{Must(DatasetId::Parse("notes")), 1}};
  loop_.Wait([&] {
    admissions->Decide(
        question, [] { return true; }, [](const round::AdmissionsDecided&) {});
  });
  EXPECT_THAT(said.get_future().get(),
              testing::HasSubstr("first/0/0: nothing can be decided: two policies in force have a "
                                 "rule P1.1"));
  loop_.Wait([&] { EXPECT_THAT(admissions->WaitsFor(run_), testing::HasSubstr("a rule P1.1")); });
}

TEST_F(DeliberationTest, DoesNotStartOverARecordThatANewerBuildDecidedIn) {
  {
    const auto started = Must(Start());
    Approve(*started);
    Decide(*started, rules::kWordsVersion);
  }
  {
    const auto again = Must(Start());
    Decide(*again, rules::kWordsVersion + 1);
  }
  const auto refused = Start();
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_THAT(refused.error().message,
              testing::HasSubstr("version " + std::to_string(rules::kWordsVersion + 1)));
}

// A site whose folder was lost enrols anew: the keys it lost are nobody's.
TEST_F(OvertakenTest, TheKeysThatASeatHadBeforeItWasEnrolledAnewAreEnded) {
  const PublicKey lost = signers_.at("kt")->Key();
  Add("kt", "kt", identity::Role::kMember, identity::House::kPrivate);
  identity::Seat seat;
  seat.subject.site = round::TestSite("kt");
  seat.signing_key = signers_.at("kt")->Key();
  const auto speaks = [this](const PublicKey& key) {
    return !Audit().standing().state().speakers.at(key).revoked;
  };
  const std::vector<masking::Seat> two = standing::SeatsOf(Audit().standing().state(), run_, 1);
  ASSERT_EQ(two.size(), 3u) << "a site has one seat in a cohort, whatever keys it has";
  EXPECT_EQ(std::ranges::find(two, seat.subject.site, &masking::Seat::site)->key, seat.signing_key);
  Must(deliberation_->EndReplacedKeys({seat}));
  EXPECT_FALSE(speaks(lost));
  EXPECT_TRUE(speaks(seat.signing_key));
  EXPECT_TRUE(speaks(signers_.at("kt-desk")->Key()));
  const uint64_t size = log_->Head().head.size;
  Must(deliberation_->EndReplacedKeys({seat}));
  EXPECT_EQ(log_->Head().head.size, size) << "once";
  // Of an identity book that was put back from an older copy: it does not know the newer keys.
  seat.signing_key = lost;
  Must(deliberation_->EndReplacedKeys({seat}));
  EXPECT_TRUE(speaks(signers_.at("kt")->Key()));
}

}  // namespace
}  // namespace dure::aggregator
