// DiLoCo on real training: what follows from its definition (arXiv 2311.08105, algorithm 1) must
// hold in our code.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "federation/codec/encode.h"
#include "federation/codec/merge.h"
#include "federation/codec/outer.h"
#include "federation/codec/scales.h"
#include "tests/algorithms/training.h"

namespace dure::algorithms {
namespace {

using codec::AggregateLayout;
using codec::kWeightOne;
using codec::Lane;
using codec::OuterOptimizer;

// The mean of the sites' exact updates, in double.
std::vector<double> ExactMean(const Weights& base, const std::vector<Weights>& trained) {
  std::vector<double> mean(base.size());
  for (const Weights& site : trained) {
    for (size_t i = 0; i < base.size(); ++i) {
      mean[i] += static_cast<double>(base[i]) - static_cast<double>(site[i]);
    }
  }
  for (double& value : mean) value /= static_cast<double>(trained.size());
  return mean;
}

// The shared state of a run whose updates are added exactly.
struct ExactRun {
  OuterOptimizer outer;
  Weights model = FirstWeights();
  Weights momentum = {};

  void Step(const std::vector<double>& mean) {
    Weights next(model.size()), velocity(outer.keeps_momentum() ? model.size() : 0);
    ASSERT_TRUE(OuterStep(outer, mean, {model, momentum}, {next, velocity}));
    model = next;
    momentum = velocity;
  }
};

// The shared state of a run over lanes, and each site's residual.
struct LaneRun {
  OuterOptimizer outer;
  Lane lane;
  std::vector<float> scales;
  Weights model = FirstWeights();
  Weights momentum = {};
  std::vector<Weights> residuals = {};
  uint64_t saturated = 0;

  // One round over what the sites trained; the same seed at every site if wanted.
  void Step(const std::vector<Weights>& trained, uint64_t seed, bool one_seed = false) {
    residuals.resize(trained.size());
    std::vector<Bytes> lanes;
    for (size_t site = 0; site < trained.size(); ++site) {
      lanes.emplace_back(model.size() * LaneBytes(lane));
      Weights left(model.size());
      const auto stats =
          codec::EncodeRange({lane, kWeightOne, one_seed ? seed : seed * 1000 + site}, 0,
                             {model, trained[site], residuals[site], scales}, {lanes.back(), left});
      ASSERT_TRUE(stats);
      saturated += stats->saturated;
      residuals[site] = left;
      Bytes packed(codec::PackedBytes(lane, model.size()));
      codec::PackLanes(lane, lanes.back(), packed);
      lanes.back() = packed;
    }
    Merge(lanes);
  }

