// Votes: what is adopted, what is not, and a tally that somebody forged.
#include "policy/standing/voting.h"

#include <gmock/gmock.h>

#include "policy/standing/past.h"
#include "policy/standing/testing.h"

namespace dure::standing {
namespace {

using ledger::Choice;
using testing::World;

constexpr std::string_view kStricter =
    R"(policy "P7 No evening work" ko "P7 저녁 학습 금지" version 1 effective 2026-10-01

rule P7.1 forbid train
  title "Reviews rest" ko "리뷰는 쉰다"
  when dataset.id is reviews
  because "Dataset {dataset.id} rests." ko "데이터셋 {dataset.id}은(는) 쉽니다."
end
)";

class VotingTest : public ::testing::Test {
 protected:
  VotingTest() {
    w_.Found();
    w_.Enrol("snu", ledger::House::kAcademic, 30);
    w_.Lend("reviews", "kt", terms::testing::OpenTerms());
  }
  uint64_t Propose(ledger::ProposalKind kind = ledger::ProposalKind::kReplace,
                   std::string_view text = kStricter) {
    return w_.Say("kt-desk",
                  ledger::PolicyProposed{kind, w_.Now().state().policies, std::string(text)});
  }
  // The same rule under another policy's name.
  static std::string Renamed() {
    std::string text(kStricter);
    return text.replace(text.find("P7 No evening work"), 18, "P8 No evening work");
  }
  uint64_t Vote(const std::string& member, uint64_t proposal, Choice choice) {
    return w_.Say(member + "-desk", ledger::VoteCast{proposal, w_.log().Leaf(proposal), choice});
  }
  std::optional<Outcome> Due(uint64_t proposal) const {
    const Standing now = w_.Now();
    return DueOutcome(now.state().proposals.at(proposal), now.state(),
                      rules::Instant::At(w_.time()));
  }
  void Adopt(uint64_t proposal, std::string_view text = kStricter) {
    const auto due = Due(proposal);
    ASSERT_TRUE(due && due->adopt);
    w_.Say("host", ledger::PolicyAdopted{proposal, Sha256(AsBytes(text)), due->tally});
  }
  void AdoptByAll(uint64_t proposal, std::string_view text = kStricter) {
    for (const char* member : {"kt", "etri", "snu"}) Vote(member, proposal, Choice::kYes);
    Adopt(proposal, text);
  }
  // A run whose decisions are in our words.
  void BeginRun() {
    w_.Propose("first", "scientific-research");
    w_.Approve("first");
    w_.DecideAndSay(w_.Asking("first", 0, "kt", "reviews"));
  }
  // An emergency text that everybody agrees to, once its rule stands in another.
  uint64_t TakeItsRuleMeanwhile() {
    BeginRun();
    const uint64_t emergency = Propose(ledger::ProposalKind::kEmergency, Renamed());
    AdoptByAll(Propose());
    for (const char* member : {"kt", "etri"}) Vote(member, emergency, Choice::kYes);
    return emergency;
  }
  // What is said of such a proposal today.
  std::optional<Finding> Refusal(ledger::ProposalKind kind, const std::string& text) {
    const World::Seat& seat = w_.SeatOf("kt-desk");
    const auto sealed =
        ledger::SealNext(w_.log(), seat.actor, *seat.signer, w_.time(),
                         ledger::PolicyProposed{kind, w_.Now().state().policies, text});
    return w_.Now().Check(*ledger::OpenEntry(sealed->bytes, w_.verifier()));
  }
  // Two proposals for the same policies, both with every vote; the first is adopted.
  uint64_t AdoptOneOfTwo() {
    const uint64_t one = Propose();
    const uint64_t other = Propose();
    for (const uint64_t proposal : {one, other}) {
      for (const char* member : {"kt", "etri", "snu"}) Vote(member, proposal, Choice::kYes);
      EXPECT_TRUE(Due(proposal)->adopt);
    }
    Adopt(one);
    return other;
  }
  std::string Dissent() const {
    const auto dissent = w_.Audit().dissent();
    return dissent ? dissent->rule : "none";
  }
  World w_;
};

TEST_F(VotingTest, AdoptsWhenEverybodyVotedAndEachHouseAgrees) {
  const uint64_t proposal = Propose();
  Vote("kt", proposal, Choice::kYes);
  Vote("etri", proposal, Choice::kYes);
  EXPECT_FALSE(Due(proposal)) << "one member may still vote";
  Vote("snu", proposal, Choice::kAbstain);
  Adopt(proposal);
  EXPECT_EQ(Dissent(), "none");
  EXPECT_TRUE(w_.Now().state().in_force.contains("P7 No evening work"));
  EXPECT_EQ(w_.Now().state().in_force.size(), 7u);
}

TEST_F(VotingTest, OneHouseThatSaysNoRejects) {
  const uint64_t proposal = Propose();
  Vote("kt", proposal, Choice::kYes);
  Vote("etri", proposal, Choice::kYes);
  Vote("snu", proposal, Choice::kNo);
  const auto due = Due(proposal);
  ASSERT_TRUE(due);
  EXPECT_FALSE(due->adopt);
  EXPECT_EQ(due->reason, "house");
}

TEST_F(VotingTest, WithoutAQuorumTheWindowRejects) {
  const uint64_t proposal = Propose();
  Vote("kt", proposal, Choice::kYes);
  EXPECT_FALSE(Due(proposal));
  w_.SetTime("2026-10-09T09:00:00Z");
  const auto due = Due(proposal);
  ASSERT_TRUE(due);
  EXPECT_EQ(due->reason, "quorum");
  w_.Say("host", ledger::PolicyRejected{proposal, due->reason, due->tally});
  EXPECT_EQ(Dissent(), "none");
}

TEST_F(VotingTest, AForgedTallyIsNamed) {
  const uint64_t proposal = Propose();
  Vote("kt", proposal, Choice::kYes);
  Vote("etri", proposal, Choice::kNo);
  Vote("snu", proposal, Choice::kNo);
  ledger::Tally forged = Due(proposal)->tally;
  for (ledger::HouseTally& house : forged.houses) {
    house.yes += house.no;
    house.no = 0;
  }
  w_.Say("host", ledger::PolicyAdopted{proposal, Sha256(AsBytes(kStricter)), forged});
  EXPECT_EQ(Dissent(), "tally-differs");
  EXPECT_FALSE(w_.Now().state().in_force.contains("P7 No evening work"));
}

TEST_F(VotingTest, ASecondVoteAndALateVoteAreVoid) {
  const uint64_t proposal = Propose();
  Vote("kt", proposal, Choice::kYes);
  Vote("kt", proposal, Choice::kNo);
  w_.SetTime("2026-10-09T09:00:00Z");
  Vote("etri", proposal, Choice::kYes);
  std::vector<std::string> rules;
  const Auditor audit = w_.Audit();
  for (const Finding& finding : audit.voids()) rules.push_back(finding.rule);
  EXPECT_THAT(rules, ::testing::ElementsAre("voted-twice", "window"));
}

TEST_F(VotingTest, AProposalThatClaimsToBeOldIsVotedOnAsLongAsAnyOther) {
  w_.SetTime("2026-09-01T09:00:00Z");
  const uint64_t proposal = Propose();
  w_.SetTime("2026-10-01T09:00:00Z");
  Vote("kt", proposal, Choice::kYes);
  Vote("etri", proposal, Choice::kYes);
  EXPECT_FALSE(Due(proposal)) << "snu has its week";
  const Standing now = w_.Now();
  EXPECT_EQ(WindowEnd(now.state().proposals.at(proposal), now.state()).ToText(),
            "2026-10-08T09:00:00Z");
}

TEST_F(VotingTest, AVoteThatClaimsToBeInTimeIsVoid) {
  const uint64_t proposal = Propose();
  w_.SetTime("2026-10-09T09:00:00Z");
  w_.Propose("first", "statistics");  // it is that late
  w_.SetTime("2026-10-08T08:59:00Z");
  Vote("kt", proposal, Choice::kYes);
  const Auditor audit = w_.Audit();
  ASSERT_FALSE(audit.voids().empty());
  EXPECT_EQ(audit.voids().back().rule, "window");
}

TEST_F(VotingTest, AnEmergencyRuleHoldsAtOnceAndEnds) {
  w_.Propose("first", "scientific-research");
  w_.Approve("first");
  const uint64_t proposal = Propose(ledger::ProposalKind::kEmergency);
  Vote("kt", proposal, Choice::kYes);
  EXPECT_FALSE(Due(proposal));
  Vote("etri", proposal, Choice::kYes);
  Adopt(proposal);
  EXPECT_FALSE(w_.Rule(w_.Asking("first", 0, "kt", "reviews")).allowed());
  w_.SetTime("2026-10-05T09:00:01Z");
  EXPECT_TRUE(w_.Rule(w_.Asking("first", 0, "kt", "reviews")).allowed());
  EXPECT_EQ(Dissent(), "none");
}

TEST_F(VotingTest, AnEmergencyTextVotedAgainHoldsForLonger) {
  BeginRun();
  AdoptByAll(Propose(ledger::ProposalKind::kEmergency));
  w_.SetTime("2026-10-03T09:00:00Z");
  AdoptByAll(Propose(ledger::ProposalKind::kEmergency));
  EXPECT_EQ(w_.Now().state().emergencies.size(), 1u);
  EXPECT_FALSE(w_.Rule(w_.Asking("first", 1, "kt", "reviews")).allowed());
  w_.SetTime("2026-10-05T09:00:00Z");
  EXPECT_FALSE(w_.Rule(w_.Asking("first", 1, "kt", "reviews")).allowed());
  w_.SetTime("2026-10-06T09:00:01Z");
  EXPECT_TRUE(w_.Rule(w_.Asking("first", 1, "kt", "reviews")).allowed());
  EXPECT_EQ(Dissent(), "none");
}

TEST_F(VotingTest, AnEmergencyTextThatIsAdoptedForGoodDecidesOnce) {
  AdoptByAll(Propose(ledger::ProposalKind::kEmergency));
  AdoptByAll(Propose());
  w_.Propose("second", "scientific-research");
  w_.Approve("second");
  EXPECT_FALSE(w_.Rule(w_.Asking("second", 0, "kt", "reviews")).allowed());
  EXPECT_EQ(Dissent(), "none");
}

TEST_F(VotingTest, ARuleOfAnotherTextsNameIsRefusedWhereverThatTextStands) {
  AdoptByAll(Propose());
  const auto in_force = Refusal(ledger::ProposalKind::kReplace, Renamed());
  ASSERT_TRUE(in_force);
  EXPECT_EQ(in_force->rule, "rule-taken");
  EXPECT_EQ(in_force->text,
            "rule P7.1 is also in \"P7 No evening work\", which is in force: no decision could say "
            "which of the two it means; give the rule another name");
  EXPECT_TRUE(Refusal(ledger::ProposalKind::kEmergency, Renamed()));
  EXPECT_FALSE(Refusal(ledger::ProposalKind::kEmergency, std::string(kStricter)));
  std::string next(kStricter);
  next.replace(next.find("version 1"), 9, "version 2");
  EXPECT_FALSE(Refusal(ledger::ProposalKind::kReplace, next)) << "whose place it takes";
}

TEST_F(VotingTest, ARuleOfAnEmergencyTextsNameIsRefusedWhileThatHolds) {
  AdoptByAll(Propose(ledger::ProposalKind::kEmergency));
  const auto refusal = Refusal(ledger::ProposalKind::kReplace, Renamed());
  ASSERT_TRUE(refusal);
  EXPECT_THAT(refusal->text, ::testing::HasSubstr("the emergency text \"P7 No evening work\", in "
                                                  "force until 2026-10-04T09:00:00Z"));
  w_.SetTime("2026-10-04T09:00:01Z");
  EXPECT_FALSE(Refusal(ledger::ProposalKind::kReplace, Renamed()));
}

TEST_F(VotingTest, ARuleOfATextThatARunWasApprovedUnderIsRefusedInAnEmergency) {
  AdoptByAll(Propose());
  BeginRun();
  std::string next = Renamed();
  next.replace(next.find("P8"), 2, "P7").replace(next.find("version 1"), 9, "version 2");
  for (size_t at = next.find("P7.1"); at != std::string::npos; at = next.find("P7.1", at)) {
    next.replace(at, 4, "P7.2");
  }
  AdoptByAll(Propose(ledger::ProposalKind::kReplace, next), next);
  const auto refusal = Refusal(ledger::ProposalKind::kEmergency, Renamed());
  ASSERT_TRUE(refusal);
  EXPECT_THAT(refusal->text, ::testing::HasSubstr("which run first was approved under"));
}

TEST_F(VotingTest, ATextWhoseRuleWasTakenMeanwhileIsRejected) {
  const uint64_t emergency = TakeItsRuleMeanwhile();
  const auto due = Due(emergency);
  ASSERT_TRUE(due);
  EXPECT_FALSE(due->adopt);
  EXPECT_EQ(due->reason, "rule-taken");
  w_.Say("host", ledger::PolicyRejected{emergency, due->reason, due->tally});
  EXPECT_EQ(Dissent(), "none");
}

TEST_F(VotingTest, AdoptingATextWhoseRuleWasTakenMeanwhileIsALie) {
  const uint64_t emergency = TakeItsRuleMeanwhile();
  w_.Say("host",
         ledger::PolicyAdopted{emergency, Sha256(AsBytes(Renamed())), Due(emergency)->tally});
  EXPECT_EQ(Dissent(), "tally-differs");
}

TEST_F(VotingTest, InARecordOfOurWordsAProposalWithATakenRuleIsVoid) {
  BeginRun();
  AdoptByAll(Propose());
  Propose(ledger::ProposalKind::kReplace, Renamed());
  const Auditor audit = w_.Audit();
  ASSERT_FALSE(audit.voids().empty());
  EXPECT_EQ(audit.voids().back().rule, "rule-taken");
}

TEST_F(VotingTest, ARecordOfABuildThatAdoptedATakenRuleIsReplayedAsItIs) {
  AdoptByAll(Propose());
  const uint64_t second = Propose(ledger::ProposalKind::kReplace, Renamed());
  for (const char* member : {"kt", "etri", "snu"}) Vote(member, second, Choice::kYes);
  w_.Say("host", ledger::PolicyAdopted{second, Sha256(AsBytes(Renamed())), Due(second)->tally});
  EXPECT_EQ(Dissent(), "none");
  EXPECT_TRUE(w_.Now().state().in_force.contains("P8 No evening work"));
}

TEST_F(VotingTest, ARunKeepsThePoliciesItWasApprovedUnder) {
  w_.Propose("first", "scientific-research");
  w_.Approve("first");
  const uint64_t proposal = Propose();
  for (const char* member : {"kt", "etri", "snu"}) Vote(member, proposal, Choice::kYes);
  Adopt(proposal);
  EXPECT_TRUE(w_.Rule(w_.Asking("first", 0, "kt", "reviews")).allowed());
  w_.Propose("second", "scientific-research");
  w_.Approve("second");
  EXPECT_FALSE(w_.Rule(w_.Asking("second", 0, "kt", "reviews")).allowed());
}

TEST_F(VotingTest, AProposalForPoliciesThatAreNoLongerInForceEndsAsSuperseded) {
  const uint64_t other = AdoptOneOfTwo();
  const auto due = Due(other);
  ASSERT_TRUE(due);
  EXPECT_FALSE(due->adopt);
  EXPECT_EQ(due->reason, "superseded");
  w_.Say("host", ledger::PolicyRejected{other, due->reason, due->tally});
  EXPECT_EQ(Dissent(), "none");
  EXPECT_TRUE(w_.Now().state().proposals.at(other).outcome);
}

TEST_F(VotingTest, AdoptingASupersededProposalIsALie) {
  w_.Propose("first", "scientific-research");
  w_.Approve("first");
  w_.DecideAndSay(w_.Asking("first", 0, "kt", "reviews"));  // the record's words are of today
  const uint64_t other = AdoptOneOfTwo();
  w_.Say("host", ledger::PolicyAdopted{other, Sha256(AsBytes(kStricter)), Due(other)->tally});
  EXPECT_EQ(Dissent(), "tally-differs");
}

TEST_F(VotingTest, ARecordOfABuildThatAdoptedASupersededProposalIsReplayedAsItIs) {
  const uint64_t other = AdoptOneOfTwo();
  w_.Say("host", ledger::PolicyAdopted{other, Sha256(AsBytes(kStricter)), Due(other)->tally});
  EXPECT_EQ(Dissent(), "none");
}

TEST(Voting, NothingIsDueOfARunThatWasHaltedBeforeItsVoteEnded) {
  World w;
  ledger::VotingRule by_vote;
  by_vote.runs_by_vote = true;
  w.Found(by_vote);
  w.Propose("first", "scientific-research");
  const RunId run = *RunId::Parse("first");
  const uint64_t proposal = w.Now().state().runs.at(run).proposed;
  const ledger::Event yes = ledger::VoteCast{proposal, w.log().Leaf(proposal), Choice::kYes};
  w.Say("kt-desk", yes);
  w.Say("host", ledger::RunHalted{run, "stopped"});
  w.Say("etri-desk", yes);  // it was under way
  const auto due = [&] {
    const Standing now = w.Now();
    return DueOutcome(now.state().proposals.at(proposal), now.state(),
                      rules::Instant::At(w.time()));
  };
  EXPECT_FALSE(due());
  w.SetTime("2026-10-09T09:00:00Z");
  EXPECT_FALSE(due());
  EXPECT_FALSE(w.Audit().dissent());
}

TEST(Voting, ARunThatOlderBuildsRejectedAfterItWasHaltedEndedWhenItWasHalted) {
  World w;
  ledger::VotingRule by_vote;
  by_vote.runs_by_vote = true;
  w.Found(by_vote);
  w.Propose("first", "scientific-research");
  const RunId run = *RunId::Parse("first");
  const uint64_t halted = w.Say("host", ledger::RunHalted{run, "stopped"});
  w.SetTime("2026-10-09T09:00:00Z");
  const Standing now = w.Now();
  const uint64_t proposal = now.state().runs.at(run).proposed;
  const auto old = DueOutcome(now.state().proposals.at(proposal), now.state(),
                              rules::Instant::At(w.time()), kHaltedIsOverSince - 1);
  ASSERT_TRUE(old);
  w.Say("host", ledger::PolicyRejected{proposal, old->reason, old->tally});
  EXPECT_FALSE(w.Audit().dissent());
  EXPECT_EQ(w.Now().state().runs.at(run).halted, halted);
  EXPECT_EQ(w.Now().state().runs.at(run).halt_reason, "stopped");
}

TEST_F(VotingTest, ImpactListsThePastDecisionsThatWouldFlip) {
  w_.Propose("first", "scientific-research");
  w_.Approve("first");
  const uint64_t index = w_.DecideAndSay(w_.Asking("first", 0, "kt", "reviews"));
  const auto document = rules::ReadPolicy(std::string(kStricter), "p7.policy");
  ASSERT_TRUE(document) << document.error().message;
  const auto impact = ImpactOf(w_.log(), *document);
  ASSERT_TRUE(impact) << impact.error().message;
  EXPECT_EQ(impact->decided, 1u);
  ASSERT_EQ(impact->flips.size(), 1u);
  EXPECT_EQ(impact->flips[0].index, index);
  EXPECT_EQ(impact->flips[0].proposed.reasons[0].rule, "P7.1");
}

}  // namespace
}  // namespace dure::standing
