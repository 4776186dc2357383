// Rounds whose contributions are masked: what both halves tell, and what an abandoned attempt
// costs.
#include <gtest/gtest.h>

#include "federation/round/testing.h"

namespace dure::round {
namespace {

constexpr MonoTime kStart{};

RunManifest MaskedManifest() {
  RunManifest m = TestManifest();
  m.masking = Masking::kPairwise;
  m.quorum = 3;
  m.cohort_min = 3;
  return m;
}

const std::vector<SiteId> kSites = {TestSite("a"), TestSite("b"), TestSite("c")};

Submission MaskedSubmission(const RoundAttempt& at, const SiteId& site, const Base& base) {
  Submission s;
  s.at = at;
  s.base_model = base.model;
  s.contribution = Sha256(AsBytes(site.str()));
  s.datasets = Granted(site);
  s.envelope = ToBytes("envelope");
  return s;
}

// An aggregator that collects from three sites.
Rounds Collecting(uint64_t round_count = MaskedManifest().rounds) {
  RunManifest manifest = MaskedManifest();
  manifest.rounds = round_count;
  Rounds rounds(manifest, kSites);
  rounds.Handle(kStart, Started{});
  rounds.Handle(kStart, Appended{"run/proposed", 0, {}, {}});
  for (const SiteId& site : kSites) {
    rounds.Handle(kStart, SiteConnected{site});
    rounds.Handle(kStart, Received{site, Ready{rounds.at(), rounds.base(), Offered(site)}});
  }
  AdmissionsDecided decided{rounds.at(), {}};
  for (const SiteId& site : kSites) decided.sites.push_back({site, Granted(site), {}});
  rounds.Handle(kStart, decided);
  rounds.Handle(kStart, Appended{rounds.at().Text() + "/opened", 1, {}, {}});
  return rounds;
}

std::vector<Effect> SubmitAll(Rounds& rounds) {
  std::vector<Effect> last;
  for (const SiteId& site : kSites) {
    const Submission s = MaskedSubmission(rounds.at(), site, rounds.base());
    rounds.Handle(kStart, Received{site, s});
    rounds.Handle(kStart, SubmissionVerified{site, s.at, s.contribution, Verdict::kOk});
    last = rounds.Handle(
        kStart, Appended{rounds.at().Text() + "/submission/" + site.str(), 2, ToBytes("p"), {}});
  }
  return last;
}

TEST(Masked, ARoundClosesWithSumsAndWithoutAnyWeight) {
  Rounds rounds = Collecting();
  const auto merges = Only<StartMerge>(SubmitAll(rounds));
  ASSERT_EQ(merges.size(), 1u);
  EXPECT_EQ(merges[0].weight_sum, 0u);
  const Base next{Sha256(AsBytes("next")), {}, {}};
  const Sums sums{.weight = 3 << 19, .tokens = 3000, .steps = 30, .saturated_lanes = 1};
  auto effects = rounds.Handle(kStart, Merged{rounds.at(), Sha256(AsBytes("sum")), next, sums});
  const auto appended = Only<Append>(effects);
  ASSERT_EQ(appended.size(), 1u);
  const auto& closed = std::get<RecordClosed>(appended[0].record);
  EXPECT_EQ(closed.sums, sums);
  for (const Counted& one : closed.counted) EXPECT_EQ(one.weight, 0u);
  const Bytes saved = rounds.Save(kStart);
  ASSERT_TRUE(Rounds::Load(saved, kStart));
  effects = rounds.Handle(kStart, Appended{appended[0].key, 9, {}, ToBytes("head")});
  const auto outcomes = SentTo<Outcome>(effects, kSites[0]);
  ASSERT_EQ(outcomes.size(), 1u);
  EXPECT_EQ(outcomes[0].weight_sum, sums.weight);
  EXPECT_TRUE(CheckMessage(outcomes[0]));
}

// What is over is not said again at every connection of every site.
TEST(Masked, ARunIsOverForASiteThatSaidWhatItDerivedOfTheLastRound) {
  Rounds rounds = Collecting(1);
  SubmitAll(rounds);
  const Base next{Sha256(AsBytes("next")), {}, {}};
  const Sums sums{.weight = 3 << 19, .tokens = 3000, .steps = 30, .saturated_lanes = 1};
  auto effects = rounds.Handle(kStart, Merged{rounds.at(), Sha256(AsBytes("sum")), next, sums});
  const RoundAttempt last = rounds.at();
  const std::string key = Only<Append>(effects).at(0).key;
  effects = rounds.Handle(kStart, Appended{key, 9, {}, ToBytes("head")});
  while (rounds.phase() != RunPhase::kEnded) {
    const auto appends = Only<Append>(effects);
    ASSERT_FALSE(appends.empty());
    effects = rounds.Handle(kStart, Appended{appends[0].key, 10, {}, ToBytes("head")});
  }
  EXPECT_FALSE(rounds.IsOverFor(kSites[0]));
  rounds.Handle(kStart, Received{kSites[0], OutcomeAck{last, Derivation::kEqual, next}});
  EXPECT_TRUE(rounds.IsOverFor(kSites[0]));
  EXPECT_FALSE(rounds.IsOverFor(kSites[1]));
}

TEST(Masked, ASubmissionThatTellsItsWeightIsRefused) {
  Rounds rounds = Collecting();
  Submission s = MaskedSubmission(rounds.at(), kSites[0], rounds.base());
  s.weight = 5;
  const auto refused = SentTo<Refusal>(rounds.Handle(kStart, Received{kSites[0], s}), kSites[0]);
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].reason, RefusalReason::kNotSigned);
}

