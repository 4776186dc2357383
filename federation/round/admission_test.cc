// What may be trained on, from the offer to the outcome: the aggregator's half.
#include <gtest/gtest.h>

#include "federation/round/testing.h"

namespace dure::round {
namespace {

SiteAdmission Yes(const SiteId& site) { return {site, Granted(site), ""}; }

Submission SubmissionOf(const Rounds& rounds, const SiteId& site) {
  return {.at = rounds.at(),
          .base_model = rounds.base().model,
          .contribution = Sha256(AsBytes(site.str())),
          .weight = 7,
          .tokens = 10,
          .steps = 1,
          .saturated_lanes = 0,
          .datasets = Granted(site),
          .envelope = {1}};
}

void GetReady(Rounds& rounds, int second) {
  for (const SiteId& site : {kA, kB}) {
    rounds.Handle(At(second), Received{site, Ready{rounds.at(), rounds.base(), Offered(site)}});
  }
}

Rounds Admitting(uint32_t needed = 2) {
  RunManifest manifest = TestManifest();
  manifest.quorum = manifest.cohort_min = needed;
  Rounds rounds(manifest, {kA, kB});
  rounds.Handle(At(0), Started{});
  rounds.Handle(At(0), Appended{"run/proposed", 0, {}, {}});
  for (const SiteId& site : {kA, kB}) rounds.Handle(At(1), SiteConnected{site});
  GetReady(rounds, 1);
  return rounds;
}

Rounds Collecting(uint32_t needed = 1) {
  Rounds rounds = Admitting(needed);
  rounds.Handle(At(1), AdmissionsDecided{rounds.at(), {Yes(kA), Yes(kB)}});
  rounds.Handle(At(2), Appended{"run/0/0/opened", 1, {}, {}});
  return rounds;
}

void Receipted(Rounds& rounds, const SiteId& site, uint64_t index) {
  const Submission submission = SubmissionOf(rounds, site);
  const RoundAttempt at = rounds.at();
  rounds.Handle(At(3), Received{site, submission});
  rounds.Handle(At(3), SubmissionVerified{site, at, submission.contribution, Verdict::kOk});
  rounds.Handle(At(3), Appended{at.Text() + "/submission/" + site.str(), index, {9}, {}});
}

TEST(Admission, IsAskedBeforeTheRoundOpensAndAgainAfterARestart) {
  Rounds rounds = Admitting();
  EXPECT_EQ(rounds.phase(), RunPhase::kAdmitting);
  auto loaded = Rounds::Load(rounds.Save(At(2)), At(0));
  ASSERT_TRUE(loaded) << loaded.error().message;
  const auto asked = Only<DecideAdmissions>(loaded->Handle(At(0), Started{}));
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0].at, rounds.at());
  const std::vector<Candidate> both = {{kA, Offered(kA)}, {kB, Offered(kB)}};
  EXPECT_EQ(asked[0].candidates, both);
  for (const SiteId& site : {kA, kB}) loaded->Handle(At(1), SiteConnected{site});
  loaded->Handle(At(1), AdmissionsDecided{rounds.at(), {Yes(kA), Yes(kB)}});
  EXPECT_EQ(loaded->phase(), RunPhase::kOpening);
}

TEST(Admission, ThatDoesNotHoldAnyMoreWhenTheRoundOpensIsAskedAgainInTheNextAttempt) {
  Rounds rounds = Admitting();
  rounds.Handle(At(1), AdmissionsDecided{rounds.at(), {Yes(kA), Yes(kB)}});
  const auto asked =
      rounds.Handle(At(2), AppendRefused{"run/0/0/opened", std::string(kAdmissionOver)});
  EXPECT_EQ(rounds.phase(), RunPhase::kGathering);
  EXPECT_EQ(rounds.at().attempt, 1u);
  EXPECT_EQ(SentTo<Plan>(asked, kA).size(), 1u);
  GetReady(rounds, 3);
  EXPECT_EQ(rounds.phase(), RunPhase::kAdmitting);
}

