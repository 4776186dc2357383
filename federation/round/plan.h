// What is agreed before training: the manifest of a run, and the plan of each round.
//
// A manifest is written once, when a run is proposed; its digest stands in the log and in every
// plan, so no site can be given other rules than its neighbours. A plan says what one attempt at
// one round starts from. Plain values; any thread. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "federation/bytes.h"
#include "federation/clock.h"
#include "federation/digest.h"
#include "federation/ids.h"
#include "federation/round/intent.h"
#include "federation/round/merge_rule.h"
#include "federation/round/privacy.h"

namespace dure::round {

// What a message, a plan or a log entry speaks of: the n-th attempt at one round of one run.
struct RoundAttempt {
  RunId run;
  RoundNumber round;
  uint32_t attempt = 0;
  auto operator<=>(const RoundAttempt&) const = default;
  std::string Text() const;  // "run/3/0": the beginning of an idempotency key
};

// The three blobs from which a round starts and which it leaves behind. A zero digest means that
// there is none: no momentum before the first outer step or under FedAvg, no scales before the
// first aggregate.
struct Base {
  Digest model;
  Digest momentum;
  Digest scales;
  auto operator<=>(const Base&) const = default;
};

enum class Lane : uint8_t { kInt8 = 1, kInt16 = 2, kInt4 = 3 };  // as codec::Lane
enum class Weighting : uint8_t { kTokens = 1, kEqual = 2 };
enum class ScheduleKind : uint8_t { kConstant = 1, kCosine = 2, kWsd = 3 };
// kPairwise: the aggregator sees the sum of a round and no contribution (federation/masking).
enum class Masking : uint8_t { kNone = 1, kPairwise = 2 };

std::string_view Name(Lane lane);               // "int8"
std::string_view Name(Weighting weighting);     // "tokens"
std::string_view Name(ScheduleKind kind);       // "cosine"
std::string_view Name(Masking masking);         // "pairwise"
Result<Lane> ParseLane(std::string_view text);  // kInvalid lists the choices; so do the others
Result<Weighting> ParseWeighting(std::string_view text);
Result<ScheduleKind> ParseScheduleKind(std::string_view text);
Result<Masking> ParseMasking(std::string_view text);

// What every site does between two outer steps. Moments and step counter continue across rounds.
struct InnerTraining {
  ScheduleKind schedule = ScheduleKind::kCosine;
  double learning_rate = 1e-3;  // the highest
  uint64_t warmup_steps = 0;    // of the whole run
  uint64_t total_steps = 0;     // of the whole run; cosine and WSD
  uint64_t decay_steps = 0;     // WSD
  double final_fraction = 0.1;  // of the peak, at the end
  double beta1 = 0.9;
  double beta2 = 0.95;
  double epsilon = 1e-8;
  double weight_decay = 0.1;
  double clip_norm = 1.0;  // 0 does not clip
  uint64_t steps = 0;      // a round's step budget; 0: the seconds decide
  double seconds = 0;      // a round's time budget; 0: the steps decide. Both: whichever ends first
  uint32_t batch = 8;      // sequences
  uint32_t sequence = 128;    // tokens
  uint32_t accumulation = 1;  // batches of one step
  uint64_t seed = 0;          // each site derives its own from it, its id and the round
  bool operator==(const InnerTraining&) const = default;
};

// Whom a masked sum may hold; each site checks it itself (federation/masking/cohort.h).
struct MaskingRules {
  uint32_t members_min = 3;           // members, not sites
  uint32_t survivors_permille = 667;  // of the sites that shared masks
  uint32_t batch_members = 1;         // members come and go in batches of at least so many
  bool forbid_differences = true;     // no sum that with earlier ones would isolate members
  bool operator==(const MaskingRules&) const = default;
};

// Why a site does not send its update, or nobody takes a sum: RunManifest::Oversaturated.
inline constexpr std::string_view kOversaturated = "saturation-limit";

inline constexpr size_t kCodesMax = 16;  // trainers that one run approves
inline constexpr size_t kModelConfigBytesMax =
    16 * 1024;  // a plan carries it and must stay under 64 KiB

struct RunManifest {
  RunId run;
  Intent intent;
  std::string model_config;  // JSON text; its digest is config_digest()
  Digest tokenizer;          // blob; zero: plain bytes
  Digest initial_model;      // blob of round 0's base
  bool from_model = false;   // which is a model that there was, not new weights
  Lane lane = Lane::kInt8;
  uint32_t block = 1024;  // parameters that share one scale
  double outer_eta = 0.7;
  double outer_mu = 0.9;
  Weighting weighting = Weighting::kTokens;
  InnerTraining inner;
  uint64_t rounds = 0;
  uint32_t quorum = 0;      // fewest contributions a round closes with
  uint32_t cohort_min = 0;  // fewest ready sites a round opens with; at least the quorum
  uint32_t cohort_max = 0;
  uint32_t attempts_max = 8;   // at one round; then the run pauses and says why
  Duration join_window{0};     // how long sites that do not answer the plan are waited for
  Duration round_deadline{0};  // from roster to last contribution
  Duration lost_grace{0};      // a site gone this long is not waited for; 0: until the deadline
  Masking masking = Masking::kNone;
  MaskingRules masking_rules;  // if masked
  MergeRule merge;
  uint64_t reference_tokens = 0;  // tokens a round that give a contribution full weight
  float initial_scale = 0;        // of every block in round 0; with noise in every round
  // What a contribution must hold to be counted (policy/standing/counting.h).
  std::vector<Digest> code;  // of trainers that may make one, ascending; empty: any
  double norm_max = 0;       // of an update; 0: none is set. Unmasked runs only
  uint64_t passes_max = 0;   // over the registered data in a round; 0: as many as come
  Privacy privacy;
  // Lanes cut at their bounds over all lanes, of one update and of a sum; more is not sent, and not
  // taken. 0: they are counted and told, whatever they come to.
  double saturation_limit = 0;

  bool operator==(const RunManifest&) const = default;
  bool masked() const { return masking != Masking::kNone; }
  // `lanes`: of the update, or of all updates in the sum.
  bool Oversaturated(uint64_t saturated, uint64_t lanes) const;
  Digest config_digest() const { return Sha256(AsBytes(model_config)); }
  // kInvalid names the field, its value and its bound.
  Status Validate() const;
  Bytes Canonical() const;
  Digest digest() const { return Sha256(Canonical()); }
  // Total; kInvalid also when the manifest would not pass Validate().
  static Result<RunManifest> Parse(ByteView canonical);
};

struct RoundPlan {
  RoundAttempt at;
  Digest manifest;
  Base base;
  float initial_scale = 0;  // round 0 only; afterwards base.scales
  Duration deadline{0};     // from roster to last contribution
  uint64_t reference_tokens = 0;
  bool operator==(const RoundPlan&) const = default;
};

// The plan of an attempt; what a site compares the plan it was sent with.
RoundPlan MakePlan(const RunManifest& manifest, RoundNumber round, uint32_t attempt,
                   const Base& base);

}  // namespace dure::round
