// Whose voices a vote counts, which houses have agreed, and an owner's no to a run.
#include <gmock/gmock.h>

#include "policy/rules/agreement.h"
#include "policy/rules/explain.h"
#include "policy/rules/schema.h"
#include "policy/standing/past.h"
#include "policy/standing/testing.h"
#include "policy/standing/voting.h"

namespace dure::standing {
namespace {

using ledger::Choice;
using ::testing::HasSubstr;
using testing::World;

constexpr uint32_t kBefore = kEveryMemberCountsSince - 1;
constexpr const char* kAfterTheWindow = "2026-10-09T09:00:00Z";

// A vote on who may use its own formula, for want of anything simpler.
class HousesTest : public ::testing::Test {
 protected:
  explicit HousesTest(const ledger::VotingRule& voting = World::NoVoteOnRuns()) {
    w_.Found(voting);
  }
  // A site of another member, and nobody to vote for it.
  void EnrolWithoutOfficer(const std::string& member, ledger::House house, uint8_t seed) {
    w_.AddSeat(member + "-site", member, ledger::Role::kSite, seed);
    w_.Say("host", ledger::MemberDescribed{*MemberId::Parse(member), house, "KR"});
    w_.Admit(member + "-site");
  }
  uint64_t Propose() {
    return w_.Say("kt-desk", ledger::PolicyProposed{ledger::ProposalKind::kFormula, {}, formula_});
  }
  void Vote(const std::string& member, uint64_t proposal, Choice choice) {
    w_.Say(member + "-desk", ledger::VoteCast{proposal, w_.log().Leaf(proposal), choice});
  }
  std::optional<Outcome> Due(uint64_t proposal, uint32_t words = rules::kWordsVersion) const {
    const Standing now = w_.Now();
    return DueOutcome(now.state().proposals.at(proposal), now.state(),
                      rules::Instant::At(w_.time()), words);
  }
  std::string Ends(uint64_t proposal, uint32_t words = rules::kWordsVersion) const {
    const auto due = Due(proposal, words);
    return !due ? "open" : due->adopt ? "adopted" : due->reason;
  }
  ledger::PolicyAdopted Adopted(uint64_t proposal, const Outcome& outcome) const {
    return {proposal, Sha256(AsBytes(formula_)), outcome.tally};
  }
  void DecideSomething() {
    w_.Lend("reviews", "kt", terms::testing::OpenTerms());
    w_.Propose("any", "scientific-research");
    w_.Approve("any");
    w_.DecideAndSay(w_.Asking("any", 0, "kt", "reviews"));
  }
  std::string Dissent() const {
    const auto dissent = w_.Audit().dissent();
    return dissent ? dissent->rule : "none";
  }

