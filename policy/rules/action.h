// What is asked for: each decision is about one action. The names are those of the terms
// (policy/terms) too, so that a rule and an owner's terms speak of the same thing.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace dure::rules {

enum class Action : uint8_t {
  kTrain,           // use a dataset to train the model of a run
  kFinetune,        // the same, from an existing model
  kEvaluate,        // measure a model on a dataset
  kCombine,         // link records of several controllers
  kAggregate,       // count a site's update into a round
  kDistil,          // train another model from a model's answers
  kSynthesise,      // make data with a model
  kExportWeights,   // let a model's weights leave the consortium
  kServe,           // answer calls with a model
  kPublishMetrics,  // publish what was measured
};

inline constexpr auto kActions =
    std::to_array<Action>({Action::kTrain, Action::kFinetune, Action::kEvaluate, Action::kCombine,
                           Action::kAggregate, Action::kDistil, Action::kSynthesise,
                           Action::kExportWeights, Action::kServe, Action::kPublishMetrics});

std::string_view Name(Action action);        // train, export-weights, ...
std::string_view KoreanName(Action action);  // 학습, 가중치 반출, ...
std::optional<Action> ActionNamed(std::string_view name);

}  // namespace dure::rules
