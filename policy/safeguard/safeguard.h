// Safeguards: what the noise of a run protects, what it costs, and whether it can be had; from the
// run's manifest alone.
//
// The proposer, the aggregator and every site ask this one function and come to the same numbers:
// whoever finds another answer than the manifest stands on refuses the run. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "federation/round/plan.h"
#include "policy/privacy/account.h"
#include "policy/privacy/protection.h"

namespace dure::safeguard {

// Noise on updates: hides what one site gives.
struct UpdateNoise {
  privacy::NoisePlan plan;  // of one round
  uint32_t counted = 0;     // sites whose share is surely in a sum, and unknown to others
  double scale = 0;         // grid units in one unit of the update
  privacy::Harm harm;       // for the smallest cohort there may be
  privacy::Charge charge;   // of the whole run, if no attempt has to be repeated
  // The same noise, for one sequence: another sequence may turn the whole update around, from one
  // end of the clip to the other.
  privacy::Charge charge_of_record;
};

// DP-SGD: hides one sequence.
struct RecordNoise {
  privacy::Charge charge;  // of the whole run, if no round has to be trained again
};

struct Safeguards {
  std::optional<UpdateNoise> update;
  std::optional<RecordNoise> record;
  double delta = 0;

  // What one sequence pays for the whole run: of DP-SGD if there is any, since what is made of its
  // result costs nothing more. REQUIRES: there is noise.
  privacy::Charge ChargeOfRecord() const;
};

// What the whole run costs, alone, at its delta. Infinite: nothing is promised.
struct Epsilons {
  double member = 0;  // of a site; infinite without noise on updates
  double record = 0;  // of one sequence; infinite without noise
};
// Up to half a second where training on samples is counted, so not between messages.
Epsilons EpsilonsOf(const Safeguards& safeguards);
// What the record is told that one sequence loses: "2.254086", rounded up. Empty: without bound.
std::string RecordedEpsilon(const Epsilons& epsilons);
// Whether the record says what this manifest costs, or more: counted here anew, to a millionth.
// kInvalid: it says less, or is no such text. As slow as EpsilonsOf.
Status CheckRecorded(const round::RunManifest& manifest, std::string_view recorded);
// Lines for people: protection, noise beside signal, promise. None without noise.
std::vector<std::string> Sentences(const Safeguards& safeguards, const Epsilons& epsilons);

// Sites whose noise counts in a sum of a cohort of `site_count`: the fewest survivors that the
// others would give their shares for, less those who may collude and know their own noise.
uint32_t HonestShares(uint32_t site_count, uint32_t members_min);

// kInvalid: it cannot be had so; the message says what would work. REQUIRES: passed Validate.
Result<Safeguards> SafeguardsOf(const round::RunManifest& manifest);

// What `initial_scale` must be under noise on updates (one for all blocks and rounds), for lanes
// and noise as they stand in the manifest; for its author.
float FittingScale(const round::RunManifest& manifest);

}  // namespace dure::safeguard
