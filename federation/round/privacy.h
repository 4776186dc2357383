// Privacy of a run: what noise hides, as its proposer says it. It stands in the run's manifest, so
// that every site, account and vote judges the same numbers.
//
// Two protections, each on or off. Noise on updates hides what one site gives (the unit is a
// member's site): each clips its update and adds its share of integer noise before masking. DP-SGD
// hides a single sequence of a site's text: the trainer clips each sequence's gradient and adds
// noise to each step. Plain values; any thread. Pure. What they cost is policy/run_privacy's.
#pragma once

#include <cstdint>
#include <string_view>

#include "federation/digest.h"
#include "federation/result.h"

namespace dure::round {

// Numbers stand in canonical bytes: never reuse one.
enum class Noise : uint8_t { kNone = 1, kDiscreteGaussian = 2, kSkellam = 3 };

std::string_view Name(Noise noise);               // "discrete-gaussian"
Result<Noise> ParseNoise(std::string_view text);  // kInvalid lists the choices

struct Privacy {
  Noise noise = Noise::kNone;
  double clip = 0;              // L2 norm of an update, in the model's own units
  double coordinate_clip = 0;   // of each coordinate, after rotation; in (0, clip]
  double noise_multiplier = 0;  // deviation of the noise that is surely in a sum, in clip norms
  bool rotate = false;          // blocks of 1024 are rotated before rounding, and the sum back
  uint64_t dimension = 0;       // parameters of the model
  double delta = 0;             // at which the run's epsilon is told; also of DP-SGD

  double record_clip = 0;   // L2 norm of one sequence's gradient; 0: no DP-SGD
  double record_noise = 0;  // deviation of a step's noise, in record_clip
  double record_rate = 0;   // each sequence is in each step with this chance, in (0, 1]

  bool operator==(const Privacy&) const = default;
  bool noisy() const { return noise != Noise::kNone; }
  bool per_record() const { return record_clip > 0; }
  bool any() const { return noisy() || per_record(); }
  // What masking binds its keys to; zero without noise on updates.
  Digest digest() const;
  // kInvalid names the field and its bound. What does not belong to a protection that is off must
  // be zero: one run, one manifest.
  Status Validate() const;
};

}  // namespace dure::round
