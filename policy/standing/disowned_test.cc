// Keys that end: what they said before, and whose votes that leaves.
#include <gmock/gmock.h>

#include "policy/standing/testing.h"
#include "policy/standing/voting.h"

namespace dure::standing {
namespace {

using ledger::Choice;
using testing::DigestOf;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing::World;

constexpr uint32_t kBeforeTheyDid = kVotesOutliveKeysSince - 1;

class DisownedTest : public ::testing::Test {
 protected:
  DisownedTest() { Begin(rules::kWordsVersion); }
  void Begin(uint32_t words) {
    w_ = std::make_unique<World>();
    w_->Found(World::NoVoteOnRuns(), words);
    if (words < rules::kWordsVersion) w_->SetWords(words);
    w_->Enrol("snu", ledger::House::kAcademic, 30);
    w_->Lend("notes", "etri", terms::testing::OpenTerms());
  }
  uint64_t Propose() {
    return w_->Say("kt-desk", ledger::PolicyProposed{ledger::ProposalKind::kFormula, {}, formula_});
  }
  Result<uint64_t> TryVote(const std::string& desk, uint64_t proposal, Choice choice) {
    return w_->TrySay(desk, ledger::VoteCast{proposal, w_->log().Leaf(proposal), choice});
  }
  void Vote(const std::string& desk, uint64_t proposal, Choice choice) {
    ASSERT_TRUE(TryVote(desk, proposal, choice));
  }
  // An officer of etri that nobody at etri knows.
  void Impersonate() {
    w_->AddSeat("second-desk", "etri", ledger::Role::kOfficer, 77);
    w_->Admit("second-desk");
  }
  void End(const std::string& who, const std::string& name, const std::string& reason) {
    const World::Seat& seat = w_->SeatOf(name);
    w_->Say(who, ledger::KeyRevoked{seat.actor.member, seat.actor.key, reason});
  }
  ledger::Tally Count(uint64_t proposal, uint32_t words = rules::kWordsVersion) const {
    const Standing now = w_->Now();
    return CountVotes(now.state().proposals.at(proposal), now.state(), words);
  }
  static ledger::HouseTally In(const ledger::Tally& tally, ledger::House house) {
    const auto found = std::ranges::find(tally.houses, house, &ledger::HouseTally::house);
    return found == tally.houses.end() ? ledger::HouseTally{} : *found;
  }
  bool IsOver(uint64_t proposal) const {
    const Standing now = w_->Now();
    return DueOutcome(now.state().proposals.at(proposal), now.state(),
                      rules::Instant::At(w_->time()))
        .has_value();
  }
  ledger::ConsentGiven Yes(bool standing) const {
    return {*DatasetId::Parse("notes"),
            {},
            ledger::UseKind::kServe,
            "benchmark",
            Digest(),
            MemberId(),
            standing};
  }
  size_t Consents() const {
    return w_->Now().state().datasets.at(*DatasetId::Parse("notes")).consents.size();
  }
  std::vector<std::string> Voids() const {
    std::vector<std::string> rules;
    const Auditor audit = w_->Audit();
    for (const Finding& finding : audit.voids()) rules.push_back(finding.rule);
    return rules;
  }