TEST(Admission, OfAnotherAttemptDecidesNothing) {
  Rounds rounds = Admitting();
  RoundAttempt other = rounds.at();
  ++other.attempt;
  rounds.Handle(At(2), AdmissionsDecided{other, {Yes(kA), Yes(kB)}});
  EXPECT_EQ(rounds.phase(), RunPhase::kAdmitting);
}

TEST(Admission, TheRosterTellsEachSiteItsOwn) {
  Rounds rounds = Admitting();
  rounds.Handle(At(1), AdmissionsDecided{rounds.at(), {Yes(kA), Yes(kB)}});
  const auto effects = rounds.Handle(At(2), Appended{"run/0/0/opened", 1, {}, {}});
  for (const SiteId& site : {kA, kB}) {
    ASSERT_EQ(SentTo<Roster>(effects, site).size(), 1u);
    EXPECT_EQ(SentTo<Roster>(effects, site)[0].admitted, Granted(site));
  }
}

TEST(Admission, DeniedToOneLeavesItOutAndSaysWhy) {
  Rounds rounds = Admitting(1);
  const auto effects =
      rounds.Handle(At(1), AdmissionsDecided{rounds.at(), {Yes(kA), {kB, {}, "P3: embargo"}}});
  EXPECT_EQ(rounds.phase(), RunPhase::kOpening);
  EXPECT_EQ(rounds.Cohort(), std::vector<SiteId>{kA});
  bool said = false;
  for (const Announce& one : Only<Announce>(effects)) {
    said = said || (one.notice.kind == NoticeKind::kRefused && one.notice.site == kB &&
                    one.notice.text == "P3: embargo");
  }
  EXPECT_TRUE(said);
  EXPECT_EQ(SentTo<Refusal>(effects, kB)[0].reason, RefusalReason::kNotAdmitted);
}

TEST(Admission, OfWhatWasNotOfferedIsNone) {
  Rounds rounds = Admitting(1);
  rounds.Handle(At(1),
                AdmissionsDecided{rounds.at(), {Yes(kA), {kB, {{TestDataset("b"), 2, 9}}, ""}}});
  EXPECT_EQ(rounds.Cohort(), std::vector<SiteId>{kA}) << "version 1 was offered";
}

// An emergency rule that outlasts every attempt at a round: once it is over the run goes on, and
// nobody had to come for it.
TEST(Admission, DeniedToTooManyWaitsAWindowAndThenAsksInAnotherAttemptUntilItIsNot) {
  Rounds rounds = Admitting();
  const uint32_t windows = TestManifest().attempts_max + 1;
  for (uint32_t attempt = 0; attempt < windows; ++attempt) {
    ASSERT_EQ(rounds.phase(), RunPhase::kAdmitting) << attempt;
    EXPECT_EQ(rounds.at().attempt, attempt);
    const int now = 1 + static_cast<int>(attempt) * 20;
    rounds.Handle(At(now), AdmissionsDecided{rounds.at(), {Yes(kA), {kB, {}, "e1: dure why 7"}}});
    EXPECT_EQ(rounds.phase(), RunPhase::kGathering);
    EXPECT_EQ(rounds.reason(), "admission: b e1: dure why 7");
    EXPECT_TRUE(rounds.AwaitsAdmission());
    GetReady(rounds, now + 9);
    EXPECT_EQ(rounds.phase(), RunPhase::kGathering) << "the same question, the same answer";
    rounds.Handle(At(now + 10), Timer{});
    GetReady(rounds, now + 20);
  }
  rounds.Handle(At(1000), AdmissionsDecided{rounds.at(), {Yes(kA), Yes(kB)}});
  EXPECT_EQ(rounds.phase(), RunPhase::kOpening);
}

