// The two halves by themselves; their life together is tests/sim's.
#include <gtest/gtest.h>

#include "federation/round/testing.h"

namespace dure::round {
namespace {

Submission SubmissionFor(const Rounds& rounds, const std::string& blob) {
  return {.at = rounds.at(),
          .base_model = rounds.base().model,
          .contribution = Sha256(AsBytes(blob)),
          .weight = 7,
          .tokens = 10,
          .steps = 1,
          .saturated_lanes = 0,
          .datasets = Granted(TestSite(blob)),
          .envelope = {1}};
}

AdmissionsDecided Decision(const Rounds& rounds, const std::vector<SiteId>& admitted) {
  AdmissionsDecided decided{rounds.at(), {}};
  for (const SiteId& site : admitted) decided.sites.push_back({site, Granted(site), ""});
  return decided;
}

// Two sites, ready; the question of their admission is out.
Rounds Admitting(RunManifest manifest = TestManifest()) {
  Rounds rounds(std::move(manifest), {kA, kB});
  rounds.Handle(At(0), Started{});
  rounds.Handle(At(0), Appended{"run/proposed", 0, {}, {}});
  for (const SiteId& site : {kA, kB}) {
    rounds.Handle(At(1), SiteConnected{site});
    rounds.Handle(At(1), Received{site, Ready{rounds.at(), rounds.base(), Offered(site)}});
  }
  return rounds;
}

// Two sites, admitted, with the round's opening in the log.
Rounds Collecting(RunManifest manifest = TestManifest()) {
  Rounds rounds = Admitting(std::move(manifest));
  rounds.Handle(At(1), Decision(rounds, {kA, kB}));
  rounds.Handle(At(2), Appended{"run/0/0/opened", 1, {}, {}});
  return rounds;
}

void Receipted(Rounds& rounds, const SiteId& site, uint64_t index) {
  const Submission submission = SubmissionFor(rounds, site.str());
  const RoundAttempt at = rounds.at();
  rounds.Handle(At(3), Received{site, submission});
  rounds.Handle(At(3), SubmissionVerified{site, at, submission.contribution, Verdict::kOk});
  rounds.Handle(At(3), Appended{at.Text() + "/submission/" + site.str(), index, {9}, {}});
}

TEST(Rounds, PersistsBeforeItTells) {
  Rounds rounds(TestManifest(), {kA});
  const auto effects = rounds.Handle(At(0), Started{});
  ASSERT_FALSE(effects.empty());
  EXPECT_TRUE(std::holds_alternative<Persist>(effects.front()));
}

// A vote on a run may take a week.
TEST(Rounds, AProposalIsTakenBackWithoutWaitingForItsApproval) {
  Rounds rounds(TestManifest(), {kA, kB});
  rounds.Handle(At(0), Started{});
  ASSERT_EQ(rounds.phase(), RunPhase::kProposing);
  rounds.Handle(At(1), StopRequested{.after_round = true});
  EXPECT_EQ(rounds.phase(), RunPhase::kEnded);
  EXPECT_EQ(rounds.reason(), "stopped");
  rounds.Handle(At(2), Appended{"run/proposed", 0, {}, {}});
  EXPECT_EQ(rounds.phase(), RunPhase::kEnded);
}

TEST(Rounds, APauseNamesWhoseTrainingFailedAndWhy) {
  RunManifest manifest = TestManifest();
  manifest.attempts_max = 1;
  Rounds rounds = Collecting(manifest);
  rounds.Handle(At(3), Received{kA, Withdraw{rounds.at(), "trainer-invalid"}});
  rounds.Handle(At(3), Received{kB, Withdraw{rounds.at(), "trainer-unavailable"}});
  ASSERT_EQ(rounds.phase(), RunPhase::kAbandoning);
  rounds.Handle(At(4), Appended{"run/0/0/abandoned", 2, {}, {}});
  ASSERT_EQ(rounds.phase(), RunPhase::kPaused);
  EXPECT_EQ(rounds.reason(), "attempts-exhausted: a trainer-invalid, b trainer-unavailable");
}

TEST(Rounds, GivesNoReceiptBeforeTheAppend) {
  Rounds rounds = Collecting();
  const Submission s = SubmissionFor(rounds, "a");
  EXPECT_TRUE(SentTo<Receipt>(rounds.Handle(At(3), Received{kA, s}), kA).empty());
  const auto verified =
      rounds.Handle(At(3), SubmissionVerified{kA, s.at, s.contribution, Verdict::kOk});
  EXPECT_TRUE(SentTo<Receipt>(verified, kA).empty());
  EXPECT_EQ(Only<Append>(verified).size(), 1u);
  const auto appended = rounds.Handle(At(3), Appended{"run/0/0/submission/a", 5, {9}, {}});
  ASSERT_EQ(SentTo<Receipt>(appended, kA).size(), 1u);
  // A repeat gets the same answer and starts nothing.
  const auto again = rounds.Handle(At(4), Received{kA, s});
  EXPECT_EQ(SentTo<Receipt>(again, kA), SentTo<Receipt>(appended, kA));
  EXPECT_TRUE(Only<VerifySubmission>(again).empty());
}

TEST(Rounds, MergesInOrderOfIdsOnceAllAreIn) {
  Rounds rounds = Collecting();
  Receipted(rounds, kB, 2);
  EXPECT_EQ(rounds.phase(), RunPhase::kCollecting);
  Receipted(rounds, kA, 3);
  ASSERT_EQ(rounds.phase(), RunPhase::kMerging);
}

TEST(Rounds, ClosesAtTheDeadlineWithAQuorumAndRefusesTheLateOne) {
  RunManifest manifest = TestManifest();
  manifest.quorum = 1;
  Rounds rounds = Collecting(manifest);
  Receipted(rounds, kA, 2);
  const auto effects = rounds.Handle(At(200), Timer{});
  ASSERT_EQ(Only<StartMerge>(effects).size(), 1u);
  EXPECT_EQ(Only<StartMerge>(effects)[0].contributions.size(), 1u);
  const auto late = rounds.Handle(At(201), Received{kB, SubmissionFor(rounds, "b")});
  ASSERT_EQ(SentTo<Refusal>(late, kB).size(), 1u);
  EXPECT_EQ(SentTo<Refusal>(late, kB)[0].reason, RefusalReason::kLate);
}

TEST(Rounds, WithoutAQuorumTriesAgainFromTheSameBase) {
  Rounds rounds = Collecting();
  const Base base = rounds.base();
  Receipted(rounds, kA, 2);
  rounds.Handle(At(200), Timer{});
  EXPECT_EQ(rounds.phase(), RunPhase::kAbandoning);
  rounds.Handle(At(200), Appended{"run/0/0/abandoned", 3, {}, {}});
  EXPECT_EQ(rounds.at().attempt, 1u);
  EXPECT_EQ(rounds.base(), base);
}

TEST(Rounds, RefusesASubmissionFromOutsideTheCohortOrOfAnotherBase) {
  Rounds rounds = Collecting();
  Submission other = SubmissionFor(rounds, "a");
  other.base_model = Sha256(AsBytes("other"));
  EXPECT_EQ(SentTo<Refusal>(rounds.Handle(At(3), Received{kA, other}), kA)[0].reason,
            RefusalReason::kOtherBase);
  const SiteId c = TestSite("c");
  rounds.Handle(At(3), SiteConnected{c});
  const auto effects = rounds.Handle(At(3), Received{c, SubmissionFor(rounds, "c")});
  EXPECT_EQ(SentTo<Refusal>(effects, c)[0].reason, RefusalReason::kNotInCohort);
}

TEST(Rounds, RefusesASubmissionThatSaysItWeighsLessWhereAllCountTheSame) {
  RunManifest manifest = TestManifest();
  manifest.weighting = Weighting::kEqual;
  Rounds rounds = Collecting(manifest);
  Submission submission = SubmissionFor(rounds, "a");
  const auto refused = SentTo<Refusal>(rounds.Handle(At(3), Received{kA, submission}), kA);
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].reason, RefusalReason::kNotSigned);
  submission.weight = kWeightMax;
  const auto taken = rounds.Handle(At(3), Received{kA, submission});
  EXPECT_EQ(Only<VerifySubmission>(taken).size(), 1u);
}

