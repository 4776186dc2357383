// Participation: a site's half of all rounds of one run. Pure: an event with its time goes in,
// effects come out in order. The counterpart of round.h, with the same rules.
//
// Life: construct for a run (the daemon does so at its first Plan) or Load (after a restart), then
// Handle(now, SiteStarted{}) once, then every event as it happens, from one thread. The driver
// performs the effects in their order and promises:
//   - PersistSite: Save()'s bytes are durable before any later effect of the same Handle is
//   performed.
//   - Each work effect is answered by one of its events; one repeated after a restart is done again
//   or, if its
//     result is there, answered at once. An answer to what was meanwhile given up is ignored.
//   - ArmTimer replaces the earlier one; answered by SiteTimer{} at or after its time.
//
// The residual of error feedback is a file a version. `residual()` is the version in force, 0 is
// all zeros. EncodeUpdate reads one version and writes another; only a receipt makes the new one
// the version in force (CommitResidual), and the former is kept until the outcome says that the
// contribution was counted. If it was not, FoldBack writes (former + base - trained): nothing
// trained is lost, nothing is counted twice. An attempt abandoned at the aggregator costs nothing:
// the same contribution, already uploaded, is submitted again.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "federation/clock.h"
#include "federation/round/messages.h"

namespace dure::round {

// Effects
// -------------------------------------------------------------------------------------------------
struct PersistSite {};
struct Tell {
  Message message;
};  // to the aggregator
struct DecideLocally {
  RoundPlan plan;
  RunManifest manifest;
};  // -> Decided
struct FetchBase {
  RoundAttempt at;
  Base base;
};  // a joiner: all blobs of it that are not zero -> BaseFetched
struct StartTraining {
  RoundPlan plan;
  RunManifest manifest;
};  // -> TrainingDone; repeated after a restart
struct StopTraining {
  RoundNumber round;
};                     // the result, if any comes, is not wanted
struct EncodeUpdate {  // -> Encoded
  RoundNumber round;
  RoundPlan plan;
  uint64_t tokens = 0;
  uint64_t residual_from = 0;  // read; 0: zeros
  uint64_t residual_to = 0;    // written, durable before the answer
};
struct UploadBlob {
  RoundNumber round;
  Digest blob;
};  // -> UploadDone
struct SignSubmission {
  Submission unsigned_submission;
};  // -> Signed
struct VerifyReceipt {
  Submission submission;
  Receipt receipt;
};  // -> ReceiptChecked
struct CommitResidual {
  uint64_t current = 0;
  uint64_t former = 0;
};                    // remove all other versions but these two
struct FoldBack {     // -> Folded
  RoundNumber round;  // whose training result and base are added
  Base base;
  uint64_t residual_from = 0;
  uint64_t residual_to = 0;  // written, durable before the answer
};
struct DropWork {
  RoundNumber round;
  Digest blob;
};  // its training result and contribution may go
struct FetchAggregate {
  RoundAttempt at;
  Digest aggregate;
};  // -> AggregateFetched
struct DeriveModel {
  Outcome outcome;
  RunManifest manifest;
};  // from the aggregate and our base -> Derived
struct PublishModel {
  RoundNumber rounds;
  Base base;
};  // the model now held: rounds closed so far; earlier ones may go
struct SetSiteTimer {
  MonoTime at;
};
struct AnnounceSite {
  RoundAttempt at;
  SitePhase phase = SitePhase::kIdle;
  std::string text;
};
using SiteEffect =
    std::variant<PersistSite, Tell, DecideLocally, FetchBase, StartTraining, StopTraining,
                 EncodeUpdate, UploadBlob, SignSubmission, VerifyReceipt, CommitResidual, FoldBack,
                 DropWork, FetchAggregate, DeriveModel, PublishModel, SetSiteTimer, AnnounceSite>;

// Events
// --------------------------------------------------------------------------------------------------
struct SiteStarted {};
struct LinkUp {};
struct LinkDown {};
struct FromAggregator {
  Message message;
};
struct Decided {
  RoundAttempt at;
  bool accept = false;
  std::string reason;
};
struct BaseFetched {
  RoundAttempt at;
  bool ok = false;
};  // false: asked again later
struct TrainingDone {
  RoundNumber round;
  uint64_t tokens = 0;
  uint64_t steps = 0;
  double loss = 0;
};
struct TrainingFailed {
  RoundNumber round;
  std::string reason;
};  // a code
struct Encoded {
  RoundNumber round;
  Digest blob;
  uint64_t weight = 0;
  uint64_t saturated = 0;
};
struct EncodeFailed {
  RoundNumber round;
  std::string reason;
};  // a code: NaN, disk
struct UploadDone {
  RoundNumber round;
  Digest blob;
};
struct UploadFailed {
  RoundNumber round;
  Digest blob;
};  // the driver gave up; asked again later
struct Signed {
  RoundAttempt at;
  Bytes envelope;
};
struct ReceiptChecked {
  RoundAttempt at;
  bool valid = false;
};
struct Folded {
  uint64_t residual = 0;
};
struct AggregateFetched {
  RoundAttempt at;
  bool ok = false;
};
// ok false: could not derive. Otherwise what was derived, whether or not it is what the outcome
// names.
struct Derived {
  RoundAttempt at;
  bool ok = false;
  Base derived;
};
struct StatusReport {
  SiteStatus status;
};  // at and phase are filled in here
struct SiteTimer {};
struct LeaveRequested {};
struct JoinRequested {};
struct ResyncRequested {};  // the operator ends a dissent: the model is fetched anew
using SiteEvent =
    std::variant<SiteStarted, LinkUp, LinkDown, FromAggregator, Decided, BaseFetched, TrainingDone,
                 TrainingFailed, Encoded, EncodeFailed, UploadDone, UploadFailed, Signed,
                 ReceiptChecked, Folded, AggregateFetched, Derived, StatusReport, SiteTimer,
                 LeaveRequested, JoinRequested, ResyncRequested>;

struct SitePace {
  Duration resend{std::chrono::seconds(5)};
};

class Participation {
 public:
  // `base`: what the site holds already (zeros: nothing).
  Participation(SiteId site, RunId run, Base base = {}, SitePace pace = {});
  static Result<Participation> Load(ByteView state, SitePace pace = {});  // kCorrupt
  Bytes Save() const;

