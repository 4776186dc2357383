// What may be trained on, from the offer to the outcome: the site's half.
#include <gtest/gtest.h>

#include "federation/round/testing.h"

namespace dure::round {
namespace {

const std::vector<OfferedDataset> kTwo = {{TestDataset("p"), 1}, {TestDataset("q"), 4}};
const std::vector<AdmittedDataset> kBoth = {{TestDataset("p"), 1, 7}, {TestDataset("q"), 4, 8}};

struct Site {
  Participation core{kA, FirstPlan().plan.at.run, FirstPlan().plan.base};
  int second = 0;
  RoundAttempt at = FirstPlan().plan.at;
  Digest blob = Sha256(AsBytes("blob"));

  std::vector<SiteEffect> Feed(const SiteEvent& event) { return core.Handle(At(++second), event); }
  void GetReady() {
    Feed(SiteStarted{});
    Feed(LinkUp{});
    Feed(FromAggregator{FirstPlan()});
    Feed(Decided{at, true, "", kTwo});
  }
  std::vector<SiteEffect> Rostered(std::vector<AdmittedDataset> admitted) {
    return Feed(FromAggregator{Roster{at, {kA}, 0, Duration(1), std::move(admitted)}});
  }
  void Upload() {
    Feed(TrainingDone{at.round, core.training(), 10, 1, 2.0});
    Feed(Encoded{at.round, blob, 5, 0});
    Feed(UploadDone{at.round, blob});
  }
  void Receive() {
    Feed(Signed{at, {1, 2}});
    Feed(FromAggregator{Receipt{at, blob, 4, {}}});
    Feed(ReceiptChecked{at, true});
  }
  std::vector<SiteEffect> NextAttempt() {
    ++at.attempt;
    return Feed(FromAggregator{FirstPlan(at.attempt)});
  }
  // Its outcome is derived, and the next round's plan accepted.
  void NextRound(const Outcome& outcome, const std::vector<OfferedDataset>& offered = kTwo) {
    Feed(AggregateFetched{at, true});
    Feed(Derived{at, true, outcome.next});
    Plan plan = FirstPlan();
    plan.plan = MakePlan(plan.manifest, {at.round.value + 1}, 0, outcome.next);
    at = plan.plan.at;
    Feed(FromAggregator{plan});
    Feed(Decided{at, true, "", offered});
  }
  Outcome OutcomeWithoutUs() const {
    Outcome outcome;
    outcome.at = at;
    outcome.base = FirstPlan().plan.base;
    outcome.next.model = Sha256(AsBytes("next"));
    outcome.counted = {{kB, 5, 1}};
    outcome.weight_sum = 5;
    return outcome;
  }
};

TEST(SiteAdmission, TrainsOnAndSubmitsExactlyWhatWasAdmitted) {
  Site site;
  site.GetReady();
  const std::vector<AdmittedDataset> one = {kBoth[1]};
  const auto started = Only<StartTraining>(site.Rostered(one));
  ASSERT_EQ(started.size(), 1u);
  EXPECT_EQ(started[0].datasets, VersionsOf(one));
  site.Upload();
  const auto told = Told<Submission>(site.Feed(Signed{site.at, {1}}));
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].datasets, one);
}

// Both are of one round: what was given up may have been trained on data that is admitted no more.
TEST(SiteAdmission, WhatComesOfATrainingGivenUpIsNotTheNextOnes) {
  Site site;
  site.GetReady();
  const auto former = Only<StartTraining>(site.Rostered(kBoth));
  ASSERT_EQ(former.size(), 1u);
  EXPECT_EQ(Only<StopTraining>(site.Feed(DatasetWithdrawn{kTwo[0].dataset})).size(), 1u);
  site.NextAttempt();
  site.Feed(Decided{site.at, true, "", {kTwo[1]}});
  const auto started = Only<StartTraining>(site.Rostered({kBoth[1]}));
  ASSERT_EQ(started.size(), 1u);
  ASSERT_NE(started[0].number, former[0].number);
  EXPECT_TRUE(site.Feed(TrainingDone{site.at.round, former[0].number, 10, 1, 2.0}).empty());
  EXPECT_TRUE(
      site.Feed(TrainingFailed{site.at.round, former[0].number, "trainer-unavailable"}).empty());
  EXPECT_EQ(site.core.phase(), SitePhase::kTraining);
  site.Feed(TrainingDone{site.at.round, started[0].number, 10, 1, 2.0});
  EXPECT_EQ(site.core.phase(), SitePhase::kEncoding);
}

