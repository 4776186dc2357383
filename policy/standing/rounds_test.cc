// What a run's rounds must be of each other, and what stands behind a model that several made.
#include <gmock/gmock.h>

#include "policy/standing/behind.h"
#include "policy/standing/counting.h"
#include "policy/standing/testing.h"

namespace dure::standing {
namespace {

using testing::DigestOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::World;

constexpr uint32_t kLastMakerOnly = kEveryMakerSince - 1;

class RoundsTest : public ::testing::Test {
 protected:
  RoundsTest() {
    w_.Found();
    terms::Terms research = terms::testing::OpenTerms();
    research.use = terms::UseClass::kNonCommercial;
    research.purposes = {terms::Purpose::kScientificResearch};
    research.licence.data = "CC-BY-NC-4.0";
    w_.Lend("notes", "etri", research);
    w_.Lend("reviews", "kt", terms::testing::OpenTerms());
  }
  void Start(const std::string& run) {
    w_.Propose(run, "scientific-research");
    w_.Approve(run);
  }
  // Model M of the first run, and a second run from it whose only round changes nothing.
  void MakeTheSameModelTwice() {
    Start("first");
    Start("second");
    w_.PlayRoundFrom(DigestOf("start"), DigestOf("M"), "first", 0, {{"etri", "notes"}});
    w_.PlayRoundFrom(DigestOf("M"), DigestOf("M"), "second", 0, {{"kt", "reviews"}});
  }
  std::string DissentRule() const {
    const auto dissent = w_.Audit().dissent();
    return dissent ? dissent->rule : "none";
  }
  World w_;
};

TEST_F(RoundsTest, WhatIsBehindAModelStaysBehindItAfterARoundThatChangesNothing) {
  MakeTheSameModelTwice();
  const Standing now = w_.Now();
  EXPECT_THAT(RoundsBehind(now.state(), DigestOf("M")),
              ElementsAre(World::At("first", 0), World::At("second", 0)));
  EXPECT_EQ(DatasetsBehind(now.state(), DigestOf("M")).size(), 2u);
  const auto ruling = Decide(now, w_.ToServe("M", "commercial-service"));
  ASSERT_TRUE(ruling) << ruling.error().message;
  EXPECT_THAT(ruling->Json(), HasSubstr("terms:notes#use"));
}

TEST_F(RoundsTest, WhatIsBehindAModelIsBehindWhateverComesOfIt) {
  MakeTheSameModelTwice();
  Start("third");
  w_.PlayRoundFrom(DigestOf("M"), DigestOf("N"), "third", 0, {{"kt", "reviews"}});
  EXPECT_EQ(RoundsBehind(w_.Now().state(), DigestOf("N")).size(), 3u);
}

TEST_F(RoundsTest, AGrantOfABuildThatForgotTheFirstMakerIsReplayedInItsWordsAndIsALieInOurs) {
  w_.SetWords(kLastMakerOnly);
  MakeTheSameModelTwice();
  GrantRequest request = w_.ToServe("M", "commercial-service");
  request.words = kLastMakerOnly;
  Ruling ruling = *Decide(w_.Now(), request);
  EXPECT_THAT(ruling.Json(), ::testing::Not(HasSubstr("terms:notes")));
  ruling.decision.words = kLastMakerOnly;
  w_.Say("host", EventOf(w_.Now(), request, ruling));
  EXPECT_EQ(DissentRule(), "none");
  ruling.decision.words = kEveryMakerSince;
  w_.Say("host", EventOf(w_.Now(), request, ruling));
  EXPECT_EQ(DissentRule(), "decision-differs");
}

TEST_F(RoundsTest, ARoundThatStartsFromAnythingButWhatTheLastOneLeftIsALie) {
  Start("first");
  w_.PlayRoundFrom(DigestOf("start"), DigestOf("M"), "first", 0, {{"kt", "reviews"}});
  EXPECT_EQ(DissentRule(), "none");
  w_.PlayRoundFrom(DigestOf("start"), DigestOf("N"), "first", 1, {{"kt", "reviews"}});
  EXPECT_EQ(DissentRule(), "other-base");
}

TEST_F(RoundsTest, TheFirstRoundStartsFromTheModelThatTheRunWasProposedWith) {
  for (const char* run : {"honest", "lie"}) {
    w_.Propose(run, "scientific-research", "non-profit",
               {{"initialModel", DigestOf("start").Hex()}});
    w_.Approve(run);
  }
  w_.PlayRoundFrom(DigestOf("start"), DigestOf("M"), "honest", 0, {{"kt", "reviews"}});
  EXPECT_EQ(DissentRule(), "none");
  w_.PlayRoundFrom(DigestOf("M"), DigestOf("N"), "lie", 0, {{"kt", "reviews"}});
  EXPECT_EQ(DissentRule(), "other-base");
}

TEST_F(RoundsTest, ARoundThatIsClosedAgainOrPassedOverIsALie) {
  for (const uint64_t next : {0, 2}) {
    SCOPED_TRACE(next);
    const std::string run = "run-" + std::to_string(next);
    Start(run);
    w_.PlayRoundFrom(DigestOf("start"), DigestOf("M"), run, 0, {{"kt", "reviews"}});
    ledger::RoundOpened again{World::At(run, next), DigestOf("M"), {}};
    again.at.attempt = 1;
    const Standing before = w_.Now();
    w_.Say("host", again);
    EXPECT_EQ(w_.Now().state().rounds.size(), before.state().rounds.size());
    EXPECT_EQ(DissentRule(), "round-number");
  }
}

// Two attempts at one round, both open before either is closed: the second closing counts it twice.
TEST_F(RoundsTest, ARoundClosesOnceWhateverWasOpenBefore) {
  Start("first");
  RoundAttempt second = World::At("first", 0);
  second.attempt = 1;
  w_.DecideAndSay(w_.Asking("first", 0, "kt", "reviews"));
  w_.Say("host", ledger::RoundOpened{second, DigestOf("start"), {}});
  w_.PlayRoundFrom(DigestOf("start"), DigestOf("M"), "first", 0, {{"kt", "reviews"}});
  EXPECT_EQ(DissentRule(), "none");
  ledger::RoundClosed closed;
  closed.at = second;
  w_.Say("host", closed);
  EXPECT_EQ(DissentRule(), "round-number");
}

TEST_F(RoundsTest, AClosingOfFewerThanTheQuorumIsALie) {
  for (const char* quorum : {"1", "2"}) {
    w_.Propose(std::string("of-") + quorum, "scientific-research", "non-profit",
               {{"quorum", quorum}});
    w_.Approve(std::string("of-") + quorum);
  }
  w_.PlayRound("of-1", 0, {{"kt", "reviews"}});
  w_.PlayRound("of-2", 0, {{"kt", "reviews"}, {"etri", "notes"}});
  EXPECT_EQ(DissentRule(), "none");
  w_.PlayRound("of-2", 1, {{"kt", "reviews"}});
  EXPECT_EQ(DissentRule(), "below-quorum");
}

// Whoever voted and whoever lends decided on a run that hides single updates, or does not.
TEST_F(RoundsTest, WhatIsNotMaskedAsProposedIsVoidAndCountingItIsALie) {
  w_.Propose("first", "scientific-research", "non-profit", {{"masking", "pairwise"}});
  w_.Approve("first");
  const Digest base = DigestOf("start");
  const SiteId site = *SiteId::Parse("kt-site");
  const RoundAttempt at = World::At("first", 0);
  const uint64_t admission = w_.DecideAndSay(w_.Asking("first", 0, "kt", "reviews"));
  w_.Say("host", ledger::RoundOpened{at, base, {site}});
  const uint64_t index =
      w_.Say("kt-site", World::Submitted(at, base, {"kt", "reviews"}, admission));
  EXPECT_EQ(DissentRule(), "none");
  EXPECT_TRUE(w_.Now().state().rounds.at(at).submissions.empty());
  ledger::RoundClosed closed;
  closed.at = at;
  closed.model = closed.aggregate = closed.momentum = closed.scales = DigestOf("a");
  closed.submissions = {{index, site, testing::kWeight}};
  w_.Say("host", closed);
  EXPECT_EQ(DissentRule(), "other-masking");
}

TEST_F(RoundsTest, WhatIsMaskedInARunThatWasProposedUnmaskedIsVoid) {
  w_.Propose("first", "scientific-research", "non-profit", {{"masking", "none"}});
  w_.Approve("first");
  const Digest base = testing::DigestOf("start");
  const uint64_t admission = w_.DecideAndSay(w_.Asking("first", 0, "kt", "reviews"));
  w_.Say("host", ledger::RoundOpened{World::At("first", 0), base, {*SiteId::Parse("kt-site")}});
  auto said = World::Submitted(World::At("first", 0), base, {"kt", "reviews"}, admission);
  said.weight = said.tokens = said.steps = 0;
  said.norm.reset();
  w_.Say("kt-site", said);
  EXPECT_EQ(DissentRule(), "none");
  EXPECT_TRUE(w_.Now().state().rounds.at(World::At("first", 0)).submissions.empty());
}

// As of a masked round: what was submitted says no weight.
TEST_F(RoundsTest, AClosingWhoseSitesDoNotWeighThatMuchTogetherIsALie) {
  struct Case {
    std::map<std::string, std::string> proposed;
    uint64_t sum;
    const char* rule;
  };
  const std::map<std::string, std::string> kEven = {{"weighting", "equal"}, {"merge", "mean"}};
  const std::vector<Case> cases = {
      {kEven, 2 << 20, "none"},
      {{{"weighting", "equal"}}, 2 << 20, "none"},
      {{{"weighting", "tokens"}}, 12345, "none"},
      {{{"weighting", "equal"}, {"merge", "direction-norm"}}, 12345, "none"},
      {{}, 12345, "none"},
      {kEven, (2 << 20) - 1, "weight-sum"},
  };
  for (size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(i);
    const std::string run = "run-" + std::to_string(i);
    std::map<std::string, std::string> proposed = cases[i].proposed;
    proposed["masking"] = "pairwise";
    w_.Propose(run, "scientific-research", "non-profit", proposed);
    w_.Approve(run);
    w_.PlayMaskedRound(run, {{"kt", "reviews"}, {"etri", "notes"}}, {.weight = cases[i].sum});
    EXPECT_EQ(DissentRule(), cases[i].rule);
  }
}

// What is submitted stands in the record, and its digest is there for everybody to say.
class TwiceTest : public RoundsTest {
 protected:
  // Round 0 of the run is open, with both sites in its cohort.
  void Open(const std::string& run) {
    Start(run);
    at_ = World::At(run, 0);
    ledger::RoundOpened opened{at_, DigestOf("start"), {}};
    for (size_t i = 0; i < 2; ++i) {
      admissions_[i] = w_.DecideAndSay(w_.Asking(run, 0, kWho[i].first, kWho[i].second));
      opened.cohort.push_back(*SiteId::Parse(kWho[i].first + "-site"));
    }
    w_.Say("host", opened);
  }
  ledger::ContributionSubmitted Of(size_t who, const std::string& bytes) const {
    auto said = World::Submitted(at_, DigestOf("start"), kWho[who], admissions_[who]);
    said.contribution = DigestOf(bytes);
    return said;
  }
  uint64_t Submit(size_t who, const std::string& bytes) {
    return w_.Say(kWho[who].first + "-site", Of(who, bytes));
  }
  // What a site that asks before it says so is told.
  std::string Objection(size_t who, const std::string& bytes) {
    const auto& seat = w_.SeatOf(kWho[who].first + "-site");
    const auto sealed =
        ledger::SealNext(w_.log(), seat.actor, *seat.signer, w_.time(), Of(who, bytes));
    const auto finding = w_.Now().Check(*ledger::ParseEntry(sealed->bytes));
    return finding ? finding->rule : "none";
  }
  void Close(const std::vector<uint64_t>& counted) {
    ledger::RoundClosed closed;
    closed.at = at_;
    closed.model = closed.aggregate = closed.momentum = closed.scales = DigestOf("a");
    for (size_t i = 0; i < 2; ++i) {
      const SiteId site = *SiteId::Parse(kWho[i].first + "-site");
      if (i < counted.size()) {
        closed.submissions.push_back({counted[i], site, testing::kWeight});
      } else {
        closed.excluded.push_back({site, "counts-twice"});
      }
    }
    w_.Say("host", closed);
  }

