// What a round does while it cannot go on: gathering with too few sites, and work that is refused.
#include <gtest/gtest.h>

#include "federation/round/testing.h"

namespace dure::round {
namespace {

// Both invited, the run in the log, nobody here yet; needs both.
Rounds Gathering_() {
  Rounds rounds(TestManifest(), {kA, kB});
  rounds.Handle(At(0), Started{});
  rounds.Handle(At(0), Appended{"run/proposed", 0, {}, {}});
  return rounds;
}
void Comes(Rounds& rounds, const SiteId& site, int seconds) {
  rounds.Handle(At(seconds), SiteConnected{site});
  rounds.Handle(At(seconds), Received{site, Ready{rounds.at(), rounds.base(), Offered(site)}});
}
void LetTimePass(Rounds& rounds, int from, int to) {
  for (int second = from; second <= to; second += 5) rounds.Handle(At(second), Timer{});
}

TEST(Gathering, SaysWhoIsMissingAndSinceWhen) {
  Rounds rounds = Gathering_();
  Comes(rounds, kA, 1);
  rounds.Handle(At(2), SiteConnected{kB});
  rounds.Handle(At(3), SiteDisconnected{kB});
  const auto waits = rounds.WaitsFor();
  ASSERT_TRUE(waits);
  EXPECT_EQ(waits->ready, 1u);
  EXPECT_EQ(waits->needed, 2u);
  ASSERT_EQ(waits->missing.size(), 1u);
  EXPECT_EQ(waits->missing[0].site, kB);
  EXPECT_EQ(waits->missing[0].cause, WaitCause::kNotConnected);
  EXPECT_EQ(waits->missing[0].since, At(3));
}

TEST(Gathering, SaysWhyASiteDeclined) {
  Rounds rounds = Gathering_();
  rounds.Handle(At(1), SiteConnected{kA});
  rounds.Handle(At(1), Received{kA, Declined{rounds.at(), "policy"}});
  const auto waits = rounds.WaitsFor();
  ASSERT_TRUE(waits && !waits->missing.empty());
  EXPECT_EQ(waits->missing[0].cause, WaitCause::kDeclined);
  EXPECT_EQ(waits->missing[0].reason, "policy");
}

TEST(Gathering, AWindowLongerThanThePatienceIsWaitedForWithoutHaste) {
  RunManifest manifest = TestManifest();
  manifest.quorum = manifest.cohort_min = 1;
  manifest.join_window = std::chrono::hours(2);
  Rounds rounds(manifest, {kA, kB});
  rounds.Handle(At(0), Started{});
  rounds.Handle(At(0), Appended{"run/proposed", 0, {}, {}});
  rounds.Handle(At(1), SiteConnected{kA});
  MonoTime now = At(1);
  auto effects = rounds.Handle(now, Received{kA, Ready{rounds.at(), rounds.base(), Offered(kA)}});
  int timers = 0;
  while (rounds.phase() == RunPhase::kGathering && timers < 10000) {
    for (const SetTimer& set : Only<SetTimer>(effects)) now = std::max(now, set.at);
    effects = rounds.Handle(now, Timer{});
    ++timers;
  }
  EXPECT_EQ(rounds.phase(), RunPhase::kAdmitting);
  EXPECT_EQ(now, At(2 * 3600));
  EXPECT_LT(timers, 2000) << "one in five seconds, for who has not answered, at the most";
}

TEST(Gathering, PausesWithAReasonWhenThePatienceEndsAndGoesOnWhenTheSitesCome) {
  Rounds rounds = Gathering_();
  Comes(rounds, kA, 1);
  LetTimePass(rounds, 5, 3595);
  EXPECT_EQ(rounds.phase(), RunPhase::kGathering);
  LetTimePass(rounds, 3600, 3605);
  EXPECT_EQ(rounds.phase(), RunPhase::kPaused);
  EXPECT_EQ(rounds.reason(), kTooFewSites);
  ASSERT_TRUE(rounds.WaitsFor());
  EXPECT_EQ(rounds.WaitsFor()->missing.back().site, kB);
  rounds.Handle(At(9000), SiteConnected{kB});
  EXPECT_EQ(rounds.phase(), RunPhase::kGathering);
  rounds.Handle(At(9001), Received{kB, Ready{rounds.at(), rounds.base(), Offered(kB)}});
  EXPECT_EQ(rounds.phase(), RunPhase::kAdmitting);
}

TEST(Gathering, KeepsItsPatienceOverARestart) {
  Rounds rounds = Gathering_();
  Comes(rounds, kA, 1);
  auto loaded = Rounds::Load(rounds.Save(At(3000)), At(50));
  ASSERT_TRUE(loaded);
  loaded->Handle(At(50), Started{});
  LetTimePass(*loaded, 55, 640);
  EXPECT_EQ(loaded->phase(), RunPhase::kGathering);
  LetTimePass(*loaded, 645, 660);
  EXPECT_EQ(loaded->phase(), RunPhase::kPaused);
}

TEST(Gathering, PausesAtOnceWhenARevocationTookTheQuorumAndGoesOnWhenItIsUndone) {
  Rounds rounds = Gathering_();
  Comes(rounds, kA, 1);
  rounds.Handle(At(2), SiteRemoved{kB});
  EXPECT_EQ(rounds.phase(), RunPhase::kPaused);
  EXPECT_EQ(rounds.reason(), kTooFewSites);
  ASSERT_TRUE(rounds.WaitsFor());
  EXPECT_EQ(rounds.WaitsFor()->missing[0].cause, WaitCause::kRevoked);
  rounds.Handle(At(3), SiteConnected{kB});
  EXPECT_EQ(rounds.phase(), RunPhase::kPaused) << "a connection alone lets nobody in again";
  rounds.Handle(At(4), SiteReadmitted{kB});
  EXPECT_EQ(rounds.phase(), RunPhase::kGathering);
}

TEST(Collecting, IsAbandonedAtOnceWhenARevocationTookTheQuorum) {
  Rounds rounds = Gathering_();
  Comes(rounds, kA, 1);
  Comes(rounds, kB, 1);
  AdmissionsDecided decided{rounds.at(), {{kA, Granted(kA), ""}, {kB, Granted(kB), ""}}};
  rounds.Handle(At(2), decided);
  rounds.Handle(At(2), Appended{"run/0/0/opened", 1, {}, {}});
  ASSERT_EQ(rounds.phase(), RunPhase::kCollecting);
  rounds.Handle(At(3), SiteRemoved{kB});
  EXPECT_EQ(rounds.phase(), RunPhase::kAbandoning);
  EXPECT_EQ(rounds.reason(), "no-quorum");
  rounds.Handle(At(4), Appended{"run/0/0/abandoned", 2, {}, {}});
  EXPECT_EQ(rounds.phase(), RunPhase::kPaused);
  EXPECT_EQ(rounds.reason(), kTooFewSites);
}

// A round of three, each of which has submitted; what the first two sent is in the log.
struct ThreeSubmitted {
  std::vector<SiteId> sites = {kA, kB, TestSite("c")};
  Rounds rounds{TestManifest(), sites};
  std::vector<Submission> sent;

