// The part of `dure plan` that says what noise for member-level privacy would do to a model.
#pragma once

#include "planning/plan.h"

namespace dure::cli {

struct PrivacyQuestion {
  double noise_multiplier = 0;  // standard deviation of the noise, in clip norms; 0: none
  double delta = 1e-6;
  double coordinates = 0;  // that carry noise; 0: every parameter
};

// kInvalid: a value out of its range.
Result<planning::Section> PrivacySection(const PrivacyQuestion& privacy,
                                         const planning::Question& question,
                                         const planning::Plan& plan);

}  // namespace dure::cli