TEST(Masked, AnAttemptWithoutASumIsAbandonedAndTriedAgain) {
  Rounds rounds = Collecting();
  const RoundAttempt first = rounds.at();
  rounds.Handle(kStart, AttemptFailed{{first.run, first.round, 7}, "masking"});
  EXPECT_EQ(rounds.phase(), RunPhase::kCollecting);
  const auto effects = rounds.Handle(kStart, AttemptFailed{first, "masking"});
  EXPECT_EQ(rounds.phase(), RunPhase::kAbandoning);
  rounds.Handle(kStart, Appended{Only<Append>(effects)[0].key, 3, {}, {}});
  EXPECT_EQ(rounds.phase(), RunPhase::kGathering);
  EXPECT_EQ(rounds.at().attempt, 1u);
}

TEST(Masked, WhoeverIsToBlameIsLeftOutUntilTheRoundIsOverOrTheRunResumed) {
  Rounds rounds = Collecting();
  rounds.Handle(kStart, Bar{rounds.at(), kSites[0], "refuse-key"});
  const auto effects = rounds.Handle(kStart, AttemptFailed{rounds.at(), "refuse-key"});
  rounds.Handle(kStart, Appended{Only<Append>(effects).at(0).key, 3, {}, {}});
  ASSERT_EQ(rounds.phase(), RunPhase::kPaused) << "two are left of the three that it needs";
  const auto waits = [](const Rounds& of) {
    const auto gathering = of.WaitsFor();
    for (const SiteWait& one : gathering->missing) {
      if (one.site == kSites[0]) return one;
    }
    return SiteWait{};
  };
  EXPECT_EQ(waits(rounds).cause, WaitCause::kBarred);
  EXPECT_EQ(waits(rounds).reason, "refuse-key");
  const auto loaded = Rounds::Load(rounds.Save(kStart), kStart);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(waits(*loaded).cause, WaitCause::kBarred);
  rounds.Handle(kStart, Resume{});
  ASSERT_EQ(rounds.phase(), RunPhase::kGathering);
  EXPECT_NE(waits(rounds).cause, WaitCause::kBarred);
  // What is found out later about an attempt before that changes nothing any more.
  const RoundAttempt now = rounds.at();
  ASSERT_EQ(now.attempt, 1u);
  rounds.Handle(kStart, Bar{{now.run, now.round, 0}, kSites[0], "refuse-key"});
  EXPECT_NE(waits(rounds).cause, WaitCause::kBarred);
  rounds.Handle(kStart, Bar{now, kSites[0], "refuse-key"});
  EXPECT_EQ(waits(rounds).cause, WaitCause::kBarred);
}

TEST(Masked, EveryStateOfAnAbandonedAttemptComesBackFromDisk) {
  Rounds rounds = Collecting();
  const auto comes_back = [&rounds](const char* when) {
    const auto loaded = Rounds::Load(rounds.Save(kStart), kStart);
    EXPECT_TRUE(loaded) << when << ": " << loaded.error().message;
  };
  comes_back("collecting");
  rounds.Handle(kStart, Received{kSites[1], Withdraw{rounds.at(), "refuse-cohort"}});
  comes_back("withdrawn");
  const auto effects = rounds.Handle(kStart, AttemptFailed{rounds.at(), "refuse-cohort"});
  comes_back("abandoning");
  rounds.Handle(kStart, Appended{Only<Append>(effects).at(0).key, 3, {}, {}});
  comes_back("gathering");
}

