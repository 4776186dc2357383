// Robust merging on real training: honest sites and attackers, over the production's lanes, merge
// and outer step.
#include <gmock/gmock.h>
#include <stdlib.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <functional>

#include "federation/codec/encode.h"
#include "federation/codec/outer.h"
#include "federation/codec/scales.h"
#include "federation/masking/weighing.h"
#include "federation/merging/direction.h"
#include "federation/merging/vectors.h"
#include "tests/algorithms/training.h"

namespace dure::algorithms {
namespace {

namespace fs = std::filesystem;
using codec::Lane;
using round::MergeKind;
using round::MergeRule;

constexpr uint32_t kSites = 9;
constexpr uint32_t kFaults = 3;
constexpr uint64_t kSteps = 10;
constexpr int kRounds = 6;

// What the attackers send in place of what they trained, given what the honest ones trained.
using Attack = std::function<void(const Weights& base, std::vector<Weights>& trained)>;

void ScaleUpdates(const Weights& base, std::vector<Weights>& trained, float times) {
  for (size_t site = kSites - kFaults; site < kSites; ++site) {
    for (size_t i = 0; i < base.size(); ++i) {
      trained[site][i] = base[i] + times * (trained[site][i] - base[i]);
    }
  }
}

// Baruch et al., arXiv 1902.06156: the honest mean, `z` of their own standard deviations away.
void LittleIsEnough(const Weights& base, std::vector<Weights>& trained, double z) {
  constexpr uint32_t kHonest = kSites - kFaults;
  for (size_t i = 0; i < base.size(); ++i) {
    double mean = 0, square = 0;
    for (size_t site = 0; site < kHonest; ++site) {
      const double u = static_cast<double>(base[i]) - trained[site][i];
      mean += u / kHonest;
      square += u * u / kHonest;
    }
    const double deviation = std::sqrt(std::max(0.0, square - mean * mean));
    for (size_t site = kHonest; site < kSites; ++site) {
      trained[site][i] = static_cast<float>(base[i] - (mean - z * deviation));
    }
  }
}

class Federation {
 public:
  struct Options {
    bool flips_labels = false;  // the attackers train on wrong labels
    bool masked = false;        // only sums of lanes and weights are seen
  };
  Federation() : Federation(Options()) {}
  explicit Federation(const Options& options) : options_(options) {
    std::string pattern = (fs::temp_directory_path() / "dure-robust-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~Federation() { fs::remove_all(folder_); }

  // The loss on unseen text of all sites after the rounds.
  double Train(const MergeRule& rule, const Attack& attack) {
    std::vector<Trainer> sites(kSites);
    for (size_t site = kSites - kFaults; options_.flips_labels && site < kSites; ++site) {
      sites[site].FlipLabels();
    }
    model_ = FirstWeights();
    scales_ =
        codec::UniformScales(model_.size(), static_cast<float>(sites[0].LearningRateSum(0, kSteps)))
            .value();
    std::vector<Weights> residuals(kSites);
    for (int round = 0; round < kRounds; ++round) {
      std::vector<Weights> trained;
      for (uint64_t site = 0; site < kSites; ++site) {
        trained.push_back(sites[site].Train(model_, kSteps, 1000 * site));
      }
      attack(model_, trained);
      Merge(rule, trained, residuals, static_cast<uint64_t>(round));
    }
    return Loss(model_, Counting(777'000, 64));
  }

 private:
  void Merge(const MergeRule& rule, const std::vector<Weights>& trained,
             std::vector<Weights>& residuals, uint64_t round) {
    std::vector<Bytes> lanes;
    uint64_t weight_sum = 0;
    round::RunManifest manifest;
    manifest.weighting = round::Weighting::kEqual;
    manifest.merge = rule;
    const uint64_t least = masking::WeighingOf(manifest).least;
    for (size_t site = 0; site < kSites; ++site) {
      uint64_t weight = codec::kWeightOne;
      if (rule.kind == MergeKind::kDirectionNorm) {
        weight = merging::DirectionWeight({model_, trained[site], residuals[site], scales_},
                                          Lane::kInt8, {})
                     .value();
      }
      lanes.emplace_back(model_.size());
      Weights left(model_.size());
      ASSERT_TRUE(codec::EncodeRange({Lane::kInt8, weight, round * 100 + site}, 0,
                                     {model_, trained[site], residuals[site], scales_},
                                     {lanes.back(), left}));
      residuals[site] = left;
      weight_sum += std::max(weight, least);
    }
    const auto layout = codec::AggregateLayout::Make(Lane::kInt8, kSites, model_.size()).value();
    const std::vector<ByteView> views(lanes.begin(), lanes.end());
    codec::MergeInput in;
    in.contributions = views;
    in.scales = scales_;
    in.weight_sum = weight_sum;
    const std::string path = (folder_ / "aggregate").string();
    fs::remove(path);
    const auto file = codec::OutputFile::Create(path, layout.bytes()).value();
    if (rule.is_mean() || options_.masked) {
      ASSERT_TRUE(codec::MergeContributions(layout, in, file, {}));
    } else {
      ASSERT_TRUE(merging::MergeByRule(rule, layout, in, file, {}));
    }
    Step(layout, codec::MappedFile::Open(path).value().bytes(), weight_sum);
  }

  void Step(const codec::AggregateLayout& layout, ByteView planes, uint64_t weight_sum) {
    Weights next(model_.size());
    std::vector<uint64_t> squares(scales_.size());
    ASSERT_TRUE(
        codec::OuterStepRange(layout, codec::OuterOptimizer::FedAvg(),
                              {PlanesOf(layout, planes, {0, model_.size()}), scales_, weight_sum},
                              {model_, {}}, {next, {}}, squares));
    scales_ = codec::NextScales(scales_, {Lane::kInt8, kSites, weight_sum, model_.size(), squares})
                  .value();
    model_ = next;
  }

  Options options_;
  fs::path folder_;
  Weights model_;
  std::vector<float> scales_;
};

const MergeRule kMean;
const MergeRule kNormBound{MergeKind::kNormBound, 0, 0, 1};
const MergeRule kDirectionNorm{MergeKind::kDirectionNorm, 0, 0, 0};
// Those that promise something against a third that may do anything.
const std::vector<MergeRule> kResistant = {
    {MergeKind::kMedian, 0, 0, 0},           {MergeKind::kTrimmedMean, kFaults, 0, 0},
    {MergeKind::kKrum, kFaults, 0, 0},       {MergeKind::kMultiKrum, kFaults, 4, 0},
    {MergeKind::kCenteredClipping, 0, 0, 1}, {MergeKind::kGeometricMedian, 0, 0, 0}};

std::vector<MergeRule> AllRules() {
  std::vector<MergeRule> all = kResistant;
  all.insert(all.end(), {kNormBound, kDirectionNorm});
  return all;
}

Attack Times(float times) {
  return [times](const Weights& base, auto& trained) { ScaleUpdates(base, trained, times); };
}
Attack Little(double z) {
  return [z](const Weights& base, auto& trained) { LittleIsEnough(base, trained, z); };
}
const Attack kNothing = [](const Weights&, std::vector<Weights>&) {};

// Untrained the loss is 3.5; honest sites alone come to 0.6. Figures beside the limits are those of
// one machine; training is deterministic, so they vary with its arithmetic only.
TEST(RobustMerging, LosesLittleWhenAllAreHonest) {
  const double mean = Federation().Train(kMean, kNothing);  // 0.61
  EXPECT_LT(mean, 0.75);
  for (const MergeRule& rule : AllRules()) {
    EXPECT_LT(Federation().Train(rule, kNothing), mean + 0.15) << rule.Text();  // 0.61 to 0.66
  }
}

TEST(RobustMerging, HoldsAgainstAThirdThatSendTheirUpdatesReversed) {
  EXPECT_GT(Federation().Train(kMean, Times(-3)), 3.0);  // 3.7: nothing was learnt
  for (const MergeRule& rule : kResistant) {
    EXPECT_LT(Federation().Train(rule, Times(-3)), 1.1) << rule.Text();  // 0.63 to 0.82
  }
}

TEST(RobustMerging, HoldsAgainstAThirdThatScaleTheirUpdates) {
  EXPECT_GT(Federation().Train(kMean, Times(20)), 6.0);  // 17: it broke the model
  for (const MergeRule& rule : AllRules()) {
    EXPECT_LT(Federation().Train(rule, Times(20)), 1.0) << rule.Text();  // 0.47 to 0.69
  }
}

// A bound on lengths cannot tell a reversed update from another; it keeps it from winning.
TEST(RobustMerging, ABoundOnLengthsStillLearnsAgainstScaledReversedUpdates) {
  EXPECT_GT(Federation().Train(kMean, Times(-20)), 6.0);  // 25
  for (const MergeRule& rule : {kNormBound, kDirectionNorm}) {
    EXPECT_LT(Federation().Train(rule, Times(-20)), 2.2) << rule.Text();  // 1.2 to 1.5
  }
}

TEST(RobustMerging, HoldsAgainstAThirdThatTrainOnWrongLabels) {
  const double mean = Federation({.flips_labels = true}).Train(kMean, kNothing);
  EXPECT_GT(mean, 0.95);  // 1.08
  for (const MergeRule& rule : kResistant) {
    const double loss = Federation({.flips_labels = true}).Train(rule, kNothing);
    EXPECT_LT(loss, 0.85) << rule.Text();  // 0.63 to 0.71
  }
  for (const MergeRule& rule : {kNormBound, kDirectionNorm}) {
    EXPECT_LT(Federation({.flips_labels = true}).Train(rule, kNothing), mean) << rule.Text();
  }
}

// Nobody but the sites themselves sees a length then.
TEST(RobustMerging, DirectionAndNormHoldAgainstBrokenTrainingUnderMaskingToo) {
  EXPECT_LT(Federation({.masked = true}).Train(kDirectionNorm, kNothing), 0.75);  // 0.61
  EXPECT_LT(Federation({.masked = true}).Train(kDirectionNorm, Times(20)), 1.0);  // 0.48
  EXPECT_LT(Federation({.masked = true}).Train(kDirectionNorm, Times(-20)), 2.2);
}

// By the paper's formula nine sites of which three attack allow 0.43 deviations; that harms nobody
// here, and what harms the mean is no longer little.
TEST(RobustMerging, HoldsAgainstLittleIsEnough) {
  EXPECT_LT(Federation().Train(kMean, Little(0.43)), 0.85);  // 0.62
  EXPECT_GT(Federation().Train(kMean, Little(10)), 1.05);    // 1.27
  for (const MergeRule& rule : AllRules()) {
    EXPECT_LT(Federation().Train(rule, Little(0.43)), 0.85) << rule.Text();  // 0.62 to 0.63
    EXPECT_LT(Federation().Train(rule, Little(10)), 1.0) << rule.Text();     // 0.63 to 0.87
  }
}

}  // namespace
}  // namespace dure::algorithms
