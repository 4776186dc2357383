// Mechanisms: what was done to data, in the words that an account adds up.
//
// One value is one use of the data; a charge is so many equal uses. Neighbouring datasets differ by
// one unit (an example or a member) that is present or absent. Everything here is a value: no
// clock, no state, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "federation/canonical.h"
#include "federation/result.h"

namespace dure::privacy {

// Gaussian noise of noise_multiplier times the clip norm on a sum over a Poisson sample: each unit
// is in it with probability `sampling`, independently (DP-SGD; sampling = 1: the whole dataset).
struct SampledGaussian {
  double noise_multiplier = 0;  // in [kNoiseMin, kNoiseMax]
  double sampling = 1;          // in (0, 1]
  bool operator==(const SampledGaussian&) const = default;
};

enum class NoiseKind : uint8_t { kDiscreteGaussian = 1, kSkellam = 2 };

// Integer noise added in shares by sites before secure aggregation, in units of the grid on which
// the update is rounded: each share has standard deviation share_stddev, the sum has `shares` of
// them. The vector that is protected has L2 norm at most `clip` before it is rounded at random to
// the grid, and is rounded anew until RoundedNormMax holds.
struct IntegerNoise {
  NoiseKind kind = NoiseKind::kDiscreteGaussian;
  uint32_t shares = 0;      // of honest sites that surely stay: never more than that
  double share_stddev = 0;  // in [kShareStddevMin, kShareStddevMax]
  double clip = 0;          // in [1, kClipMax], in grid units
  uint64_t dimension = 0;   // in [1, limits::kParameterCountMax]
  // What rounding may be refused with, in [0, 1); 0: the bound that always holds.
  double rounding_beta = 0;
  // How far the noise that is drawn may be from its distribution, all shares together, in [0,
  // 1e-9]: total variation. Each step costs delta (1 + e^epsilon) times it.
  double distance = 0;
  bool operator==(const IntegerNoise&) const = default;
};

using Mechanism = std::variant<SampledGaussian, IntegerNoise>;

struct Charge {
  Mechanism mechanism;
  uint64_t steps = 0;  // in [1, kStepsMax]
  bool operator==(const Charge&) const = default;
};

inline constexpr double kNoiseMin = 0.05;  // below, a step alone costs hundreds of epsilon
inline constexpr double kNoiseMax = 1e6;
inline constexpr double kSamplingMin = 1e-12;
inline constexpr double kShareStddevMin = 0.5;  // below, a sum of shares is no discrete Gaussian
inline constexpr double kShareStddevMax = 1099511627776.0;  // 2^40: sums stay far from 2^63
inline constexpr double kClipMax = 1099511627776.0;
inline constexpr uint64_t kStepsMax = 10'000'000;  // the accountant's arithmetic margin holds to it

// kInvalid: a field outside its range, with its name.
Status Check(const Mechanism& mechanism);
Status Check(const Charge& charge);

// In words: "Gaussian noise 1.1 on samples of 0.4 %".
std::string Describe(const Mechanism& mechanism);

// A bound on the L2 norm of a vector of norm `clip` in `dimension` coordinates after each was
// rounded at random to an integer (Kairouz, Liu, Steinke 2021, theorem 1). One try keeps it with
// probability at least 1 - beta; a site that tries until it holds makes it certain. It always holds
// for beta = 0: clip + sqrt(dimension).
double RoundedNormMax(double clip, uint64_t dimension, double beta);

// The canonical bytes of a mechanism; the reader refuses what Check refuses.
void Write(CanonicalWriter& writer, const Mechanism& mechanism);
Result<Mechanism> ReadMechanism(CanonicalReader& reader);

}  // namespace dure::privacy
