// What a site does when a file that it works with is gone, or the disk takes none.
#include <gtest/gtest.h>

#include "federation/round/testing.h"

namespace dure::round {
namespace {

class SiteWithFiles : public testing::Test {
 protected:
  SiteWithFiles() {
    Feed(SiteStarted{});
    Feed(LinkUp{});
    Begin(FirstPlan());
  }
  std::vector<SiteEffect> Feed(const SiteEvent& event) { return site_.Handle(At(++now_), event); }
  // Until the update of this plan's round is to be encoded.
  EncodeUpdate Begin(const Plan& plan) {
    at_ = plan.plan.at;
    Feed(FromAggregator{plan});
    Feed(Decided{at_, true, "", Offered(kA)});
    Feed(FromAggregator{Roster{at_, {kA, kB}, 0, Duration(1), Granted(kA)}});
    return Only<EncodeUpdate>(Feed(TrainingDone{at_.round, site_.training(), 10, 1, 2.0})).at(0);
  }
  void Submit() {
    Feed(Encoded{at_.round, blob_, 5, 0});
    Feed(UploadDone{at_.round, blob_});
    Feed(Signed{at_, {1}});
  }
  Outcome WithoutUs() const {
    Outcome outcome;
    outcome.at = at_;
    outcome.base = site_.base();
    outcome.next.model = Sha256(AsBytes("next " + std::to_string(at_.round.value)));
    outcome.counted = {{kB, 5, 1}};
    outcome.weight_sum = 5;
    return outcome;
  }
  Plan After(const Outcome& outcome) {
    Feed(AggregateFetched{outcome.at, true});
    Feed(Derived{outcome.at, true, outcome.next});
    Plan plan = FirstPlan();
    plan.plan = MakePlan(plan.manifest, outcome.at.round.Next(), 0, outcome.next);
    return plan;
  }
  // One round in which nothing of the site was counted: what it trained is carried.
  EncodeUpdate Carry() {
    Submit();
    const Outcome outcome = WithoutUs();
    Feed(FromAggregator{outcome});
    Feed(Folded{2});
    EXPECT_EQ(site_.residual(), 2u);
    return Begin(After(outcome));
  }

  Participation site_{kA, TestManifest().run, FirstPlan().plan.base};
  RoundAttempt at_;
  Digest blob_ = Sha256(AsBytes("blob"));
  int now_ = 0;
};

TEST_F(SiteWithFiles, AResultThatIsGoneIsGivenUpAndTheNextRoundGoesOn) {
  Submit();
  const Outcome outcome = WithoutUs();
  const auto fold = Only<FoldBack>(Feed(FromAggregator{outcome}));
  ASSERT_EQ(fold.size(), 1u);
  const auto effects = Feed(FoldFailed{fold[0].residual_to, false});
  EXPECT_EQ(Only<DropWork>(effects).size(), 1u);
  EXPECT_FALSE(site_.folding());
  EXPECT_EQ(site_.phase(), SitePhase::kDeriving);
  const EncodeUpdate next = Begin(After(outcome));
  EXPECT_EQ(next.residual_from, 0u) << "the one before it is in force, as before";
}

TEST_F(SiteWithFiles, AResultThatIsGoneLeavesWhatWasCarriedBefore) {
  Carry();
  Submit();
  const auto fold = Only<FoldBack>(Feed(FromAggregator{WithoutUs()}));
  ASSERT_EQ(fold.size(), 1u);
  Feed(FoldFailed{fold[0].residual_to, false});
  EXPECT_EQ(site_.residual(), 2u);
}

TEST_F(SiteWithFiles, AResidualThatIsGoneAtTheFoldIsNotReadAgain) {
  Carry();
  Submit();
  const auto fold = Only<FoldBack>(Feed(FromAggregator{WithoutUs()}));
  ASSERT_EQ(fold.size(), 1u);
  Feed(FoldFailed{fold[0].residual_to, true});
  EXPECT_EQ(site_.residual(), 0u);
}

TEST_F(SiteWithFiles, TheEndOfTheRunIsTakenAfterAFoldThatFailed) {
  Submit();
  const auto fold = Only<FoldBack>(Feed(FromAggregator{WithoutUs()}));
  ASSERT_EQ(fold.size(), 1u);
  Feed(FoldFailed{fold[0].residual_to, false});
  Feed(Derived{at_, false, {}});
  Feed(FromAggregator{RunEnded{at_.run, 1, site_.base(), "stopped"}});
  EXPECT_EQ(site_.phase(), SitePhase::kEnded);
}

TEST_F(SiteWithFiles, AFailureOfAFoldGivenUpSaysNothing) {
  Submit();
  const auto fold = Only<FoldBack>(Feed(FromAggregator{WithoutUs()}));
  ASSERT_EQ(fold.size(), 1u);
  Feed(Folded{fold[0].residual_to});
  Feed(FoldFailed{fold[0].residual_to, true});
  EXPECT_EQ(site_.residual(), fold[0].residual_to);
}

TEST_F(SiteWithFiles, AnUpdateWhoseResidualIsGoneIsEncodedWithoutIt) {
  const EncodeUpdate encode = Carry();
  ASSERT_EQ(encode.residual_from, 2u);
  const auto effects = Feed(EncodeFailed{at_.round, "not-found", EncodeFault::kResidual});
  EXPECT_TRUE(Told<Withdraw>(effects).empty());
  const auto again = Only<EncodeUpdate>(effects);
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].residual_from, 0u);
  EXPECT_EQ(again[0].residual_to, encode.residual_to);
  Submit();
  EXPECT_EQ(site_.phase(), SitePhase::kSubmitted);
}

