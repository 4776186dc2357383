// What noise in the integer domain protects, what it costs, and settings that cannot work: for the
// plan of a run and for the people who approve it.
//
// Pure. A setting is refused with what would work in its place, before any round.
#pragma once

#include <string>

#include "policy/privacy/account.h"
#include "policy/privacy/mechanism.h"

namespace dure::privacy {

struct NoiseSettings {
  NoiseKind kind = NoiseKind::kDiscreteGaussian;
  uint32_t members = 0;  // that contribute
  uint32_t counted = 0;  // of those, whose noise surely is in the sum: fewest survivors less those
                         // who may collude
  uint64_t dimension = 0;
  double noise_multiplier = 0;  // standard deviation of the counted noise, in clip norms
  double clip = 0;              // L2 norm of an update
  double coordinate_clip = 0;   // of each coordinate, in (0, clip]
  double scale = 0;             // grid units in one unit of the update
  int word_bits = 0;            // in which the sum is masked: 8 to 32
  int32_t lane_max = 0;         // of one member's integers with their noise; 0: not asked
};

inline constexpr double kInflationMax = 1.01;  // of the norm, by rounding
// exp(-1/2): a try of rounding keeps its bound in 4 of 10 cases or more, in practice always.
inline constexpr double kRoundingBeta = 0.6065306597126334;
inline constexpr double kLaneOdds = 1e-24;  // that any of a member's integers leaves its lane

struct NoisePlan {
  IntegerNoise mechanism;       // of one round, for an account
  uint64_t share_variance = 0;  // each member adds integers of this variance
  double norm_max = 0;          // of an update on the grid, after rounding
  double inflation = 1;         // norm_max over the clip on the grid
  int word_bits_needed = 0;
  // What a member's integer with its noise stays within: a vector that does not is drawn anew, at
  // odds below kLaneOdds, which mechanism.distance counts beside the sampler's own.
  double lane_needed = 0;
};

// kInvalid: a value out of range; rounding inflates the norm by more than 1 %; integers with noise
// do not fit their lane or the sum its words; the sampler cannot draw the variance. The message
// says what would work.
Result<NoisePlan> PlanNoise(const NoiseSettings& settings);

// The smallest scale, and the most coordinates at a scale, that PlanNoise does not refuse for
// inflation.
double ScaleNeeded(double clip, uint64_t dimension);
// A scale that PlanNoise takes for the rest of these settings: twice what is needed, so that
// rounding adds little, or what lanes have room for; what is needed, if there is no room for that
// (PlanNoise then says so). settings.scale is not looked at.
double FittingScale(NoiseSettings settings);
uint64_t DimensionMax(double clip_on_grid);

enum class Verdict : uint8_t { kKeepsTheModel = 1, kSlowsTheModel, kDestroysTheModel };

struct Harm {
  double noise_norm = 0;      // of the mean update's noise, in clip norms
  double signal_norm = 1;     // of the mean update at most, in clip norms
  double ratio = 0;           // of the two
  double members_needed = 0;  // for a ratio of 1
  Verdict verdict = Verdict::kKeepsTheModel;
  std::string sentence;  // to be shown before anybody approves
};

// Noise of noise_multiplier clip norms, spread over `dimension` coordinates, against the mean of
// `members` updates. REQUIRES: members, dimension >= 1; noise_multiplier >= 0.
Harm HarmOf(uint32_t members, uint64_t dimension, double noise_multiplier);

// In plain words what an epsilon promises, and what not.
std::string PromiseOf(Unit unit, double epsilon, double delta);

}  // namespace dure::privacy