  ThreeSubmitted() {
    rounds.Handle(At(0), Started{});
    rounds.Handle(At(0), Appended{"run/proposed", 0, {}, {}});
    AdmissionsDecided decided{rounds.at(), {}};
    for (const SiteId& site : sites) {
      Comes(rounds, site, 1);
      decided.sites.push_back({site, Granted(site), ""});
    }
    rounds.Handle(At(2), decided);
    rounds.Handle(At(2), Appended{"run/0/0/opened", 1, {}, {}});
    for (const SiteId& site : sites) Submit(site);
    for (const size_t first : {0, 1}) {
      Verified(first, Verdict::kOk);
      rounds.Handle(At(3), Appended{KeyOf(first), 2, {}, {}});
    }
  }
  void Submit(const SiteId& site) {
    Submission one;
    one.at = rounds.at();
    one.base_model = rounds.base().model;
    one.contribution = Sha256(AsBytes(site.str()));
    one.weight = kWeightMax;
    one.datasets = Granted(site);
    one.envelope = {1};
    sent.push_back(one);
    rounds.Handle(At(3), Received{site, one});
  }
  void Verified(size_t which, Verdict verdict) {
    const Submission& one = sent[which];
    rounds.Handle(At(5), SubmissionVerified{sites[which], one.at, one.contribution, verdict});
  }
  std::string KeyOf(size_t which) const { return "run/0/0/submission/" + sites[which].str(); }
};

TEST(Collecting, DoesNotWaitForWhoeverLeftWhileItsSubmissionWasLookedAt) {
  ThreeSubmitted round;
  round.rounds.Handle(At(4), Received{round.sites[2], Leave{round.sent[2].at.run, 1, false}});
  round.Verified(2, Verdict::kMissing);
  EXPECT_EQ(round.rounds.phase(), RunPhase::kMerging);
  EXPECT_EQ(round.rounds.OutReason(round.sites[2]), "left");
}

TEST(Collecting, DoesNotWaitForWhoeverWasRevokedWhileItsSubmissionWasAppended) {
  ThreeSubmitted round;
  round.Verified(2, Verdict::kOk);
  round.rounds.Handle(At(5), SiteRemoved{round.sites[2]});
  round.rounds.Handle(At(6), AppendRefused{round.KeyOf(2), "key-revoked"});
  EXPECT_EQ(round.rounds.phase(), RunPhase::kMerging);
  EXPECT_EQ(round.rounds.OutReason(round.sites[2]), "revoked");
}

TEST(Collecting, WaitsForWhoeverIsStillThereToSendItAgain) {
  ThreeSubmitted round;
  round.Verified(2, Verdict::kMissing);
  EXPECT_EQ(round.rounds.phase(), RunPhase::kCollecting);
}

// A driver of which only what was persisted is left after a restart.
struct Restarting {
  Rounds rounds;
  Bytes kept;
  MonoTime timer{};

