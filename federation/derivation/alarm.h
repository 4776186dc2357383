// Whether the sum of a round looks as if one update in it had outweighed the others: an alarm for
// people, which refuses nothing. Under masks nobody sees an update; what shows is the sum, and
// whoever holds it finds the same.
//
//   growth  the length of the mean update over that of the round before. A longer one saturates its
//           lanes, so of N sites one alone can hardly pass sqrt(1 + headroom^2 / N).
//   cut     saturated lanes over all lanes: what the sites say of themselves. Of an update that is
//           a hundred times as long as others nearly all are cut, of honest ones below a hundredth.
//
// Pure, apart from reading scales out of the store. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "federation/blob/store.h"
#include "federation/round/plan.h"

namespace dure::derivation {

inline constexpr double kGrowthAlarm = 2.5;
inline constexpr double kCutAlarm = 0.02;

// Scales that grew by more had not settled on the updates: they move by a factor of four a round at
// most, and the first round's are a guess. By how much they grow next says nothing of an update.
inline constexpr double kSettledGrowth = 1.25;

// Read off the scales before and after a round (codec/scales.h), so within the bounds by which
// scales move: a quarter to four. REQUIRES: as many of one as of the other, at least one.
double GrowthOf(std::span<const float> before, std::span<const float> after);

// Errors as ScalesOf.
Result<double> GrowthOf(const round::Base& before, const round::Base& after,
                        const round::RunManifest& manifest, uint64_t parameter_count,
                        const blob::BlobStore& store);

// The growths of a run, round after round; from one thread. A round may be told again.
class Growths {
 public:
  // Of this round, where it says something: the round before is known, and its scales had settled.
  std::optional<double> Take(RoundNumber round, double growth);

 private:
  struct Of {
    RoundNumber round;
    double growth = 0;
  };
  std::optional<Of> before_;
  std::optional<Of> last_;
};

// One line, or empty where nothing is out of the ordinary. `saturated`: of the whole sum; nullopt:
// not known.
std::string AlarmOf(std::optional<double> growth, std::optional<uint64_t> saturated,
                    uint64_t parameter_count, uint64_t sites);

}  // namespace dure::derivation
