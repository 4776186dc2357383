// Rounds: the aggregator's half of all rounds of one run. Pure: an event with its time goes in,
// effects come out in order. No clock, socket, disk, thread or chance inside.
//
// Life: construct from a manifest (a new run) or Load (after a restart), then Handle(now,
// Started{}) once, then every event as it happens, from one thread. The driver performs the effects
// of a Handle in their order. Its promises, on which everything rests:
//   - Persist: Save(now)'s bytes are durable before any later effect of the same Handle is
//   performed.
//   - Append, DecideAdmissions, VerifySubmission, StartMerge are answered by the event of the same
//   name part, once or more;
//     the same effect repeated (after a restart) is answered again, and Append finds its key's
//     entry.
//   - SetTimer replaces the earlier one: one timer, answered by Timer{} at or after its time.
//   - Send may lose, repeat, delay and reorder.
// After a restart Handle(Started{}) emits again whatever was outstanding, with the same keys.
//
// One round: gathering (plans out, ready in) - admitting (each ready site's datasets decided, in
// the log) - opening (round-opened appended) - collecting (roster out; submissions verified,
// appended, receipted) - merging - closing (round-closed appended) - the outcome out until each
// site answered, while the next round gathers. Without a quorum at the deadline the attempt is
// abandoned in the log and tried again from the same base; contributions already uploaded are
// offered again. Where of too few sites anything was admitted, it is asked again until it is: a
// rule ends, or is voted away, and nobody has to come and look. A gathering to which too few sites
// can come, or did not come within the pace's patience, pauses the run (kTooFewSites); it goes on
// by itself once enough of them are connected.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "federation/clock.h"
#include "federation/round/round_effects.h"

namespace dure::round {

// Times that are no rule of the run; a simulation shrinks them.
struct Pace {
  Duration resend{std::chrono::seconds(5)};  // how long an unanswered message is waited on
  Duration patience{std::chrono::hours(1)};  // of one gathering; then the run pauses, and says why
  Duration keep{std::chrono::minutes(1)};    // how often the time left is kept, whatever happens
};

// Why an attempt failed that only the sum over every site could mend: those that were in sums
// before, if there were any.
inline constexpr std::string_view kNeedsAll = "refuse-membership";
// AppendRefused of an opening: what was admitted is not any more, so the sites are asked again.
inline constexpr std::string_view kAdmissionOver = "admission-over";
inline constexpr std::string_view kComplete = "complete";  // reason() of an end after all rounds
inline constexpr std::string_view kOvertaken = "restored-backup";  // of an end
inline constexpr std::string_view kTooFewSites = "too-few-sites";  // reason() of such a pause

class Rounds {
 public:
  // `invited`: who is waited for in round 0, up to the join window. REQUIRES: manifest.Validate().
  explicit Rounds(RunManifest manifest, std::vector<SiteId> invited = {}, Pace pace = {});
  // kCorrupt: not the bytes that Save made.
  static Result<Rounds> Load(ByteView state, MonoTime now, Pace pace = {});
  // Deadlines are kept as time left, and while one runs at least every pace.keep: a restart does
  // not shorten them, and extends them by no more than the downtime and that.
  Bytes Save(MonoTime now) const;

  std::vector<Effect> Handle(MonoTime now, const Event& event);

  const RunManifest& manifest() const { return manifest_; }
  RunPhase phase() const { return s_.phase; }
  RoundAttempt at() const { return {manifest_.run, s_.round, s_.attempt}; }
  const Base& base() const { return s_.base; }             // of the current round
  const std::string& reason() const { return s_.reason; }  // of a pause or an end
  std::vector<SiteId> Cohort() const;
  uint32_t Needed() const;  // sites to open a round with
  // Why this site of the cohort is out: withdrawn, left, excluded or revoked; nullopt: it is not.
  std::optional<std::string> OutReason(const SiteId& site) const;
  // Ended, and this site has said what it derived of the last round, or owes nothing of it.
  bool IsOverFor(const SiteId& site) const;
  // nullopt: nothing that sites could do would move the run now.
  std::optional<Gathering> WaitsFor() const;
  // Of too few sites anything was admitted: asked again after a while, or when it is resumed.
  bool AwaitsAdmission() const { return s_.phase == RunPhase::kGathering && s_.unadmitted; }
  // Ended, and every site that is connected knows it.
  bool Finished() const;
  // Whether a withdrawal must wait: for the opening of what is being admitted, or for the closing
  // entry, since what is merged now, or as soon as what is under way has come, can no longer be
  // taken out. It closes, or is abandoned: unmasked without waiting for any site, masked within the
  // time that its sites have to agree on the sum.
  bool HoldsWithdrawals() const;
  // The same for one dataset: of one that no site offers for this attempt none waits.
  bool HoldsWithdrawalOf(const DatasetId& dataset) const;
  // Whether this site may upload a contribution now.
  bool MayUpload(const SiteId& site) const;
  // The blobs a site may fetch: the current base and the last aggregate.
  std::vector<Digest> Readable() const;
  // Whether it is a contribution that this round, or a later attempt at it, still works with.
  bool Uses(const Digest& contribution) const;

 private:
  enum class Answer : uint8_t { kNone = 0, kReady = 1, kDeclined = 2, kRefused = 3 };
  // What a cohort member's submission has come to.
  enum class Step : uint8_t {
    kWaiting = 0,
    kVerifying = 1,
    kAppending = 2,
    kReceipted = 3,
    kOut = 4,
  };
  friend uint8_t EnumMax(Answer) { return static_cast<uint8_t>(Answer::kRefused); }
  friend uint8_t EnumMax(Step) { return static_cast<uint8_t>(Step::kOut); }