  void Feed(MonoTime now, const Event& event) {
    for (const Effect& effect : rounds.Handle(now, event)) {
      if (std::holds_alternative<Persist>(effect)) kept = rounds.Save(now);
      if (const auto* set = std::get_if<SetTimer>(&effect)) timer = set->at;
    }
  }
  void LiveUntil(MonoTime end) {
    while (timer < end) Feed(std::exchange(timer, MonoTime::max()), Timer{});
  }
  void Restart(MonoTime now) {
    rounds = Rounds::Load(kept, now).value();
    Feed(now, Started{});
  }
};

TEST(Collecting, ARestartDoesNotGrantItsDeadlineAnew) {
  using std::chrono::hours;
  RunManifest manifest = TestManifest();
  manifest.round_deadline = hours(6);
  Restarting life{Rounds(manifest, {kA, kB}), {}};
  life.Feed(At(0), Started{});
  life.Feed(At(0), Appended{"run/proposed", 0, {}, {}});
  for (const SiteId& site : {kA, kB}) {
    life.Feed(At(0), SiteConnected{site});
    life.Feed(At(0), Received{site, Ready{life.rounds.at(), life.rounds.base(), Offered(site)}});
  }
  const AdmissionsDecided decided{life.rounds.at(), {{kA, Granted(kA), ""}, {kB, Granted(kB), ""}}};
  life.Feed(At(0), decided);
  life.Feed(At(0), Appended{"run/0/0/opened", 1, {}, {}});
  ASSERT_EQ(life.rounds.phase(), RunPhase::kCollecting);
  life.LiveUntil(At(0) + hours(5));
  life.Restart(At(7));  // a machine's clock begins anew, too
  life.LiveUntil(At(7) + std::chrono::minutes(59));
  EXPECT_EQ(life.rounds.phase(), RunPhase::kCollecting);
  life.LiveUntil(At(7) + std::chrono::minutes(62));
  EXPECT_EQ(life.rounds.phase(), RunPhase::kAbandoning) << "five of its six hours were over";
}

// Site
// ---------------------------------------------------------------------------------------------

class SiteAtWork : public testing::Test {
 protected:
  SiteAtWork() : site_(kA, TestManifest().run, Base{TestManifest().initial_model, {}, {}}) {
    plan_.manifest = TestManifest();
    plan_.plan = MakePlan(plan_.manifest, {0}, 0, {plan_.manifest.initial_model, {}, {}});
    site_.Handle(At(0), SiteStarted{});
    site_.Handle(At(0), LinkUp{});
    Train();
  }
  void Train() {
    site_.Handle(At(1), FromAggregator{plan_});
    site_.Handle(At(1), Decided{plan_.plan.at, true, "", Offered(kA)});
    const auto effects = site_.Handle(
        At(2), FromAggregator{Roster{plan_.plan.at, {kA}, 0, Duration(1), Granted(kA)}});
    for (const StartTraining& start : Only<StartTraining>(effects)) work_ = start.number;
  }
  void Upload() {
    site_.Handle(At(3), TrainingDone{{0}, work_, 10, 1, 2.0});
    site_.Handle(At(4), Encoded{{0}, blob_, 5, 0});
  }
  void LeaveAndCome(int seconds) {
    site_.Handle(At(seconds), LeaveRequested{});
    if (site_.folding()) site_.Handle(At(seconds), Folded{++folds_ * 2});
    site_.Handle(At(seconds), JoinRequested{});
  }