TEST(Masked, ASiteThatWasInASumIsWaitedFor) {
  RunManifest manifest = MaskedManifest();
  manifest.masking_rules.members_min = 3;
  const SiteId fourth = TestSite("d");
  Rounds rounds(manifest, {kSites[0], kSites[1], kSites[2], fourth});
  rounds.Handle(kStart, Started{});
  rounds.Handle(kStart, Appended{"run/proposed", 0, {}, {}});
  const auto ready = [&rounds](const SiteId& site, MonoTime now) {
    return rounds.Handle(now, Received{site, Ready{rounds.at(), rounds.base(), Offered(site)}});
  };
  for (const SiteId& site : kSites) rounds.Handle(kStart, SiteConnected{site});
  for (const SiteId& site : kSites) ready(site, kStart);
  const MonoTime late = kStart + manifest.join_window;
  rounds.Handle(late, Timer{});
  ASSERT_EQ(rounds.phase(), RunPhase::kAdmitting) << "the fourth did not come";
  AdmissionsDecided decided{rounds.at(), {}};
  for (const SiteId& site : kSites) decided.sites.push_back({site, Granted(site), {}});
  rounds.Handle(late, decided);
  rounds.Handle(late, Appended{rounds.at().Text() + "/opened", 1, {}, {}});
  const auto effects = rounds.Handle(late, AttemptFailed{rounds.at(), std::string(kNeedsAll)});
  rounds.Handle(late, Appended{Only<Append>(effects).at(0).key, 2, {}, {}});
  for (const SiteId& site : kSites) ready(site, late);
  rounds.Handle(late + 3 * manifest.join_window, Timer{});
  EXPECT_EQ(rounds.phase(), RunPhase::kGathering);
  EXPECT_EQ(rounds.WaitsFor()->needed, 4u);
  rounds.Handle(late + 3 * manifest.join_window, SiteConnected{fourth});
  ready(fourth, late + 3 * manifest.join_window);
  EXPECT_EQ(rounds.phase(), RunPhase::kAdmitting);
}

TEST(Masked, ARunOfTwoIsNoMaskedRun) {
  RunManifest m = MaskedManifest();
  m.quorum = 2;
  EXPECT_FALSE(m.Validate());
  m.quorum = 3;
  m.cohort_max = 256;
  EXPECT_FALSE(m.Validate());
  m.cohort_max = 255;
  m.masking_rules.members_min = 2;
  EXPECT_FALSE(m.Validate());
}

// A site that submitted to attempt 0.
struct Submitted {
  Participation site{kSites[0], *RunId::Parse("run")};
  RunManifest manifest = MaskedManifest();
  Base base{manifest.initial_model, {}, {}};
  uint64_t first_version = 0;

  std::vector<SiteEffect> Do(const SiteEvent& event) { return site.Handle(kStart, event); }
  std::vector<SiteEffect> Begin(uint32_t attempt) {
    auto effects =
        Do(FromAggregator{Plan{MakePlan(manifest, {0}, attempt, base), manifest, false, {}, 0}});
    return effects;
  }
  std::vector<SiteEffect> Rostered(uint32_t attempt) {
    return Do(
        FromAggregator{Roster{{manifest.run, {0}, attempt}, kSites, 1, {}, Granted(kSites[0])}});
  }
  explicit Submitted(double saturation_limit = 0) {
    manifest.saturation_limit = saturation_limit;
    Do(LinkUp{});
    Begin(0);
    Do(Decided{{manifest.run, {0}, 0}, true, {}, Offered(kSites[0])});
    Do(BaseFetched{{{manifest.run, {0}, 0}, base, {}}, true});
    Rostered(0);
    const auto encode = Only<EncodeUpdate>(Do(TrainingDone{{0}, site.training(), 100, 10, 1.0}));
    first_version = encode.at(0).residual_to;
    Do(Encoded{{0}, Sha256(AsBytes("masked-0")), 77, 1, {}, 1000});
    Do(UploadDone{{0}, Sha256(AsBytes("masked-0"))});
    const auto told = Told<Submission>(Do(Signed{{manifest.run, {0}, 0}, ToBytes("envelope")}));
    EXPECT_EQ(told.size(), 1u);
    EXPECT_EQ(told[0].weight, 0u);
    EXPECT_EQ(told[0].tokens, 0u);
    EXPECT_EQ(told[0].steps, 0u);
  }
};

