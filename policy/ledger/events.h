// The events of the record, typed: what a DSSE envelope's in-toto statement says.
//
// Life: whoever acts fills an event, SealRecord makes the entry's bytes; whoever reads calls
// OpenEntry, which parses and checks the signature under the key that the record itself names.
// Whether that key was entitled to speak at that index is the chronicle's question (chronicle.h).
// Pure, for any thread.
//
// An entry holds no personal data, no free text and nothing large: blobs are named by digest.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "federation/clock.h"
#include "federation/digest.h"
#include "federation/ids.h"
#include "federation/signer.h"
#include "policy/ledger/policy_events.h"

namespace dure::ledger {

enum class Role : uint8_t { kAggregator, kSite, kOfficer, kResearcher, kOperator };
std::string_view Name(Role role);  // "aggregator", "site", ...
Result<Role> ParseRole(std::string_view text);

// Index 0 of every log, signed by the aggregator. Members compare it with what they were told out
// of band.
struct ConsortiumGenesis {
  std::string log_vkey;        // signs the tree heads
  Digest ca_fingerprint;       // SHA-256 of the root certificate (DER)
  PublicKey aggregator_key{};  // signs the aggregator's entries
  bool operator==(const ConsortiumGenesis&) const = default;
};
// From the next index on, `key` speaks for this member's site in this role.
struct MemberAdmitted {
  MemberId member;
  SiteId site;
  Role role = Role::kSite;
  PublicKey key{};
  bool operator==(const MemberAdmitted&) const = default;
};
// From the next index on, `key` speaks for nobody.
struct KeyRevoked {
  MemberId member;
  PublicKey key{};
  std::string reason;  // a code: [a-z0-9-], at most 64
  bool operator==(const KeyRevoked&) const = default;
};
// What the manifest allows of a contribution, for whoever has the record and not the manifest.
struct RunBounds {
  std::vector<Digest> code;         // of trainers that may have made it, ascending; empty: any
  std::optional<double> norm = {};  // of an update; above 0. Under masking nobody sees one
  uint64_t steps = 0;               // of a round at most; 0: the seconds decide
  uint64_t step_tokens = 0;         // that one step reads at most
  uint64_t passes = 0;              // over the registered data in a round; 0: as many as come
  uint64_t reference_tokens = 0;    // that give full weight; 0: all weigh the same
  bool operator==(const RunBounds&) const = default;
};
struct RunProposed {
  RunId run;
  Digest manifest;  // of the run manifest's canonical bytes
  std::map<std::string, std::string>
      fields;  // the manifest as a reader wants it; <= 64 pairs, values <= 512 bytes
  std::vector<SiteId> invited = {};  // ascending; empty: every site
  std::optional<RunBounds> bounds = {};
  bool operator==(const RunProposed&) const = default;
};

struct RoundAttempt {
  RunId run;
  RoundNumber round;
  uint32_t attempt = 0;
  auto operator<=>(const RoundAttempt&) const = default;
};

struct RoundOpened {
  RoundAttempt at;
  Digest base_model;
  std::vector<SiteId> cohort;  // distinct
  bool operator==(const RoundOpened&) const = default;
};
// Signed by the site itself; these bytes are its submission. A masked one tells no number: weight,
// tokens, steps and saturated lanes are 0, and the round's sums stand where it is closed.
struct ContributionSubmitted {
  RoundAttempt at;
  SiteId site;
  Digest base_model;
  Digest contribution;  // the blob
  uint64_t weight = 0;
  uint64_t tokens = 0;
  uint64_t steps = 0;
  uint64_t saturated_lanes = 0;
  std::vector<DatasetUsed> datasets;  // what it was trained on, ascending
  Digest code = {};                   // of the trainer's program, as the site says
  std::optional<double> norm = {};    // of the update; where the run bounds it, and never masked
  // That accelerators were busy with its training, summed over them, rounded up, as the site says;
  // 0: it says none. Never masked.
  uint64_t accelerator_seconds = 0;
  bool masked() const { return weight == 0; }
  bool operator==(const ContributionSubmitted&) const = default;
};
struct ContributionReceipted {
  RoundAttempt at;
  uint64_t submission = 0;  // the index of the contribution-submitted entry
  Digest submission_leaf;   // and its leaf hash
  bool accepted = false;
  std::string reason;  // a code; empty if accepted
  bool operator==(const ContributionReceipted&) const = default;
};
struct CountedSubmission {
  uint64_t submission = 0;
  SiteId site;
  uint64_t weight = 0;
  std::optional<uint64_t> share = {};  // RoundClosed::merge
  bool operator==(const CountedSubmission&) const = default;
};
struct ExcludedSite {
  SiteId site;
  std::string reason;  // a code
  bool operator==(const ExcludedSite&) const = default;
};
// The sums over a masked round's contributions, as the secure aggregation gave them.
struct MaskedSums {
  uint64_t weight = 0;
  uint64_t tokens = 0;
  uint64_t steps = 0;
  uint64_t saturated_lanes = 0;
  bool operator==(const MaskedSums&) const = default;
};
struct RoundClosed {
  RoundAttempt at;
  std::vector<CountedSubmission> submissions;  // each exactly once
  std::vector<ExcludedSite> excluded;
  Digest aggregate;
  Digest model;
  Digest momentum;
  Digest scales;
  std::optional<MaskedSums> sums = {};  // of a masked round; no submission then has a weight
  // How they were merged, as the run's manifest names it; empty: the mean. If the rule weighs
  // single contributions, each has a share: 2^20 is an even one, 0 was left out.
  std::string merge = {};
  bool operator==(const RoundClosed&) const = default;
};
struct RoundAbandoned {
  RoundAttempt at;
  Digest base_model;
  std::string reason;  // a code
  bool operator==(const RoundAbandoned&) const = default;
};
// Where the mean nats a byte of text like this lie in 95 of 100 cases: of so many draws of the
// measured sequences, with repeats, from this seed (the percentile bootstrap of Efron 1979).
struct Interval {
  double low = 0;  // nats a byte; finite, 0 <= low <= high
  double high = 0;
  uint64_t draws = 0;  // at least 1
  uint64_t seed = 0;
  bool operator==(const Interval&) const = default;
};
// What a figure was measured on, for which run's purpose, and by which program.
struct MeasuredOn {
  RunId run;
  std::vector<DatasetUsed> datasets;  // each with the entry that let it be measured on; ascending
  uint64_t sequences = 0;             // 0: the trainer did not say
  std::optional<Interval> interval;   // none: the trainer gave none
  Digest code;                        // of the trainer's program, as the site says
  bool operator==(const MeasuredOn&) const = default;
};
struct EvaluationReported {
  Digest model;
  SiteId site;     // on whose held-out text
  double nll = 0;  // nats, summed over `tokens`; finite
  uint64_t bytes = 0;
  uint64_t tokens = 0;
  std::optional<MeasuredOn> on = {};  // none: of a build that did not say
  bool operator==(const EvaluationReported&) const = default;
};

// In the order of EventType.
using Event = std::variant<
    ConsortiumGenesis, MemberAdmitted, KeyRevoked, RunProposed, RoundOpened, ContributionSubmitted,
    ContributionReceipted, RoundClosed, RoundAbandoned, EvaluationReported, MemberDescribed,
    CosignerAnnounced, CharterDeclared, PolicyDeclared, PolicyProposed, VoteCast, PolicyAdopted,
    PolicyRejected, RunApproved, RunHalted, DatasetRegistered, DatasetWithdrawn, WithdrawalClosed,
    AdmissionDecided, GrantDecided, GrantRevoked, ShareComputed, DisclosureExported, ConsentGiven,
    IncidentReported, IncidentClosed, DutyFulfilled, CoalitionsMade, EvaluationDecided>;
enum class EventType : uint8_t {
  kConsortiumGenesis,
  kMemberAdmitted,
  kKeyRevoked,
  kRunProposed,
  kRoundOpened,
  kContributionSubmitted,
  kContributionReceipted,
  kRoundClosed,
  kRoundAbandoned,
  kEvaluationReported,
  kMemberDescribed,
  kCosignerAnnounced,
  kCharterDeclared,
  kPolicyDeclared,
  kPolicyProposed,
  kVoteCast,
  kPolicyAdopted,
  kPolicyRejected,
  kRunApproved,
  kRunHalted,
  kDatasetRegistered,
  kDatasetWithdrawn,
  kWithdrawalClosed,
  kAdmissionDecided,
  kGrantDecided,
  kGrantRevoked,
  kShareComputed,
  kDisclosureExported,
  kConsentGiven,
  kIncidentReported,
  kIncidentClosed,
  kDutyFulfilled,
  kCoalitionsMade,
  kEvaluationDecided,
};
inline constexpr size_t kEventTypes = std::variant_size_v<Event>;
inline EventType TypeOf(const Event& event) { return static_cast<EventType>(event.index()); }
std::string_view Name(EventType type);      // "round-closed"
std::string PredicateType(EventType type);  // "https://dure.dev/ledger/round-closed/v1"

struct Actor {
  MemberId member;
  PublicKey key{};
  Role role = Role::kSite;
  bool operator==(const Actor&) const = default;
};
// The last tree head the actor had verified when it signed: every event gossips it.
struct Anchor {
  uint64_t size = 0;
  Digest root;
  bool operator==(const Anchor&) const = default;
};
struct Record {
  std::string federation;  // the log's origin
  Actor actor;
  uint64_t actor_seq = 0;    // from 0 without gaps, per key, over the entries that are in the log
  Digest prev_actor_digest;  // SHA-256 of this key's previous payload; zero at 0
  Anchor anchor;
  std::string occurred_at;  // RFC 3339, seconds, "Z"
  Event event;
  bool operator==(const Record&) const = default;
};

struct SealedEntry {
  Bytes bytes;            // the entry, exactly as the log takes it
  Digest payload_digest;  // the actor's next prev_actor_digest
};
// REQUIRES: signer.Key() == record.actor.key. kInvalid: a field is out of its form.
// kExhausted: the entry would exceed limits::kEntryBytesMax.
Result<SealedEntry> SealRecord(const Record& record, const Signer& signer);

struct OpenedEntry {
  Bytes bytes;
  Digest leaf;
  Digest payload_digest;
  Record record;
};
// kInvalid: not an envelope, not a statement, a field out of its form, a subject that is not the
// event's own. kUnauthenticated: the signature is not by the key that the record names.
Result<OpenedEntry> OpenEntry(ByteView entry, const Verifier& verifier);
// The same without the signature: for bytes that were verified when they were stored.
Result<OpenedEntry> ParseEntry(ByteView entry);
// OpenEntry for each, over `threads` threads.
std::vector<Result<OpenedEntry>> OpenEntries(std::vector<Bytes> entries, const Verifier& verifier,
                                             unsigned threads);

}  // namespace dure::ledger
