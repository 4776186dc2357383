// The inner learning rate as a function of the step. The step counter continues across rounds, so a
// site that trains round after round follows one schedule.
#pragma once

#include <cstdint>

#include "federation/result.h"

namespace dure::model::cpu {

struct Schedule {
  enum class Kind {
    kConstant,
    kCosine,  // half a cosine from 1 to final_fraction over (warmup, total]
    kWsd,     // warm up, stable, then linearly to final_fraction over the last decay_steps
  };
  Kind kind = Kind::kConstant;
  double peak = 1e-3;           // highest learning rate
  uint64_t warmup_steps = 0;    // linear from peak / warmup_steps
  uint64_t total_steps = 0;     // cosine and WSD only; later steps stay at final_fraction * peak
  uint64_t decay_steps = 0;     // WSD only
  double final_fraction = 0.1;  // in [0, 1]
};

// kInvalid names the field.
Status Validate(const Schedule& schedule);

// The rate of step `step`, counted from 0. REQUIRES: Validate(schedule).
double LearningRate(const Schedule& schedule, uint64_t step);

// The sum of the rates of steps [begin, end): bounds how far AdamW can move a parameter.
double LearningRateSum(const Schedule& schedule, uint64_t begin, uint64_t end);

}  // namespace dure::model::cpu
