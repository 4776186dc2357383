// What the aggregator's half of a round asks its driver for, and what it is told: the records,
// effects and events of round.h, which has their order and promises. Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "federation/clock.h"
#include "federation/round/messages.h"

namespace dure::round {

// Log entries the aggregator makes; the driver builds and signs them.
struct RecordProposed {
  Digest manifest;
};
struct RecordOpened {
  RoundAttempt at;
  Digest base_model;
  std::vector<SiteId> cohort;
};
struct RecordSubmission {
  RoundAttempt at;
  SiteId site;
  Bytes envelope;
};  // appended as it is
struct RecordReceipted {
  RoundAttempt at;
  SiteId site;
  uint64_t submission = 0;
};
struct Excluded {
  SiteId site;
  std::string reason;
};
struct RecordClosed {
  RoundAttempt at;
  std::vector<Counted> counted;
  std::vector<Excluded> excluded;  // of the cohort, each with a code
  Digest aggregate;
  Base next;
  std::optional<Sums> sums = {};  // of a masked round
  std::string merge = {};         // the rule, unless it is the mean
  // What part of an even share each of `counted` got, over 2^20; empty if the rule weighs none.
  std::vector<uint64_t> shares = {};
};
struct RecordAbandoned {
  RoundAttempt at;
  Digest base_model;
  std::string reason;
};
using LogRecord = std::variant<RecordProposed, RecordOpened, RecordSubmission, RecordReceipted,
                               RecordClosed, RecordAbandoned>;

struct Contribution {
  SiteId site;
  Digest blob;
  uint64_t weight = 0;
  uint64_t tokens = 0;
  uint64_t steps = 0;
  uint64_t submission = 0;  // index of its entry
  bool operator==(const Contribution&) const = default;
};

enum class RunPhase : uint8_t {
  kNew = 1,
  kProposing = 2,  // run-proposed is being appended
  kGathering = 3,
  kAdmitting = 4,  // what each ready site offers is being decided
  kOpening = 5,
  kCollecting = 6,
  kMerging = 7,
  kClosing = 8,
  kAbandoning = 9,
  kPaused = 10,  // reason() says why; Resume starts another attempt
  kEnded = 11,
};
std::string_view Name(RunPhase phase);
inline uint8_t EnumMax(RunPhase) { return static_cast<uint8_t>(RunPhase::kEnded); }

enum class NoticeKind : uint8_t {
  kPhase,
  kReady,
  kDeclined,
  kLost,
  kReturned,
  kSubmitted,
  kReceipted,
  kRefused,
  kWithdrew,
  kExcluded,
  kLeft,
  kJoined,
  kClosed,
  kAbandoned,
  kPaused,
  kDerived,
  kDissent,
  kEnded,
  kStatus,
};
std::string_view Name(NoticeKind kind);
// What a watcher is told.
struct Notice {
  NoticeKind kind = NoticeKind::kPhase;
  RoundAttempt at;
  RunPhase phase = RunPhase::kNew;
  SiteId site;                       // empty: about the run
  std::string text;                  // a code or a short sentence
  std::optional<SiteStatus> status;  // kStatus
};

// What a run that gathers, or that paused because too few sites came, waits for.
enum class WaitCause : uint8_t {
  kNoAnswer,      // connected, and asked
  kNotConnected,  // `since`, or since this process began
  kDeclined,      // `reason` is the site's own code
  kLeft,          // until it joins again
  kRevoked,       // until it is let in again
  kBarred,        // others will not do this round with it; `reason` is theirs
  kRefused,  // the record admits none of its data; `reason` is the policies', and where it stands
};
std::string_view Name(WaitCause cause);  // "not-connected"
struct SiteWait {
  SiteId site;
  WaitCause cause = WaitCause::kNoAnswer;
  std::string reason;
  MonoTime since{};
  bool operator==(const SiteWait&) const = default;
};
struct Gathering {
  uint32_t ready = 0;
  uint32_t needed = 0;            // to open a round
  std::vector<SiteWait> missing;  // ascending by site
  bool operator==(const Gathering&) const = default;
};

// Effects
// ------------------------------------------------------------
struct Persist {};
struct Send {
  SiteId site;
  Message message;
};
struct Append {
  std::string key;
  LogRecord record;
};  // the key: "run/round/attempt/kind[/site]"
struct Candidate {
  SiteId site;
  std::vector<OfferedDataset> datasets;  // ascending
  bool operator==(const Candidate&) const = default;
};
// Which of these may be trained on in this attempt? Each decision is in the log before the answer.
struct DecideAdmissions {
  RoundAttempt at;
  std::vector<Candidate> candidates;  // ascending by site
};                                    // -> AdmissionsDecided
// Is the blob whole, of this run's size and lanes, and is the envelope this site's signed statement
// of exactly these numbers?
struct VerifySubmission {
  SiteId site;
  Submission submission;
};
struct StartMerge {
  RoundAttempt at;
  Base base;
  std::vector<Contribution> contributions;  // ascending by site
  uint64_t weight_sum = 0;
};
struct SetTimer {
  MonoTime at;
};
struct Announce {
  Notice notice;
};
// No longer needed by any round of this run.
struct RemoveBlobs {
  std::vector<Digest> blobs;  // contributions and aggregates
  std::vector<Digest>
      checkpoints;  // models, momenta, scales: the driver's own keeping rules decide
};
using Effect = std::variant<Persist, Send, Append, DecideAdmissions, VerifySubmission, StartMerge,
                            SetTimer, Announce, RemoveBlobs>;

// Events
// ------------------------------------------------------------
struct Started {};
struct SiteConnected {
  SiteId site;
};  // only sites invited into this run
struct SiteDisconnected {
  SiteId site;
};
struct SiteRemoved {
  SiteId site;
};  // revoked: as if it left, and it cannot join
struct SiteReadmitted {
  SiteId site;
};  // let in again, with keys that the log admitted: what SiteRemoved did is over
struct Received {
  SiteId site;
  Message message;
};
// `proof` (tlog-proof of the entry) for submissions; `tree_head` (a signed note over it) for the
// rest.
struct Appended {
  std::string key;
  uint64_t index = 0;
  Bytes proof;
  Bytes tree_head;
};
// The log will never take it. (What may be tried again, the driver tries again.)
struct AppendRefused {
  std::string key;
  std::string reason;
};
struct SiteAdmission {
  SiteId site;
  std::vector<AdmittedDataset> admitted;  // ascending; none: the site is not in this attempt
  std::string reason;                     // why none, or why not all: for people
  bool set_apart = false;                 // none, and nothing was decided: RefusalReason::kSetApart
};
struct AdmissionsDecided {
  RoundAttempt at;
  std::vector<SiteAdmission> sites;  // a candidate that is not here was not admitted
};
// The site is out of the attempt that is being admitted, opened or collected, whatever its
// contribution has come to; in other phases it changes nothing (HoldsWithdrawals).
struct Exclude {
  SiteId site;
  std::string reason;  // a code; stands in the round-closed entry
};
enum class Verdict : uint8_t {
  kOk = 1,
  kMissing = 2,
  kCorrupt = 3,
  kNotSigned = 4,
  kNotAllowed = 5
};
struct SubmissionVerified {
  SiteId site;
  RoundAttempt at;
  Digest contribution;
  Verdict verdict = Verdict::kOk;
  std::string reason = {};  // a code, of kNotAllowed
};
struct Merged {
  RoundAttempt at;
  Digest aggregate;
  Base next;
  std::optional<Sums> sums = {};      // of a masked round, and only then
  std::vector<uint64_t> shares = {};  // one a contribution, in their order, or none: RecordClosed
};                                    // durable blobs, all of them
struct MergeFailed {
  RoundAttempt at;
  std::string reason;
};  // a code
// The attempt cannot come to a sum any more: it is abandoned, also while it collects.
struct AttemptFailed {
  RoundAttempt at;
  std::string reason;  // a code
};
// Whatever becomes of that attempt: the next ones of its round do without this site, until the
// round is over or the run is resumed.
struct Bar {
  RoundAttempt at;
  SiteId site;
  std::string reason;  // a code
};
struct Timer {};
struct StopRequested {
  bool after_round = false;
};                 // else an open attempt is abandoned
struct Resume {};  // out of kPaused
// The record has more of this run than this state knows: it was restored from an older copy. What
// the rounds since were made of is gone here, so the run ends with what the record closed last.
// Whether withdrawals are on their way into the log: until none is, and each has been followed by
// its Exclude, no merge begins. Not kept: after a restart none is on its way.
struct WithdrawalsUnderWay {
  bool any = false;
};
struct Overtaken {
  uint64_t rounds = 0;  // closed
  Base last;
};
using Event = std::variant<Started, SiteConnected, SiteDisconnected, SiteRemoved, SiteReadmitted,
                           Received, Appended, AppendRefused, AdmissionsDecided, Exclude,
                           SubmissionVerified, Merged, MergeFailed, AttemptFailed, Bar, Timer,
                           StopRequested, Resume, Overtaken, WithdrawalsUnderWay>;

}  // namespace dure::round