  void Merge(const std::vector<Bytes>& lanes) {
    const auto sites = static_cast<uint32_t>(lanes.size());
    const AggregateLayout layout = AggregateLayout::Make(lane, sites, model.size()).value();
    ASSERT_EQ(layout.segment_count(), 1u);
    Bytes planes(layout.bytes());
    std::vector<uint64_t> squares(scales.size()), again(scales.size());
    const std::vector<ByteView> views(lanes.begin(), lanes.end());
    ASSERT_TRUE(MergeSegment(layout, 0, views, {planes, squares}));
    Weights next(model.size()), velocity(outer.keeps_momentum() ? model.size() : 0);
    const uint64_t weight_sum = sites * kWeightOne;
    ASSERT_TRUE(OuterStepRange(layout, outer,
                               {PlanesOf(layout, planes, {0, model.size()}), scales, weight_sum},
                               {model, momentum}, {next, velocity}, again));
    EXPECT_EQ(again, squares);
    scales = codec::NextScales(scales, {lane, sites, weight_sum, model.size(), squares}).value();
    model = next;
    momentum = velocity;
  }
};

std::vector<float> OneScale(double scale) {
  return codec::UniformScales(FirstWeights().size(), static_cast<float>(scale)).value();
}

// (a) One site, eta 1, mu 0: rounds are invisible, whatever their length.
TEST(DiLoCo, WithOneSiteAndFedAvgIsPlainTrainingBitForBit) {
  constexpr uint64_t kSteps = 42;
  Trainer plain;
  const Weights expected = plain.Train(FirstWeights(), kSteps, 100);
  for (const uint64_t steps : {uint64_t{1}, uint64_t{6}, uint64_t{21}, kSteps}) {
    Trainer site;
    ExactRun run{OuterOptimizer::FedAvg()};
    for (uint64_t done = 0; done < kSteps; done += steps) {
      run.Step(ExactMean(run.model, {site.Train(run.model, steps, 100)}));
    }
    EXPECT_EQ(run.model, expected) << steps << " steps a round";
  }
}

// (b) One inner step of plain SGD, eta 1, mu 0: synchronous SGD on everybody's batch together.
TEST(DiLoCo, WithOneSgdStepARoundIsLargeBatchSgd) {
  constexpr float kRate = 0.5F;
  ExactRun run{OuterOptimizer::FedAvg()};
  LaneRun lanes{OuterOptimizer::FedAvg(), Lane::kInt16, OneScale(0.5)};
  Weights together = FirstWeights();
  const auto sgd = [](Weights weights, const Weights& gradient) {
    for (size_t i = 0; i < weights.size(); ++i) weights[i] -= kRate * gradient[i];
    return weights;
  };
  for (uint64_t round = 0; round < 8; ++round) {
    Tokens all;
    std::vector<Weights> trained, trained_from_lanes;
    for (uint64_t site = 0; site < 3; ++site) {
      const Tokens own = Counting(round * 10 + site, kBatch, 1 + site);
      trained.push_back(sgd(run.model, Gradient(run.model, own)));
      trained_from_lanes.push_back(sgd(lanes.model, Gradient(lanes.model, own)));
      all.inputs.insert(all.inputs.end(), own.inputs.begin(), own.inputs.end());
      all.targets.insert(all.targets.end(), own.targets.begin(), own.targets.end());
    }
    run.Step(ExactMean(run.model, trained));
    lanes.Step(trained_from_lanes, round);
    together = sgd(together, Gradient(together, all));
  }
  double moved = 0, apart = 0, lanes_apart = 0;
  const Weights first = FirstWeights();
  for (size_t i = 0; i < together.size(); ++i) {
    moved += std::pow(static_cast<double>(together[i]) - first[i], 2);
    apart += std::pow(static_cast<double>(run.model[i]) - together[i], 2);
    lanes_apart += std::pow(static_cast<double>(lanes.model[i]) - together[i], 2);
  }
  EXPECT_GT(std::sqrt(moved), 0.1);
  EXPECT_LT(std::sqrt(apart / moved), 1e-5);
  EXPECT_LT(std::sqrt(lanes_apart / moved), 5e-3);
}

// (c) The sign: base minus trained, fed to an optimizer that subtracts, lowers the loss on the
// member's own text.
TEST(DiLoCo, TheOuterStepLowersTheLossAndItsReverseRaisesIt) {
  const Tokens own = Counting(55, 16, 2);
  const double before = Loss(FirstWeights(), own);
  for (const OuterOptimizer outer : {OuterOptimizer::FedAvg(), OuterOptimizer{0.7, 0.9}}) {
    Trainer site;
    const Weights trained = site.Train(FirstWeights(), 20, 7, 2);
    ExactRun exact{outer};
    std::vector<double> mean = ExactMean(exact.model, {trained});
    exact.Step(mean);
    EXPECT_LT(Loss(exact.model, own), before - 0.2);
    LaneRun lanes{outer, Lane::kInt8, OneScale(site.LearningRateSum(0, 20))};
    lanes.Step({trained}, 1);
    EXPECT_LT(Loss(lanes.model, own), before - 0.2);
    ExactRun reversed{outer};
    // A tenth of the way: far behind the start the loss says nothing about the sign.
    for (double& value : mean) value *= -0.1;
    reversed.Step(mean);
    EXPECT_GT(Loss(reversed.model, own), before);
  }
}

// (d) Sites with the same text and the same seed are one site.
TEST(DiLoCo, IdenticalSitesAreOneSite) {
  for (const OuterOptimizer outer : {OuterOptimizer::FedAvg(), OuterOptimizer{0.7, 0.9}}) {
    Trainer one_site, many_sites;
    ExactRun one{outer}, many{outer};
    for (int round = 0; round < 3; ++round) {
      one.Step(ExactMean(one.model, {one_site.Train(one.model, 5, 9)}));
      many.Step(ExactMean(many.model, std::vector<Weights>(5, many_sites.Train(many.model, 5, 9))));
      EXPECT_EQ(many.model, one.model) << "round " << round;
    }
  }
}

// Powers of two, since their means of equal lanes are exact; the scales would part after a round,
// since several sites are expected to differ.
TEST(DiLoCo, IdenticalSitesAreOneSiteOverLanesToo) {
  Trainer site;
  const Weights trained = site.Train(FirstWeights(), 10, 9);
  for (const Lane lane : {Lane::kInt4, Lane::kInt8, Lane::kInt16}) {
    LaneRun one{OuterOptimizer{}, lane, OneScale(0.05)};
    one.Step({trained}, 3, true);
    for (const size_t sites : {2, 4, 64}) {
      LaneRun many{OuterOptimizer{}, lane, OneScale(0.05)};
      many.Step(std::vector<Weights>(sites, trained), 3, true);
      EXPECT_EQ(many.model, one.model) << sites << " sites";
    }
  }
}

struct Learned {
  double first = 0;  // losses on what no site saw
  double exact = 0;
  double lanes = 0;
  double saturated = 0;  // of the lanes of the second half of the rounds
  double carried = 0;    // of a site's last update, as a share of its length: for the next round
};

double Length(const Weights& from, const Weights& to = {}) {
  double squares = 0;
  for (size_t i = 0; i < from.size(); ++i) {
    const double part =
        static_cast<double>(from[i]) - (to.empty() ? 0.0 : static_cast<double>(to[i]));
    squares += part * part;
  }
  return std::sqrt(squares);
}

// Three sites that count by different steps learn together, over exact sums and over lanes.
Learned LearnTogether(Lane lane) {
  constexpr uint64_t kSites = 3, kSteps = 10, kRounds = 12;
  std::vector<Trainer> exact_sites(kSites), lane_sites(kSites);
  ExactRun exact{OuterOptimizer{0.7, 0.9}};
  LaneRun lanes{OuterOptimizer{0.7, 0.9}, lane,
                OneScale(exact_sites[0].LearningRateSum(0, kSteps))};
  uint64_t saturated_late = 0;
  Learned learned;
  for (uint64_t round = 0; round < kRounds; ++round) {
    std::vector<Weights> from_exact, from_lanes;
    for (uint64_t site = 0; site < kSites; ++site) {
      const uint64_t seed = 1000 * site;
      from_exact.push_back(exact_sites[site].Train(exact.model, kSteps, seed, 1 + 2 * site));
      from_lanes.push_back(lane_sites[site].Train(lanes.model, kSteps, seed, 1 + 2 * site));
    }
    exact.Step(ExactMean(exact.model, from_exact));
    const uint64_t before = lanes.saturated;
    const Weights base = lanes.model;
    lanes.Step(from_lanes, round);
    learned.carried = Length(lanes.residuals[0]) / Length(base, from_lanes[0]);
    if (round >= kRounds / 2) saturated_late += lanes.saturated - before;
  }
  for (uint64_t site = 0; site < kSites; ++site) {
    const Tokens unseen = Counting(777'000 + site, 16, 1 + 2 * site);
    learned.first += Loss(FirstWeights(), unseen) / kSites;
    learned.exact += Loss(exact.model, unseen) / kSites;
    learned.lanes += Loss(lanes.model, unseen) / kSites;
  }
  const auto lanes_late = static_cast<double>(lanes.model.size() * kSites * kRounds / 2);
  learned.saturated = static_cast<double>(saturated_late) / lanes_late;
  testing::Test::RecordProperty("loss_first", std::to_string(learned.first));
  testing::Test::RecordProperty("loss_exact", std::to_string(learned.exact));
  testing::Test::RecordProperty("loss_lanes", std::to_string(learned.lanes));
  testing::Test::RecordProperty("carried", std::to_string(learned.carried));
  testing::Test::RecordProperty("saturated", std::to_string(learned.saturated));
  return learned;
}

// Eight-bit lanes cost next to nothing.
TEST(DiLoCo, LearnsOverEightBitLanesAsOverExactSums) {
  const Learned learned = LearnTogether(Lane::kInt8);
  EXPECT_LT(learned.exact, 0.75 * learned.first);
  EXPECT_NEAR(learned.lanes, learned.exact, 0.03 * learned.exact);
  EXPECT_LT(learned.saturated, 1e-3);
  EXPECT_LT(learned.carried, 0.05);
}

// Four bits cost a little, which error feedback bounds.
TEST(DiLoCo, LearnsOverFourBitLanesNearlyAsOverExactSums) {
  const Learned learned = LearnTogether(Lane::kInt4);
  EXPECT_LT(learned.exact, 0.75 * learned.first);
  EXPECT_NEAR(learned.lanes, learned.exact, 0.06 * learned.exact);
  EXPECT_LT(learned.saturated, 0.02);
  EXPECT_LT(learned.carried, 0.4);
}

}  // namespace
}  // namespace dure::algorithms