TEST(SiteAdmission, WithoutADatasetASiteDeclines) {
  Site site;
  site.Feed(SiteStarted{});
  site.Feed(LinkUp{});
  site.Feed(FromAggregator{FirstPlan()});
  const auto told = Told<Declined>(site.Feed(Decided{site.at, true, "", {}}));
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].reason, "no-datasets");
}

TEST(SiteAdmission, ARosterOfWhatWasNeverOfferedTrainsNothing) {
  Site site;
  site.GetReady();
  const auto effects = site.Rostered({{TestDataset("p"), 2, 7}});
  EXPECT_TRUE(Only<StartTraining>(effects).empty());
  ASSERT_EQ(Told<Withdraw>(effects).size(), 1u);
  EXPECT_EQ(Told<Withdraw>(effects)[0].reason, "not-offered");
}

// The record does not hold what the roster says: the core hears of it instead of the roster.
TEST(SiteAdmission, ARosterThatIsRefusedTrainsNothingAndTheSiteWithdraws) {
  Site site;
  site.GetReady();
  const Roster roster{site.at, {kA}, 0, Duration(1), kBoth};
  EXPECT_TRUE(site.core.IsOfThisRound(roster));
  const auto effects = site.Feed(RoundRefused{site.at, "not-admitted", /*rostered=*/true});
  ASSERT_FALSE(Told<Withdraw>(effects).empty()) << "the round waits for it no longer";
  EXPECT_EQ(Told<Withdraw>(effects)[0].reason, "not-admitted");
  EXPECT_FALSE(site.core.IsOfThisRound(roster));
  EXPECT_TRUE(Only<StartTraining>(site.Rostered(kBoth)).empty());
}

TEST(SiteAdmission, ARefusedRosterOfADeclinedAttemptIsAnsweredAllTheSame) {
  Site site;
  site.GetReady();
  for (const OfferedDataset& one : kTwo) site.Feed(DatasetWithdrawn{one.dataset});
  const auto effects = site.Feed(RoundRefused{site.at, "not-admitted", /*rostered=*/true});
  ASSERT_EQ(Told<Withdraw>(effects).size(), 1u);
  EXPECT_EQ(Told<Withdraw>(effects)[0].reason, "dataset-withdrawn");
}

TEST(SiteAdmission, WhatIsRefusedBeforeItLeavesIsFoldedBackAndWhatIsVoidIsDropped) {
  for (const bool drops : {false, true}) {
    Site site;
    site.GetReady();
    site.Rostered(kBoth);
    site.Feed(TrainingDone{site.at.round, site.core.training(), 10, 1, 2.0});
    site.Feed(Encoded{site.at.round, site.blob, 5, 0});
    const auto effects = site.Feed(RoundRefused{site.at, "void", false, drops});
    EXPECT_EQ(Only<FoldBack>(effects).size(), drops ? 0u : 1u);
    ASSERT_FALSE(Told<Withdraw>(effects).empty());
    EXPECT_EQ(Told<Withdraw>(effects)[0].reason, "void");
  }
}

TEST(SiteAdmission, WorkOfTheSameDatasetsServesTheNextAttemptUnderItsOwnEntries) {
  Site site;
  site.GetReady();
  site.Rostered(kBoth);
  site.Upload();
  site.Receive();
  site.NextAttempt();
  auto later = kBoth;
  for (auto& one : later) one.entry += 10;
  EXPECT_EQ(Only<SignSubmission>(site.Rostered(later)).size(), 1u);
  const auto told = Told<Submission>(site.Feed(Signed{site.at, {1}}));
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].datasets, later);
}