  const std::string formula_ =
      "share formula: tokens 40, steps 20, rounds 30, evaluations 10, cap 50";
  std::unique_ptr<World> w_;
};

TEST_F(DisownedTest, AVoteOfADisownedKeyIsNoneAndItsMemberMayVote) {
  const uint64_t proposal = Propose();
  Impersonate();
  Vote("second-desk", proposal, Choice::kYes);
  EXPECT_EQ(In(Count(proposal), ledger::House::kPublic).yes, 1u);
  End("etri-desk", "second-desk", "disowned");
  EXPECT_EQ(In(Count(proposal), ledger::House::kPublic).yes, 0u);
  Vote("etri-desk", proposal, Choice::kNo);
  EXPECT_THAT(Voids(), IsEmpty());
  EXPECT_EQ(In(Count(proposal), ledger::House::kPublic).no, 1u);
}

TEST_F(DisownedTest, AlsoWhereTheAggregatorEndedTheKeyBefore) {
  const uint64_t proposal = Propose();
  Impersonate();
  Vote("second-desk", proposal, Choice::kYes);
  End("host", "second-desk", "revoked-by-operator");
  EXPECT_EQ(In(Count(proposal), ledger::House::kPublic).yes, 1u) << "who cast it may have left";
  End("etri-desk", "second-desk", "disowned");
  EXPECT_EQ(In(Count(proposal), ledger::House::kPublic).yes, 0u);
  EXPECT_EQ(w_->Now().state().members.at(*MemberId::Parse("etri")).officers, 1u);
}

TEST_F(DisownedTest, AKeyThatWasLetInLaterDisownsNothingThatWasSaidBefore) {
  const uint64_t proposal = Propose();
  Vote("etri-desk", proposal, Choice::kNo);
  Impersonate();
  End("second-desk", "etri-desk", "disowned");
  EXPECT_EQ(In(Count(proposal), ledger::House::kPublic).no, 1u);
}

TEST_F(DisownedTest, ItsConsentsAreNone) {
  Impersonate();
  for (const bool standing : {false, true}) w_->Say("second-desk", Yes(standing));
  w_->Say("etri-desk", Yes(false));
  EXPECT_EQ(Consents(), 3u);
  End("etri-desk", "second-desk", "disowned");
  EXPECT_EQ(Consents(), 1u);
}

TEST_F(DisownedTest, InAnOlderRecordTheyStand) {
  Begin(kBeforeTheyDid);
  const uint64_t proposal = Propose();
  Impersonate();
  Vote("second-desk", proposal, Choice::kYes);
  w_->Say("second-desk", Yes(true));
  End("etri-desk", "second-desk", "disowned");
  EXPECT_EQ(In(Count(proposal, kBeforeTheyDid), ledger::House::kPublic).yes, 1u);
  EXPECT_EQ(Consents(), 1u);
  Vote("etri-desk", proposal, Choice::kNo);
  EXPECT_THAT(Voids(), ElementsAre("voted-twice"));
}

TEST_F(DisownedTest, TheAggregatorTakesNoVoteBackByEndingItsKey) {
  const uint64_t proposal = Propose();
  Vote("etri-desk", proposal, Choice::kNo);
  End("host", "etri-desk", "revoked-by-operator");
  End("host", "etri-site", "revoked-by-operator");
  const ledger::HouseTally house = In(Count(proposal), ledger::House::kPublic);
  EXPECT_EQ(house.no, 1u);
  EXPECT_EQ(house.members, 1u);
  EXPECT_THAT(Count(proposal, kBeforeTheyDid).votes, IsEmpty());
}

TEST_F(DisownedTest, TheAggregatorEndsNoVoteEarlyByEndingTheKeysOfWhoeverIsSilent) {
  const uint64_t proposal = Propose();
  Vote("kt-desk", proposal, Choice::kYes);
  Vote("etri-desk", proposal, Choice::kYes);
  for (const char* key : {"snu-desk", "snu-site"}) End("host", key, "revoked-by-operator");
  EXPECT_FALSE(IsOver(proposal));
  EXPECT_EQ(In(Count(proposal), ledger::House::kAcademic).members, 1u);
  EXPECT_THAT(Count(Propose()).houses, SizeIs(2)) << "in a vote that begins now it counts no more";
}

TEST_F(DisownedTest, WhoeverLeavesByItsOwnWordIsNotWaitedFor) {
  const uint64_t proposal = Propose();
  Vote("kt-desk", proposal, Choice::kYes);
  Vote("etri-desk", proposal, Choice::kYes);
  End("snu-site", "snu-desk", "left");
  EXPECT_FALSE(IsOver(proposal));
  End("snu-site", "snu-site", "left");
  EXPECT_TRUE(IsOver(proposal));
}

// A key that somebody lets in for a member may name a seat that is there.
class SlippedInTest : public DisownedTest {
 protected:
  void SlipIn() { LetIn("slipped-in", "etri-desk", 77); }
  void LetIn(const std::string& name, const std::string& seat, uint8_t seed) {
    w_->AddSeat(name, "etri", ledger::Role::kOfficer, seed);
    w_->Say("host", ledger::MemberAdmitted{*MemberId::Parse("etri"), *SiteId::Parse(seat),
                                           ledger::Role::kOfficer, w_->SeatOf(name).actor.key});
  }
};

TEST_F(SlippedInTest, InTheOfficersOwnSeatItTakesNothingBackEither) {
  const uint64_t proposal = Propose();
  Vote("etri-desk", proposal, Choice::kNo);
  w_->Say("etri-desk", Yes(true));
  SlipIn();
  End("slipped-in", "etri-desk", "disowned");
  EXPECT_EQ(In(Count(proposal), ledger::House::kPublic).no, 1u);
  EXPECT_EQ(Consents(), 1u);
}

TEST_F(SlippedInTest, ItDoesNotLeaveInTheMembersName) {
  for (const bool before : {true, false}) {
    Begin(rules::kWordsVersion);
    if (before) SlipIn();
    const uint64_t proposal = Propose();
    if (!before) SlipIn();
    Vote("kt-desk", proposal, Choice::kYes);
    Vote("snu-desk", proposal, Choice::kYes);
    for (const char* key : {"etri-desk", "etri-site", "slipped-in"}) End("slipped-in", key, "left");
    EXPECT_EQ(In(Count(proposal), ledger::House::kPublic).members, 1u);
    EXPECT_FALSE(IsOver(proposal));
  }
}

// Its new key is younger than what it disowns: the site's takes that back.
TEST_F(SlippedInTest, AnOfficerThatWasEnrolledAnewTakesItBackWithAnotherOldKeyOfItsMember) {
  const uint64_t proposal = Propose();
  SlipIn();
  Vote("slipped-in", proposal, Choice::kYes);
  LetIn("anew", "etri-desk", 78);
  End("host", "etri-desk", "re-enrolled");
  End("anew", "slipped-in", "disowned");
  EXPECT_TRUE(w_->Now().state().speakers.at(w_->SeatOf("slipped-in").actor.key).revoked);
  EXPECT_EQ(In(Count(proposal), ledger::House::kPublic).yes, 1u);
  End("etri-site", "slipped-in", "disowned");
  EXPECT_EQ(In(Count(proposal), ledger::House::kPublic).yes, 0u);
  EXPECT_THAT(Voids(), IsEmpty());
}

// Runs that are voted on, and two datasets of etri: one is lent to whoever asks it.
class DisownedVoteOnARunTest : public DisownedTest {
 protected:
  DisownedVoteOnARunTest() {
    ledger::VotingRule voted;
    voted.runs_by_vote = true;
    w_ = std::make_unique<World>();
    w_->Found(voted, rules::kWordsVersion);
    w_->Enrol("lab", ledger::House::kPublic, 30);
    w_->Enrol("univ", ledger::House::kPublic, 40);
    w_->Lend("notes", "etri", terms::testing::OpenTerms());
    terms::Terms asked = terms::testing::OpenTerms();
    asked.Of(terms::Action::kTrain) = terms::Permission::kAsk;
    w_->Lend("letters", "etri", asked);
    Impersonate();
  }
  // Approved, with that word of the officer whom nobody at etri knows.
  void Approve(const std::string& run, Choice choice) {
    w_->Propose(run, "scientific-research");
    const RunId id = *RunId::Parse(run);
    const uint64_t proposal = w_->Now().state().runs.at(id).proposed;
    for (const char* desk : {"kt-desk", "lab-desk", "univ-desk"}) {
      Vote(desk, proposal, Choice::kYes);
    }
    Vote("second-desk", proposal, choice);
    const Standing now = w_->Now();
    const auto due =
        DueOutcome(now.state().proposals.at(proposal), now.state(), rules::Instant::At(w_->time()));
    ASSERT_TRUE(due && due->adopt);
    w_->Say("host", ledger::RunApproved{id, now.state().policies, due->tally});
  }
  bool Admits(const std::string& run, const std::string& dataset) const {
    return w_->Rule(w_->Asking(run, 0, "etri", dataset)).allowed();
  }
};

TEST_F(DisownedVoteOnARunTest, ItsYesIsNoConsentOfTheOwner) {
  Approve("first", Choice::kYes);
  EXPECT_TRUE(Admits("first", "letters"));
  End("etri-desk", "second-desk", "disowned");
  EXPECT_FALSE(Admits("first", "letters"));
  EXPECT_TRUE(Admits("first", "notes")) << "the run stays approved, as its tally says";
  w_->DecideAndSay(w_->Asking("first", 0, "etri", "letters"));
  EXPECT_FALSE(w_->Audit().dissent());
}

TEST_F(DisownedVoteOnARunTest, ItsNoKeepsNothingOutOfTheRun) {
  Approve("first", Choice::kNo);
  EXPECT_FALSE(Admits("first", "notes"));
  End("etri-desk", "second-desk", "disowned");
  EXPECT_TRUE(Admits("first", "notes"));
  EXPECT_FALSE(Admits("first", "letters")) << "nobody of etri said yes";
  w_->DecideAndSay(w_->Asking("first", 0, "etri", "notes"));
  EXPECT_FALSE(w_->Audit().dissent());
}

}  // namespace
}  // namespace dure::standing
