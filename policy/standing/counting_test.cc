// What a contribution must hold to be counted, beyond that its data was admitted. Each of these
// fails when its check is taken out.
#include "policy/standing/counting.h"

#include <gmock/gmock.h>

#include "policy/standing/lent.h"
#include "policy/standing/testing.h"
#include "policy/standing/voting.h"

namespace dure::standing {
namespace {

using ledger::ContributionSubmitted;
using testing::DigestOf;
using testing::World;

// A round of two, open; kt's contribution is what a test makes of it.
class CountingTest : public ::testing::Test {
 protected:
  explicit CountingTest(const std::map<std::string, std::string>& more = {},
                        uint32_t words = rules::kWordsVersion) {
    world_.SetWords(words);
    world_.Found();
    terms::Terms open = terms::testing::OpenTerms();
    world_.Lend("reviews", "kt", open);
    world_.Lend("news", "etri", open);
    world_.Propose("run-1", "scientific-research", "non-profit", more);
    world_.Approve("run-1");
    ledger::RoundOpened opened{at_, base_, {}};
    for (const auto& [member, dataset] : who_) {
      admissions_.push_back(world_.DecideAndSay(world_.Asking("run-1", 0, member, dataset)));
      opened.cohort.push_back(*SiteId::Parse(member + "-site"));
    }
    world_.Say("host", opened);
  }
  ContributionSubmitted Honest(size_t who = 0) const {
    return World::Submitted(at_, base_, who_[who], admissions_[who]);
  }
  // The code under which it is void; empty: it counts.
  std::string VoidBecause(const ContributionSubmitted& said) {
    const uint64_t index = world_.Say("kt-site", said);
    const Auditor audit = world_.Audit();
    EXPECT_FALSE(audit.dissent());
    const Round& round = audit.standing().state().rounds.at(at_);
    EXPECT_EQ(round.submissions.contains(index), audit.voids().empty());
    last_ = index;
    if (audit.voids().empty()) return "";
    text_ = audit.voids().back().text;
    return audit.voids().back().rule;
  }
  // What a copy finds of a closing that counts kt's contribution and leaves etri out.
  std::string CountingIt(uint64_t weight = testing::kWeight) {
    ledger::RoundClosed closed;
    closed.at = at_;
    closed.model = DigestOf("model");
    closed.aggregate = closed.momentum = closed.scales = DigestOf("a");
    closed.submissions = {{last_, *SiteId::Parse("kt-site"), weight}};
    closed.excluded = {{*SiteId::Parse("etri-site"), "late"}};
    world_.Say("host", closed);
    const Auditor audit = world_.Audit();
    return audit.dissent() ? audit.dissent()->rule : "";
  }