  const std::pair<std::string, std::string> kWho[2] = {{"etri", "notes"}, {"kt", "reviews"}};
  RoundAttempt at_;
  uint64_t admissions_[2] = {};
};

TEST_F(TwiceTest, AClosingThatCountsOneContributionOfTwoSitesIsALie) {
  Open("honest");
  Close({Submit(0, "one"), Submit(1, "another")});
  Open("left-out");
  const uint64_t first = Submit(0, "one");
  Submit(1, "one");
  Close({first});
  EXPECT_EQ(DissentRule(), "none");
  Open("lie");
  const uint64_t own = Submit(0, "one");
  Close({own, Submit(1, "one")});
  EXPECT_EQ(DissentRule(), "counts-twice");
}

TEST_F(TwiceTest, ARecordInOlderWordsIsReplayedAsItIs) {
  w_.SetWords(kCountsOnceSince - 1);
  Open("older");
  const uint64_t first = Submit(0, "one");
  Close({first, Submit(1, "one")});
  EXPECT_EQ(DissentRule(), "none");
}

TEST_F(TwiceTest, WhatAnotherSiteHasSubmittedIsNotSaidAgain) {
  Open("first");
  const uint64_t first = Submit(0, "one");
  EXPECT_EQ(Objection(1, "one"), "counts-twice");
  EXPECT_EQ(Objection(1, "another"), "none");
  // Both came at once: they stand, and the first is nobody else's.
  const uint64_t second = Submit(1, "one");
  EXPECT_EQ(DissentRule(), "none");
  const Standing now = w_.Now();
  const Round& round = now.state().rounds.at(at_);
  EXPECT_EQ(SameOfAnother(round, first), nullptr);
  ASSERT_NE(SameOfAnother(round, second), nullptr);
  EXPECT_EQ(SameOfAnother(round, second)->index, first);
  Close({first});
  Open("second");  // another run's round: its own business
  EXPECT_EQ(Objection(1, "one"), "none");
}

// A build from before let both in, and was replaced before it made the sum.
TEST_F(TwiceTest, WhatWasReceiptedTwiceBeforeAnUpgradeIsNotMergedAfterIt) {
  w_.SetWords(kCountsOnceSince - 1);
  Open("older");
  const uint64_t first = Submit(0, "one");
  const uint64_t second = Submit(1, "one");
  const RoundAttempt older = at_;
  const auto why_not = [&](const std::vector<uint64_t>& both) {
    return WhyNotMerged(w_.Now().state(), older, both);
  };
  EXPECT_EQ(why_not({first, second}), "counts-twice") << "it is settled before anything newer is";
  EXPECT_EQ(why_not({first}), "");
  EXPECT_EQ(why_not({second}), "");
  w_.SetWords(kCountsOnceSince);
  Open("newer");
  EXPECT_EQ(why_not({first, second}), "counts-twice");
  const uint64_t own = Submit(0, "one");
  EXPECT_EQ(WhyNotMerged(w_.Now().state(), at_, {own, Submit(1, "another")}), "");
  EXPECT_EQ(WhyNotMerged(w_.Now().state(), World::At("none", 0), {own}), "");
  at_ = older;
  Close({first, second});
  EXPECT_EQ(DissentRule(), "counts-twice") << "as every member would say";
}

TEST_F(RoundsTest, ARecordInTheWordsOfABuildThatDidNotLookIsReplayedAsItIs) {
  w_.SetWords(kLastMakerOnly);
  w_.Propose("first", "scientific-research", "non-profit",
             {{"quorum", "2"}, {"initialModel", DigestOf("start").Hex()}});
  w_.Approve("first");
  w_.PlayRoundFrom(DigestOf("another"), DigestOf("M"), "first", 5, {{"kt", "reviews"}});
  EXPECT_EQ(DissentRule(), "none");
}

// Nobody's terms are behind it, so that it would be let be used for anything.
TEST_F(RoundsTest, AModelThatNoRoundMadeIsLetBeUsedForNothing) {
  Start("first");
  w_.PlayRound("first", 0, {{"etri", "notes"}});
  const GrantRequest request = w_.ToServe("first/0, but for a byte", "commercial-service");
  const Standing now = w_.Now();
  w_.Say("host", EventOf(now, request, *Decide(now, request)));
  EXPECT_EQ(DissentRule(), "unknown-model");
}

TEST(OlderGrants, OfAModelThatNoRoundMadeAreReplayed) {
  World w;
  w.Found();
  w.SetWords(4);
  w.Lend("reviews", "kt", terms::testing::OpenTerms());
  const GrantRequest request = w.ToServe("anything", "commercial-service");
  const Standing now = w.Now();
  Ruling ruling = *Decide(now, request);
  ruling.decision.words = request.words;
  w.Say("host", EventOf(now, request, ruling));
  EXPECT_FALSE(w.Audit().dissent());
}

}  // namespace
}  // namespace dure::standing