TEST_F(SiteWithFiles, AnUpdateForWhichThereIsNoRoomIsFoldedBackAndNotLost) {
  const auto effects = Feed(EncodeFailed{at_.round, "exhausted", EncodeFault::kRoom});
  EXPECT_TRUE(Only<DropWork>(effects).empty());
  ASSERT_EQ(Told<Withdraw>(effects).size(), 1u);
  EXPECT_EQ(Told<Withdraw>(effects)[0].reason, "exhausted");
  const auto fold = Only<FoldBack>(effects);
  ASSERT_EQ(fold.size(), 1u);
  Feed(Folded{fold[0].residual_to});
  EXPECT_EQ(site_.residual(), fold[0].residual_to);
}

TEST_F(SiteWithFiles, KeepsNoStepThatIsTakenAgainAfterADeathBeforeAnythingIsToldOfIt) {
  EXPECT_TRUE(Only<PersistSite>(Feed(Encoded{at_.round, blob_, 5, 0})).empty());
  EXPECT_TRUE(Only<PersistSite>(Feed(UploadDone{at_.round, blob_})).empty());
  EXPECT_FALSE(Only<PersistSite>(Feed(Signed{at_, {1}})).empty());
  const auto receipted = Feed(FromAggregator{Receipt{at_, blob_, 7, {}}});
  EXPECT_TRUE(Only<PersistSite>(receipted).empty());
  EXPECT_EQ(Only<VerifyReceipt>(receipted).size(), 1u);
  EXPECT_FALSE(Only<PersistSite>(Feed(ReceiptChecked{at_, true})).empty());
  Outcome outcome = WithoutUs();
  outcome.counted = {{kA, 5, 1}};
  EXPECT_FALSE(Only<PersistSite>(Feed(FromAggregator{outcome})).empty());
  EXPECT_TRUE(Only<PersistSite>(Feed(AggregateFetched{outcome.at, true})).empty());
  EXPECT_FALSE(Only<PersistSite>(Feed(Derived{outcome.at, true, outcome.next})).empty());
}

TEST_F(SiteWithFiles, EncodesAgainFromTheSameFilesWhatItDidNotKeepAsEncoded) {
  const auto before = site_.Save();
  Feed(Encoded{at_.round, blob_, 5, 0});
  site_ = Participation::Load(before).value();
  const auto asked = Only<EncodeUpdate>(Feed(SiteStarted{}));
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0].residual_from, 0u);
  EXPECT_EQ(asked[0].residual_to, 1u);
  EXPECT_EQ(Only<UploadBlob>(Feed(Encoded{at_.round, blob_, 5, 0})).size(), 1u);
}

TEST_F(SiteWithFiles, AsksInItsNextLifeForAnAggregateThatAPowerCutMayHaveTaken) {
  Submit();
  Outcome outcome = WithoutUs();
  outcome.counted = {{kA, 5, 1}};
  outcome.aggregate = Sha256(AsBytes("aggregate"));
  Feed(FromAggregator{outcome});
  EXPECT_EQ(Only<DeriveModel>(Feed(AggregateFetched{outcome.at, true})).size(), 1u);
  site_ = Participation::Load(site_.Save()).value();
  const auto asked = Only<FetchAggregate>(Feed(SiteStarted{}));
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0].aggregate, outcome.aggregate);
  EXPECT_EQ(Only<DeriveModel>(Feed(AggregateFetched{outcome.at, true})).size(), 1u);
}

TEST_F(SiteWithFiles, AnUpdateThatCannotBeRoundedIsNotKept) {
  const auto effects = Feed(EncodeFailed{at_.round, "invalid"});
  EXPECT_EQ(Only<DropWork>(effects).size(), 1u);
  EXPECT_TRUE(Only<FoldBack>(effects).empty());
}

}  // namespace
}  // namespace dure::round
