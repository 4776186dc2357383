// A whole update under noise, file to file: clipped, rotated, rounded at random, and this site's
// share of noise added, as lanes in the clear for masking to take.
//
// Streams through the models once for the norm and once for the lanes, on `work.threads` threads,
// with a few MiB a thread whatever the size. Rounding that makes the vector too long, and noise
// that leaves a lane, are drawn anew for the whole vector: both hardly ever happen, and the account
// counts that they may (policy/privacy). Repeating a call with one key gives the same bytes.
#pragma once

#include <optional>
#include <span>

#include "federation/codec/vectors.h"
#include "federation/noise/secret_random.h"

namespace dure::noise {

enum class Sampler : uint8_t { kDiscreteGaussian, kSkellam };

struct LaneNoise {
  Sampler sampler = Sampler::kDiscreteGaussian;
  uint64_t share_variance = 0;     // of this site's share, in squared grid units
  double clip = 0;                 // L2 norm of the update
  double coordinate_clip = 0;      // of each coordinate, after rotation
  double scale = 0;                // grid units in one unit of the update
  double norm_max = 0;             // of the rounded vector, in grid units, before noise
  std::optional<Digest> rotation;  // seed; none: not rotated
  codec::Lane lane = codec::Lane::kInt16;
};

// The public signs of one round's rotation.
Digest RotationSeed(std::string_view run, const Digest& base_model);

struct NoisedUpdate {
  double norm = 0;           // of the update before it was clipped: the site's own to know
  uint64_t bounded = 0;      // coordinates that met their bound; likewise
  uint32_t drawn_again = 0;  // times
};

// `lanes` becomes base - trained under noise; one key serves one vector of one attempt.
// kInvalid: sizes do not fit, a NaN or an infinity, settings that no sampler draws; kInternal: the
// settings leave no room; kCancelled; errors of WriteAt.
Result<NoisedUpdate> WriteNoisedLanes(std::span<const float> base, std::span<const float> trained,
                                      const LaneNoise& noise, const SecretRandom::Key& key,
                                      const codec::OutputFile& lanes, const codec::Work& work);

}  // namespace dure::noise