  World world_;
  const RoundAttempt at_ = World::At("run-1", 0);
  const Digest base_ = DigestOf("run-1/start");
  const std::vector<std::pair<std::string, std::string>> who_ = {{"kt", "reviews"},
                                                                 {"etri", "news"}};
  std::vector<uint64_t> admissions_;
  uint64_t last_ = 0;
  std::string text_;
};

TEST_F(CountingTest, AnHonestOneCounts) {
  EXPECT_EQ(VoidBecause(Honest()), "") << text_;
  EXPECT_EQ(CountingIt(), "");
}

TEST_F(CountingTest, OneOfOtherCodeIsVoidAndCountingItIsADissent) {
  ContributionSubmitted said = Honest();
  said.code = DigestOf("another trainer");
  EXPECT_EQ(VoidBecause(said), "not-countable");
  EXPECT_THAT(text_, ::testing::HasSubstr("P5.3"));
  EXPECT_EQ(CountingIt(), "counts-void");
}

TEST_F(CountingTest, OneLongerThanTheBoundIsVoid) {
  ContributionSubmitted said = Honest();
  said.norm = 10.5;
  EXPECT_EQ(VoidBecause(said), "not-countable");
  EXPECT_THAT(text_, ::testing::HasSubstr("P5.2"));
  EXPECT_EQ(CountingIt(), "counts-void");
}

TEST_F(CountingTest, OneThatDoesNotSayHowLongItIsIsVoidWhereTheRunBoundsIt) {
  ContributionSubmitted said = Honest();
  said.norm.reset();
  EXPECT_EQ(VoidBecause(said), "not-countable");
}

TEST_F(CountingTest, OneOfMoreStepsThanTheRoundHasIsVoid) {
  ContributionSubmitted said = Honest();
  said.steps = 9;
  EXPECT_EQ(VoidBecause(said), "not-countable");
  EXPECT_THAT(text_, ::testing::HasSubstr("P5.6"));
}

TEST_F(CountingTest, OneOfMoreTokensThanItsStepsCouldReadIsVoid) {
  ContributionSubmitted said = Honest();
  said.tokens = 8001;
  EXPECT_EQ(VoidBecause(said), "not-countable");
  EXPECT_THAT(text_, ::testing::HasSubstr("8000"));
  EXPECT_EQ(CountingIt(), "counts-void");
}

// Eight steps could read 8,000 tokens, and so many passes over its data 4,000.
TEST_F(CountingTest, OneOfMoreTokensThanItsDataHoldsIsVoid) {
  terms::Passport passport = *terms::ParseCanonicalPassport(World::PassportOf("little", "kt"));
  passport.tokens = 4000;
  world_.Say("kt-site", ledger::DatasetRegistered{{*DatasetId::Parse("little"), 1},
                                                  *SiteId::Parse("kt-site"),
                                                  terms::ToCanonical(passport),
                                                  terms::ToCanonical(terms::testing::OpenTerms())});
  world_.Propose("run-2", "scientific-research");
  world_.Approve("run-2");
  const RoundAttempt at = World::At("run-2", 0);
  const uint64_t admission = world_.DecideAndSay(world_.Asking("run-2", 0, "kt", "little"));
  world_.Say("host", ledger::RoundOpened{at, base_, {*SiteId::Parse("kt-site")}});
  ContributionSubmitted said = World::Submitted(at, base_, {"kt", "little"}, admission);
  said.tokens = 4001;
  world_.Say("kt-site", said);
  const Auditor audit = world_.Audit();
  ASSERT_EQ(audit.voids().size(), 1u);
  EXPECT_EQ(audit.voids()[0].rule, "not-countable");
  EXPECT_THAT(audit.voids()[0].text, ::testing::HasSubstr("4000"));
}

TEST_F(CountingTest, OneThatWeighsMoreThanItsTokensIsVoid) {
  ContributionSubmitted said = Honest();
  said.weight = testing::kWeight / 2;
  EXPECT_EQ(VoidBecause(said), "weight");
  EXPECT_EQ(CountingIt(said.weight), "counts-void");
}

// Its weight is what makes every update as long as half of what the scales expect.
class DirectionsTest : public CountingTest {
 protected:
  explicit DirectionsTest(uint32_t words = rules::kWordsVersion)
      : CountingTest({{"merge", "direction-norm"}, {"lane", "int8"}}, words) {}
  std::string VoidWith(uint64_t weight) {
    ContributionSubmitted said = Honest();
    said.weight = weight;
    return VoidBecause(said);
  }
};

TEST_F(DirectionsTest, OneThatWeighsWhatItsLengthMakesItCounts) {
  EXPECT_EQ(VoidWith(12345 * 16), "") << text_;
  EXPECT_EQ(CountingIt(12345 * 16), "");
}

TEST_F(DirectionsTest, OneOfTheLeastWeightCounts) {
  EXPECT_EQ(VoidWith(testing::kWeight / 12), "") << text_;
}

TEST_F(DirectionsTest, OneBelowTheLeastIsVoid) {
  EXPECT_EQ(VoidWith(testing::kWeight / 12 - 1), "weight");
  EXPECT_THAT(text_, ::testing::HasSubstr("87381 to 1048576, not 87380"));
  EXPECT_EQ(CountingIt(testing::kWeight / 12 - 1), "counts-void");
}

TEST_F(DirectionsTest, OneAboveOneIsVoid) {
  EXPECT_EQ(VoidWith(testing::kWeight + 1), "weight");
  EXPECT_EQ(CountingIt(testing::kWeight + 1), "counts-void");
}

class OlderDirectionsTest : public DirectionsTest {
 protected:
  OlderDirectionsTest() : DirectionsTest(kDirectionsCountSince - 1) {}
};

TEST_F(OlderDirectionsTest, InOlderWordsEveryoneWeighsOneAsItWasReplayed) {
  EXPECT_EQ(VoidWith(12345 * 16), "weight");
}

TEST_F(CountingTest, OneUnderTermsThatChangedSinceIsVoid) {
  world_.Lend("reviews", "kt", terms::testing::OpenTerms(), 2);
  EXPECT_EQ(VoidBecause(Honest()), "admission-over");
  EXPECT_THAT(text_, ::testing::HasSubstr("superseded"));
}

TEST_F(CountingTest, AnEmergencyRuleActsOnWhatIsUnderWay) {
  const std::string text =
      "policy \"E1 Stop\" version 1 effective 2026-09-01\n"
      "rule E1.1 forbid aggregate\n  when run.id is run-1\n  because \"Stopped.\"\nend\n";
  const uint64_t proposal =
      world_.Say("kt-desk", ledger::PolicyProposed{ledger::ProposalKind::kEmergency, {}, text});
  const Digest leaf = world_.log().Leaf(proposal);
  world_.Say("kt-desk", ledger::VoteCast{proposal, leaf, ledger::Choice::kYes});
  world_.Say("etri-desk", ledger::VoteCast{proposal, leaf, ledger::Choice::kYes});
  const Standing now = world_.Now();
  const auto tally = CountVotes(now.state().proposals.at(proposal), now.state());
  world_.Say("host", ledger::PolicyAdopted{proposal, Sha256(AsBytes(text)), tally});
  EXPECT_EQ(VoidBecause(Honest()), "not-countable");
  EXPECT_THAT(text_, ::testing::HasSubstr("E1.1"));
}

// It asks nothing of the data, so that what is not on record is admitted as well.
constexpr std::string_view kAnything = R"(
policy "P1 Anything" ko "P1 무엇이든" version 1 effective 2026-09-01

rule P1.1 permit train
  title "Whatever an approved run takes" ko "승인된 학습이 받는 것은 무엇이든"
  when run.status is one of {approved, running}
  because "Run {run.id} is {run.status}." ko "학습 {run.id}의 상태는 {run.status}입니다."
end
)";

TEST(Counting, OfAVersionThatIsNotOnRecordIsJudgedLikeAnyOther) {
  for (const char* masking : {"none", "pairwise"}) {
    World w;
    w.FoundUnder({std::string(kAnything), std::string(rules::ConstitutionTexts()[4].text)});
    w.Lend("reviews", "kt", terms::testing::OpenTerms());
    w.Propose("run-1", "scientific-research", "non-profit", {{"masking", masking}});
    w.Approve("run-1");
    const RoundAttempt at = World::At("run-1", 0);
    const Digest base = DigestOf("run-1/start");
    const uint64_t admission = w.DecideAndSay(w.Asking("run-1", 0, "kt", "reviews", 99));
    w.Say("host", ledger::RoundOpened{at, base, {*SiteId::Parse("kt-site")}});
    ContributionSubmitted said = World::Submitted(at, base, {"kt", "reviews"}, admission);
    said.datasets[0].what.version = 99;
    if (std::string_view(masking) != "none") {
      said.weight = said.tokens = said.steps = 0;
      said.norm.reset();
    }
    const uint64_t index = w.Say("kt-site", said);
    const Auditor audit = w.Audit();
    EXPECT_FALSE(audit.dissent());
    const Round& round = audit.standing().state().rounds.at(at);
    ASSERT_TRUE(round.admissions.at(0).admit) << "this is what the test is about";
    EXPECT_EQ(round.submissions.contains(index), audit.voids().empty());
  }
}

TEST(TokensRegistered, AreAtMostTheBytesAndEndsWhereNobodyCounted) {
  terms::Passport passport = *terms::ParseCanonicalPassport(World::PassportOf("reviews", "kt"));
  EXPECT_EQ(TokensRegistered(passport), 50000u);
  passport.tokens.reset();
  passport.bytes = 100;
  passport.lines = 10;
  passport.files = 2;
  EXPECT_EQ(TokensRegistered(passport), 112u);
}

}  // namespace
}  // namespace dure::standing