// Whoever is ready is refused, for so long; returns the time.
int BeRefused(Rounds& rounds, int begin, int seconds) {
  for (int now = begin; now < begin + seconds; now += 5) {
    rounds.Handle(At(now), Timer{});
    GetReady(rounds, now);
    if (rounds.phase() != RunPhase::kAdmitting) continue;
    rounds.Handle(At(now), AdmissionsDecided{rounds.at(), {{kA, {}, "e1"}, {kB, {}, "e1"}}});
  }
  return begin + seconds;
}

// Each question costs entries.
TEST(Admission, ThatIsRefusedForLongIsAskedForEverMoreSeldomOrWhenTheRunIsResumed) {
  constexpr int kHour = 3600;
  Rounds rounds = Admitting();
  const int now = BeRefused(rounds, 1, 24 * kHour);
  EXPECT_EQ(rounds.phase(), RunPhase::kGathering);
  EXPECT_GE(rounds.at().attempt, 24u);
  EXPECT_LE(rounds.at().attempt, 48u);
  const uint32_t before = rounds.at().attempt;
  rounds.Handle(At(now), Resume{});
  EXPECT_EQ(rounds.at().attempt, before + 1);
  BeRefused(rounds, now, 60);
  EXPECT_GE(rounds.at().attempt, before + 4) << "as in the beginning";
}

TEST(Admission, FromWhichTheMaskingSetsTooManyApartIsAFailedAttempt) {
  Rounds rounds = Admitting();
  for (uint32_t attempt = 0; attempt < TestManifest().attempts_max; ++attempt) {
    ASSERT_EQ(rounds.phase(), RunPhase::kAdmitting) << attempt;
    const int now = 1 + static_cast<int>(attempt) * 20;
    rounds.Handle(At(now), AdmissionsDecided{rounds.at(), {Yes(kA), {kB, {}, {}, true}}});
    EXPECT_EQ(rounds.reason(), "admission");
    rounds.Handle(At(now + 10), Timer{});
    GetReady(rounds, now + 20);
  }
  EXPECT_EQ(rounds.phase(), RunPhase::kPaused);
}

// It may be that nothing can be decided: the log is closed, or the rules in force need a newer
// build.
TEST(Admission, ThatIsNeverDecidedKeepsNobodyFromStoppingTheRun) {
  for (const bool after_round : {false, true}) {
    Rounds rounds = Admitting();
    EXPECT_TRUE(rounds.HoldsWithdrawals());
    const auto ended = rounds.Handle(At(2), StopRequested{after_round});
    EXPECT_EQ(rounds.phase(), RunPhase::kEnded);
    EXPECT_EQ(rounds.reason(), "stopped");
    EXPECT_EQ(SentTo<RunEnded>(ended, kA).size(), 1u);
    EXPECT_FALSE(rounds.HoldsWithdrawals());
    rounds.Handle(At(3), AdmissionsDecided{rounds.at(), {Yes(kA), Yes(kB)}});
    EXPECT_EQ(rounds.phase(), RunPhase::kEnded) << "the answer that came after all";
  }
}

TEST(Admission, AnAnswerThatIsSaidAgainMakesNobodyReadyWhoWasRefused) {
  Rounds rounds = Admitting();
  rounds.Handle(At(1), AdmissionsDecided{rounds.at(), {Yes(kA), {kB, {}, "no-terms"}}});
  GetReady(rounds, 2);
  const auto waits = rounds.WaitsFor();
  ASSERT_TRUE(waits.has_value());
  EXPECT_EQ(waits->ready, 1u);
  ASSERT_EQ(waits->missing.size(), 1u);
  EXPECT_EQ(waits->missing[0].site, kB);
  EXPECT_EQ(waits->missing[0].cause, WaitCause::kRefused);
  EXPECT_EQ(waits->missing[0].reason, "no-terms");
}

TEST(Admission, ASiteThatLeftWhileItWasDecidedIsNotInTheCohort) {
  Rounds rounds = Admitting(1);
  rounds.Handle(At(1), Received{kB, Leave{rounds.at().run, 1, false}});
  rounds.Handle(At(1), AdmissionsDecided{rounds.at(), {Yes(kA), Yes(kB)}});
  EXPECT_EQ(rounds.Cohort(), std::vector<SiteId>{kA});
}