  Plan plan_;
  Participation site_;
  Digest blob_ = Sha256(AsBytes("blob"));
  uint64_t work_ = 0;
  uint64_t folds_ = 0;
};

TEST_F(SiteAtWork, AnUploadThatIsRefusedAgainAndAgainIsTriedLessAndLessOften) {
  Upload();
  int now = 5;
  for (const int wait : {5, 10, 20, 40, 80, 80}) {
    site_.Handle(At(now), UploadFailed{{0}, blob_});
    now += wait;
    EXPECT_TRUE(Only<UploadBlob>(site_.Handle(At(now - 1), SiteTimer{})).empty()) << wait;
    EXPECT_EQ(Only<UploadBlob>(site_.Handle(At(now), SiteTimer{})).size(), 1u) << wait;
  }
}

TEST_F(SiteAtWork, AnUploadGivenUpThatEndsLateSaysNothingOfTheOneUnderWay) {
  Upload();
  const Digest other = Sha256(AsBytes("of the attempt before"));
  EXPECT_TRUE(Only<SetSiteTimer>(site_.Handle(At(5), UploadFailed{{0}, other})).empty());
  EXPECT_TRUE(Only<UploadBlob>(site_.Handle(At(60), SiteTimer{})).empty());
}

TEST_F(SiteAtWork, NothingIsTriedWhileTheAggregatorIsAwayAndAllAtOnceWhenItIsBack) {
  Upload();
  site_.Handle(At(5), LinkDown{});
  EXPECT_TRUE(Only<SetSiteTimer>(site_.Handle(At(6), UploadFailed{{0}, blob_})).empty());
  EXPECT_TRUE(Only<UploadBlob>(site_.Handle(At(60), SiteTimer{})).empty());
  EXPECT_EQ(Only<UploadBlob>(site_.Handle(At(70), LinkUp{})).size(), 1u);
}

TEST_F(SiteAtWork, ARoundThatIsTrainedAgainIsAnotherTraining) {
  Upload();
  const uint64_t first = work_;
  LeaveAndCome(5);
  Train();
  ASSERT_EQ(site_.phase(), SitePhase::kTraining);
  EXPECT_NE(work_, first);
}

TEST_F(SiteAtWork, WhatTheLogMayHoldIsNotFoldedBackHoweverOftenTheSiteLeaves) {
  Upload();
  site_.Handle(At(5), UploadDone{{0}, blob_});
  site_.Handle(At(6), Signed{plan_.plan.at, {1}});
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(Only<FoldBack>(site_.Handle(At(7), LeaveRequested{})).empty());
    site_.Handle(At(8), JoinRequested{});
  }
}

// The refusal is of one copy of the submission; another, delayed one, may be taken after it.
TEST_F(SiteAtWork, WhatWasRefusedByTheLogMayStillBeTakenByIt) {
  Upload();
  site_.Handle(At(5), UploadDone{{0}, blob_});
  site_.Handle(At(6), Signed{plan_.plan.at, {1}});
  site_.Handle(At(7), FromAggregator{Refusal{plan_.plan.at, blob_, RefusalReason::kNotRecorded}});
  EXPECT_TRUE(Only<FoldBack>(site_.Handle(At(8), LeaveRequested{})).empty());
}

TEST_F(SiteAtWork, AnUploadThatALeaveInterruptedGoesOnWhenTheSiteIsBackInTheRound) {
  Upload();
  site_.Handle(At(5), UploadDone{{0}, blob_});
  site_.Handle(At(6), Signed{plan_.plan.at, {1}});
  site_.Handle(At(7), FromAggregator{Refusal{plan_.plan.at, blob_, RefusalReason::kBlobMissing}});
  ASSERT_EQ(site_.phase(), SitePhase::kUploading);
  LeaveAndCome(8);
  const auto effects = site_.Handle(At(9), FromAggregator{plan_});
  EXPECT_EQ(Only<UploadBlob>(effects).size(), 1u);
}

// The leave may reach the aggregator after all of this.
TEST_F(SiteAtWork, AsksToJoinAlsoWhileItWorksByARosterThatMayBeOlderThanItsLeave) {
  LeaveAndCome(3);
  Train();
  ASSERT_EQ(site_.phase(), SitePhase::kTraining);
  EXPECT_EQ(Told<Join>(site_.Handle(At(30), SiteTimer{})).size(), 1u);
}

TEST_F(SiteAtWork, AsksToJoinUntilItIsKnownThatItDid) {
  LeaveAndCome(3);
  Outcome outcome;  // under way since before the site left
  outcome.at = plan_.plan.at;
  outcome.base = plan_.plan.base;
  site_.Handle(At(4), FromAggregator{outcome});
  EXPECT_EQ(Told<Join>(site_.Handle(At(10), SiteTimer{})).size(), 1u);
}

// Of hundreds of runs each would say it twice.
TEST(Ended, AtAConnectionTheEndIsSaidOnce) {
  Rounds rounds(TestManifest(), {kA, kB});
  rounds.Handle(At(0), Started{});
  rounds.Handle(At(0), Appended{"run/proposed", 0, {}, {}});
  rounds.Handle(At(1), StopRequested{});
  ASSERT_EQ(rounds.phase(), RunPhase::kEnded);
  rounds.Handle(At(20), Timer{});  // of the time when it gathered
  auto effects = rounds.Handle(At(1000), SiteConnected{kA});
  EXPECT_EQ(SentTo<RunEnded>(effects, kA).size(), 1u);
  ASSERT_EQ(Only<SetTimer>(effects).size(), 1u);
  const MonoTime again = Only<SetTimer>(effects)[0].at;
  EXPECT_GT(again, At(1000)) << "not at once";
  effects = rounds.Handle(again, Timer{});
  EXPECT_EQ(SentTo<RunEnded>(effects, kA).size(), 1u);
  rounds.Handle(again, Received{kA, Leave{TestManifest().run, 0, true}});
  EXPECT_TRUE(SentTo<RunEnded>(rounds.Handle(again, SiteConnected{kA}), kA).empty());
}

}  // namespace
}  // namespace dure::round
