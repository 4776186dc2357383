// Outcomes that whoever writes them would rather not write.
#include "policy/standing/overdue.h"

#include <gmock/gmock.h>

#include "policy/standing/testing.h"
#include "policy/standing/voting.h"

namespace dure::standing {
namespace {

using ledger::Choice;
using ledger::ProposalKind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::World;

constexpr const char* kWindowIsOver = "2026-10-09T09:00:00Z";

std::string Policy(const std::string& name) {
  return "policy \"" + name + "\" ko \"" + name + "\" version 1 effective 2026-10-01\n\nrule " +
         name.substr(0, 2) +
         ".1 forbid train title \"T\" ko \"T\" when dataset.id is reviews end\n";
}

class OverdueTest : public ::testing::Test {
 protected:
  OverdueTest() { Begin(rules::kWordsVersion); }
  void Begin(uint32_t words) {
    w_ = std::make_unique<World>();
    w_->Found(World::NoVoteOnRuns(), words);
    if (words < rules::kWordsVersion) w_->SetWords(words);
  }
  uint64_t Propose(ProposalKind kind, const std::string& text) {
    return w_->Say("kt-desk", ledger::PolicyProposed{kind, w_->Now().state().policies, text});
  }
  void BothSayYes(uint64_t proposal) {
    for (const char* desk : {"kt-desk", "etri-desk"}) {
      w_->Say(desk, ledger::VoteCast{proposal, w_->log().Leaf(proposal), Choice::kYes});
    }
  }
  std::optional<Outcome> Due(uint64_t proposal, uint32_t words = rules::kWordsVersion) const {
    const Standing now = w_->Now();
    return DueOutcome(now.state().proposals.at(proposal), now.state(),
                      rules::Instant::At(w_->time()), words);
  }
  void Adopt(uint64_t proposal) {
    const auto due = Due(proposal);
    ASSERT_TRUE(due && due->adopt);
    const std::string text = w_->Now().state().proposals.at(proposal).policy;
    w_->Say("host", ledger::PolicyAdopted{proposal, Sha256(AsBytes(text)), due->tally});
  }
  // Anything that the aggregator says.
  void GoOn() { w_->Propose("run-" + std::to_string(w_->log().Head().head.size), "benchmark"); }
  std::string Dissent() const {
    const auto dissent = w_->Audit().dissent();
    return dissent ? dissent->rule : "none";
  }
  std::unique_ptr<World> w_;
};

TEST_F(OverdueTest, AnEmergencyRuleThatHasItsVotesIsAdoptedHoweverLateItIsSaid) {
  const uint64_t proposal = Propose(ProposalKind::kEmergency, Policy("E1 Stop"));
  BothSayYes(proposal);
  w_->SetTime(kWindowIsOver);
  ASSERT_TRUE(Due(proposal));
  EXPECT_TRUE(Due(proposal)->adopt);
  const auto before = Due(proposal, kVotedRulesStandSince - 1);
  ASSERT_TRUE(before);
  EXPECT_FALSE(before->adopt);
  w_->Say("host", ledger::PolicyRejected{proposal, "house", before->tally});
  EXPECT_EQ(Dissent(), "tally-differs");
}

TEST_F(OverdueTest, InAnOlderRecordItIsRejectedAsItWas) {
  Begin(kVotedRulesStandSince - 1);
  const uint64_t proposal = Propose(ProposalKind::kEmergency, Policy("E1 Stop"));
  BothSayYes(proposal);
  w_->SetTime(kWindowIsOver);
  w_->Say("host", ledger::PolicyRejected{proposal, "house",
                                         Due(proposal, kVotedRulesStandSince - 1)->tally});
  EXPECT_EQ(Dissent(), "none");
}

TEST_F(OverdueTest, WhoeverSitsOnAnOutcomeIsNamedAfterTheGrace) {
  const uint64_t proposal = Propose(ProposalKind::kEmergency, Policy("E1 Stop"));
  BothSayYes(proposal);
  w_->SetTime("2026-10-01T10:00:00Z");
  GoOn();  // down until now: the grace begins
  w_->SetTime("2026-10-01T10:30:00Z");
  GoOn();
  EXPECT_EQ(Dissent(), "none");
  w_->SetTime("2026-10-01T10:30:01Z");
  GoOn();
  const auto dissent = w_->Audit().dissent();
  ASSERT_TRUE(dissent);
  EXPECT_EQ(dissent->rule, "outcome-overdue");
  EXPECT_THAT(dissent->text, HasSubstr("was due at 2026-10-01T10:00:00Z"));
}

// It died right after the entry at which the outcome was due, or its disk was full.
TEST_F(OverdueTest, WhoeverWasAwaySinceHasTheGraceAnew) {
  BothSayYes(Propose(ProposalKind::kEmergency, Policy("E1 Stop")));
  w_->SetTime("2026-10-01T10:00:00Z");
  GoOn();
  w_->SetTime("2026-10-01T12:00:00Z");
  GoOn();
  w_->SetTime("2026-10-01T12:30:00Z");
  GoOn();
  EXPECT_EQ(Dissent(), "none");
  w_->SetTime("2026-10-01T12:30:01Z");
  GoOn();
  const auto dissent = w_->Audit().dissent();
  ASSERT_TRUE(dissent);
  EXPECT_EQ(dissent->rule, "outcome-overdue");
  EXPECT_THAT(dissent->text, HasSubstr("was due at 2026-10-01T12:00:00Z"));
}

// As one whose rounds take longer than the grace is for as long as it runs.
TEST_F(OverdueTest, WhoeverIsSilentAgainAndAgainHasItSoOftenOnly) {
  BothSayYes(Propose(ProposalKind::kEmergency, Policy("E1 Stop")));
  for (uint32_t hour = 0; hour <= kGraceAnewMax; ++hour) {
    w_->SetTime("2026-10-01T1" + std::to_string(hour) + ":00:00Z");
    GoOn();
  }
  EXPECT_EQ(Dissent(), "none");
  w_->SetTime("2026-10-01T20:00:00Z");
  GoOn();
  EXPECT_EQ(Dissent(), "outcome-overdue");
}

TEST_F(OverdueTest, TheOutcomeItselfIsNeverTooLate) {
  const uint64_t proposal = Propose(ProposalKind::kEmergency, Policy("E1 Stop"));
  BothSayYes(proposal);
  GoOn();
  w_->SetTime(kWindowIsOver);
  Adopt(proposal);
  GoOn();
  EXPECT_EQ(Dissent(), "none");
}

TEST_F(OverdueTest, InAnOlderRecordNobodyIsHeldToIt) {
  Begin(kOutcomesAreDueSince - 1);
  BothSayYes(Propose(ProposalKind::kEmergency, Policy("E1 Stop")));
  GoOn();
  w_->SetTime(kWindowIsOver);
  GoOn();
  EXPECT_EQ(Dissent(), "none");
}

// Whoever chose among several could have one end the others as superseded, and the aggregator need
// say nothing between the votes of one and of the other.
TEST_F(OverdueTest, OfSeveralTheOneWhoseVotesCameFirstIsRecordedFirst) {
  for (const bool in_order : {true, false}) {
    Begin(rules::kWordsVersion);
    const uint64_t one = Propose(ProposalKind::kReplace, Policy("P7 One"));
    const uint64_t other = Propose(ProposalKind::kReplace, Policy("P8 Other"));
    BothSayYes(other);
    BothSayYes(one);
    const auto now = rules::Instant::At(w_->time());
    EXPECT_THAT(DueVotes(w_->Now(), now), ElementsAre(DueVote{other, now}, DueVote{one, now}));
    Adopt(in_order ? other : one);
    EXPECT_EQ(Dissent(), in_order ? "none" : "outcome-order");
  }
}

TEST_F(OverdueTest, OfSeveralWindowsThatEndTogetherTheFirstProposedIsRecordedFirst) {
  std::vector<uint64_t> proposals;
  for (const char* name : {"P7 One", "P8 Other"}) {
    proposals.push_back(Propose(ProposalKind::kReplace, Policy(name)));
  }
  w_->SetTime(kWindowIsOver);
  w_->Say("host", ledger::PolicyRejected{proposals[1], "quorum", Due(proposals[1])->tally});
  EXPECT_EQ(Dissent(), "outcome-order");
}

// What ends without a vote of its own: everybody else had voted, and the last one left.
TEST_F(OverdueTest, WhatIsDueSinceSomebodyLeftIsDueSinceThen) {
  w_->Enrol("snu", ledger::House::kAcademic, 30);
  const uint64_t one = Propose(ProposalKind::kReplace, Policy("P7 One"));
  const uint64_t other = Propose(ProposalKind::kReplace, Policy("P8 Other"));
  BothSayYes(other);
  for (const char* name : {"snu-site", "snu-desk"}) {
    const World::Seat& seat = w_->SeatOf(name);
    w_->Say(name, ledger::KeyRevoked{seat.actor.member, seat.actor.key, "left"});
  }
  BothSayYes(one);
  Adopt(one);
  EXPECT_EQ(Dissent(), "outcome-order");
}

// A vote that is taken back after its time is none, and what it ended is due when it is cast again.
TEST_F(OverdueTest, WhatIsDueNoMoreHasItsPlaceFromWhenItIsDueAgain) {
  const uint64_t one = Propose(ProposalKind::kReplace, Policy("P7 One"));
  const uint64_t other = Propose(ProposalKind::kReplace, Policy("P8 Other"));
  w_->AddSeat("second-desk", "etri", ledger::Role::kOfficer, 77);
  w_->Admit("second-desk");
  for (const char* desk : {"kt-desk", "second-desk"}) {
    w_->Say(desk, ledger::VoteCast{one, w_->log().Leaf(one), Choice::kYes});
  }
  const World::Seat& seat = w_->SeatOf("second-desk");
  w_->Say("etri-desk", ledger::KeyRevoked{seat.actor.member, seat.actor.key, "disowned"});
  GoOn();
  BothSayYes(other);
  w_->Say("etri-desk", ledger::VoteCast{one, w_->log().Leaf(one), Choice::kYes});
  Adopt(one);
  EXPECT_EQ(Dissent(), "outcome-order");
}

TEST_F(OverdueTest, OneThatWasDueBeforeIsRecordedBefore) {
  const uint64_t one = Propose(ProposalKind::kReplace, Policy("P7 One"));
  const uint64_t other = Propose(ProposalKind::kReplace, Policy("P8 Other"));
  BothSayYes(other);
  GoOn();
  w_->SetTime("2026-10-01T09:10:00Z");
  BothSayYes(one);
  const auto now = rules::Instant::At(w_->time());
  EXPECT_THAT(DueVotes(w_->Now(), now),
              ElementsAre(DueVote{other, {now.seconds - 600}}, DueVote{one, now}));
  Adopt(other);
  EXPECT_EQ(Dissent(), "none");
}

TEST_F(OverdueTest, InOrderBothEnd) {
  const uint64_t one = Propose(ProposalKind::kReplace, Policy("P7 One"));
  const uint64_t other = Propose(ProposalKind::kReplace, Policy("P8 Other"));
  BothSayYes(one);
  BothSayYes(other);
  Adopt(one);
  const auto due = Due(other);
  ASSERT_TRUE(due);
  EXPECT_EQ(due->reason, "superseded");
  w_->Say("host", ledger::PolicyRejected{other, due->reason, due->tally});
  EXPECT_EQ(Dissent(), "none");
  EXPECT_TRUE(w_->Now().state().open_votes.empty());
}

// Its officer's clock is ahead, or it is to be voted on for a year.
TEST_F(OverdueTest, AProposalOfTheFutureHasItsWindowFromTheAggregatorsNextEntryOn) {
  for (const uint32_t words : {4u, rules::kWordsVersion}) {
    Begin(words);
    w_->SetTime("2027-10-01T09:00:00Z");
    const uint64_t ahead = Propose(ProposalKind::kEmergency, Policy("E1 Stop"));
    w_->SetTime("2026-10-01T09:35:00Z");
    const uint64_t a_little = Propose(ProposalKind::kEmergency, Policy("E2 Halt"));
    w_->SetTime("2026-10-01T09:05:00Z");
    GoOn();
    const Standing now = w_->Now();
    const auto at = [&](uint64_t index) { return now.state().proposals.at(index).at.ToText(); };
    EXPECT_EQ(at(ahead),
              words < rules::kWordsVersion ? "2027-10-01T09:00:00Z" : "2026-10-01T09:05:00Z");
    EXPECT_EQ(at(a_little), "2026-10-01T09:35:00Z") << "clocks differ a little";
  }
}

TEST_F(OverdueTest, SoManyProposalsOfAMemberAreVotedOnAtATime) {
  const std::string formula =
      "share formula: tokens 40, steps 20, rounds 30, evaluations 10, cap 50";
  for (const uint32_t words : {4u, rules::kWordsVersion}) {
    Begin(words);
    const auto propose = [&](const char* desk) {
      return w_->Say(desk, ledger::PolicyProposed{ProposalKind::kFormula, {}, formula});
    };
    const uint64_t first = propose("kt-desk");
    for (size_t i = 1; i < kOpenProposalsMax + 2; ++i) propose("kt-desk");
    propose("etri-desk");
    const size_t voids = words < rules::kWordsVersion ? 0 : 2;
    Auditor audit = w_->Audit();
    ASSERT_EQ(audit.voids().size(), voids);
    for (const Finding& finding : audit.voids()) EXPECT_EQ(finding.rule, "too-many-proposals");
    w_->SetTime(kWindowIsOver);
    w_->Say("host", ledger::PolicyRejected{first, "quorum", Due(first)->tally});
    propose("kt-desk");  // there is room for one
    audit = w_->Audit();
    EXPECT_EQ(audit.voids().size(), voids);
    EXPECT_FALSE(audit.dissent());
  }
}

// What is due is known without counting every open vote again at each entry.
TEST_F(OverdueTest, NothingThatIsDueIsMissed) {
  w_->Enrol("snu", ledger::House::kAcademic, 30);
  const auto same = [&](const std::string& after) {
    const Standing now = w_->Now();
    for (const int64_t later : {0, 3600, 30 * 86400}) {
      const rules::Instant at{rules::Instant::At(w_->time()).seconds + later};
      std::vector<uint64_t> due;
      for (const DueVote& one : DueVotes(now, at)) due.push_back(one.proposal);
      std::ranges::sort(due);
      std::vector<uint64_t> counted;
      for (const auto& [index, vote] : now.state().open_votes) {
        if (DueOutcome(now.state().proposals.at(index), now.state(), at)) counted.push_back(index);
      }
      EXPECT_EQ(due, counted) << "after " << after << ", " << later << " seconds later";
    }
  };
  const auto vote = [&](const char* desk, uint64_t proposal, Choice choice = Choice::kYes) {
    w_->Say(desk, ledger::VoteCast{proposal, w_->log().Leaf(proposal), choice});
    same(std::string(desk) + "'s vote on " + std::to_string(proposal));
  };
  const auto end = [&](const char* who, const char* name, const char* reason) {
    const World::Seat& seat = w_->SeatOf(name);
    w_->Say(who, ledger::KeyRevoked{seat.actor.member, seat.actor.key, reason});
    same(std::string("the end of ") + name);
  };
  const uint64_t rule = Propose(ProposalKind::kReplace, Policy("P7 One"));
  const uint64_t beside = Propose(ProposalKind::kReplace, Policy("P8 Other"));
  const uint64_t stop = Propose(ProposalKind::kEmergency, Policy("E1 Stop"));
  const uint64_t suspension =
      w_->Say("kt-desk", ledger::PolicyProposed{ProposalKind::kSuspend, {}, "snu"});
  for (const uint64_t proposal : {rule, beside, suspension}) vote("kt-desk", proposal);
  w_->AddSeat("second-desk", "etri", ledger::Role::kOfficer, 77);
  w_->Admit("second-desk");
  same("one more officer");
  for (const uint64_t proposal : {rule, suspension}) vote("second-desk", proposal);
  vote("snu-desk", rule);
  end("etri-desk", "second-desk", "disowned");
  GoOn();
  same("an entry of the aggregator's");
  w_->SetTime("2026-10-01T09:10:00Z");
  vote("etri-desk", rule);
  vote("etri-desk", suspension, Choice::kNo);
  Adopt(rule);
  same("an adoption, which leaves another proposal behind");
  for (const uint64_t proposal : {suspension, beside}) {
    const auto due = Due(proposal);
    ASSERT_TRUE(due);
    w_->Say("host", ledger::PolicyRejected{proposal, due->reason, due->tally});
  }
  w_->Enrol("late", ledger::House::kSmallFirm, 40);
  same("one more member");
  vote("kt-desk", stop);
  vote("etri-desk", stop);
  end("host", "snu-desk", "revoked-by-operator");
  w_->SetTime(kWindowIsOver);
  GoOn();
  same("the end of a window");
  EXPECT_EQ(Dissent(), "none");
}

// Runs that no vote is taken on leave no proposal.
TEST(Founding, IsOverOnceARunWasProposed) {
  for (const uint32_t words : {4u, rules::kWordsVersion}) {
    World w;
    w.Found(World::NoVoteOnRuns(), words);
    w.Say("host", ledger::PolicyDeclared{Policy("P7 One")});
    EXPECT_FALSE(w.Audit().dissent());
    w.Propose("first", "scientific-research");
    w.Approve("first");
    const Digest policies = w.Now().state().policies;
    w.Say("host", ledger::PolicyDeclared{Policy("P8 Other")});
    const Auditor audit = w.Audit();
    EXPECT_EQ(audit.standing().state().policies != policies, words < rules::kWordsVersion);
    const std::string rule = audit.dissent() ? audit.dissent()->rule : "none";
    EXPECT_EQ(rule, words < rules::kWordsVersion ? "none" : "founding-over");
  }
}

// A house of which nobody voted had agreed, until words of version 4.
TEST(CharterWords, HoldANewLogToTheirRulesFromTheFirstEntry) {
  const std::string formula =
      "share formula: tokens 40, steps 20, rounds 30, evaluations 10, cap 50";
  for (const uint32_t words : {0u, rules::kWordsVersion}) {
    World w;
    ledger::VotingRule half = World::NoVoteOnRuns();
    half.quorum_percent = 50;
    w.Found(half, words);
    const uint64_t proposal =
        w.Say("kt-desk", ledger::PolicyProposed{ProposalKind::kFormula, {}, formula});
    w.Say("kt-desk", ledger::VoteCast{proposal, w.log().Leaf(proposal), Choice::kYes});
    w.SetTime(kWindowIsOver);
    const Standing now = w.Now();
    const auto old = DueOutcome(now.state().proposals.at(proposal), now.state(),
                                rules::Instant::At(w.time()), kEveryMemberCountsSince - 1);
    ASSERT_TRUE(old && old->adopt);
    w.Say("host", ledger::PolicyAdopted{proposal, Sha256(AsBytes(formula)), old->tally});
    EXPECT_EQ(w.Audit().dissent().has_value(), words > 0);
  }
}

}  // namespace
}  // namespace dure::standing