TEST(Admission, ASubmissionOfOtherDatasetsIsRefused) {
  Rounds rounds = Collecting();
  Submission other = SubmissionOf(rounds, kA);
  other.datasets[0].entry += 1;
  const auto refused = rounds.Handle(At(3), Received{kA, other});
  ASSERT_EQ(SentTo<Refusal>(refused, kA).size(), 1u);
  EXPECT_EQ(SentTo<Refusal>(refused, kA)[0].reason, RefusalReason::kNotAdmitted);
  EXPECT_TRUE(Only<VerifySubmission>(refused).empty());
  other = SubmissionOf(rounds, kA);
  other.datasets.push_back({TestDataset("z"), 1, 9});
  EXPECT_EQ(SentTo<Refusal>(rounds.Handle(At(3), Received{kA, other}), kA).size(), 1u);
}

TEST(Exclusion, TakesAReceiptedContributionOutAndTheClosingSaysSo) {
  Rounds rounds = Collecting();
  Receipted(rounds, kA, 2);
  EXPECT_FALSE(rounds.HoldsWithdrawals());
  const auto told = rounds.Handle(At(4), Exclude{kA, "withdrawn"});
  EXPECT_EQ(SentTo<Refusal>(told, kA)[0].reason, RefusalReason::kExcluded);
  Receipted(rounds, kB, 4);
  ASSERT_EQ(rounds.phase(), RunPhase::kMerging);
  EXPECT_TRUE(rounds.HoldsWithdrawals());
  EXPECT_TRUE(rounds.HoldsWithdrawalOf(TestDataset(kA.str())));
  EXPECT_FALSE(rounds.HoldsWithdrawalOf(TestDataset("in-no-run"))) << "it is no part of this";
  rounds.Handle(At(5), Exclude{kB, "withdrawn"});  // too late: changes nothing
  const auto effects = rounds.Handle(
      At(6), Merged{rounds.at(), Sha256(AsBytes("sum")), {Sha256(AsBytes("m")), {}, {}}, {}});
  ASSERT_EQ(Only<Append>(effects).size(), 1u);
  const auto closed = std::get<RecordClosed>(Only<Append>(effects)[0].record);
  ASSERT_EQ(closed.counted.size(), 1u);
  EXPECT_EQ(closed.counted[0].site, kB);
  ASSERT_EQ(closed.excluded.size(), 1u);
  EXPECT_EQ(closed.excluded[0].site, kA);
  EXPECT_EQ(closed.excluded[0].reason, "withdrawn");
  EXPECT_TRUE(rounds.HoldsWithdrawals());
  rounds.Handle(At(7), Appended{"run/0/0/closed", 6, {}, {}});
  EXPECT_FALSE(rounds.HoldsWithdrawals());
}

// The withdrawal's entry is behind the last contribution's in the log, and so is its answer.
TEST(Exclusion, OfAWithdrawalThatWasOnItsWayWhenTheLastContributionCameIsInTime) {
  Rounds rounds = Collecting();
  Receipted(rounds, kA, 2);
  EXPECT_TRUE(Only<StartMerge>(rounds.Handle(At(3), WithdrawalsUnderWay{true})).empty());
  Receipted(rounds, kB, 4);
  ASSERT_EQ(rounds.phase(), RunPhase::kCollecting) << "what may be counted is not known yet";
  EXPECT_TRUE(rounds.HoldsWithdrawals()) << "one after the other would keep it from closing";
  rounds.Handle(At(5), Exclude{kA, "dataset-withdrawn"});
  const auto merges = Only<StartMerge>(rounds.Handle(At(5), WithdrawalsUnderWay{false}));
  ASSERT_EQ(merges.size(), 1u);
  ASSERT_EQ(merges[0].contributions.size(), 1u);
  EXPECT_EQ(merges[0].contributions[0].site, kB);
}

