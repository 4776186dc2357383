// What a training came to, as the site's journal keeps it until its round is over, and what of it
// the site tells besides what every round is told.
#pragma once

#include <optional>

#include "federation/clock.h"
#include "federation/round/participation_effects.h"
#include "model/seat/messages.h"

namespace dure::site {

struct TrainingMark {
  round::TrainingDone done;
  uint64_t accelerator_seconds = 0;  // that the contribution will tell
};
Bytes ToMark(const TrainingMark& mark);
// nullopt: it is none. One of a build before accelerator-seconds has none of them.
std::optional<TrainingMark> ReadMark(ByteView bytes, RoundNumber round);

// More accelerators than this keep no trainer of one site busy.
inline constexpr double kAcceleratorsMax = 255;

// The accelerator-seconds that a contribution tells of a training that took `took`: whole ones,
// rounded up; 0: none. Under masking no number of one site leaves it, and under noise none that its
// data has a part in without noise. kInvalid: what the trainer says cannot be.
Result<uint64_t> SecondsToTell(const seat::DoneEvent& said, Duration took,
                               const round::RunManifest& manifest);

}  // namespace dure::site
