// Rounds: the aggregator's half of all rounds of one run. Pure: an event with its time goes in,
// effects come out in order. No clock, socket, disk, thread or chance inside.
//
// Life: construct from a manifest (a new run) or Load (after a restart), then Handle(now,
// Started{}) once, then every event as it happens, from one thread. The driver performs the effects
// of a Handle in their order. Its promises, on which everything rests:
//   - Persist: Save(now)'s bytes are durable before any later effect of the same Handle is
//   performed.
//   - Append, VerifySubmission, StartMerge are answered by the event of the same name part, once or
//   more;
//     the same effect repeated (after a restart) is answered again, and Append finds its key's
//     entry.
//   - SetTimer replaces the earlier one: one timer, answered by Timer{} at or after its time.
//   - Send may lose, repeat, delay and reorder.
// After a restart Handle(Started{}) emits again whatever was outstanding, with the same keys.
//
// One round: gathering (plans out, ready in) - opening (round-opened appended) - collecting (roster
// out; submissions verified, appended, receipted) - merging - closing (round-closed appended) - the
// outcome out until each site answered, while the next round gathers. Without a quorum at the
// deadline the attempt is abandoned in the log and tried again from the same base; contributions
// already uploaded are offered again.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
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
  kOpening = 4,
  kCollecting = 5,
  kMerging = 6,
  kClosing = 7,
  kAbandoning = 8,
  kPaused = 9,  // reason() says why; Resume starts another attempt
  kEnded = 10,
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
using Effect = std::variant<Persist, Send, Append, VerifySubmission, StartMerge, SetTimer, Announce,
                            RemoveBlobs>;

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
};  // revoked: as if it left and can never join
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
enum class Verdict : uint8_t { kOk = 1, kMissing = 2, kCorrupt = 3, kNotSigned = 4 };
struct SubmissionVerified {
  SiteId site;
  RoundAttempt at;
  Digest contribution;
  Verdict verdict = Verdict::kOk;
};
struct Merged {
  RoundAttempt at;
  Digest aggregate;
  Base next;
};  // durable blobs, all of them
struct MergeFailed {
  RoundAttempt at;
  std::string reason;
};  // a code
struct Timer {};
struct StopRequested {
  bool after_round = false;
};                 // else an open attempt is abandoned
struct Resume {};  // out of kPaused
using Event = std::variant<Started, SiteConnected, SiteDisconnected, SiteRemoved, Received,
                           Appended, AppendRefused, SubmissionVerified, Merged, MergeFailed, Timer,
                           StopRequested, Resume>;

// Times that are no rule of the run; a simulation shrinks them.
struct Pace {
  Duration resend{std::chrono::seconds(5)};  // how long an unanswered message is waited on
};

class Rounds {
 public:
  // `invited`: who is waited for in round 0, up to the join window. REQUIRES: manifest.Validate().
  explicit Rounds(RunManifest manifest, std::vector<SiteId> invited = {}, Pace pace = {});
  // kCorrupt: not the bytes that Save made.
  static Result<Rounds> Load(ByteView state, MonoTime now, Pace pace = {});
  // Deadlines are kept as time left, so a restart neither shortens nor, beyond the downtime,
  // extends them.
  Bytes Save(MonoTime now) const;

  std::vector<Effect> Handle(MonoTime now, const Event& event);

  const RunManifest& manifest() const { return manifest_; }
  RunPhase phase() const { return s_.phase; }
  RoundAttempt at() const { return {manifest_.run, s_.round, s_.attempt}; }
  const Base& base() const { return s_.base; }             // of the current round
  const std::string& reason() const { return s_.reason; }  // of a pause or an end
  std::vector<SiteId> Cohort() const;
  // Ended, and every site that is connected knows it.
  bool Finished() const;
  // Whether this site may upload a contribution now.
  bool MayUpload(const SiteId& site) const;
  // The blobs a site may fetch: the current base and the last aggregate.
  std::vector<Digest> Readable() const;

 private:
  enum class Answer : uint8_t { kNone = 0, kReady = 1, kDeclined = 2 };
  // What a cohort member's submission has come to.
  enum class Step : uint8_t {
    kWaiting = 0,
    kVerifying = 1,
    kAppending = 2,
    kReceipted = 3,
    kOut = 4,
  };
  friend uint8_t EnumMax(Answer) { return static_cast<uint8_t>(Answer::kDeclined); }
  friend uint8_t EnumMax(Step) { return static_cast<uint8_t>(Step::kOut); }

  struct Site {
    Answer answer = Answer::kNone;  // to the current plan
    bool in_cohort = false;
    Step step = Step::kWaiting;
    std::string out_reason;           // kOut
    std::optional<Submission> taken;  // from kVerifying on
    std::optional<Receipt> receipt;   // the latest one given, of this attempt or an earlier one
    bool away = false;                // missed a join window, not seen since: not waited for
    bool left = false;
    bool removed = false;
    bool dissents = false;  // until it is ready with the right base
    bool owes_ack = false;  // of the last outcome
    bool knows_end = false;
    uint64_t sequence = 0;  // of its last leave or join
    bool has_counted = false;
    RoundNumber counted_round;
    uint32_t counted_attempt = 0;
    // Of this process life only.
    bool connected = false;
    MonoTime gone_since{};

