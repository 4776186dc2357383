// The memory that the CPU engine itself would take: its own plan for a model, not an estimate.
#pragma once

#include <cstdint>
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

}  // namespace dure::cli
