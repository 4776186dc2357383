// Participation: a site's half of all rounds of one run. Pure: an event with its time goes in,
// effects come out in order. The counterpart of round.h, with the same rules.
//
// Life: construct for a run (the daemon does so at its first Plan) or Load (after a restart), then
// Handle(now, SiteStarted{}) once, then every event as it happens, from one thread. The driver
// performs the effects in their order and promises:
//   - PersistSite: Save()'s bytes are durable before a later effect of the same Handle is performed
//   - Each work effect is answered by one of its events; one repeated after a restart is done again
//     or, if its result is there, answered at once. What answers work given up is ignored.
//   - ArmTimer replaces the earlier one; answered by SiteTimer{} at or after its time.
//
// The residual of error feedback is a file a version; `residual()` is in force, 0 is all zeros.
// EncodeUpdate reads one version and writes another; only a receipt puts the new one in force
// (CommitResidual), and the former is kept until the outcome has the contribution counted. If it
// was not, FoldBack writes (former + base - trained): nothing trained is lost or counted twice, but
// with a file that a disk lost.
// What was uploaded for an abandoned attempt is submitted again, if the new one admits the same.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "federation/round/participation_effects.h"

namespace dure::round {

struct SitePace {
  Duration resend{std::chrono::seconds(5)};
  uint32_t retry_max = 16;  // a failure that repeats is tried again after 1, 2, 4 ... times resend
};

class Participation {
 public:
  // `base`: what the site holds already (zeros: nothing).
  Participation(SiteId site, RunId run, Base base = {}, SitePace pace = {});
  static Result<Participation> Load(ByteView state, SitePace pace = {});  // kCorrupt
  Bytes Save() const;

  std::vector<SiteEffect> Handle(MonoTime now, const SiteEvent& event);

  SitePhase phase() const { return s_.phase; }
  const RoundAttempt& at() const { return s_.plan.at; }  // of the last plan taken
  const Base& base() const { return s_.held; }           // the model held
  uint64_t residual() const { return s_.residual; }      // the version in force
  const std::optional<RunEnded>& ended() const { return s_.ended; }
  const Digest& contribution() const { return s_.blob; }       // in work; zero if none
  bool rostered() const { return s_.rostered; }                // to at()
  const RunManifest& manifest() const { return s_.manifest; }  // of the last plan taken
  bool folding() const { return s_.folding; }                  // a FoldBack is wanted
  uint64_t training() const { return s_.trainings; }           // the latest one's number
  bool IsOfThisRound(const Roster& roster) const;              // else it changes nothing
  const std::vector<OfferedDataset>& trained_on() const { return s_.work_datasets; }  // in work

 private:
  // How far the contribution of a round has come; it outlives an abandoned attempt. What is
  // uploaded is signed and submitted afterwards, for one attempt after another.
  enum class Work : uint8_t { kNone = 0, kTraining = 1, kTrained = 2, kEncoded = 3, kUploaded = 4 };
  friend uint8_t EnumMax(Work) { return static_cast<uint8_t>(Work::kUploaded); }

  struct State {
    SiteId site;
    RunId run;
    SitePhase phase = SitePhase::kIdle;
    Base held;
    uint64_t trainings = 0;  // begun
    uint64_t sequence = 0;   // of leaves and joins
    // Until a roster or the run's end: whoever has left is sent neither. A plan or an outcome may
    // have been under way since before this site left.
    bool join_pending = false;
    // The current attempt: of the last plan taken.
    bool has_plan = false;
    RoundPlan plan;
    RunManifest manifest;
    bool has_manifest = false;
    bool accepted = false;
    bool declined = false;  // or withdrawn, if rostered
    std::string decline_reason;
    bool rostered = false;
    std::vector<OfferedDataset> offered;    // with the last decision
    std::vector<AdmittedDataset> admitted;  // once rostered
    // The contribution in work.
    Work work = Work::kNone;
    RoundPlan work_plan;                        // what it is trained under
    std::vector<OfferedDataset> work_datasets;  // and on
    bool disowned = false;                      // one of them was withdrawn since
    RoundAttempt work_at;                       // what it was last signed for
    uint64_t tokens = 0;
    uint64_t steps = 0;
    Digest blob;
    uint64_t weight = 0;
    uint64_t saturated = 0;
    Digest code;
    std::optional<double> norm;
    Digest replaced;  // kTrained: the contribution of an attempt before this
    Bytes envelope;
    bool submitted = false;  // to this attempt: the log may hold it, also after a refusal
    std::optional<Receipt> receipt;
    // Residual versions.
    uint64_t residual = 0;                // in force
    uint64_t residual_former = 0;         // committed: what the contribution's encoding read
    uint64_t residual_pending = 0;        // what it wrote
    uint64_t residual_counter = 0;        // versions given out
    bool committed = false;               // the pending one is in force
    bool folding = false;                 // to version residual_counter
    std::vector<OfferedDataset> carried;  // trained on, folded back and not given away since
    bool carries_disowned = false;        // one of them was withdrawn since
    // What waits for something to be finished first.
    std::optional<Plan> next_plan;
    std::optional<Outcome> outcome;  // being derived
    bool fetched = false;            // its aggregate is here
    std::optional<OutcomeAck> last_ack;
    std::optional<RunEnded> ended;