  std::vector<SiteEffect> Handle(MonoTime now, const SiteEvent& event);

  SitePhase phase() const { return s_.phase; }
  RoundAttempt at() const { return {s_.run, s_.round, s_.attempt}; }
  const Base& base() const { return s_.held; }       // the model held
  uint64_t residual() const { return s_.residual; }  // the version in force

 private:
  friend struct ParticipationState;  // the canonical fields (state.cc)
  // How far the work of a round has come; it outlives an abandoned attempt.
  enum class Work : uint8_t {
    kNone = 0,
    kTraining = 1,
    kTrained = 2,
    kEncoded = 3,
    kUploaded = 4,
    kSigned = 5,
    kReceipted = 6,
  };
  struct State {
    SiteId site;
    RunId run;
    SitePhase phase = SitePhase::kIdle;
    // The current attempt: of the last plan taken.
    bool has_plan = false;
    RoundNumber round;
    uint32_t attempt = 0;
    RoundPlan plan;
    RunManifest manifest;
    bool accepted = false;
    bool declined = false;
    std::string decline_reason;
    bool rostered = false;
    Base held;
    // The contribution of round `plan.at.round`, or of none.
    Work work = Work::kNone;
    RoundAttempt work_at;  // as signed
    RoundPlan work_plan;   // what it was trained under
    uint64_t tokens = 0;
    uint64_t steps = 0;
    Digest blob;
    uint64_t weight = 0;
    uint64_t saturated = 0;
    Bytes envelope;
    std::optional<Receipt> receipt;  // held, being verified or verified
    // Residual versions.
    uint64_t residual = 0;           // in force
    uint64_t residual_former = 0;    // what the contribution read
    uint64_t residual_pending = 0;   // what its encoding wrote; 0: none
    uint64_t residual_counter = 0;   // versions given out
    bool committed = false;          // the pending one is in force
    bool folding = false;            // to version residual_counter
    std::optional<Plan> next_plan;   // came while something had to be finished first
    std::optional<Outcome> outcome;  // being derived
    bool fetched = false;            // its aggregate is here
    std::optional<OutcomeAck> last_ack;
  };

  void On(const SiteStarted&);
  void On(const LinkUp&);
  void On(const LinkDown&);
  void On(const FromAggregator&);
  void On(const Decided&);
  void On(const BaseFetched&);
  void On(const TrainingDone&);
  void On(const TrainingFailed&);
  void On(const Encoded&);
  void On(const EncodeFailed&);
  void On(const UploadDone&);
  void On(const UploadFailed&);
  void On(const Signed&);
  void On(const ReceiptChecked&);
  void On(const Folded&);
  void On(const AggregateFetched&);
  void On(const Derived&);
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
  void TakeNextPlan();
  bool MustFinishBefore(const Plan& plan) const;
  // The contribution was counted, or it was not and what it carried goes back into the residual.
  void Settle(bool counted);
  void StartFold();
  void ClearWork();
  void Decline(std::string reason);
  void WithdrawWork(std::string reason);
  void FinishOutcome(Derivation derivation, const Base& derived);
  // Emits what the phase's work is, or its message; from Started, LinkUp, the timer and every step
  // onward.
  void Drive();
  void DriveWork();
  void EnterPhase(SitePhase phase, std::string text = {});
  void Emit(SiteEffect effect) { out_.push_back(std::move(effect)); }
  void Resend();
  Submission MakeSubmission() const;
  bool IsCurrent(const RoundAttempt& at) const { return s_.has_plan && at == this->at(); }

  SitePace pace_;
  State s_;
  MonoTime now_{};
  std::vector<SiteEffect> out_;
  bool changed_ = false;
  bool connected_ = false;
};

}  // namespace dure::round