  const std::string formula_ =
      "share formula: tokens 40, steps 20, rounds 30, evaluations 10, cap 50";
  World w_;
};

// By the aggregator, and by every copy.
TEST_F(HousesTest, ATextThatNobodyCouldAdoptIsNotVotedOn) {
  using enum ledger::ProposalKind;
  const auto said = [&](ledger::ProposalKind kind, const std::string& text) -> std::string {
    const World::Seat& seat = w_.SeatOf("kt-desk");
    const auto sealed =
        ledger::SealNext(w_.log(), seat.actor, *seat.signer, w_.time(),
                         ledger::PolicyProposed{kind, w_.Now().state().policies, text});
    const auto finding = w_.Now().Check(*ledger::OpenEntry(sealed->bytes, w_.verifier()));
    return finding ? finding->rule : "taken";
  };
  const std::string head = "policy \"P9 Own\" version 1 effective 2026-09-01\n";
  const std::string forbid =
      "rule P9.1 forbid train when dataset.id is reviews because \"Rests.\" end\n";
  const std::string require =
      "rule P9.1 require train that dataset.id is reviews because \"Rests.\" end\n";
  const std::string shows = "case \"c\" asks train given dataset.id is reviews expect ";
  for (const auto kind : {kReplace, kEmergency}) {
    EXPECT_EQ(said(kind, head + forbid + shows + "deny by P9.1 end"), "taken");
    EXPECT_EQ(said(kind, head + forbid + shows + "no refusal end"), "cases-fail");
    EXPECT_EQ(said(kind, "site " + head + forbid), "policy-layer");
  }
  const std::string oblige =
      "rule P9.1 oblige train when dataset.id is reviews duty report \"Tell it.\" within 10 days\n"
      "  because \"Told.\" end\n";
  std::string both = forbid + require;
  both.replace(both.rfind("P9.1"), 4, "P9.2");
  for (const std::string& rule : {require, oblige, both}) {
    SCOPED_TRACE(rule);
    EXPECT_EQ(said(kReplace, head + rule), "taken");
    EXPECT_EQ(said(kEmergency, head + rule), "emergency-permits");
  }
}

TEST_F(HousesTest, TwoOfThreeMembersAreAQuorum) {
  w_.Enrol("lab", ledger::House::kPublic, 30);
  const uint64_t proposal = Propose();
  Vote("kt", proposal, Choice::kYes);
  Vote("etri", proposal, Choice::kYes);
  w_.SetTime(kAfterTheWindow);
  EXPECT_EQ(Ends(proposal), "adopted");
}

TEST_F(HousesTest, OfSixMembersFourAreAQuorumAndThreeAreNot) {
  for (const auto& [member, seed] : {std::pair("a", 30), {"b", 40}, {"c", 50}, {"d", 60}}) {
    w_.Enrol(member, ledger::House::kPublic, static_cast<uint8_t>(seed));
  }
  const uint64_t proposal = Propose();
  for (const char* member : {"kt", "etri", "a"}) Vote(member, proposal, Choice::kYes);
  const uint64_t other = Propose();
  for (const char* member : {"kt", "etri", "a", "b"}) Vote(member, other, Choice::kYes);
  w_.SetTime(kAfterTheWindow);
  EXPECT_EQ(Ends(proposal), "quorum");
  EXPECT_EQ(Ends(other), "adopted");
}

TEST_F(HousesTest, AHouseOfWhichNobodyVotedHasNotAgreed) {
  for (const auto& [member, seed] : {std::pair("a", 30), {"b", 40}}) {
    w_.Enrol(member, ledger::House::kPrivate, static_cast<uint8_t>(seed));
  }
  const uint64_t proposal = Propose();
  for (const char* member : {"kt", "a", "b"}) Vote(member, proposal, Choice::kYes);
  w_.SetTime(kAfterTheWindow);
  EXPECT_EQ(Ends(proposal), "house") << "etri is a house of its own, and silent";
  EXPECT_EQ(Ends(proposal, kBefore), "adopted") << "as builds before did";
}

TEST_F(HousesTest, AHouseThatAbstainsLeavesItToTheOthers) {
  const uint64_t proposal = Propose();
  Vote("kt", proposal, Choice::kYes);
  Vote("etri", proposal, Choice::kAbstain);
  EXPECT_EQ(Ends(proposal), "adopted");
}

TEST_F(HousesTest, WhatEverybodyAbstainsFromIsNotAdopted) {
  const uint64_t proposal = Propose();
  for (const char* member : {"kt", "etri"}) Vote(member, proposal, Choice::kAbstain);
  EXPECT_EQ(Ends(proposal), "house");
}

TEST_F(HousesTest, AHouseThatIsOfTwoMindsHasNotAgreed) {
  w_.Enrol("lab", ledger::House::kPublic, 30);
  const uint64_t proposal = Propose();
  Vote("kt", proposal, Choice::kYes);
  Vote("etri", proposal, Choice::kYes);
  Vote("lab", proposal, Choice::kNo);
  EXPECT_EQ(Ends(proposal), "house") << "more than half of a house say yes, or it has not agreed";
}

TEST_F(HousesTest, TwoOfOneHouseAreNoEmergency) {
  w_.Enrol("lab", ledger::House::kPublic, 30);
  const uint64_t proposal = w_.Say(
      "kt-desk", ledger::PolicyProposed{
                     ledger::ProposalKind::kEmergency,
                     {},
                     "policy \"E1 Stop\" version 1 effective 2026-10-01\n\nrule E1.1 forbid train\n"
                     "  when dataset.id is reviews\n  because \"Stopped.\"\nend\n"});
  Vote("etri", proposal, Choice::kYes);
  Vote("lab", proposal, Choice::kYes);
  EXPECT_EQ(Ends(proposal), "open") << "the charter asks for two houses";
  Vote("kt", proposal, Choice::kYes);
  EXPECT_EQ(Ends(proposal), "adopted");
}

// What it said before it was suspended is no vote either.
TEST_F(HousesTest, ASuspendedMembersVoteIsNotCounted) {
  w_.Enrol("snu", ledger::House::kAcademic, 30);
  const uint64_t proposal = Propose();
  Vote("snu", proposal, Choice::kNo);
  const uint64_t suspension =
      w_.Say("kt-desk", ledger::PolicyProposed{ledger::ProposalKind::kSuspend, {}, "snu"});
  Vote("kt", suspension, Choice::kYes);
  Vote("etri", suspension, Choice::kYes);
  Vote("snu", suspension, Choice::kAbstain);
  const auto due = Due(suspension);
  ASSERT_TRUE(due && due->adopt);
  w_.Say("host", ledger::PolicyAdopted{suspension, Sha256(AsBytes("snu")), due->tally});
  ASSERT_EQ(Dissent(), "none");
  Vote("kt", proposal, Choice::kYes);
  Vote("etri", proposal, Choice::kYes);
  EXPECT_EQ(Ends(proposal), "adopted");
  EXPECT_EQ(Due(proposal)->tally.votes.size(), 2u);
}

TEST_F(HousesTest, OneOfficerDoesNotSpeakForMembersThatHaveNone) {
  EnrolWithoutOfficer("lab", ledger::House::kPublic, 30);
  EnrolWithoutOfficer("firm", ledger::House::kPrivate, 40);
  EnrolWithoutOfficer("shop", ledger::House::kPrivate, 50);
  const uint64_t proposal = Propose();
  Vote("kt", proposal, Choice::kYes);
  Vote("etri", proposal, Choice::kYes);
  EXPECT_EQ(Ends(proposal), "open") << "three members count that nobody may vote for";
  EXPECT_EQ(Ends(proposal, kBefore), "adopted");
  EXPECT_EQ(MembersWithoutOfficer(w_.Now().state()).size(), 3u);
  w_.SetTime(kAfterTheWindow);
  EXPECT_EQ(Ends(proposal), "quorum");
}

TEST_F(HousesTest, AMemberWhoseSiteIsRevokedCountsNoMore) {
  EnrolWithoutOfficer("lab", ledger::House::kPublic, 30);
  w_.Say("host",
         ledger::KeyRevoked{*MemberId::Parse("lab"), w_.SeatOf("lab-site").actor.key, "operator"});
  EXPECT_TRUE(MembersWithoutOfficer(w_.Now().state()).empty());
}

TEST_F(HousesTest, ARecordOfABuildForWhichASilentHouseAgreedIsReplayedAsItIs) {
  EnrolWithoutOfficer("lab", ledger::House::kAcademic, 30);
  const uint64_t proposal = Propose();
  Vote("kt", proposal, Choice::kYes);
  Vote("etri", proposal, Choice::kYes);
  w_.Say("host", Adopted(proposal, *Due(proposal, kBefore)));
  EXPECT_EQ(Dissent(), "none");
  EXPECT_EQ(w_.Now().state().share_formula, formula_);
}

TEST_F(HousesTest, InARecordOfOurWordsItIsALie) {
  EnrolWithoutOfficer("lab", ledger::House::kAcademic, 30);
  DecideSomething();
  const uint64_t proposal = Propose();
  Vote("kt", proposal, Choice::kYes);
  Vote("etri", proposal, Choice::kYes);
  w_.Say("host", Adopted(proposal, *Due(proposal, kBefore)));
  EXPECT_EQ(Dissent(), "vote-goes-on");
}

TEST_F(HousesTest, WhatEndedAVoteIsKeptWithIt) {
  const uint64_t proposal = Propose();
  Vote("kt", proposal, Choice::kYes);
  Vote("etri", proposal, Choice::kYes);
  const Outcome outcome = *Due(proposal);
  w_.Say("host", Adopted(proposal, outcome));
  w_.Enrol("late", ledger::House::kAcademic, 30);
  const Standing now = w_.Now();
  const Proposal& ended = now.state().proposals.at(proposal);
  EXPECT_EQ(ended.tally, outcome.tally);
  EXPECT_NE(CountVotes(ended, now.state()), outcome.tally) << "members of today are others";
}

// Runs are voted on, and one owner says no.
class VetoTest : public HousesTest {
 protected:
  static ledger::VotingRule Voted() {
    ledger::VotingRule rule;
    rule.runs_by_vote = true;
    return rule;
  }
  VetoTest() : HousesTest(Voted()) {
    w_.Enrol("lab", ledger::House::kPublic, 30);
    w_.Enrol("univ", ledger::House::kPublic, 40);
    w_.Lend("reviews", "kt", terms::testing::OpenTerms());
    w_.Lend("papers", "lab", terms::testing::OpenTerms());
    w_.Propose("first", "scientific-research");
    const uint64_t proposal = w_.Now().state().runs.at(*RunId::Parse("first")).proposed;
    for (const char* member : {"kt", "etri", "univ"}) Vote(member, proposal, Choice::kYes);
    Vote("lab", proposal, Choice::kNo);
    const auto due = Due(proposal);
    EXPECT_TRUE(due && due->adopt);
    w_.Say("host",
           ledger::RunApproved{*RunId::Parse("first"), w_.Now().state().policies, due->tally});
  }
  AdmissionRequest OfLab(uint32_t words = rules::kWordsVersion) const {
    AdmissionRequest request = w_.Asking("first", 0, "lab", "papers");
    request.words = words;
    return request;
  }
};

TEST_F(VetoTest, KeepsTheOwnersDataOutOfARunThatTheOthersApproved) {
  EXPECT_EQ(Dissent(), "none");
  EXPECT_TRUE(w_.Rule(w_.Asking("first", 0, "kt", "reviews")).allowed());
  const Ruling ruling = w_.Rule(OfLab());
  EXPECT_FALSE(ruling.allowed());
  ASSERT_EQ(ruling.decision.reasons.size(), 1u);
  EXPECT_EQ(ruling.decision.reasons[0].rule, "terms:papers#vote");
  const auto explained = [&](rules::Language language) {
    return rules::ExplainDecision(ruling.decision, rules::ConsortiumSchema(), language);
  };
  EXPECT_THAT(explained(rules::Language::kEnglish),
              HasSubstr("The owner of dataset papers voted no to run first"));
  EXPECT_THAT(explained(rules::Language::kKorean), HasSubstr("학습 first에 반대표를 던졌으므로"));
  w_.DecideAndSay(OfLab());
  EXPECT_EQ(Dissent(), "none");
}

TEST_F(VetoTest, AdmittingItAllTheSameIsALie) {
  w_.DecideAndSay(w_.Asking("first", 0, "kt", "reviews"));
  Ruling before = *Decide(w_.Now(), OfLab(kOwnersNoHoldsSince - 1));
  EXPECT_TRUE(before.allowed());
  before.decision.words = rules::kWordsVersion;
  w_.Say("host", EventOf(w_.Now(), OfLab(), before));
  EXPECT_EQ(Dissent(), "decision-differs");
}

TEST_F(VetoTest, ARecordOfABuildThatDidNotAskIsReplayedAsItIs) {
  Ruling before = *Decide(w_.Now(), OfLab(kOwnersNoHoldsSince - 1));
  before.decision.words = kOwnersNoHoldsSince - 1;
  w_.Say("host", EventOf(w_.Now(), OfLab(), before));
  EXPECT_EQ(Dissent(), "none");
}

TEST_F(VetoTest, AConsentThatTheOwnerGivesLaterLiftsIt) {
  ledger::ConsentGiven consent;
  consent.dataset = *DatasetId::Parse("papers");
  consent.run = *RunId::Parse("first");
  w_.Say("lab-desk", consent);
  EXPECT_TRUE(w_.Rule(OfLab()).allowed());
}

TEST_F(VetoTest, AConsentToAnotherRunDoesNotLiftIt) {
  w_.Propose("second", "scientific-research");
  ledger::ConsentGiven consent;
  consent.dataset = *DatasetId::Parse("papers");
  consent.run = *RunId::Parse("second");
  w_.Say("lab-desk", consent);
  EXPECT_FALSE(w_.Rule(OfLab()).allowed());
}

TEST_F(VetoTest, AConsentThatTheOwnerGaveBeforeDoesNotLiftIt) {
  w_.Propose("second", "scientific-research");
  const RunId run = *RunId::Parse("second");
  ledger::ConsentGiven consent;
  consent.dataset = *DatasetId::Parse("papers");
  consent.run = run;
  w_.Say("lab-desk", consent);
  const uint64_t proposal = w_.Now().state().runs.at(run).proposed;
  for (const char* member : {"kt", "etri", "univ"}) Vote(member, proposal, Choice::kYes);
  Vote("lab", proposal, Choice::kNo);
  const auto due = Due(proposal);
  ASSERT_TRUE(due && due->adopt);
  w_.Say("host", ledger::RunApproved{run, w_.Now().state().policies, due->tally});
  EXPECT_FALSE(w_.Rule(w_.Asking("second", 0, "lab", "papers")).allowed());
}

}  // namespace
}  // namespace dure::standing
