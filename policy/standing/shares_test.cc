// Shares of a run: what the voted formula comes to, the same everywhere, and what is refused.
#include "policy/standing/shares.h"

#include <gtest/gtest.h>

#include "policy/standing/past.h"
#include "policy/standing/testing.h"
#include "policy/standing/valuation.h"

namespace dure::standing {
namespace {

using testing::DigestOf;
using testing::World;

// kt is in both rounds, etri in one; each contribution is of 5,000 tokens and 8 steps.
struct Trained {
  World world;
  RunId run = *RunId::Parse("first");

  Trained() {
    world.Found();
    world.Lend("reviews", "kt", terms::testing::OpenTerms());
    world.Lend("nli", "etri", terms::testing::OpenTerms());
    world.Propose("first", "scientific-research");
    world.Approve("first");
    world.PlayRound("first", 0, {{"kt", "reviews"}, {"etri", "nli"}});
    world.PlayRound("first", 1, {{"kt", "reviews"}});
  }
  std::vector<ledger::ShareOfMember> Shares(const ShareFormula& formula, uint64_t seed = 1) const {
    return ComputeShares(world.Now().state(), run, formula, seed);
  }
};

TEST(Shares, AreTheFormulasPartsAndSumToTheWhole) {
  const Trained trained;
  // Two of three tokens, steps and rounds each; the evaluations' part counts for nobody.
  ShareFormula even{40, 30, 30, 0, 100};
  const auto shares = trained.Shares(even);
  ASSERT_EQ(shares.size(), 2u);
  EXPECT_EQ(shares[0].member.str(), "etri");
  EXPECT_EQ(shares[0].share_ppm, 333333u);
  EXPECT_EQ(shares[1].share_ppm, 666667u);
  for (const auto& one : shares) {
    EXPECT_LE(one.low_ppm, one.share_ppm);
    EXPECT_GE(one.high_ppm, one.share_ppm);
    EXPECT_LT(one.low_ppm, one.high_ppm) << "it hangs on which rounds there were";
  }
}

TEST(Shares, NobodyGetsMoreOfTheTokensThanTheCap) {
  const Trained trained;
  const auto capped = trained.Shares({100, 0, 0, 0, 50});
  EXPECT_EQ(capped[1].share_ppm, 600000u) << "a half, of five sixths";
}

TEST(Shares, TheSeedMovesTheIntervalAndNeverTheShare) {
  const Trained trained;
  const ShareFormula formula;
  EXPECT_EQ(trained.Shares(formula, 7), trained.Shares(formula, 7));
  EXPECT_EQ(trained.Shares(formula, 7)[0].share_ppm, trained.Shares(formula, 8)[0].share_ppm);
}

// Over many rounds of unequal shares the draws differ, and so do the intervals' ends.
TEST(Shares, AnIntervalHangsOnItsSeedAlone) {
  Trained trained;
  for (uint64_t round = 2; round < 9; ++round) {
    std::vector<std::pair<std::string, std::string>> who = {{"kt", "reviews"}};
    if (round % 3 == 0) who.emplace_back("etri", "nli");
    trained.world.PlayRound("first", round, who);
  }
  const ShareFormula formula{40, 30, 30, 0, 100};
  std::set<std::pair<uint64_t, uint64_t>> intervals;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const auto shares = trained.Shares(formula, seed);
    intervals.emplace(shares[0].low_ppm, shares[0].high_ppm);
  }
  EXPECT_GT(intervals.size(), 1u);
}

TEST(Shares, AreOfTheRunAloneAndSoIsTheirSeed) {
  Trained trained;
  const ShareFormula formula;
  const auto seed = [&] {
    return SeedOf(trained.world.log(), trained.world.Now().state(), trained.run);
  };
  const auto before = trained.Shares(formula);
  const uint64_t seed_before = seed();
  const auto inputs_before = ShareInputs(trained.world.Now().state(), trained.run);
  trained.world.Propose("other", "scientific-research");
  trained.world.Approve("other");
  trained.world.PlayRound("other", 0, {{"etri", "nli"}});
  trained.world.Measure("other", "other/0", "etri", "nli");
  EXPECT_EQ(trained.Shares(formula), before);
  EXPECT_EQ(seed(), seed_before);
  const auto inputs = ShareInputs(trained.world.Now().state(), trained.run);
  EXPECT_EQ(inputs.at(*MemberId::Parse("etri")).evaluations, 0u);
  EXPECT_EQ(inputs.at(*MemberId::Parse("etri")).tokens,
            inputs_before.at(*MemberId::Parse("etri")).tokens);
  trained.world.PlayRound("first", 2, {{"kt", "reviews"}});
  EXPECT_NE(seed(), seed_before) << "its own last round makes it";
}

TEST(Shares, TimeOnAcceleratorsIsShownAndCreditedForNothing) {
  const Trained without;
  Trained trained;
  trained.world.accelerator_seconds = 90;
  trained.world.PlayRound("first", 2, {{"kt", "reviews"}});
  trained.world.accelerator_seconds = 30;
  trained.world.PlayRound("first", 3, {{"kt", "reviews"}, {"etri", "nli"}});
  const auto inputs = ShareInputs(trained.world.Now().state(), trained.run);
  EXPECT_EQ(inputs.at(*MemberId::Parse("kt")).accelerator_seconds, 120u);
  EXPECT_EQ(inputs.at(*MemberId::Parse("etri")).accelerator_seconds, 30u);
  // As often as in the first two rounds, so that the rest is as it was.
  EXPECT_EQ(trained.Shares({})[0].share_ppm, without.Shares({})[0].share_ppm);
  EXPECT_EQ(trained.Shares({})[1].share_ppm, without.Shares({})[1].share_ppm);
}

TEST(Shares, AModelThatAMemberMeasuredTwiceCountsOnce) {
  Trained trained;
  for (int i = 0; i < 9; ++i) trained.world.Measure("first", "first/0", "kt", "reviews");
  trained.world.Measure("first", "first/0", "etri", "nli");
  trained.world.Measure("first", "first/1", "etri", "nli");
  const auto inputs = ShareInputs(trained.world.Now().state(), trained.run);
  EXPECT_EQ(inputs.at(*MemberId::Parse("kt")).evaluations, 1u);
  EXPECT_EQ(inputs.at(*MemberId::Parse("etri")).evaluations, 2u);
  // A computation that was recorded before replays as it was.
  State before = trained.world.Now().state();
  before.words = {{4, 1}};
  EXPECT_EQ(ShareInputs(before, trained.run).at(*MemberId::Parse("kt")).evaluations, 9u);
}

TEST(Shares, ARecordedComputationHoldsOnlyIfItRecomputes) {
  for (const bool honest : {true, false}) {
    Trained trained;
    const ShareFormula formula;
    const uint64_t seed = SeedOf(trained.world.log(), trained.world.Now().state(), trained.run);
    ledger::ShareComputed event{trained.run, formula.digest(), trained.world.Now().size(), seed,
                                trained.Shares(formula, seed)};
    if (!honest) {
      event.shares[0].share_ppm += 1000;
      event.shares[1].share_ppm -= 1000;
    }
    const uint64_t index = trained.world.Say("kt-desk", event);
    const Auditor audit = trained.world.Audit();
    EXPECT_EQ(audit.standing().state().shares.contains(index), honest);
    EXPECT_EQ(audit.voids().size(), honest ? 0u : 1u);
    EXPECT_EQ(StandingAt(trained.world.log(), index)->size(), index);
  }
}

TEST(Shares, WhatTheModelGainedIsRefusedWithTheReason) {
  standing::Run run;
  const auto code = [&](CoalitionKind kind) {
    const auto refusal = RefusalOf(run, kind);
    return refusal ? refusal->code : "";
  };
  run.fields = {{"masking", "pairwise"}, {"valuation", "individual"}};
  EXPECT_EQ(code(CoalitionKind::kLeaveOneOut), "masked");
  EXPECT_EQ(code(CoalitionKind::kGroup), "masked");
  run.fields = {{"masking", "none"}, {"valuation", "none"}};
  EXPECT_EQ(code(CoalitionKind::kGroup), "not-declared");
  run.fields = {{"masking", "none"}, {"valuation", "group"}};
  EXPECT_EQ(code(CoalitionKind::kLeaveOneOut), "not-declared");
  EXPECT_EQ(code(CoalitionKind::kGroup), "");
  run.fields["valuation"] = "individual";
  EXPECT_EQ(code(CoalitionKind::kLeaveOneOut), "");
  EXPECT_EQ(code(CoalitionKind::kGroup), "") << "whoever agrees to more agrees to less";
  run.fields["merge"] = "median";
  EXPECT_EQ(code(CoalitionKind::kLeaveOneOut), "robust");
  run.fields = {};
  EXPECT_EQ(code(CoalitionKind::kLeaveOneOut), "masked") << "what is not recorded is not allowed";
}

TEST(ShareFormula, ReadsOnlyWhatItWrites) {
  for (const char* wrong :
       {"", "share formula: tokens 50",
        "share formula: tokens 50, steps 20, rounds 20, evaluations "
        "11, cap 60",
        "share formula: tokens 050, steps 20, rounds 20, evaluations 10, cap 60",
        "share formula: tokens 50, steps 20, rounds 20, evaluations 10, cap 0"}) {
    EXPECT_FALSE(ShareFormula::Parse(wrong)) << wrong;
  }
  EXPECT_EQ(*ShareFormula::Parse(ShareFormula().Text()), ShareFormula());
}

}  // namespace
}  // namespace dure::standing