TEST(Rounds, TheClosingEntryTellsTheRuleAndTheSharesAlsoAfterARestart) {
  RunManifest manifest = TestManifest();
  manifest.weighting = Weighting::kEqual;
  manifest.merge = *MergeRule::Parse("norm-bound=1");
  manifest.quorum = manifest.cohort_min = 3;
  const std::vector<SiteId> sites = {kA, kB, TestSite("c")};
  Rounds rounds(manifest, sites);
  rounds.Handle(At(0), Started{});
  rounds.Handle(At(0), Appended{"run/proposed", 0, {}, {}});
  for (const SiteId& site : sites) {
    rounds.Handle(At(1), SiteConnected{site});
    rounds.Handle(At(1), Received{site, Ready{rounds.at(), rounds.base(), Offered(site)}});
  }
  rounds.Handle(At(1), Decision(rounds, sites));
  rounds.Handle(At(2), Appended{"run/0/0/opened", 1, {}, {}});
  for (const SiteId& site : sites) {
    Submission submission = SubmissionFor(rounds, site.str());
    submission.weight = kWeightMax;
    rounds.Handle(At(3), Received{site, submission});
    rounds.Handle(At(3),
                  SubmissionVerified{site, rounds.at(), submission.contribution, Verdict::kOk});
    rounds.Handle(At(3), Appended{"run/0/0/submission/" + site.str(), 2, {9}, {}});
  }
  ASSERT_EQ(rounds.phase(), RunPhase::kMerging);
  const auto effects = rounds.Handle(At(4), Merged{rounds.at(), {}, {}, {}, {5, 6, 7}});
  Rounds again = Rounds::Load(rounds.Save(At(4)), At(4)).value();
  for (const auto& appended :
       {Only<Append>(effects), Only<Append>(again.Handle(At(5), Started{}))}) {
    const RecordClosed* closed = nullptr;
    for (const Append& one : appended) {
      if (const auto* found = std::get_if<RecordClosed>(&one.record)) closed = found;
    }
    ASSERT_NE(closed, nullptr);
    EXPECT_EQ(closed->merge, "norm-bound=1");
    EXPECT_EQ(closed->shares, (std::vector<uint64_t>{5, 6, 7}));
  }
}