TEST(SiteAdmission, WorkOfADatasetNoLongerAdmittedIsDroppedNotFolded) {
  Site site;
  site.GetReady();
  site.Rostered(kBoth);
  site.Upload();
  site.Receive();
  EXPECT_EQ(site.core.residual(), 1u);
  site.NextAttempt();
  const auto effects = site.Rostered({kBoth[0]});
  EXPECT_TRUE(Only<FoldBack>(effects).empty());
  EXPECT_EQ(site.core.residual(), 0u) << "what rounding left of it goes too";
  ASSERT_EQ(Only<StartTraining>(effects).size(), 1u);
  EXPECT_EQ(Only<StartTraining>(effects)[0].datasets, std::vector<OfferedDataset>{kTwo[0]});
}

TEST(SiteAdmission, WorkOfFewerDatasetsIsFoldedBackAndTrainedAnew) {
  Site site;
  site.GetReady();
  site.Rostered({kBoth[0]});
  site.Upload();
  site.NextAttempt();
  ASSERT_EQ(Only<FoldBack>(site.Rostered(kBoth)).size(), 1u);
  site.Feed(Folded{2});
  EXPECT_EQ(site.core.residual(), 2u);
  EXPECT_FALSE(Told<Ready>(site.Feed(LinkUp{})).empty()) << "asks for the roster again";
  EXPECT_EQ(Only<StartTraining>(site.Rostered(kBoth)).size(), 1u);
}

TEST(SiteExclusion, StopsTheTrainingAndFoldsWorkBack) {
  const auto excluded = [](const Site& site) {
    return FromAggregator{Refusal{site.at, {}, RefusalReason::kExcluded}};
  };
  Site training;
  training.GetReady();
  training.Rostered(kBoth);
  EXPECT_EQ(Only<StopTraining>(training.Feed(excluded(training))).size(), 1u);
  Site trained;
  trained.GetReady();
  trained.Rostered(kBoth);
  trained.Upload();
  EXPECT_EQ(Only<FoldBack>(trained.Feed(excluded(trained))).size(), 1u);
  Site receipted;
  receipted.GetReady();
  receipted.Rostered(kBoth);
  receipted.Upload();
  receipted.Receive();
  EXPECT_TRUE(Only<FoldBack>(receipted.Feed(excluded(receipted))).empty());
  EXPECT_EQ(Only<FoldBack>(receipted.Feed(FromAggregator{receipted.OutcomeWithoutUs()})).size(),
            1u);
}

TEST(SiteWithdrawal, StopsWorkOnTheDatasetAtOnce) {
  Site site;
  site.GetReady();
  site.Rostered(kBoth);
  const auto effects = site.Feed(DatasetWithdrawn{TestDataset("q")});
  EXPECT_EQ(Only<StopTraining>(effects).size(), 1u);
  ASSERT_FALSE(Told<Withdraw>(effects).empty());
  EXPECT_EQ(Told<Withdraw>(effects)[0].reason, "dataset-withdrawn");
}

TEST(SiteWithdrawal, OfAnotherDatasetChangesNoWork) {
  Site site;
  site.GetReady();
  site.Rostered({kBoth[0]});
  site.Feed(DatasetWithdrawn{TestDataset("q")});
  EXPECT_EQ(site.core.phase(), SitePhase::kTraining);
}

TEST(SiteWithdrawal, AfterTheReceiptWaitsForTheOutcomeAndThenDropsWhatWasNotCounted) {
  for (const bool counted : {false, true}) {
    Site site;
    site.GetReady();
    site.Rostered(kBoth);
    site.Upload();
    site.Receive();
    EXPECT_TRUE(Only<DropWork>(site.Feed(DatasetWithdrawn{TestDataset("q")})).empty());
    Outcome outcome = site.OutcomeWithoutUs();
    if (counted) outcome.counted = {{kA, 5, 1}};
    const auto effects = site.Feed(FromAggregator{outcome});
    EXPECT_TRUE(Only<FoldBack>(effects).empty());
    EXPECT_EQ(site.core.residual(), counted ? 1u : 0u);
  }
}