TEST(Exclusion, WhileASubmissionIsVerifiedOrAppendedCountsNothing) {
  for (const bool verified : {false, true}) {
    Rounds rounds = Collecting();
    const Submission s = SubmissionOf(rounds, kA);
    rounds.Handle(At(3), Received{kA, s});
    if (verified) {
      rounds.Handle(At(3), SubmissionVerified{kA, s.at, s.contribution, Verdict::kOk});
    }
    rounds.Handle(At(3), Exclude{kA, "withdrawn"});
    rounds.Handle(At(3), SubmissionVerified{kA, s.at, s.contribution, Verdict::kOk});
    rounds.Handle(At(3), Appended{"run/0/0/submission/a", 2, {9}, {}});
    EXPECT_EQ(SentTo<Refusal>(rounds.Handle(At(4), Received{kA, s}), kA)[0].reason,
              RefusalReason::kExcluded);
    Receipted(rounds, kB, 3);
    EXPECT_EQ(rounds.phase(), RunPhase::kMerging);
    const auto merge =
        Only<StartMerge>(Rounds::Load(rounds.Save(At(4)), At(0))->Handle(At(0), Started{}));
    ASSERT_EQ(merge.size(), 1u);
    EXPECT_EQ(merge[0].contributions.size(), 1u);
    EXPECT_EQ(merge[0].contributions[0].site, kB);
  }
}

TEST(Exclusion, OfWhoeverSubmitsAgainAndAgainWhatItDidNotSign) {
  Rounds rounds = Collecting();
  const Submission submission = SubmissionOf(rounds, kA);
  const SubmissionVerified bad{kA, rounds.at(), submission.contribution, Verdict::kNotSigned};
  for (int i = 0; i < 8; ++i) {
    ASSERT_EQ(Only<VerifySubmission>(rounds.Handle(At(3), Received{kA, submission})).size(), 1u);
    rounds.Handle(At(3), bad);
    ASSERT_TRUE(rounds.MayUpload(kA));
  }
  rounds.Handle(At(3), Received{kA, submission});
  rounds.Handle(At(3), bad);
  EXPECT_FALSE(rounds.MayUpload(kA));
  EXPECT_TRUE(Only<VerifySubmission>(rounds.Handle(At(4), Received{kA, submission})).empty());
  Receipted(rounds, kB, 3);
  EXPECT_EQ(rounds.phase(), RunPhase::kMerging) << "nobody waits for it";
}

TEST(Exclusion, OfTooManyAbandonsTheAttempt) {
  Rounds rounds = Collecting(2);
  Receipted(rounds, kA, 2);
  rounds.Handle(At(4), Exclude{kA, "withdrawn"});
  Receipted(rounds, kB, 3);
  EXPECT_EQ(rounds.phase(), RunPhase::kAbandoning);
}

TEST(Exclusion, BeforeTheRosterKeepsTheSiteFromTraining) {
  Rounds rounds = Admitting(1);
  rounds.Handle(At(1), Exclude{kA, "withdrawn"});
  rounds.Handle(At(1), AdmissionsDecided{rounds.at(), {Yes(kA), Yes(kB)}});
  EXPECT_EQ(rounds.Cohort(), std::vector<SiteId>{kB});
  Rounds opening = Admitting(1);
  opening.Handle(At(1), AdmissionsDecided{opening.at(), {Yes(kA), Yes(kB)}});
  opening.Handle(At(1), Exclude{kA, "withdrawn"});
  opening.Handle(At(2), Appended{"run/0/0/opened", 1, {}, {}});
  const auto again =
      opening.Handle(At(3), Received{kA, Ready{opening.at(), opening.base(), Offered(kA)}});
  EXPECT_TRUE(SentTo<Roster>(again, kA).empty());
}

}  // namespace
}  // namespace dure::round
