#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "federation/limits.h"
#include "federation/round/testing.h"

namespace dure::round {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(RunManifest, ComesBackFromItsCanonicalBytes) {
  const RunManifest manifest = TestManifest();
  const auto parsed = RunManifest::Parse(manifest.Canonical());
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(*parsed, manifest);
  EXPECT_EQ(parsed->digest(), manifest.digest());
}

// Of ten steps in all.
void Schedule(RunManifest& manifest, ScheduleKind kind, uint64_t warmup, uint64_t decay) {
  manifest.inner.schedule = kind;
  manifest.inner.total_steps = 10;
  manifest.inner.warmup_steps = warmup;
  manifest.inner.decay_steps = decay;
}

TEST(RunManifest, TakesEveryScheduleThatATrainerComputes) {
  RunManifest manifest = TestManifest();
  Schedule(manifest, ScheduleKind::kCosine, 9, 0);
  EXPECT_TRUE(manifest.Validate());
  Schedule(manifest, ScheduleKind::kWsd, 8, 2);
  EXPECT_TRUE(manifest.Validate());
}

TEST(RunManifest, NamesTheFieldThatIsOutOfBounds) {
  struct Case {
    std::string names;
    std::function<void(RunManifest&)> spoil;
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<Case> cases = {
      {"run", [](auto& m) { m.run = {}; }},
      {"purpose", [](auto& m) { m.intent.purpose = static_cast<Purpose>(9); }},
      {"purpose", [](auto& m) { m.intent.purpose = static_cast<Purpose>(0); }},
      {"beneficiaries", [](auto& m) { m.intent.beneficiaries.clear(); }},
      {"beneficiaries",
       [](auto& m) {
         m.intent.beneficiaries = {Beneficiary::kNonProfit, Beneficiary::kPublicBody};
       }},
      {"beneficiaries",
       [](auto& m) {
         m.intent.beneficiaries = {Beneficiary::kForProfit, Beneficiary::kForProfit};
       }},
      {"sector", [](auto& m) { m.intent.sector = "Health care"; }},
      {"valuation", [](auto& m) { m.intent.valuation = static_cast<Valuation>(4); }},
      {"risk", [](auto& m) { m.intent.risk = static_cast<RiskClass>(0); }},
      {"model_config", [](auto& m) { m.model_config.clear(); }},
      {"model_config", [](auto& m) { m.model_config.assign(kModelConfigBytesMax + 1, ' '); }},
      {"initial_model", [](auto& m) { m.initial_model = {}; }},
      {"rounds", [](auto& m) { m.rounds = 0; }},
      {"rounds", [](auto& m) { m.rounds = limits::kRoundsMax + 1; }},
      {"quorum", [](auto& m) { m.quorum = 0; }},
      {"cohort_min", [](auto& m) { m.quorum = 3; }},
      {"cohort_max", [](auto& m) { m.cohort_max = 1; }},
      {"cohort_max", [](auto& m) { m.cohort_max = limits::kSitesMax + 1; }},
      {"join_window", [](auto& m) { m.join_window = Duration(0); }},
      {"round_deadline", [](auto& m) { m.round_deadline = Duration(-1); }},
      {"outer_eta", [nan](auto& m) { m.outer_eta = nan; }},
      {"outer_mu", [](auto& m) { m.outer_mu = 1; }},
      {"learning_rate", [nan](auto& m) { m.inner.learning_rate = nan; }},
      {"learning_rate", [nan](auto& m) { m.inner.learning_rate = m.initial_scale = nan; }},
      {"weight_decay", [](auto& m) { m.inner.weight_decay = -1; }},
      {"steps", [](auto& m) { m.inner.steps = 0; }},
      {"batch", [](auto& m) { m.inner.batch = 0; }},
      {"batch x accumulation x sequence",
       [](auto& m) { m.inner.batch = m.inner.accumulation = 65536; }},
      {"reference_tokens", [](auto& m) { m.reference_tokens = 0; }},
      {"initial_scale", [](auto& m) { m.initial_scale = 0; }},
      {"initial_scale", [](auto& m) { m.initial_scale = std::nanf(""); }},
      {"block", [](auto& m) { m.block = 0; }},
      {"total_steps", [](auto& m) { m.inner.schedule = ScheduleKind::kCosine; }},
      {"warmup_steps", [](auto& m) { Schedule(m, ScheduleKind::kCosine, 10, 0); }},
      {"warmup_steps", [](auto& m) { Schedule(m, ScheduleKind::kWsd, 10, 0); }},
      {"decay_steps", [](auto& m) { Schedule(m, ScheduleKind::kWsd, 9, 2); }},
  };
  for (const Case& one : cases) {
    RunManifest manifest = TestManifest();
    one.spoil(manifest);
    const auto status = manifest.Validate();
    ASSERT_FALSE(status) << "took a spoilt " << one.names;
    EXPECT_THAT(status.error().message, testing::HasSubstr(one.names));
    EXPECT_FALSE(RunManifest::Parse(manifest.Canonical())) << "parsed a spoilt " << one.names;
  }
}

TEST(RunManifest, LargestPlanFitsAControlMessage) {
  RunManifest manifest = TestManifest();
  manifest.model_config.assign(kModelConfigBytesMax, 'x');
  Plan plan;
  plan.manifest = manifest;
  plan.plan = MakePlan(manifest, {1}, 0, {manifest.initial_model, {}, {}});
  EXPECT_LE(EncodeMessage(plan).size(), limits::kControlMessageBytesMax);
}

TEST(Intent, IsPartOfTheManifestsDigest) {
  RunManifest manifest = TestManifest();
  const Digest before = manifest.digest();
  manifest.intent.purpose = Purpose::kCommercialService;
  EXPECT_NE(manifest.digest(), before);
  manifest.intent.beneficiaries = {Beneficiary::kPublicBody, Beneficiary::kForProfit};
  manifest.intent.sector = "health";
  const std::map<std::string, std::string> fields = {{"purpose", "commercial-service"},
                                                     {"beneficiaries", "public-body,for-profit"},
                                                     {"sector", "health"},
                                                     {"valuation", "none"},
                                                     {"riskClass", "ordinary"}};
  EXPECT_EQ(manifest.intent.Fields(), fields);
}

TEST(Names, AreParsedBackAndListTheirChoices) {
  EXPECT_EQ(*ParseLane(Name(Lane::kInt16)), Lane::kInt16);
  EXPECT_EQ(*ParseWeighting(Name(Weighting::kEqual)), Weighting::kEqual);
  EXPECT_EQ(*ParseScheduleKind(Name(ScheduleKind::kWsd)), ScheduleKind::kWsd);
  EXPECT_EQ(*ParsePurpose(Name(Purpose::kBenchmark)), Purpose::kBenchmark);
  EXPECT_EQ(*ParseBeneficiary(Name(Beneficiary::kForProfit)), Beneficiary::kForProfit);
  EXPECT_EQ(*ParseValuation(Name(Valuation::kGroup)), Valuation::kGroup);
  EXPECT_EQ(*ParseRiskClass(Name(RiskClass::kHighImpact)), RiskClass::kHighImpact);
  EXPECT_THAT(ParsePurpose("fun").error().message, testing::HasSubstr("statistics, scientific"));
  EXPECT_EQ(*ParseLane("int4"), Lane::kInt4);
  EXPECT_THAT(ParseLane("int2").error().message, testing::HasSubstr("int8, int16, int4"));
}

Base SomeBase() { return {Sha256(AsBytes("m")), {}, Sha256(AsBytes("s"))}; }

std::vector<Message> OneOfEach() {
  const RunManifest manifest = TestManifest();
  const RoundAttempt at{manifest.run, {1}, 2};
  const SiteId a = TestSite("a");
  const Digest blob = Sha256(AsBytes("blob"));
  Outcome outcome;
  outcome.at = at;
  outcome.base = SomeBase();
  outcome.next = SomeBase();
  outcome.counted = {{a, 5, 1}, {TestSite("b"), 7, 2}};
  outcome.weight_sum = 12;
  Plan plan;
  plan.manifest = manifest;
  plan.plan = MakePlan(manifest, {1}, 2, SomeBase());
  return {plan,
          Roster{at, {a, TestSite("b")}, 3, Duration(5), Granted(a)},
          Receipt{at, blob, 4, {1, 2}},
          Refusal{at, blob, RefusalReason::kOtherBase},
          outcome,
          RunEnded{manifest.run, 2, SomeBase(), "complete"},
          Ready{at, SomeBase(), Offered(a)},
          Declined{at, "policy"},
          Submission{at, blob, blob, 5, 6, 7, 8, Granted(a), blob, 1.5, {9}},
          OutcomeAck{at, Derivation::kNotHeld, {}},
          Withdraw{at, "trainer-failed"},
          Leave{manifest.run, 3, true},
          Join{manifest.run, 4},
          SiteStatus{at, SitePhase::kTraining, 1, 2, 3.5, 4.5, 5, 6},
          Masked{at.run, ToBytes("opaque")}};
}

TEST(Messages, EachComesBackFromItsBytesAndKnowsItsRun) {
  const auto all = OneOfEach();
  ASSERT_EQ(all.size(), std::variant_size_v<Message>);
  for (const Message& message : all) {
    const auto decoded = DecodeMessage(EncodeMessage(message));
    ASSERT_TRUE(decoded) << KindName(message) << ": " << decoded.error().message;
    EXPECT_TRUE(*decoded == message) << KindName(message);
    EXPECT_EQ(RunOf(*decoded).str(), "run");
  }
}

TEST(Messages, RefusesEveryTruncationAndAnyByteLeftOver) {
  for (const Message& message : OneOfEach()) {
    Bytes bytes = EncodeMessage(message);
    for (size_t n = 0; n < bytes.size(); ++n) {
      EXPECT_FALSE(DecodeMessage(ByteView(bytes).first(n))) << KindName(message) << " cut at " << n;
    }
    bytes.push_back(0);
    EXPECT_FALSE(DecodeMessage(bytes)) << KindName(message);
  }
}

TEST(Messages, RefusesWhatNoHonestSenderSays) {
  const RoundAttempt at{*RunId::Parse("run"), {1}, 0};
  const SiteId a = TestSite("a");
  const Digest blob = Sha256(AsBytes("blob"));
  Outcome wrong_sum;
  wrong_sum.at = at;
  wrong_sum.counted = {{a, 5, 1}};
  wrong_sum.weight_sum = 6;
  Outcome twice = wrong_sum;
  twice.counted = {{a, 5, 1}, {a, 5, 2}};
  twice.weight_sum = 10;
  Plan other_rules;
  other_rules.manifest = TestManifest();
  other_rules.plan = MakePlan(other_rules.manifest, {1}, 0, SomeBase());
  other_rules.plan.reference_tokens += 1;
  const std::vector<OfferedDataset> unordered = {{TestDataset("a"), 2}, {TestDataset("a"), 1}};
  std::vector<OfferedDataset> too_many;
  for (size_t i = 100; i <= 100 + limits::kDatasetsPerSiteMax; ++i) {
    too_many.push_back({TestDataset("d" + std::to_string(i)), 1});
  }
  const std::vector<Message> bad = {
      wrong_sum,
      twice,
      other_rules,
      Roster{at, {TestSite("b"), a}, 0, Duration(0), Granted(a)},
      Roster{at, {}, 0, Duration(0), Granted(a)},
      Roster{at, {a}, 0, Duration(0), {}},
      Ready{at, SomeBase(), {}},
      Ready{at, SomeBase(), unordered},
      Ready{at, SomeBase(), {{TestDataset("a"), 0}}},
      Ready{at, SomeBase(), too_many},
      Submission{at, blob, blob, 0, 1, 1, 0, Granted(a), {}, {}, {1}},
      Submission{at, blob, blob, (1 << 20) + 1, 1, 1, 0, Granted(a), {}, {}, {1}},
      Submission{at, blob, blob, 1, 1, 1, 0, {}, {}, {}, {1}},
      Submission{at, blob, blob, 1, 1, 1, 0, Granted(a), {}, -1.0, {1}},
      Submission{at, blob, blob, 0, 0, 0, 0, Granted(a), {}, 1.0, {1}},
      Declined{at, "Because I say so"},
      SiteStatus{at, SitePhase::kTraining, 1, 2, std::nan(""), 0, 0, 0},
  };
  for (const Message& message : bad) {
    EXPECT_FALSE(CheckMessage(message)) << KindName(message);
    EXPECT_FALSE(DecodeMessage(EncodeMessage(message))) << KindName(message);
  }
}

TEST(Plan, WhatAContributionMustHoldIsBoundedItself) {
  RunManifest m = TestManifest();
  m.masking = Masking::kNone;
  const Digest one = Sha256(AsBytes("1"));
  m.code = {one, one};
  EXPECT_FALSE(m.Validate()) << "each once";
  m.code = {one};
  m.norm_max = 2.5;
  m.passes_max = 3;
  EXPECT_TRUE(m.Validate());
  EXPECT_EQ(*RunManifest::Parse(m.Canonical()), m);
  m.norm_max = std::nan("");
  EXPECT_FALSE(m.Validate());
  m.norm_max = 2.5;
  m.quorum = m.cohort_min = 3;
  m.masking = Masking::kPairwise;
  const Status masked = m.Validate();
  ASSERT_FALSE(masked);
  EXPECT_THAT(masked.error().message, ::testing::HasSubstr("norm_max"));
}

TEST(Plan, ALimitOnSaturationIsAShareAndRefusedUnderNoise) {
  RunManifest m = TestManifest();
  EXPECT_FALSE(m.Oversaturated(1000, 1000)) << "counted, whatever it comes to";
  m.saturation_limit = 0.01;
  EXPECT_TRUE(m.Validate());
  EXPECT_FALSE(m.Oversaturated(10, 1000));
  EXPECT_TRUE(m.Oversaturated(11, 1000));
  EXPECT_TRUE(m.Oversaturated(1, 0)) << "of no lane none can be cut";
  for (const double wrong : {-0.1, 1.01, std::nan("")}) {
    m.saturation_limit = wrong;
    EXPECT_THAT(m.Validate().error().message, HasSubstr("saturation_limit")) << wrong;
  }
  m.saturation_limit = 0.01;
  m.masking = Masking::kPairwise;
  m.weighting = Weighting::kEqual;
  m.quorum = m.cohort_min = 3;
  m.privacy.noise = Noise::kDiscreteGaussian;
  m.privacy.clip = 1;
  m.privacy.coordinate_clip = 1;
  m.privacy.noise_multiplier = 1;
  m.privacy.dimension = 1000;
  m.privacy.delta = 1e-6;
  EXPECT_THAT(m.Validate().error().message, HasSubstr("no limit on saturation"));
  m.saturation_limit = 0;
  EXPECT_TRUE(m.Validate()) << m.Validate().error().message;
}

TEST(Plan, ARunThatStartsFromAModelSaysSoAndOthersKeepTheirBytes) {
  RunManifest m = TestManifest();
  const Bytes before = m.Canonical();
  m.from_model = true;
  const Bytes with = m.Canonical();
  ASSERT_EQ(with.size(), before.size());
  size_t changed = 0;
  for (size_t i = 0; i < before.size(); ++i) {
    if (before[i] == with[i]) continue;
    ++changed;
    EXPECT_EQ(with[i], before[i] | 0x40);
  }
  EXPECT_EQ(changed, 1u) << "of the masking's byte";
  EXPECT_EQ(*RunManifest::Parse(with), m);
  m.saturation_limit = 0.25;
  EXPECT_EQ(*RunManifest::Parse(m.Canonical()), m);
}

// A run that was agreed on before there were limits keeps its name in the record.
TEST(Plan, WithoutALimitOnSaturationTheBytesAreThoseOfBefore) {
  RunManifest m = TestManifest();
  const Bytes before = m.Canonical();
  m.saturation_limit = 0.25;
  const Bytes with = m.Canonical();
  ASSERT_EQ(with.size(), before.size() + sizeof(double));
  size_t changed = 0;
  for (size_t i = 0; i < before.size(); ++i) {
    if (before[i] == with[i]) continue;
    ++changed;
    EXPECT_EQ(with[i], before[i] | 0x80);
  }
  EXPECT_EQ(changed, 1u) << "the masking's byte says that a limit stands at the end";
  EXPECT_EQ(*RunManifest::Parse(with), m);
  Bytes none = with;
  std::fill(none.end() - sizeof(double), none.end(), 0);
  EXPECT_FALSE(RunManifest::Parse(none)) << "one manifest has one form";
}

TEST(Plan, ValuationIsRefusedUnderMaskingAndWithRobustRules) {
  RunManifest m = TestManifest();
  m.quorum = m.cohort_min = 5;
  m.weighting = Weighting::kEqual;
  m.intent.valuation = Valuation::kGroup;
  m.masking = Masking::kNone;
  EXPECT_TRUE(m.Validate());
  m.masking = Masking::kPairwise;
  EXPECT_THAT(m.Validate().error().message,
              AllOf(HasSubstr("valuation is group"), HasSubstr("masking none")));
  m.masking = Masking::kNone;
  m.merge = *MergeRule::Parse("median");
  EXPECT_THAT(m.Validate().error().message,
              AllOf(HasSubstr("valuation is group"), HasSubstr("median"), HasSubstr("mean")));
}

TEST(Plan, ARuleThatNeedsSingleUpdatesIsRefusedUnderMaskingAndSaysWhatToDo) {
  RunManifest m = TestManifest();
  m.quorum = m.cohort_min = 5;
  m.weighting = Weighting::kEqual;
  for (const char* text : {"median", "trimmed-mean=1", "krum=1", "multi-krum=1,2", "norm-bound=1",
                           "centered-clipping=1", "geometric-median"}) {
    m.merge = *MergeRule::Parse(text);
    m.masking = Masking::kNone;
    EXPECT_TRUE(m.Validate()) << text;
    m.masking = Masking::kPairwise;
    ASSERT_FALSE(m.Validate()) << text;
    EXPECT_THAT(m.Validate().error().message,
                AllOf(HasSubstr(text), HasSubstr("masking hides those"), HasSubstr("masking none"),
                      HasSubstr("direction-norm")));
    EXPECT_FALSE(RunManifest::Parse(m.Canonical())) << "a site takes it no more than a proposer";
  }
  m.merge = *MergeRule::Parse("direction-norm");
  EXPECT_TRUE(m.Validate());
}

TEST(Plan, ARuleThatCountsSitesAlikeIsRefusedWithWeightsByTokensOrTooSmallAQuorum) {
  RunManifest m = TestManifest();
  m.merge = *MergeRule::Parse("krum=1");
  m.quorum = m.cohort_min = 5;
  m.weighting = Weighting::kTokens;
  EXPECT_THAT(m.Validate().error().message, HasSubstr("choose weighting equal"));
  m.weighting = Weighting::kEqual;
  EXPECT_TRUE(m.Validate());
  m.quorum = 4;
  EXPECT_THAT(m.Validate().error().message, HasSubstr("needs 5 contributions or more"));
}

}  // namespace
}  // namespace dure::round