TEST(Rounds, AfterARestartAsksAgainForWhatWasOutstandingUnderTheSameKey) {
  Rounds rounds = Collecting();
  const Submission s = SubmissionFor(rounds, "a");
  rounds.Handle(At(3), Received{kA, s});
  const auto before =
      rounds.Handle(At(3), SubmissionVerified{kA, s.at, s.contribution, Verdict::kOk});
  auto loaded = Rounds::Load(rounds.Save(At(52)), At(5000));
  ASSERT_TRUE(loaded) << loaded.error().message;
  const auto after = loaded->Handle(At(5000), Started{});
  ASSERT_EQ(Only<Append>(after).size(), 1u);
  EXPECT_EQ(Only<Append>(after)[0].key, Only<Append>(before)[0].key);
  // Half of the deadline was left; the other clock's reading says nothing.
  loaded->Handle(At(5000), Appended{"run/0/0/submission/a", 2, {9}, {}});
  loaded->Handle(At(5049), Timer{});
  EXPECT_EQ(loaded->phase(), RunPhase::kCollecting);
  loaded->Handle(At(5050), Timer{});
  EXPECT_EQ(loaded->phase(), RunPhase::kAbandoning);
}

TEST(Rounds, LoadRefusesEveryTruncation) {
  const Bytes state = Collecting().Save(At(3));
  for (size_t n = 0; n < state.size(); ++n) {
    EXPECT_FALSE(Rounds::Load(ByteView(state).first(n), At(0)));
  }
}

// A message that does not fit the phase changes nothing and is not an error.
TEST(Rounds, TakesAnyMessageInAnyPhase) {
  const RoundAttempt at{*RunId::Parse("run"), {0}, 0};
  const Digest d = Sha256(AsBytes("x"));
  const std::vector<Message> stray = {OutcomeAck{at, Derivation::kDifferent, {}},
                                      Receipt{at, d, 0, {}}, Roster{at, {kA}, 0, {}, Granted(kA)},
                                      RunEnded{at.run, 1, {}, "complete"}, Declined{at, "policy"}};
  for (const Message& message : stray) {
    Rounds rounds = Collecting();
    const Bytes before = rounds.Save(At(3));
    rounds.Handle(At(3), Received{kA, message});
    EXPECT_EQ(rounds.Save(At(3)), before) << KindName(message);
  }
}

Participation Ready_(const Plan& plan) {
  Participation site(kA, plan.manifest.run, plan.plan.base);
  site.Handle(At(0), SiteStarted{});
  site.Handle(At(0), LinkUp{});
  site.Handle(At(1), FromAggregator{plan});
  site.Handle(At(1), Decided{plan.plan.at, true, "", Offered(kA)});
  return site;
}

