#include "planning/plan.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <utility>

#include "planning/quantity.h"
#include "planning/sections.h"

namespace dure::planning {
namespace {

// Layers as deep as published models of the size: the width is 128 times their number.
ModelShape UsualShape(double parameters) {
  const double width = std::cbrt(parameters / 12 * 128);
  const double rounded = std::max(128.0, 128 * std::round(width / 128));
  const double layers = std::max(1.0, std::round(parameters / (12 * rounded * rounded)));
  return {static_cast<uint32_t>(layers), static_cast<uint32_t>(rounded)};
}

struct Bound {
  double value;
  double low;
  double high;
  const char* name;
};

Error OutOf(const Bound& bound) {
  const std::string name(bound.name);
  if (bound.high > 1) {
    return {ErrorCode::kInvalid, name + " must be from " + CountText(std::max(bound.low, 1e-9)) +
                                     " to " + CountText(bound.high)};
  }
  if (bound.value > 1 && bound.value <= 100) {
    return {ErrorCode::kInvalid, name + " is a part of 1: " + CountText(bound.value / 100) +
                                     " for " + CountText(bound.value) + " %"};
  }
  return {ErrorCode::kInvalid, name + " must be above 0 and at most 1"};
}

Status CheckWhole(const Question& q) {
  const std::pair<double, const char*> counts[] = {{q.sites, "sites"},
                                                   {q.gpus, "GPUs"},
                                                   {q.tensor_parallel, "GPUs that share a layer"},
                                                   {q.steps, "steps"},
                                                   {q.dropped, "sites that drop out"},
                                                   {q.fragments, "fragments"}};
  for (const auto& [count, name] : counts) {
    if (count == std::floor(count)) continue;
    return Fail(ErrorCode::kInvalid, std::string("there are no parts of ") + name);
  }
  return {};
}

// NaN fails.
Status CheckBounds(const Question& q) {
  const Bound bounds[] = {
      {q.parameters, 1e5, 1e14, "the number of parameters"},
      {q.sites, 1, 256, "the number of sites"},
      {q.gpus, 1, 1e6, "the number of GPUs"},
      {q.peak_flops, 1e9, 1e18, "a GPU's peak"},
      {q.mfu, 0.001, 1, "the share of peak"},
      {q.gpu_memory_bytes, 1e8, 1e15, "a GPU's memory"},
      {q.gpu_link_bytes_s, 1e6, 1e15, "a GPU's link"},
      {q.tensor_parallel, 1, q.gpus, "the GPUs that share a layer"},
      {q.tokens_per_step, 1, 1e12, "the tokens of a step"},
      {q.tokens_per_micro_step, 1, 1e9, "the tokens in flight on a GPU"},
      {q.steps, 1, 1e9, "the steps of a round"},
      {q.link_bits_s, 1e3, 1e15, "the link"},
      {q.link_efficiency, 0.01, 1, "the share of the link"},
      {q.port_bits_s, 1e3, 1e15, "the aggregator's port"},
      {q.fragments, 0, 1e6, "the number of fragments"},
      {q.overlap_steps, 1, q.steps, "the steps in which a fragment travels"},
      {q.cores, 1, 1e5, "the number of cores"},
      {q.mask_bytes_core_s, 1e6, 1e12, "the rate of masking"},
      {q.utilisation_target, 0.01, 0.9999, "the utilisation wanted"},
      {q.tokens_per_parameter, 0.001, 1e6, "the tokens a parameter"},
  };
  for (const Bound& bound : bounds) {
    if (bound.value >= bound.low && bound.value <= bound.high) continue;
    return Fail(OutOf(bound));
  }
  DURE_TRY(CheckWhole(q));
  if (q.lane_bits != 4 && q.lane_bits != 8 && q.lane_bits != 16) {
    return Fail(ErrorCode::kInvalid, "a lane is of 4, 8 or 16 bits");
  }
  if (q.masked && q.sites < 3) {
    return Fail(ErrorCode::kInvalid,
                "masking needs three sites or more: of two, each learns the other's update");
  }
  if (q.masked && q.sites > 255) {
    return Fail(ErrorCode::kInvalid, "masking has places for 255 sites");
  }
  if (!(q.dropped >= 0 && q.dropped <= q.sites - 1)) {
    return Fail(ErrorCode::kInvalid, "more sites drop out than there are, less one");
  }
  const double spare = q.sites - ShareThreshold(q.sites);
  if (q.masked && q.dropped > spare) {
    return Fail(ErrorCode::kInvalid, "of " + CountText(q.sites) + " masked sites " +
                                         CountText(spare) +
                                         " may drop out; beyond that there is no sum");
  }
  return {};
}

Result<Question> Completed(Question question) {
  DURE_TRY(CheckBounds(question));
  question.shape = ShapeOf(question);
  if (question.fragments == 0) {
    question.fragments = std::max(1.0, std::ceil(question.shape.layers / 3.0));
  }
  return question;
}

}  // namespace

ModelShape ShapeOf(const Question& question) {
  const bool is_given = question.shape.layers != 0 && question.shape.width != 0;
  return is_given ? question.shape : UsualShape(question.parameters);
}

Result<Question> Preset(std::string_view given) {
  std::string name(given);
  std::ranges::transform(name, name.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  Question question;
  const auto with = [&](double parameters, ModelShape shape, double gpus, double tokens) {
    question.parameters = parameters;
    question.shape = shape;
    question.gpus = gpus;
    question.tokens_per_step = tokens;
    return question;
  };
  if (name == "1.3B") return with(1.3e9, {24, 2048}, 8, 5e5);
  if (name == "13B") return with(13e9, {40, 5120}, 64, 1e6);
  if (name == "204B") return with(204e9, {96, 13312}, 512, 2e6);
  if (name == "600B") return with(600e9, {120, 20480}, 1024, 4e6);
  return Fail(ErrorCode::kNotFound, "no preset '" + name + "'; there are 1.3B, 13B, 204B and 600B");
}

const Figure* Plan::Find(std::string_view name) const {
  for (const Section& section : sections) {
    for (const Figure& figure : section.figures) {
      if (figure.name == name) return &figure;
    }
  }
  return nullptr;
}

Result<Plan> MakePlan(const Question& question) {
  DURE_ASSIGN(const Question q, Completed(question));
  Plan plan;
  plan.sections = {ComputeSection(q), MemorySection(q), UpdateSection(q), BlockingSection(q),
                   StreamingSection(q)};
  if (q.masked) plan.sections.push_back(MaskingSection(q));
  plan.sections.push_back(AggregatorSection(q));
  plan.sections.push_back(RunSection(q));
  return plan;
}

Result<Plan> MakeMemoryPlan(const Question& question) {
  DURE_ASSIGN(const Question q, Completed(question));
  Plan plan;
  plan.sections = {MemorySection(q)};
  return plan;
}

}  // namespace dure::planning