// A round in which nothing of the site was counted: its work is in the residual, as version 2.
Site WithWorkCarried() {
  Site site;
  site.GetReady();
  site.Rostered(kBoth);
  site.Upload();
  site.Feed(FromAggregator{site.OutcomeWithoutUs()});
  site.Feed(Folded{2});
  return site;
}

TEST(SiteWithdrawal, LaterForgetsWhatWasFoldedBackOfIt) {
  Site site = WithWorkCarried();
  ASSERT_EQ(site.core.residual(), 2u);
  Site other = WithWorkCarried();
  other.Feed(DatasetWithdrawn{TestDataset("elsewhere")});
  EXPECT_EQ(other.core.residual(), 2u);
  const auto effects = site.Feed(DatasetWithdrawn{TestDataset("q")});
  EXPECT_EQ(site.core.residual(), 0u);
  ASSERT_EQ(Only<CommitResidual>(effects).size(), 1u);
  EXPECT_EQ(Only<CommitResidual>(effects)[0].current, 0u);
  EXPECT_EQ(Only<PersistSite>(effects).size(), 1u);
}

TEST(SiteWithdrawal, OfWhatALaterContributionCarriesDropsThatToo) {
  for (const bool counted : {false, true}) {
    Site site = WithWorkCarried();
    site.NextRound(site.OutcomeWithoutUs());
    site.Rostered(kBoth);
    site.Upload();
    site.Receive();
    site.Feed(DatasetWithdrawn{TestDataset("q")});
    EXPECT_EQ(site.core.residual(), 3u) << "the outcome says which came first";
    Outcome outcome = site.OutcomeWithoutUs();
    if (counted) outcome.counted = {{kA, 5, 1}};
    EXPECT_TRUE(Only<FoldBack>(site.Feed(FromAggregator{outcome})).empty());
    EXPECT_EQ(site.core.residual(), counted ? 3u : 0u);
  }
}

// Nobody withdrew it: the terms of one are used up, or its owner's own rules say no.
TEST(SiteCarried, OfADatasetThatIsNotAdmittedIsForgottenBeforeTraining) {
  Site site = WithWorkCarried();
  site.NextRound(site.OutcomeWithoutUs());
  const auto effects = site.Rostered({kBoth[0]});
  EXPECT_EQ(site.core.residual(), 0u);
  ASSERT_EQ(Only<CommitResidual>(effects).size(), 1u);
  EXPECT_EQ(Only<CommitResidual>(effects)[0].current, 0u);
  EXPECT_EQ(Only<CommitResidual>(effects)[0].former, 0u);
  EXPECT_EQ(Only<StartTraining>(effects).size(), 1u);
  const auto encodes =
      Only<EncodeUpdate>(site.Feed(TrainingDone{site.at.round, site.core.training(), 10, 1, 2.0}));
  ASSERT_EQ(encodes.size(), 1u);
  EXPECT_EQ(encodes[0].residual_from, 0u);
}

TEST(SiteCarried, OfAnotherVersionIsForgottenToo) {
  Site site = WithWorkCarried();
  auto newer = kBoth;
  newer[1].version = 5;
  site.NextRound(site.OutcomeWithoutUs(), VersionsOf(newer));
  ASSERT_EQ(Only<StartTraining>(site.Rostered(newer)).size(), 1u);
  EXPECT_EQ(site.core.residual(), 0u);
}

TEST(SiteCarried, OfWhatIsAdmittedComesOutWithIt) {
  Site site = WithWorkCarried();
  site.NextRound(site.OutcomeWithoutUs());
  const auto effects = site.Rostered(kBoth);
  EXPECT_TRUE(Only<CommitResidual>(effects).empty());
  EXPECT_EQ(site.core.residual(), 2u);
}

TEST(SiteWithdrawal, OfAllThatIsOfferedDeclines) {
  Site site;
  site.GetReady();
  site.Feed(DatasetWithdrawn{TestDataset("p")});
  const auto effects = site.Feed(DatasetWithdrawn{TestDataset("q")});
  ASSERT_EQ(Told<Declined>(effects).size(), 1u);
  EXPECT_EQ(Told<Declined>(effects)[0].reason, "dataset-withdrawn");
}

}  // namespace
}  // namespace dure::round