    template <typename A>
    void Visit(A& a) {
      a(site, run, phase, held, trainings, sequence, join_pending, has_plan, has_manifest, work,
        accepted, declined, decline_reason, rostered, offered, admitted, work_datasets, disowned,
        tokens, steps, blob, weight, saturated, code, norm, replaced, envelope, submitted, receipt,
        residual, residual_former, residual_pending, residual_counter, committed, folding, carried,
        carries_disowned, next_plan, outcome, fetched, last_ack, ended);
      if (has_plan) a(plan);
      if (has_manifest) a(manifest);
      if (work != Work::kNone) a(work_plan);
      if (!envelope.empty()) a(work_at);
    }
  };

  void On(const SiteStarted&);
  void On(const LinkUp&);
  void On(const LinkDown&);
  void On(const FromAggregator&);
  void On(const Decided&);
  void On(const BaseFetched&);
  void On(const EndRefused&);
  void On(const TrainingDone&);
  void On(const TrainingFailed&);
  void On(const Encoded&);
  void On(const EncodeFailed&);
  void On(const UploadDone&);
  void On(const UploadFailed&);
  void On(const Signed&);
  void On(const ReceiptChecked&);
  void On(const Folded&);
  void On(const FoldFailed&);
  void On(const AggregateFetched&);
  void On(const Derived&);
  void On(const DatasetWithdrawn&);
  void On(const RoundRefused&);
  void On(const StatusReport&);
  void On(const SiteTimer&);
  void On(const LeaveRequested&);
  void On(const JoinRequested&);
  void On(const ResyncRequested&);

  void OnMessage(const Plan&);
  void OnMessage(const Roster&);
  void OnMessage(const Receipt&);
  void OnMessage(const Refusal&);
  void OnMessage(const Outcome&);
  void OnMessage(const RunEnded&);
  template <typename NotForUs>
  void OnMessage(const NotForUs&) {}

  void TakePlan(const Plan& plan);
  // False: the contribution in work is being folded back first, and the roster is asked for again.
  bool FitWork(const std::vector<OfferedDataset>& admitted);
  void AnswerAgain();
  // Whether the outcome of the round before is still to come, and settles more than the plan does.
  bool AwaitsOutcomeBefore(const RoundPlan& plan) const;
  bool WasCounted(const Plan& plan) const;
  // The contribution was counted, or what it carried goes back into the residual.
  void Settle(bool counted);
  void Commit();
  // What is carried of withdrawn data goes, and with it the rest of the residual: it is one sum.
  void ForgetResidual();
  // Back to what was trained: masks are of one attempt, and so is what they were added to.
  void UndoEncoding();
  // The contribution in work goes, as if it had never been trained.
  void Discard();
  void ClearWork();
  void Decline(std::string reason);
  void WithdrawWork(std::string reason);
  void SayWithout(std::string reason, bool rostered);
  void Unasked(RefusalReason reason);
  void FinishOutcome(Derivation derivation, const Base& derived);
  // Takes up what waited: a fold, then the outcome, then the end of the run, then the next plan.
  void Continue();
  FetchBase WantedBase() const;  // of kFetching
  void HoldBase(const Base& base, RoundNumber rounds);
  void EnterPhase(SitePhase phase, std::string text = {});
  // Emits what the phase waits for: its work, or its message.
  void Drive();
  void Failed();
  void TryAgain();
  void Resend();
  void ArmTimer();
  void Emit(SiteEffect effect) { out_.push_back(std::move(effect)); }
  void Say(Message message);
  void Changed() { changed_ = true; }
  Submission MakeSubmission() const;
  bool IsCurrent(const RoundAttempt& at) const { return s_.has_plan && at == s_.plan.at; }
  bool AwaitsRoster() const;
  bool Works(RoundNumber round, SitePhase phase) const;

  SitePace pace_;
  State s_;
  MonoTime now_{};
  std::vector<SiteEffect> out_;
  bool changed_ = false;
  bool connected_ = false;  // this and what follows: of this process life
  bool retry_ = false;      // something failed: again at the next timer, or when the link is back
  MonoTime retry_at_{};
  uint32_t failures_ = 0;  // of the present phase, in a row: each waits longer than the one before
  std::optional<MonoTime> armed_;
};

}  // namespace dure::round
