// Against published figures of real runs and against tables computed apart from this code.
#include "planning/plan.h"

#include <gmock/gmock.h>

#include <cmath>

#include "planning/quantity.h"

namespace dure::planning {
namespace {

using ::testing::DoubleNear;
using ::testing::HasSubstr;

auto Near(double value, double relative) { return DoubleNear(value, relative * value); }

TEST(Plan, ReproducesIntellect1) {  // 10 B, int8 in a ring of 14
  const double bytes = RingBytes(UpdateBytes(10e9, 8), 14);
  EXPECT_THAT(bytes, Near(18.57e9, 1e-3));
  EXPECT_THAT(bytes * 8 / 103, Near(1.44e9, 5e-3));
  // Published 95.7 and 83.0 %, for 38 minutes of computing and 103 s and 469 s of exchange.
  EXPECT_THAT(Utilisation(2280, 103), DoubleNear(0.957, 5e-4));
  EXPECT_THAT(Utilisation(2280, 469), DoubleNear(0.830, 1.5e-3));
}

TEST(Plan, ReproducesCovenantAndSparseUpdates) {
  EXPECT_THAT(Utilisation(1200, 70), DoubleNear(0.945, 5e-4));
  const double bits = SparseBits(64, 4096, 2, 12);
  EXPECT_EQ(bits, 0.21875);
  EXPECT_THAT(32 / bits, DoubleNear(146.3, 0.05));
  EXPECT_THAT(UpdateBytes(72e9, bits), Near(1.97e9, 2e-3));
  EXPECT_THAT(UpdateBytes(40e9, 0.0166), Near(83e6, 2e-3));  // DisTrO, each step
}

TEST(Plan, ReproducesPublishedShareOfPeak) {  // llm.c, without the attention's own operations
  EXPECT_THAT(UtilisationOfPeak({124e6, 0, 8, 312e12, 0}, 524288 / 0.300), DoubleNear(0.52, 5e-3));
  EXPECT_THAT(UtilisationOfPeak({1558e6, 0, 8, 989e12, 0}, 381e3), DoubleNear(0.45, 5e-3));
}

TEST(Plan, ReproducesAStreamingRate) {
  // 100 B, FP4, 100 steps of 4.9 s; published for 80 %: 0.9, on a scale in steps of a fifth.
  EXPECT_THAT(UpdateBytes(100e9, 4) * 8 / (100 * 4.9), Near(0.82e9, 6e-3));
  EXPECT_THAT(UpdateBytes(100e9, 4) * 8 / (100 * 4.9), Near(0.9e9, 0.10));
}

struct BandwidthRow {
  const char* what;
  double parameters;
  double step_seconds;
  double steps;         // a round; 1: data parallel
  double published[5];  // Gb/s for 50, 80, 90, 95, 99 %
};

// The published simulator hides an exchange behind the last step's backward pass (two thirds of
// the step) and answers on a scale of 50 points from 0.1 to 1000 Gb/s, so to a fifth. Its figures
// come out at 0.67 to 0.95 of this plan's for a bf16 exchange, evenly over steps, sizes and
// targets; how many bytes it counts for a site is not published. A plan must not promise more
// than it finds, and does not: the one row above is data parallel at 99 %, where its last layers
// have nothing left to hide behind.
TEST(Plan, AsksForNoLessBandwidthThanPublishedTables) {
  const BandwidthRow kRows[] = {
      {"10 B, every step", 10e9, 0.8, 1, {105, 184, 222, 222, 391}},
      {"10 B, 50 steps", 10e9, 0.8, 50, {3, 11, 23, 41, 127}},
      {"10 B, 100 steps", 10e9, 0.8, 100, {1.4, 6.2, 13.3, 23.3, 86.8}},
      {"10 B, 300 steps", 10e9, 0.8, 300, {0.5, 2, 4.3, 9.1, 41}},
      {"100 B, 100 steps", 100e9, 4.9, 100, {3, 11, 23, 49, 184}},
      {"405 B, 100 steps", 405e9, 26, 100, {2, 7.5, 16, 33.9, 126.5}},
      {"405 B, 300 steps", 405e9, 26, 300, {0.7, 3, 6.2, 13.3, 59.6}},
      {"671 B, 100 steps", 671e9, 20, 100, {4.3, 16, 41, 72, 268}},
      {"671 B, 300 steps", 671e9, 20, 300, {1.7, 6.2, 13.3, 28.1, 126.5}},
  };
  constexpr double kTargets[] = {0.50, 0.80, 0.90, 0.95, 0.99};
  for (const BandwidthRow& row : kRows) {
    for (size_t i = 0; i < 5; ++i) {
      const double rate = RateFor(16 * row.parameters, row.steps * row.step_seconds, kTargets[i],
                                  row.step_seconds * 2 / 3);
      const bool unhidden = row.steps == 1 && kTargets[i] == 0.99;
      EXPECT_GT(row.published[i] * 1e9 / rate, 0.66) << row.what << " at " << kTargets[i];
      EXPECT_LT(row.published[i] * 1e9 / rate, unhidden ? 1.4 : 1.0)
          << row.what << " at " << kTargets[i];
    }
  }
}

struct SizeRow {
  const char* preset;
  double step_seconds;
  double masked_int8;         // 12 bits: sums of up to 16 sites
  double zero[4];             // GB of a GPU
  double stored, recomputed;  // activations, GB
  double zero3_traffic;
  double blocking_steps;   // for 95 %, 8 bits each way at 10 Gb/s
  double streaming_steps;  // 8 bits at 1 Gb/s
};

const SizeRow kSizes[] = {
    {"1.3B", 1.23, 1.95, {20.8, 7.15, 4.875, 2.6}, 12.9, 0.8, 0.156, 54, 15},
    {"13B", 3.08, 19.5, {208, 54.4, 28.8, 3.25}, 53.7, 3.36, 1.56, 214, 57},
    {"204B", 12.1, 306, {3264, 821, 414, 6.4}, 335, 20.9, 24.5, 856, 226},
    {"600B", 35.6, 900, {9600, 2407, 1208, 9.4}, 644, 40.3, 72, 856, 226},
};

TEST(Plan, AgreesWithTheTablesOfFourSizes) {
  for (const SizeRow& row : kSizes) {
    Question question = *Preset(row.preset);
    question.sites = 10;
    const Plan plan = *MakePlan(question);
    const double step = plan.Find("step_seconds")->value;
    EXPECT_THAT(step, Near(row.step_seconds, 5e-3)) << row.preset;
    EXPECT_THAT(plan.Find("update_masked_int8_bytes")->value, Near(row.masked_int8 * 1e9, 1e-3));
    for (int stage = 0; stage <= 3; ++stage) {
      EXPECT_THAT(StaticBytesPerGpu(stage, question.parameters, question.gpus),
                  Near(row.zero[stage] * 1e9, 5e-3))
          << row.preset << " ZeRO-" << stage;
    }
    EXPECT_THAT(plan.Find("activations_stored_bytes")->value, Near(row.stored * 1e9, 5e-3));
    EXPECT_THAT(plan.Find("activations_recomputed_bytes")->value, Near(row.recomputed * 1e9, 1e-2));
    EXPECT_THAT(plan.Find("zero3_traffic_seconds")->value, Near(row.zero3_traffic, 5e-3));
    const double exchange = ExchangeSeconds(question.parameters, {8, 8, 10e9, 0.6});
    EXPECT_THAT(StepsForBlocking(0.95, exchange, row.step_seconds), Near(row.blocking_steps, 0.01));
    EXPECT_THAT(StepsForStreaming(question.parameters, 8, 0.6e9, row.step_seconds),
                DoubleNear(row.streaming_steps, 1));
  }
}

TEST(Plan, AgreesWithTheTableOfUtilisation) {
  // 13 B: 3.08 s a step; up and down bits, link, steps, share in per cent.
  const struct {
    double up, down, link, steps, percent;
  } kRows[] = {{32, 32, 1e9, 30, 6},   {32, 32, 1e9, 500, 53},  {8, 8, 1e9, 100, 47},
               {12, 16, 10e9, 30, 60}, {12, 16, 10e9, 100, 84}, {8, 8, 10e9, 30, 73},
               {8, 8, 10e9, 500, 98}};
  for (const auto& row : kRows) {
    const double exchange = ExchangeSeconds(13e9, {row.up, row.down, row.link, 0.6});
    EXPECT_THAT(100 * Utilisation(row.steps * 3.08, exchange), DoubleNear(row.percent, 0.6));
  }
}

TEST(Plan, AgreesWithTheTableOfMasking) {
  // 32-bit words. Keystream a site makes and the aggregator makes, in GB.
  const struct {
    double parameters, sites, neighbours, dropped, client, server;
  } kRows[] = {{1e8, 20, 19, 2, 8, 21},       {1e9, 20, 19, 2, 80, 208},
               {1e9, 100, 99, 10, 400, 3900}, {1e9, 100, 42, 10, 172, 2000},
               {1e11, 10, 9, 1, 4000, 6800},  {1e11, 100, 42, 10, 17200, 204000}};
  for (const auto& row : kRows) {
    const MaskedCohort cohort{row.sites, row.neighbours, row.dropped, 4};
    EXPECT_THAT(ClientMaskBytes(row.parameters, cohort), Near(row.client * 1e9, 1e-9));
    // Some rows count one mask fewer for each dropped site than it shares with survivors.
    EXPECT_THAT(ServerMaskBytes(row.parameters, cohort), Near(row.server * 1e9, 0.06));
    EXPECT_GE(ServerMaskBytes(row.parameters, cohort), row.server * 1e9);
  }
  EXPECT_EQ(ShareThreshold(3), 3);
  EXPECT_EQ(ShareThreshold(10), 7);
  EXPECT_EQ(ShareThreshold(20), 14);
  EXPECT_EQ(ShareThreshold(100), 67);
}

TEST(Plan, GivesLanesTheRoomTheirSumsNeed) {
  EXPECT_EQ(SumBits(8, 1), 8);
  EXPECT_EQ(SumBits(8, 2), 9);
  EXPECT_EQ(SumBits(8, 4), 10);
  EXPECT_EQ(SumBits(8, 16), 12);
  EXPECT_EQ(SumBits(8, 17), 16);
  EXPECT_EQ(SumBits(8, 256), 16);
  EXPECT_EQ(SumBits(4, 4), 8);
  EXPECT_EQ(SumBits(4, 18), 8);
  EXPECT_EQ(SumBits(4, 19), 9);
  EXPECT_EQ(SumBits(16, 256), 24);
  EXPECT_EQ(MaskWordBytes(4, 18), 1);
  EXPECT_EQ(MaskWordBytes(8, 4), 2);
  EXPECT_EQ(MaskWordBytes(16, 4), 4);
}

TEST(Plan, AgreesWithTheHyperscaleExample) {
  // 204 B, 100 steps, 8 bits each way: 1.35 Gb/s a site, 13.5 Gb/s at the port of 10 sites.
  Question question = *Preset("204B");
  question.sites = 10;
  question.masked = true;
  question.lane_bits = 4;  // masked int4 is 8 bits a parameter
  question.link_bits_s = 10e9;
  const Plan plan = *MakePlan(question);
  EXPECT_THAT(plan.Find("streaming_bits_s")->value, Near(1.35e9, 5e-3));
  EXPECT_THAT(plan.Find("port_in_bits_s")->value, Near(13.5e9, 5e-3));
  EXPECT_THAT(plan.Find("port_exchange_seconds")->value, Near(91 * 60, 0.01));
  EXPECT_THAT(plan.Find("blocking_steps")->value, testing::Gt(856));  // the port, not the link
  EXPECT_THAT(plan.Find("run_rounds")->value, Near(2040, 1e-3));
  EXPECT_THAT(plan.Find("join_seconds")->value, Near(36 * 60, 0.02));
}

void ExpectExplained(const Plan& plan) {
  for (const Section& section : plan.sections) {
    for (const Figure& figure : section.figures) {
      EXPECT_GT(figure.sentence.size(), 10u) << figure.name;
      EXPECT_FALSE(figure.text.empty()) << figure.name;
      EXPECT_TRUE(std::isfinite(figure.value)) << figure.name;
      EXPECT_EQ(plan.Find(figure.name), &figure) << figure.name;
    }
  }
}

TEST(Plan, ExplainsEveryFigureInASentence) {
  for (const char* preset : {"1.3B", "13B", "204B", "600B"}) {
    for (const bool masked : {true, false}) {
      Question question = *Preset(preset);
      question.masked = masked;
      const Plan plan = *MakePlan(question);
      EXPECT_EQ(plan.Find("mask_client_seconds") != nullptr, masked);
      ExpectExplained(plan);
    }
  }
}

TEST(Plan, SaysWhatDoesNotFit) {
  const Plan plan = *MakeMemoryPlan(*Preset("204B"));
  EXPECT_EQ(plan.sections.size(), 1u);
  EXPECT_THAT(plan.Find("zero2_bytes")->sentence, HasSubstr("does not fit in 80 GB"));
  EXPECT_THAT(plan.Find("zero3_bytes")->sentence, HasSubstr("it fits in 80 GB"));
  EXPECT_THAT(plan.Find("zero3_traffic_seconds")->sentence, HasSubstr("--tensor-parallel 8"));
  Question within = *Preset("204B");
  within.tensor_parallel = 8;
  EXPECT_THAT(MakeMemoryPlan(within)->Find("zero3_traffic_seconds")->value, Near(3.06, 0.01));
}

TEST(Plan, RefusesWhatCannotBe) {
  const auto refused = [](auto change) {
    Question question = *Preset("13B");
    change(question);
    const auto plan = MakePlan(question);
    return plan ? std::string("taken") : plan.error().message;
  };
  EXPECT_THAT(refused([](Question& q) { q.parameters = NAN; }), HasSubstr("parameters must be"));
  EXPECT_THAT(refused([](Question& q) { q.mfu = 1.1; }), HasSubstr("share of peak"));
  EXPECT_THAT(refused([](Question& q) { q.sites = 2; }), HasSubstr("three sites"));
  EXPECT_THAT(refused([](Question& q) { q.lane_bits = 12; }), HasSubstr("4, 8 or 16"));
  EXPECT_THAT(refused([](Question& q) { q.dropped = 4; }), HasSubstr("drop out"));
  EXPECT_EQ(refused([](Question& q) { q.dropped = 2; }),
            "of 4 masked sites 1 may drop out; beyond that there is no sum");
  EXPECT_THAT(refused([](Question& q) { q.sites = 256; }), HasSubstr("255 sites"));
  EXPECT_THAT(refused([](Question& q) { q.tensor_parallel = 128; }), HasSubstr("share a layer"));
  EXPECT_FALSE(Preset("7B"));
}

TEST(Plan, UnmaskingIsReckonedForDropoutsThatARoundSurvives) {
  const auto has = [](double sites, const std::string& name) {
    Question question = *Preset("1.3B");
    question.sites = sites;
    question.masked = true;
    return MakePlan(question)->Find(name) != nullptr;
  };
  EXPECT_TRUE(has(3, "unmask_seconds"));
  EXPECT_FALSE(has(3, "unmask_seconds_1_percent"));
  EXPECT_FALSE(has(3, "unmask_seconds_10_percent"));
  EXPECT_TRUE(has(4, "unmask_seconds_1_percent"));
  EXPECT_TRUE(has(4, "unmask_seconds_10_percent"));
}

TEST(Quantities, AreReadAndWrittenAsPeopleDo) {
  EXPECT_EQ(ParseCount("204B").value(), 204e9);
  EXPECT_EQ(ParseCount("1.3b").value(), 1.3e9);
  EXPECT_EQ(ParseCount("512").value(), 512);
  EXPECT_EQ(ParseRate("10Gbps").value(), 10e9);
  EXPECT_EQ(ParseRate("200 Mb/s").value(), 200e6);
  EXPECT_EQ(ParseBytes("80GB").value(), 80e9);
  for (const char* bad : {"", "B", "-1", "0", "nan", "inf", "1e3", "12XB", "1..2", "10Gbps "}) {
    EXPECT_FALSE(ParseCount(bad)) << bad;
    EXPECT_FALSE(ParseRate(bad)) << bad;
  }
  EXPECT_EQ(BytesText(816e9), "816 GB");
  EXPECT_EQ(BytesText(1.95e9), "1.95 GB");
  EXPECT_EQ(RateText(1.35e9), "1.35 Gb/s");
  EXPECT_EQ(SecondsText(816), "13.6 min");
  EXPECT_EQ(SecondsText(0.0281), "28.1 ms");
  EXPECT_EQ(SecondsText(90), "90 s");
  EXPECT_EQ(SecondsText(57 * 86400), "57 days");
  EXPECT_EQ(CountText(204e9), "204 B");
  EXPECT_EQ(CountText(8192), "8,192");
  EXPECT_EQ(CountText(100), "100");
  EXPECT_EQ(CountText(99999.9), "100 K");
  EXPECT_EQ(CountText(0), "0");
  EXPECT_EQ(PercentText(0.957), "95.7 %");
}

}  // namespace
}  // namespace dure::planning