    template <typename A>
    void Visit(A& a) {
      a(answer, in_cohort, step, out_reason, taken, receipt, away, left, removed, dissents,
        owes_ack, knows_end, sequence, has_counted, counted_round, counted_attempt);
    }
  };
  struct State {
    RunPhase phase = RunPhase::kNew;
    RunPhase paused_in = RunPhase::kNew;  // kPaused: where Resume continues
    RoundNumber round;
    uint32_t attempt = 0;
    uint32_t abandoned = 0;  // attempts at this round
    Base base;
    std::string reason;
    bool stopping = false;      // once the round is closed or abandoned
    bool stopping_now = false;  // and a round that still collects is abandoned
    bool collecting = false;    // submissions are taken
    uint64_t opened_index = 0;
    Digest aggregate;             // kClosing
    Base next;                    // kClosing
    std::vector<Digest> spooled;  // contributions of earlier attempts at this round
    std::optional<Outcome> last;  // the outcome of the round before
    std::map<SiteId, Site> sites;
    std::optional<MonoTime> window_end;  // kGathering
    std::optional<MonoTime> deadline;    // kCollecting

    template <typename A>
    void Visit(A& a) {
      a(phase, paused_in, round, attempt, abandoned, base, reason, stopping, stopping_now,
        collecting, opened_index, aggregate, next, spooled, last, sites);
    }
  };

  void On(const Started&);
  void On(const SiteConnected&);
  void On(const SiteDisconnected&);
  void On(const SiteRemoved&);
  void On(const Received&);
  void On(const Appended&);
  void On(const AppendRefused&);
  void On(const SubmissionVerified&);
  void On(const Merged&);
  void On(const MergeFailed&);
  void On(const Timer&);
  void On(const StopRequested&);
  void On(const Resume&);

  void OnMessage(const SiteId& id, Site& site, const Ready&);
  void OnMessage(const SiteId& id, Site& site, const Declined&);
  void OnMessage(const SiteId& id, Site& site, const Submission&);
  void OnMessage(const SiteId& id, Site& site, const OutcomeAck&);
  void OnMessage(const SiteId& id, Site& site, const Withdraw&);
  void OnMessage(const SiteId& id, Site& site, const Leave&);
  void OnMessage(const SiteId& id, Site& site, const Join&);
  void OnMessage(const SiteId& id, Site& site, const SiteStatus&);
  template <typename NotForUs>
  void OnMessage(const SiteId&, Site&, const NotForUs&) {}

  Status CheckLoaded() const;
  void EnterPhase(RunPhase phase, std::string reason = {});
  void StartGathering();
  void StartCollecting(uint64_t opened_index);
  void StartMerging();
  void EmitMerge();
  void StartAbandoning(std::string reason);
  void CloseRound(const Appended& closed);
  void NextAttempt();
  void PauseRun(std::string reason);
  void EndRun(std::string reason);
  void ForgetAttempt();
  // Moves on if what the phase waits for has come.
  void Advance();
  void AdvanceGathering();
  void FixCohort();
  void AdvanceCollecting();
  void Reemit();
  void AppendForPhase();
  void AppendSubmission(const SiteId& id, const Site& site);
  void AppendReceipted(const SiteId& id, const Site& site);
  void SubmissionAppended(const SiteId& id, Site& site, const Appended& appended);
  void RefuseOld(const SiteId& id, Site& site, const Submission& submission);
  void DropOut(const SiteId& id, Site& site, std::string reason);

  // Everything this site should hear now.
  void Inform(const SiteId& id, const Site& site);
  void InformAll();
  bool AwaitsAnswer(const Site& site) const;
  void SendTo(const SiteId& id, const Site& site, Message message);
  void SendRoster(const SiteId& id, const Site& site);
  void Refuse(const SiteId& id, const Submission& submission, RefusalReason reason);
  void Note(NoticeKind kind, SiteId site = {}, std::string text = {});
  void ArmTimer();
  void Changed() { changed_ = true; }

  bool Attends(const Site& site) const { return !site.left && !site.removed; }
  bool IsLost(const Site& site) const;
  Plan PlanFor(const Site& site) const;
  std::string Key(std::string_view kind) const;
  Site* FindBySubmissionKey(std::string_view key, SiteId& id);

  RunManifest manifest_;
  Digest manifest_digest_;
  Pace pace_;
  State s_;
  // Of one Handle.
  MonoTime now_{};
  std::vector<Effect> out_;
  bool changed_ = false;
  // Of this process life.
  MonoTime resend_at_{};
  std::optional<MonoTime> armed_;
};

}  // namespace dure::round