// Of b alone, to another model.
Outcome OutcomeOf(const Plan& plan) {
  Outcome outcome;
  outcome.at = plan.plan.at;
  outcome.base = plan.plan.base;
  outcome.next.model = Sha256(AsBytes("next"));
  outcome.counted = {{kB, 5, 1}};
  outcome.weight_sum = 5;
  return outcome;
}

TEST(Participation, SendsTheSameSubmissionUntilTheReceiptAndCommitsOnlyThen) {
  const Plan plan = FirstPlan();
  const RoundAttempt at = plan.plan.at;
  Participation site = Ready_(plan);
  EXPECT_EQ(site.phase(), SitePhase::kReady);
  site.Handle(At(2), FromAggregator{Roster{at, {kA}, 0, Duration(1), Granted(kA)}});
  site.Handle(At(3), TrainingDone{{0}, site.training(), 10, 1, 2.0});
  const Digest blob = Sha256(AsBytes("blob"));
  site.Handle(At(4), Encoded{{0}, blob, 5, 0});
  site.Handle(At(5), UploadDone{{0}, blob});
  const auto first = Told<Submission>(site.Handle(At(6), Signed{at, {1, 2}}));
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(site.residual(), 0u);
  auto restarted = Participation::Load(site.Save());
  ASSERT_TRUE(restarted);
  const auto begun = restarted->Handle(At(7), SiteStarted{});
  EXPECT_TRUE(Only<UploadBlob>(begun).empty()) << "a completed upload is not sent again";
  EXPECT_EQ(Told<Submission>(restarted->Handle(At(8), LinkUp{})), first);
  restarted->Handle(At(9), FromAggregator{Receipt{at, blob, 4, {}}});
  EXPECT_EQ(restarted->residual(), 0u);
  const auto held = restarted->Handle(At(9), ReceiptChecked{at, true});
  EXPECT_EQ(Only<CommitResidual>(held).size(), 1u);
  EXPECT_EQ(restarted->residual(), 1u);
}

TEST(Participation, ThatLeftWhileItFetchedTheLastModelHearsOfTheEndAgain) {
  const Plan plan = FirstPlan();
  Participation site = Ready_(plan);
  const RunEnded ended{plan.manifest.run, 1, {Sha256(AsBytes("last")), {}, {}}, "complete"};
  EXPECT_EQ(Only<FetchBase>(site.Handle(At(2), FromAggregator{ended})).size(), 1u);
  site.Handle(At(3), LeaveRequested{});
  site.Handle(At(4), JoinRequested{});
  EXPECT_EQ(Only<FetchBase>(site.Handle(At(5), FromAggregator{ended})).size(), 1u);
}

TEST(Participation, DoesNotEndWithAModelThatIsNotOnRecord) {
  const Plan plan = FirstPlan();
  const RunEnded ended{plan.manifest.run, 1, {Sha256(AsBytes("last")), {}, {}}, "complete"};
  Participation site = Ready_(plan);
  const Base held = site.base();
  site.Handle(At(2), FromAggregator{ended});
  EXPECT_TRUE(Only<PublishModel>(site.Handle(At(3), EndRefused{true})).empty());
  EXPECT_EQ(site.phase(), SitePhase::kDissent);
  EXPECT_EQ(site.base(), held);
  // The end that is on record comes later, and is taken when an operator lets it.
  const RunEnded recorded{plan.manifest.run, 1, {Sha256(AsBytes("other")), {}, {}}, "complete"};
  EXPECT_EQ(Told<Leave>(site.Handle(At(4), FromAggregator{recorded})).size(), 1u);
  const auto fetches = Only<FetchBase>(site.Handle(At(5), ResyncRequested{}));
  ASSERT_EQ(fetches.size(), 1u);
  EXPECT_EQ(fetches[0].base, recorded.last);

  Participation unknown = Ready_(plan);
  unknown.Handle(At(2), FromAggregator{ended});
  unknown.Handle(At(3), EndRefused{false});
  EXPECT_EQ(unknown.phase(), SitePhase::kEnded);
  EXPECT_EQ(unknown.base(), held);
}

