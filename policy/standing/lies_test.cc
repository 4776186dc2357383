// What an aggregator might write that says almost what is due: each is a dissent, by its own name.
// Each of these fails when its check is taken out.
#include <gmock/gmock.h>

#include "policy/standing/shares.h"
#include "policy/standing/testing.h"
#include "policy/standing/testing_draft.h"
#include "policy/standing/voting.h"

namespace dure::standing {
namespace {

using ledger::Choice;
using ledger::ProposalKind;
using testing::DigestOf;
using testing::DraftText;
using testing::World;

class LiesTest : public ::testing::Test {
 protected:
  LiesTest() : LiesTest(World::NoVoteOnRuns()) {}
  explicit LiesTest(const ledger::VotingRule& voting) {
    w_.Found(voting, rules::kWordsVersion);
    w_.Lend("reviews", "kt", terms::testing::OpenTerms());
    w_.Lend("notes", "etri", terms::testing::OpenTerms());
  }
  void Start(const std::string& run) {
    w_.Propose(run, "scientific-research");
    w_.Approve(run);
  }
  uint64_t ProposeText(const std::string& text, ProposalKind kind = ProposalKind::kReplace) {
    return w_.Say("kt-desk", ledger::PolicyProposed{kind, w_.Now().state().policies, text});
  }
  void VoteYes(uint64_t proposal) {
    for (const char* desk : {"kt-desk", "etri-desk"}) {
      w_.Say(desk, ledger::VoteCast{proposal, w_.log().Leaf(proposal), Choice::kYes});
    }
  }
  ledger::PolicyAdopted Adopted(uint64_t proposal, const std::string& text) const {
    const Standing now = w_.Now();
    const auto due =
        DueOutcome(now.state().proposals.at(proposal), now.state(), rules::Instant::At(w_.time()));
    return {proposal, Sha256(AsBytes(text)), due ? due->tally : ledger::Tally{}};
  }
  std::string Dissent() const {
    const auto dissent = w_.Audit().dissent();
    return dissent ? dissent->rule : "none";
  }
  // The closing of the first round of a run, opened for that cohort, to which kt's site alone gave
  // anything.
  ledger::RoundClosed CountingKtOf(const std::vector<std::string>& cohort,
                                   const std::vector<std::string>& excluded) {
    Start("first");
    ledger::RoundOpened opened{World::At("first", 0), DigestOf("first/start"), {}};
    const uint64_t admission = w_.DecideAndSay(w_.Asking("first", 0, "kt", "reviews"));
    w_.DecideAndSay(w_.Asking("first", 0, "etri", "notes"));
    for (const std::string& site : cohort) opened.cohort.push_back(*SiteId::Parse(site));
    w_.Say("host", opened);
    const auto said = World::Submitted(opened.at, opened.base_model, {"kt", "reviews"}, admission);
    ledger::RoundClosed closed;
    closed.at = opened.at;
    closed.model = closed.aggregate = closed.momentum = closed.scales = DigestOf("a");
    closed.submissions = {{w_.Say("kt-site", said), said.site, said.weight}};
    for (const std::string& site : excluded) {
      closed.excluded.push_back({*SiteId::Parse(site), "late"});
    }
    return closed;
  }
  // What is found of one lie; all before it is honest.
  template <typename Event>
  std::string Lie(Event event) {
    EXPECT_EQ(Dissent(), "none");
    w_.Say("host", std::move(event));
    return Dissent();
  }
  World w_;
};

TEST_F(LiesTest, ATextIsAdoptedThatNobodyVotedOn) {
  const std::string voted = DraftText("P7 Rest", "forbid");
  const uint64_t proposal = ProposeText(voted);
  VoteYes(proposal);
  EXPECT_EQ(Lie(Adopted(proposal, DraftText("P7 Rest", "permit"))), "other-policy");
}

TEST_F(LiesTest, WhatWasProposedIsAdopted) {
  const std::string voted = DraftText("P7 Rest", "forbid");
  const uint64_t proposal = ProposeText(voted);
  VoteYes(proposal);
  EXPECT_EQ(Lie(Adopted(proposal, voted)), "none");
}

TEST_F(LiesTest, ARunIsApprovedUnderPoliciesThatAreNotInForce) {
  const Digest before = w_.Now().state().policies;
  const std::string text = DraftText("P7 Rest", "forbid");
  const uint64_t proposal = ProposeText(text);
  VoteYes(proposal);
  w_.Say("host", Adopted(proposal, text));
  w_.Propose("first", "scientific-research");
  EXPECT_EQ(Lie(ledger::RunApproved{*RunId::Parse("first"), before, {}}), "other-policies");
  EXPECT_FALSE(w_.Now().state().runs.at(*RunId::Parse("first")).approved);
}

TEST_F(LiesTest, AnAdmissionNamesPoliciesThatTheRunDidNotPin) {
  Start("first");
  ledger::AdmissionDecided said = w_.Decided(w_.Asking("first", 0, "kt", "reviews"));
  said.policies = DigestOf("others");
  EXPECT_EQ(Lie(said), "other-policies");
}

TEST_F(LiesTest, AGrantNamesPoliciesThatAreNotInForce) {
  Start("first");
  w_.PlayRound("first", 0, {{"kt", "reviews"}});
  const GrantRequest request = w_.ToServe("first/0", "scientific-research");
  const Standing now = w_.Now();
  ledger::GrantDecided said = EventOf(now, request, *Decide(now, request));
  said.policies = DigestOf("others");
  EXPECT_EQ(Lie(said), "other-policies");
}

TEST_F(LiesTest, AMeasuringNamesPoliciesThatTheRunDidNotPin) {
  Start("first");
  w_.PlayRound("first", 0, {{"kt", "reviews"}});
  const MeasuringRequest request = w_.ToMeasure("first", "first/0", "kt", "reviews");
  const Standing now = w_.Now();
  ledger::EvaluationDecided said = EventOf(now, request, *Decide(now, request));
  said.policies = DigestOf("others");
  EXPECT_EQ(Lie(said), "other-policies");
}

// Else what it was decided from is for the aggregator to say later.
TEST_F(LiesTest, ADecisionRestsOnEntriesAfterItself) {
  Start("first");
  ledger::AdmissionDecided said = w_.Decided(w_.Asking("first", 0, "kt", "reviews"));
  said.as_of = w_.Now().size() + 1;
  EXPECT_EQ(Lie(said), "as-of");
}

TEST_F(LiesTest, AGrantRestsOnEntriesAfterItself) {
  Start("first");
  w_.PlayRound("first", 0, {{"kt", "reviews"}});
  const GrantRequest request = w_.ToServe("first/0", "scientific-research");
  const Standing now = w_.Now();
  ledger::GrantDecided said = EventOf(now, request, *Decide(now, request));
  said.as_of = now.size() + 1;
  EXPECT_EQ(Lie(said), "as-of");
}

TEST_F(LiesTest, AMeasuringRestsOnEntriesAfterItself) {
  Start("first");
  w_.PlayRound("first", 0, {{"kt", "reviews"}});
  const MeasuringRequest request = w_.ToMeasure("first", "first/0", "kt", "reviews");
  const Standing now = w_.Now();
  ledger::EvaluationDecided said = EventOf(now, request, *Decide(now, request));
  said.as_of = now.size() + 1;
  EXPECT_EQ(Lie(said), "as-of");
}

TEST_F(LiesTest, TheCharterIsDeclaredAgain) {
  ledger::VotingRule easier = World::NoVoteOnRuns();
  easier.quorum_percent = 1;
  EXPECT_EQ(Lie(ledger::CharterDeclared{easier, rules::kWordsVersion}), "charter-twice");
  EXPECT_EQ(w_.Now().state().voting->quorum_percent, ledger::VotingRule().quorum_percent);
}

TEST_F(LiesTest, AMemberIsMovedToAnotherHouse) {
  EXPECT_EQ(Lie(ledger::MemberDescribed{*MemberId::Parse("kt"), ledger::House::kPublic, "KR"}),
            "described-twice");
}

TEST_F(LiesTest, ARunIsApprovedAgain) {
  Start("first");
  EXPECT_EQ(Lie(ledger::RunApproved{*RunId::Parse("first"), w_.Now().state().policies, {}}),
            "approved-twice");
}

TEST_F(LiesTest, ARunIsApprovedThatWasHalted) {
  w_.Propose("first", "scientific-research");
  w_.Say("host", ledger::RunHalted{*RunId::Parse("first"), "operator"});
  EXPECT_EQ(Lie(ledger::RunApproved{*RunId::Parse("first"), w_.Now().state().policies, {}}),
            "run-halted");
}

TEST_F(LiesTest, AVoteIsClaimedOfARunThatNeedsNone) {
  w_.Propose("first", "scientific-research");
  const ledger::Tally claimed{{{ledger::House::kPrivate, 1, 1, 0, 0}}, {}};
  EXPECT_EQ(Lie(ledger::RunApproved{*RunId::Parse("first"), w_.Now().state().policies, claimed}),
            "tally-differs");
}

TEST_F(LiesTest, ARoundIsOpenedOfARunThatWasHalted) {
  Start("first");
  w_.DecideAndSay(w_.Asking("first", 0, "kt", "reviews"));
  w_.Say("host", ledger::RunHalted{*RunId::Parse("first"), "operator"});
  EXPECT_EQ(Lie(ledger::RoundOpened{
                World::At("first", 0), DigestOf("first/start"), {*SiteId::Parse("kt-site")}}),
            "run-not-approved");
}

TEST_F(LiesTest, AClosingNamesASiteThatIsNotInTheCohort) {
  EXPECT_EQ(Lie(CountingKtOf({"kt-site"}, {"etri-site"})), "cohort");
}

TEST_F(LiesTest, AClosingPassesASiteOfTheCohortOver) {
  EXPECT_EQ(Lie(CountingKtOf({"kt-site", "etri-site"}, {})), "cohort");
}

// As many as the cohort has: their number does not tell.
TEST_F(LiesTest, AClosingNamesAnotherInPlaceOfASiteOfTheCohort) {
  EXPECT_EQ(Lie(CountingKtOf({"kt-site", "etri-site"}, {"snu-site"})), "cohort");
}

TEST_F(LiesTest, ARunIsHaltedAgain) {
  Start("first");
  w_.Say("host", ledger::RunHalted{*RunId::Parse("first"), "operator"});
  EXPECT_EQ(Lie(ledger::RunHalted{*RunId::Parse("first"), "safeguard"}), "no-such-run");
}

TEST_F(LiesTest, SharesLeaveOutTheLastRound) {
  Start("first");
  const uint64_t first = w_.PlayRound("first", 0, {{"kt", "reviews"}});
  const RunId run = *RunId::Parse("first");
  ledger::ShareComputed said{run, ShareFormula().digest(), first, 1, {}};
  said.shares = ComputeShares(w_.Now().state(), run, ShareFormula(), 1);
  EXPECT_EQ(Lie(said), "as-of") << "the closing is not among the entries it names";
}

TEST_F(LiesTest, SharesAreComputedByAFormulaThatIsNotInForce) {
  Start("first");
  w_.PlayRound("first", 0, {{"kt", "reviews"}});
  const RunId run = *RunId::Parse("first");
  const ShareFormula other{100, 0, 0, 0, 50};
  ledger::ShareComputed said{run, other.digest(), w_.Now().size(), 1, {}};
  said.shares = ComputeShares(w_.Now().state(), run, ShareFormula(), 1);
  EXPECT_EQ(Lie(said), "other-formula");
}

TEST_F(LiesTest, ARefusedGrantIsRevokedOrOneIsTwice) {
  Start("first");
  w_.PlayRound("first", 0, {{"kt", "reviews"}});
  const GrantRequest request = w_.ToServe("first/0", "scientific-research");
  const Standing now = w_.Now();
  const Ruling ruling = *Decide(now, request);
  ASSERT_TRUE(ruling.allowed());
  const uint64_t grant = w_.Say("host", EventOf(now, request, ruling));
  w_.Say("host", ledger::GrantRevoked{grant, "withdrawn"});
  EXPECT_EQ(Lie(ledger::GrantRevoked{grant, "withdrawn"}), "no-such-grant");
}

// A run that is voted on.
class VotedRunsTest : public LiesTest {
 protected:
  static ledger::VotingRule RunsByVote() {
    ledger::VotingRule voting;
    voting.runs_by_vote = true;
    return voting;
  }
  VotedRunsTest() : LiesTest(RunsByVote()) {}
};

TEST_F(VotedRunsTest, ARunIsApprovedWithoutItsVote) {
  w_.Propose("first", "scientific-research");
  EXPECT_EQ(Lie(ledger::RunApproved{*RunId::Parse("first"), w_.Now().state().policies, {}}),
            "vote-goes-on");
}

TEST_F(VotedRunsTest, ARunIsApprovedWithVotesThatNobodyCast) {
  w_.Propose("first", "scientific-research");
  const uint64_t proposal = w_.Now().state().runs.at(*RunId::Parse("first")).proposed;
  w_.Say("kt-desk", ledger::VoteCast{proposal, w_.log().Leaf(proposal), Choice::kYes});
  w_.Say("etri-desk", ledger::VoteCast{proposal, w_.log().Leaf(proposal), Choice::kNo});
  const Standing voted = w_.Now();
  ledger::Tally forged = CountVotes(voted.state().proposals.at(proposal), voted.state());
  for (ledger::HouseTally& house : forged.houses) {
    house.yes += house.no;
    house.no = 0;
  }
  EXPECT_EQ(Lie(ledger::RunApproved{*RunId::Parse("first"), voted.state().policies, forged}),
            "tally-differs");
}

}  // namespace
}  // namespace dure::standing
