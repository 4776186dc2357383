// The control messages of a round. Plain values: transport carries them, round.h and
// participation.h speak them.
//
// Every message is idempotent under (run, round, attempt, site, kind): a repeat gets the same
// answer, so the only recovery is to send again. Who sent a message is what the transport
// authenticated, never a field of it. Each fits limits::kControlMessageBytesMax. Blobs are named by
// digest; envelopes, receipts and tree heads are the log's bytes, opaque here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "federation/round/plan.h"

namespace dure::round {

inline constexpr uint64_t kWeightMax = uint64_t{1} << 20;  // of a contribution: it counts whole

// A version of a dataset that a site would train on, or did.
struct OfferedDataset {
  DatasetId dataset;
  uint64_t version = 0;
  auto operator<=>(const OfferedDataset&) const = default;
};
// What was admitted of it to one attempt, and where the record says so.
struct AdmittedDataset {
  DatasetId dataset;
  uint64_t version = 0;
  uint64_t entry = 0;  // index of the admission-decided entry
  auto operator<=>(const AdmittedDataset&) const = default;
};
std::vector<OfferedDataset> VersionsOf(const std::vector<AdmittedDataset>& admitted);

// Aggregator to site
// -------------------------------------------------------------------------------------

// An invitation to one attempt. A site that already left the run ignores it.
struct Plan {
  RoundPlan plan;
  RunManifest manifest;  // plan.manifest is its digest
  // The latest attempt in which the receiver's contribution was counted. It settles what a site
  // that was away could not hear: of two attempts at most one is counted.
  bool has_counted = false;
  RoundNumber counted_round;
  uint32_t counted_attempt = 0;
  bool operator==(const Plan&) const = default;
};

// The cohort is fixed and its opening stands in the log: train now.
struct Roster {
  RoundAttempt at;
  std::vector<SiteId> cohort;  // ascending
  uint64_t opened_index = 0;   // of the round-opened entry
  Duration time_left{0};       // until the deadline, when sent
  std::vector<AdmittedDataset>
      admitted;  // of the receiver: ascending, 1 to 64; train on these only
  bool operator==(const Roster&) const = default;
};

// The submission is in the log. Sent after the append is durable, never before.
struct Receipt {
  RoundAttempt at;
  Digest contribution;  // the blob
  uint64_t index = 0;   // of the submission's entry
  Bytes proof;          // C2SP tlog-proof
  bool operator==(const Receipt&) const = default;
};

enum class RefusalReason : uint8_t {
  kLate =
      1,  // the attempt is over, or no longer takes submissions; the update stays in the residual
  kNotInCohort = 2,  // of this attempt
  kBlobMissing = 3,  // upload, then send the same submission again
  kBlobCorrupt =
      4,  // stored bytes are not a contribution of this run: encode and upload again is no help
  kNotSigned = 5,  // the envelope is not this site's statement of these numbers
  kNotRecorded =
      6,  // the log would not take the envelope (chain or anchor): sign anew and send again
  kOtherBase = 7,    // made from another base model
  kNotAdmitted = 8,  // names other datasets than were admitted to this attempt
  kExcluded = 9,     // taken out of this round: its data may no longer be used
  kNotAllowed = 10,  // what the run or its policies ask of a contribution does not hold
  kSetApart = 11,    // masked: beside the sums without it, one with it would show its update
};
std::string_view Name(RefusalReason reason);  // "late", "blob-missing", ...

// The answer to a submission that is not taken. Also told unasked, then without a contribution: to
// a site that was excluded, of which nothing was admitted, or that is set apart for this attempt.
struct Refusal {
  RoundAttempt at;
  Digest contribution;
  RefusalReason reason = RefusalReason::kLate;
  bool operator==(const Refusal&) const = default;
};

// What a masked round tells of its contributions: sums, and no part of them.
struct Sums {
  uint64_t weight = 0;
  uint64_t tokens = 0;
  uint64_t steps = 0;
  uint64_t saturated_lanes = 0;
  bool operator==(const Sums&) const = default;
};

struct Counted {
  SiteId site;
  uint64_t weight = 0;      // numerator over 2^20; 0 under masking: nobody knows it
  uint64_t submission = 0;  // index of its entry
  bool operator==(const Counted&) const = default;
};

// The round is closed in the log. Every site derives `next` itself and compares.
struct Outcome {
  RoundAttempt at;
  Base base;  // what the round started from
  Digest aggregate;
  Base next;
  uint64_t weight_sum = 0;
  std::vector<Counted> counted;  // ascending by site, each once
  uint64_t closed_index = 0;     // of the round-closed entry
  Bytes tree_head;               // a signed note over it
  // As in Plan, for a site that missed the outcome before this one.
  bool has_counted = false;
  RoundNumber counted_round;
  uint32_t counted_attempt = 0;
  bool operator==(const Outcome&) const = default;
};

// The run is over. Answered with Leave.
struct RunEnded {
  RunId run;
  uint64_t rounds = 0;  // closed
  Base last;
  std::string reason;  // a code: "complete", "stopped", "restored-backup"
  bool operator==(const RunEnded&) const = default;
};

// Site to aggregator
// -------------------------------------------------------------------------------------

// The site's own policy agreed and it holds the base.
struct Ready {
  RoundAttempt at;
  Base base;  // held and verified; another base than the plan's is not ready
  std::vector<OfferedDataset> datasets;  // ascending by dataset, each once, 1 to 64
  bool operator==(const Ready&) const = default;
};

struct Declined {
  RoundAttempt at;
  std::string reason;  // a code such as "policy" or "no-tokens"; at most 64 of [a-z0-9-]
  bool operator==(const Declined&) const = default;
};

// Re-sent byte for byte until a receipt, a refusal or the round's end.
struct Submission {
  RoundAttempt at;
  Digest base_model;
  Digest contribution;  // the blob; already whole and durable at the aggregator
  uint64_t weight = 0;  // 1..2^20. This and the counts below: 0 under masking, where only sums show
  uint64_t tokens = 0;
  uint64_t steps = 0;
  uint64_t saturated_lanes = 0;
  std::vector<AdmittedDataset> datasets;  // trained on: all that were admitted, and no other
  Digest code = {};                       // of the trainer's program
  std::optional<double> norm = {};        // of the update, where the run bounds it
  Bytes envelope;                         // the site's signed DSSE statement of the same numbers
  bool operator==(const Submission&) const = default;
};

enum class Derivation : uint8_t {
  kEqual = 1,      // the site derived exactly outcome.next
  kDifferent = 2,  // it derived something else: a dissent
  kFailed = 3,     // it could not derive (disk, blob); it will fetch the model
  kNotHeld = 4,    // it does not hold the outcome's base; it will fetch the model
};
std::string_view Name(Derivation derivation);

struct OutcomeAck {
  RoundAttempt at;
  Derivation derivation = Derivation::kEqual;
  Base derived;  // zeros unless kEqual or kDifferent
  bool operator==(const OutcomeAck&) const = default;
};

// Out of this attempt, not of the run: the trainer failed, or the operator said so.
struct Withdraw {
  RoundAttempt at;
  std::string reason;  // a code
  bool operator==(const Withdraw&) const = default;
};

// Out of the run, from the next round's edge on; a submission already receipted still counts.
struct Leave {
  RunId run;
  uint64_t sequence = 0;  // counts this site's leaves and joins, so that a late one changes nothing
  bool ended = false;     // the answer to RunEnded
  bool operator==(const Leave&) const = default;
};

// Back in the run, from the next round's edge on.
struct Join {
  RunId run;
  uint64_t sequence = 0;
  bool operator==(const Join&) const = default;
};

enum class SitePhase : uint8_t {
  kIdle = 1,      // nothing asked of it
  kFetching = 2,  // takes the base model, as a joiner does
  kDeciding = 3,  // its own policy
  kReady = 4,     // waits for the roster
  kTraining = 5,
  kEncoding = 6,
  kUploading = 7,
  kSigning = 8,
  kSubmitted = 9,   // waits for the receipt
  kReceipted = 10,  // waits for the outcome
  kDeriving = 11,
  kDissent = 12,  // derived another model than the outcome names; waits for its operator
  kLeft = 13,
  kEnded = 14,
};
std::string_view Name(SitePhase phase);  // "training"

// Progress for whoever watches. May be lost; changes nothing.
struct SiteStatus {
  RoundAttempt at;
  SitePhase phase = SitePhase::kIdle;
  uint64_t step = 0;
  uint64_t steps = 0;  // planned; 0 under a time budget
  double loss = 0;
  double tokens_per_second = 0;
  uint64_t bytes_up = 0;
  uint64_t bytes_down = 0;
  bool operator==(const SiteStatus&) const = default;
};

// Either way: a message of the masking protocol, which has signatures and counters of its own. The
// rounds do not look at it.
struct Masked {
  RunId run;
  Bytes message;
  bool operator==(const Masked&) const = default;
};

using Message = std::variant<Plan, Roster, Receipt, Refusal, Outcome, RunEnded, Ready, Declined,
                             Submission, OutcomeAck, Withdraw, Leave, Join, SiteStatus, Masked>;

std::string_view KindName(const Message& message);  // "plan", "site-status"
const RunId& RunOf(const Message& message);

// Canonical bytes: kind, then fields. REQUIRES: the message is well-formed (as DecodeMessage would
// take it).
Bytes EncodeMessage(const Message& message);
// Total and bounded. kInvalid: not exactly one well-formed message.
Result<Message> DecodeMessage(ByteView bytes);
// What DecodeMessage checks beyond the form: names, codes, bounds, order. For messages built
// elsewhere (the transport calls it after its own parser).
Status CheckMessage(const Message& message);

}  // namespace dure::round