// The aggregator came back from a backup that lacks the sum and the model of the last round.
TEST(Participation, AnAggregatorThatLostTheLastRoundIsNotWaitedFor) {
  const Plan plan = FirstPlan();
  const Outcome outcome = OutcomeOf(plan);
  const RunEnded ended{plan.manifest.run, 1, outcome.next, std::string(kOvertaken)};
  {
    Participation site = Ready_(plan);
    site.Handle(At(2), FromAggregator{outcome});
    site.Handle(At(3), AggregateFetched{outcome.at, false});
    const auto told = site.Handle(At(4), FromAggregator{ended});
    ASSERT_EQ(Only<FetchBase>(told).size(), 1u) << "it asks once";
    const auto effects = site.Handle(At(5), BaseFetched{Only<FetchBase>(told)[0], false});
    EXPECT_EQ(site.phase(), SitePhase::kEnded);
    EXPECT_EQ(Told<Leave>(effects).size(), 1u);
  }
  {  // What was fetched before the aggregator went is derived, and is the run's last model.
    Participation site = Ready_(plan);
    site.Handle(At(2), FromAggregator{outcome});
    site.Handle(At(3), AggregateFetched{outcome.at, true});
    site.Handle(At(4), FromAggregator{ended});
    site.Handle(At(5), Derived{outcome.at, true, outcome.next});
    EXPECT_EQ(site.phase(), SitePhase::kEnded);
  }
}

// A joiner's download is still under way when the run ends with a later model.
TEST(Participation, ADownloadForThePlanBeforeIsNotTheModelThatTheRunCameTo) {
  const Plan plan = FirstPlan();
  for (const std::string_view reason : {kComplete, kOvertaken}) {
    for (const bool ok : {true, false}) {
      Participation site(kA, plan.manifest.run);
      site.Handle(At(0), LinkUp{});
      site.Handle(At(1), FromAggregator{plan});
      const auto first =
          Only<FetchBase>(site.Handle(At(1), Decided{plan.plan.at, true, "", Offered(kA)}));
      ASSERT_EQ(first.size(), 1u);
      const RunEnded ended{plan.manifest.run, 1, OutcomeOf(plan).next, std::string(reason)};
      const auto last = Only<FetchBase>(site.Handle(At(2), FromAggregator{ended}));
      ASSERT_EQ(last.size(), 1u);
      EXPECT_EQ(last[0].end, ended) << "it is held against the record";
      EXPECT_TRUE(Only<PublishModel>(site.Handle(At(3), BaseFetched{first[0], ok})).empty());
      EXPECT_EQ(site.phase(), SitePhase::kFetching) << reason << ok;
      const auto published = Only<PublishModel>(site.Handle(At(4), BaseFetched{last[0], true}));
      ASSERT_EQ(published.size(), 1u);
      EXPECT_EQ(published[0].base, ended.last);
      EXPECT_EQ(site.phase(), SitePhase::kEnded);
    }
  }
}

// Also when it is the same model: that it is the last one is for the record to say.
TEST(Participation, ADownloadForAPlanDoesNotStandForTheCheckOfTheEnd) {
  const Plan plan = FirstPlan();
  Participation site(kA, plan.manifest.run);
  site.Handle(At(0), LinkUp{});
  site.Handle(At(1), FromAggregator{plan});
  const auto first =
      Only<FetchBase>(site.Handle(At(1), Decided{plan.plan.at, true, "", Offered(kA)}));
  ASSERT_EQ(first.size(), 1u);
  site.Handle(At(2), FromAggregator{RunEnded{plan.manifest.run, 7, plan.plan.base, "stopped"}});
  site.Handle(At(3), BaseFetched{first[0], true});
  EXPECT_EQ(site.phase(), SitePhase::kFetching);
}

TEST(Participation, DerivesAndDissentsWhenTheModelDiffers) {
  const Plan plan = FirstPlan();
  Participation site = Ready_(plan);
  const Outcome outcome = OutcomeOf(plan);
  site.Handle(At(2), FromAggregator{outcome});
  site.Handle(At(3), AggregateFetched{outcome.at, true});
  const auto effects =
      site.Handle(At(4), Derived{outcome.at, true, {Sha256(AsBytes("no")), {}, {}}});
  EXPECT_EQ(site.phase(), SitePhase::kDissent);
  EXPECT_EQ(Told<OutcomeAck>(effects)[0].derivation, Derivation::kDifferent);
  EXPECT_TRUE(Only<PublishModel>(effects).empty());
  // A roster that comes after its round trains nothing.
  EXPECT_TRUE(
      Only<StartTraining>(
          site.Handle(At(5), FromAggregator{Roster{outcome.at, {kA}, 0, Duration(1), Granted(kA)}}))
          .empty());
}

}  // namespace
}  // namespace dure::round