  struct Site {
    Answer answer = Answer::kNone;          // to the current plan
    std::vector<OfferedDataset> offered;    // with it, if ready
    std::vector<AdmittedDataset> admitted;  // to this attempt
    bool in_cohort = false;                 // kAdmitting: a candidate
    Step step = Step::kWaiting;
    std::string out_reason;           // kOut, kDeclined or kRefused
    std::optional<Submission> taken;  // from kVerifying on
    std::optional<Receipt> receipt;   // the latest one given, of this attempt or an earlier one
    bool away = false;                // missed a join window, not seen since: not waited for
    bool left = false;
    bool removed = false;
    std::string barred;     // why this round does without it: a code; empty: it does not
    bool dissents = false;  // until it is ready with the right base
    bool owes_ack = false;  // of the last outcome
    bool knows_end = false;
    uint64_t sequence = 0;  // of its last leave or join
    bool has_counted = false;
    RoundNumber counted_round;
    uint32_t counted_attempt = 0;
    // Of this process life only.
    uint32_t unsigned_ones = 0;  // submissions of this attempt
    bool connected = false;
    MonoTime gone_since{};

    template <typename A>
    void Visit(A& a) {
      a(answer, offered, admitted, in_cohort, step, out_reason, taken, receipt, away, left, removed,
        barred, dissents, owes_ack, knows_end, sequence, has_counted, counted_round,
        counted_attempt);
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
    bool unadmitted = false;    // kGathering: too few were admitted; the window is sat out
    bool whole = false;         // kNeedsAll: this round needs every site of the sums before
    uint64_t opened_index = 0;
    Digest aggregate;              // kClosing
    Base next;                     // kClosing
    std::optional<Sums> sums;      // kClosing, of a masked round
    std::vector<uint64_t> shares;  // kClosing: RecordClosed
    std::string failing;          // kCollecting: abandoned for this as soon as nothing is in flight
    std::vector<Digest> spooled;  // contributions of earlier attempts at this round
    std::optional<Outcome> last;  // the outcome of the round before
    std::map<SiteId, Site> sites;
    std::optional<MonoTime> window_end;    // kGathering
    std::optional<MonoTime> patience_end;  // kGathering
    std::optional<MonoTime> deadline;      // kCollecting

    template <typename A>
    void Visit(A& a) {
      a(phase, paused_in, round, attempt, abandoned, base, reason, stopping, stopping_now,
        collecting, unadmitted, whole, opened_index, aggregate, next, sums, shares, failing,
        spooled, last, sites);
    }
  };

  void On(const Started&);
  void On(const SiteConnected&);
  void On(const SiteDisconnected&);
  void On(const SiteRemoved&);
  void On(const SiteReadmitted&);
  void On(const Received&);
  void On(const Appended&);
  void On(const AppendRefused&);
  void On(const AdmissionsDecided&);
  void On(const Exclude&);
  void On(const SubmissionVerified&);
  void On(const Merged&);
  void On(const MergeFailed&);
  void On(const AttemptFailed&);
  void On(const Bar&);
  void On(const Timer&);
  void On(const StopRequested&);
  void On(const Resume&);
  void On(const Overtaken&);
  void On(const WithdrawalsUnderWay&);

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
  bool LacksNeeded() const;
  void WaitAnotherWindow();
  // Out of a pause for too few sites, if enough are connected.
  void Reconsider();
  void StartAdmitting();
  void EmitAdmissions();
  void Admit(const SiteId& id, Site& site, const SiteAdmission& decided);
  void OpenOrGatherAgain();
  void AskAgain();
  // As often as a round is tried each window, then ever more seldom, for each question costs
  // entries and a rule may forbid for weeks: never longer than it has been refused already.
  Duration UntilAskedAgain() const;
  void AdvanceCollecting();
  void Reemit();
  void AppendForPhase();
  void AppendSubmission(const SiteId& id, const Site& site);
  void AppendReceipted(const SiteId& id, const Site& site);
  void SubmissionAppended(const SiteId& id, Site& site, const Appended& appended);
  void RefuseOld(const SiteId& id, Site& site, const Submission& submission);
  // "kt trainer-invalid, snu left": of this attempt, and why; empty: nobody.
  std::string WhoIsOut() const;
  std::string WhoIsOut(bool (*is_out)(const Site&)) const;
  std::string WhoIsRefused() const;  // the same of those of which nothing was admitted
  void DropOut(const SiteId& id, Site& site, std::string reason);
  // What was taken is refused, and whoever has gone since will not send it once more.
  void DropIfGone(const SiteId& id, Site& site);

  // Everything this site should hear now.
  void Inform(const SiteId& id, const Site& site);
  void InformAll();
  bool AwaitsAnswer(const Site& site) const;
  void SendTo(const SiteId& id, const Site& site, Message message);
  void SendRoster(const SiteId& id, const Site& site);
  void Refuse(const SiteId& id, const Submission& submission, RefusalReason reason);
  void Note(NoticeKind kind, SiteId site = {}, std::string text = {});
  void KeepTimeLeft();
  bool TimeRuns() const { return s_.window_end || (s_.deadline && s_.collecting); }
  void ArmTimer();
  void Changed() { changed_ = true; }

  bool Attends(const Site& site) const {
    return !site.left && !site.removed && site.barred.empty();
  }
  void LiftBars();
  bool IsHere(const Site& site) const {
    return Attends(site) && site.answer == Answer::kReady && site.connected;
  }
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
  MonoTime kept_at_{};  // when the state was persisted last
  std::optional<MonoTime> armed_;
  bool withdrawals_under_way_ = false;
  uint32_t refusals_ = 0;   // in a row: of too few sites anything was admitted
  RoundAttempt lifted_at_;  // when the run was resumed: bars of attempts before are lifted
};

}  // namespace dure::round
