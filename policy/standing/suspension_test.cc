// The vote on a suspension: who has a voice in it, and what the others have to agree to.
#include <gmock/gmock.h>

#include "policy/standing/overdue.h"
#include "policy/standing/testing.h"
#include "policy/standing/voting.h"

namespace dure::standing {
namespace {

using ledger::Choice;
using ledger::House;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::World;

constexpr uint32_t kBefore = kNoVoiceInOwnSuspensionSince - 1;

// kt alone among the private members, etri alone among the public, snu alone among the academic.
class SuspensionTest : public ::testing::Test {
 protected:
  SuspensionTest() { Begin(rules::kWordsVersion); }
  void Begin(uint32_t words) {
    w_ = std::make_unique<World>();
    w_->Found(World::NoVoteOnRuns(), words);
    w_->SetWords(words);
    w_->Enrol("snu", House::kAcademic, 30);
    w_->Lend("reviews", "kt", terms::testing::OpenTerms());
  }
  // a, b and c beside etri.
  void EnrolMorePublicMembers() {
    for (const auto& [member, seed] : {std::pair("a", 50), {"b", 60}, {"c", 70}}) {
      w_->Enrol(member, House::kPublic, static_cast<uint8_t>(seed));
    }
  }
  uint64_t Suspend(const std::string& member) {
    return w_->Say("kt-desk", ledger::PolicyProposed{ledger::ProposalKind::kSuspend, {}, member});
  }
  void Vote(const std::string& member, uint64_t proposal, Choice choice) {
    w_->Say(member + "-desk", ledger::VoteCast{proposal, w_->log().Leaf(proposal), choice});
  }
  void DecideSomething() {
    w_->Propose("any", "scientific-research");
    w_->Approve("any");
    w_->DecideAndSay(w_->Asking("any", 0, "kt", "reviews"));
  }
  std::optional<Outcome> Due(uint64_t proposal) const {
    const Standing now = w_->Now();
    return DueOutcome(now.state().proposals.at(proposal), now.state(),
                      rules::Instant::At(w_->time()));
  }
  std::string Ends(uint64_t proposal) const {
    const auto due = Due(proposal);
    return !due ? "open" : due->adopt ? "adopted" : due->reason;
  }
  void Record(uint64_t proposal, const std::string& member) {
    const auto due = Due(proposal);
    ASSERT_TRUE(due);
    if (due->adopt) {
      w_->Say("host", ledger::PolicyAdopted{proposal, Sha256(AsBytes(member)), due->tally});
    } else {
      w_->Say("host", ledger::PolicyRejected{proposal, due->reason, due->tally});
    }
  }
  bool IsSuspended(const std::string& member) const {
    return w_->Now().state().members.at(*MemberId::Parse(member)).suspended.has_value();
  }
  std::vector<std::string> Voids() const {
    std::vector<std::string> rules;
    const Auditor audit = w_->Audit();
    for (const Finding& finding : audit.voids()) rules.push_back(finding.rule);
    return rules;
  }
  std::string Dissent() const {
    const auto dissent = w_->Audit().dissent();
    return dissent ? dissent->rule : "none";
  }
  std::unique_ptr<World> w_;
};

TEST_F(SuspensionTest, WhoIsAloneInItsHouseDoesNotVoteItsOwnDown) {
  const uint64_t proposal = Suspend("snu");
  Vote("snu", proposal, Choice::kNo);
  EXPECT_THAT(Voids(), ElementsAre("own-suspension"));
  Vote("kt", proposal, Choice::kYes);
  EXPECT_EQ(Ends(proposal), "open") << "etri may still vote";
  Vote("etri", proposal, Choice::kYes);
  ASSERT_EQ(Ends(proposal), "adopted") << "nobody waits for snu";
  EXPECT_EQ(Due(proposal)->tally.houses.size(), 2u) << "a house of nobody says nothing";
  Record(proposal, "snu");
  EXPECT_EQ(Dissent(), "none");
  EXPECT_TRUE(IsSuspended("snu"));
}

TEST_F(SuspensionTest, ItsSilenceHoldsNothingUp) {
  const uint64_t proposal = Suspend("snu");
  Vote("kt", proposal, Choice::kYes);
  Vote("etri", proposal, Choice::kYes);
  EXPECT_EQ(Ends(proposal), "adopted");
}

TEST_F(SuspensionTest, TheMemberIsNotCountedWhenNobodyMayVoteForItEither) {
  w_->AddSeat("lab-site", "lab", ledger::Role::kSite, 50);
  w_->Say("host", ledger::MemberDescribed{*MemberId::Parse("lab"), House::kSmallFirm, "KR"});
  w_->Admit("lab-site");
  const uint64_t proposal = Suspend("lab");
  for (const char* member : {"kt", "etri", "snu"}) Vote(member, proposal, Choice::kYes);
  EXPECT_EQ(Ends(proposal), "adopted");
}

TEST_F(SuspensionTest, OneAloneSuspendsNobody) {
  w_ = std::make_unique<World>();
  w_->Found(World::NoVoteOnRuns(), rules::kWordsVersion);
  const uint64_t proposal = Suspend("etri");
  Vote("kt", proposal, Choice::kYes);
  EXPECT_EQ(Ends(proposal), "house") << "of two, either could put the other out";
  Record(proposal, "etri");
  EXPECT_EQ(Dissent(), "none");
  EXPECT_FALSE(IsSuspended("etri"));
}

TEST_F(SuspensionTest, OneYesAmongAbstentionsSuspendsNobody) {
  const uint64_t proposal = Suspend("snu");
  Vote("kt", proposal, Choice::kYes);
  Vote("etri", proposal, Choice::kAbstain);
  EXPECT_EQ(Ends(proposal), "house");
}

TEST_F(SuspensionTest, WhereItsHouseIsLeftEmptyTheOthersStandInForIt) {
  EnrolMorePublicMembers();
  const uint64_t few = Suspend("snu");
  for (const char* member : {"kt", "etri", "a"}) Vote(member, few, Choice::kYes);
  for (const char* member : {"b", "c"}) Vote(member, few, Choice::kAbstain);
  EXPECT_EQ(Ends(few), "house") << "three of five said yes";
  const uint64_t many = Suspend("snu");
  for (const char* member : {"kt", "etri", "a", "b"}) Vote(member, many, Choice::kYes);
  Vote("c", many, Choice::kNo);
  EXPECT_EQ(Ends(many), "adopted") << "four of five did";
}

TEST_F(SuspensionTest, OthersOfItsHouseSpeakForIt) {
  EnrolMorePublicMembers();
  w_->Enrol("univ", House::kAcademic, 80);
  const uint64_t few = Suspend("snu");
  for (const char* member : {"kt", "etri", "univ"}) Vote(member, few, Choice::kYes);
  for (const char* member : {"a", "b", "c"}) Vote(member, few, Choice::kAbstain);
  EXPECT_EQ(Ends(few), "adopted") << "each house agreed, its own too";
  const uint64_t refused = Suspend("snu");
  for (const char* member : {"kt", "etri", "a", "b", "c"}) Vote(member, refused, Choice::kYes);
  Vote("univ", refused, Choice::kNo);
  EXPECT_EQ(Ends(refused), "house");
}

// Whoever is left lets it back: no two are asked for that.
TEST_F(SuspensionTest, ItIsLetBackByWhoeverIsLeft) {
  const uint64_t proposal = Suspend("snu");
  for (const char* member : {"kt", "etri"}) Vote(member, proposal, Choice::kYes);
  Record(proposal, "snu");
  for (const char* name : {"etri-site", "etri-desk"}) {
    const World::Seat& seat = w_->SeatOf(name);
    w_->Say(name, ledger::KeyRevoked{seat.actor.member, seat.actor.key, "left"});
  }
  const uint64_t back =
      w_->Say("kt-desk", ledger::PolicyProposed{ledger::ProposalKind::kReinstate, {}, "snu"});
  Vote("kt", back, Choice::kYes);
  ASSERT_EQ(Ends(back), "adopted");
  Record(back, "snu");
  EXPECT_EQ(Dissent(), "none");
  EXPECT_FALSE(IsSuspended("snu"));
}

TEST_F(SuspensionTest, WhatTheAggregatorCountsOfItIsALie) {
  const uint64_t proposal = Suspend("snu");
  Vote("snu", proposal, Choice::kNo);
  Vote("kt", proposal, Choice::kYes);
  Vote("etri", proposal, Choice::kYes);
  ledger::Tally forged = Due(proposal)->tally;
  forged.houses.push_back({House::kAcademic, 1, 0, 1, 0});
  w_->Say("host", ledger::PolicyRejected{proposal, "house", forged});
  EXPECT_EQ(Dissent(), "tally-differs");
}

TEST_F(SuspensionTest, ARecordInWhichItVotedIsReplayedAsItIs) {
  Begin(kBefore);
  DecideSomething();
  const uint64_t proposal = Suspend("snu");
  Vote("snu", proposal, Choice::kNo);
  Vote("kt", proposal, Choice::kYes);
  Vote("etri", proposal, Choice::kYes);
  ASSERT_EQ(Ends(proposal), "house");
  EXPECT_EQ(Due(proposal)->tally.houses.size(), 3u);
  Record(proposal, "snu");
  EXPECT_EQ(Dissent(), "none");
  EXPECT_THAT(Voids(), IsEmpty());
}

// Else an outcome would be due for which nobody has voted meanwhile, and the aggregator overdue.
TEST_F(SuspensionTest, AVoteThatBeganInOlderWordsEndsByThem) {
  Begin(kBefore);
  DecideSomething();
  const uint64_t proposal = Suspend("snu");
  Vote("kt", proposal, Choice::kYes);
  Vote("etri", proposal, Choice::kYes);
  w_->SetWords(rules::kWordsVersion);
  w_->DecideAndSay(w_->Asking("any", 0, "kt", "reviews"));
  EXPECT_EQ(Ends(proposal), "open");
  Vote("snu", proposal, Choice::kNo);
  EXPECT_THAT(Voids(), IsEmpty());
  EXPECT_EQ(Ends(proposal), "house");
  Record(proposal, "snu");
  const uint64_t next = Suspend("snu");
  Vote("snu", next, Choice::kNo);
  EXPECT_THAT(Voids(), ElementsAre("own-suspension"));
  EXPECT_EQ(Dissent(), "none");
}

}  // namespace
}  // namespace dure::standing