TEST(Masked, AnAbandonedAttemptIsMaskedAnewFromWhatWasTrained) {
  for (const bool receipted : {false, true}) {
    Submitted s;
    if (receipted) {
      s.Do(FromAggregator{Receipt{{s.manifest.run, {0}, 0}, Sha256(AsBytes("masked-0")), 5, {}}});
      s.Do(ReceiptChecked{{s.manifest.run, {0}, 0}, true});
      EXPECT_EQ(s.site.residual(), s.first_version);
    }
    const auto again = s.Begin(1);
    EXPECT_TRUE(Only<StartTraining>(again).empty());
    const auto kept = Only<CommitResidual>(again);
    ASSERT_EQ(kept.size(), 1u) << "what the abandoned encoding wrote may go";
    EXPECT_EQ(kept[0].current, 0u);
    EXPECT_EQ(kept[0].former, 0u);
    const auto encode = Only<EncodeUpdate>(again);
    ASSERT_EQ(encode.size(), 1u);
    EXPECT_EQ(encode[0].at.attempt, 1u);
    EXPECT_EQ(encode[0].residual_from, 0u) << "the encoding that is undone is not read";
    EXPECT_NE(encode[0].residual_to, s.first_version);
    EXPECT_EQ(encode[0].replaces, Sha256(AsBytes("masked-0")));
    EXPECT_EQ(s.site.residual(), 0u);
    ASSERT_TRUE(Participation::Load(s.site.Save()));
    EXPECT_TRUE(Only<UploadBlob>(s.Rostered(1)).empty());
    const auto upload = Only<UploadBlob>(s.Do(Encoded{{0}, Sha256(AsBytes("masked-1")), 77, 1}));
    ASSERT_EQ(upload.size(), 1u);
    EXPECT_EQ(upload[0].blob, Sha256(AsBytes("masked-1")));
  }
}

TEST(Masked, ARefusedMaskTakesTheUpdateHome) {
  Participation site(kSites[0], *RunId::Parse("run"));
  Submitted s;
  const auto again = s.Begin(1);
  s.Rostered(1);
  const auto effects = s.Do(RoundRefused{{s.manifest.run, {0}, 1}, "refuse-cohort"});
  EXPECT_EQ(Only<FoldBack>(effects).size(), 1u);
  ASSERT_EQ(Told<Withdraw>(effects).size(), 1u);
  EXPECT_EQ(Told<Withdraw>(effects)[0].reason, "refuse-cohort");
}

TEST(Masked, AnUpdateBeyondTheRunsLimitOnSaturationIsNotSent) {
  const Digest made = Sha256(AsBytes("masked-1"));
  for (const uint64_t saturated : {10, 11}) {
    Submitted s(0.01);
    s.Begin(1);
    s.Rostered(1);
    Encoded encoded{{0}, made, 77, saturated};
    encoded.lanes = 1000;
    const auto effects = s.Do(encoded);
    EXPECT_EQ(Only<UploadBlob>(effects).size(), saturated == 10 ? 1u : 0u);
    if (saturated == 10) continue;
    ASSERT_FALSE(Told<Withdraw>(effects).empty());
    EXPECT_EQ(Told<Withdraw>(effects)[0].reason, "saturation-limit");
    EXPECT_TRUE(Only<FoldBack>(effects).empty()) << "carried along it would be longer still";
    ASSERT_EQ(Only<DropWork>(effects).size(), 1u);
    EXPECT_EQ(Only<DropWork>(effects)[0].blob, made);
    EXPECT_EQ(s.site.residual(), 0u);
    const auto kept = Only<CommitResidual>(effects);
    ASSERT_FALSE(kept.empty()) << "what its encoding left over goes too";
    EXPECT_EQ(kept.back().current, 0u);
    EXPECT_EQ(s.site.phase(), SitePhase::kIdle);
    EXPECT_EQ(Only<DecideLocally>(s.Begin(2)).size(), 1u) << "another attempt begins anew";
  }
}

TEST(Masked, AStatusTellsNoLoss) {
  Submitted s;
  SiteStatus status;
  status.loss = 2.5;
  status.tokens_per_second = 900;
  status.step = 4;
  const auto told = Told<SiteStatus>(s.Do(StatusReport{status}));
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].loss, 0);
  EXPECT_EQ(told[0].tokens_per_second, 0);
  EXPECT_EQ(told[0].step, 4u) << "everybody knows the step budget";
}

}  // namespace
}  // namespace dure::round
