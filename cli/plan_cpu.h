// The memory that Dure's own engines would take: their own plans for a model, not an estimate.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "federation/result.h"
#include "planning/plan.h"

namespace dure::cli {

struct CpuQuestion {
  std::string model;  // a preset's name or a config.json
  uint32_t ranks = 1;
  uint32_t zero = 1;
  uint32_t batch = 8;
  uint32_t sequence = 0;  // 0: the model's context
  uint32_t threads = 1;   // of a rank
};

// Errors of PresetOrFile; kInvalid: an option out of its range.
Result<planning::Plan> CpuMemoryPlan(const CpuQuestion& question);

// What the CUDA engine plans for a model of the question's size and shape on the site's GPUs, or on
// as many of them as a gang has ranks: beside the textbook's figures, which it does not keep.
// nullopt: it would be no such model.
std::optional<planning::Section> EngineSection(const planning::Question& question);

}  // namespace dure::cli
