#include "federation/round/participation.h"

#include <algorithm>
#include <utility>

#include "federation/round/round.h"

namespace dure::round {

Participation::Participation(SiteId site, RunId run, Base base, SitePace pace) : pace_(pace) {
  s_.site = std::move(site);
  s_.run = std::move(run);
  s_.held = base;
}

std::vector<SiteEffect> Participation::Handle(MonoTime now, const SiteEvent& event) {
  now_ = now;
  changed_ = false;
  out_.clear();
  out_.emplace_back(PersistSite{});  // Taken back below if nothing changed.
  std::visit([this](const auto& e) { On(e); }, event);
  ArmTimer();
  if (!changed_) out_.erase(out_.begin());
  return std::exchange(out_, {});
}

// Life of the process and the link
// ------------------------------------------------------------------

void Participation::On(const SiteStarted&) {
  s_.fetched = false;  // an aggregate need not outlive what ended the last life
  Drive();
}

void Participation::On(const LinkUp&) {
  connected_ = true;
  if (s_.phase == SitePhase::kLeft) return Say(Leave{s_.run, s_.sequence, false});
  failures_ = 0;
  retry_at_ = now_;
  TryAgain();
}

void Participation::On(const LinkDown&) { connected_ = false; }

void Participation::On(const SiteTimer&) {
  armed_.reset();
  TryAgain();
}

void Participation::TryAgain() {
  if (!retry_ || !connected_ || now_ < retry_at_) return Resend();
  retry_ = false;
  Drive();
}

void Participation::On(const FromAggregator& e) {
  if (RunOf(e.message) != s_.run) return;
  std::visit([this](const auto& m) { OnMessage(m); }, e.message);
}

void Participation::On(const StatusReport& e) {
  if (!s_.has_plan) return;
  SiteStatus status = e.status;
  status.at = s_.plan.at;
  status.phase = s_.phase;
  if (s_.has_manifest && (s_.manifest.masked() || s_.manifest.privacy.any())) {
    // No loss and no count of a single site is told, nor what either could be reckoned from.
    status.loss = 0;
    status.tokens_per_second = 0;
    if (s_.manifest.inner.seconds > 0) status.step = 0;
  }
  Say(status);
}

void Participation::On(const LeaveRequested&) {
  if (s_.phase == SitePhase::kLeft || s_.phase == SitePhase::kEnded) return;
  ++s_.sequence;
  s_.join_pending = false;
  s_.has_plan = false;
  s_.next_plan.reset();
  s_.outcome.reset();
  s_.ended.reset();  // it is told again to a site that comes back
  // What may be in the log already is settled when the site is back, however often it leaves until
  // then; the rest is taken home now.
  const bool may_be_logged = s_.submitted || s_.committed;
  if (!may_be_logged) Settle(false);
  EnterPhase(SitePhase::kLeft);
  Say(Leave{s_.run, s_.sequence, false});
}

void Participation::On(const JoinRequested&) {
  if (s_.phase != SitePhase::kLeft) return;
  ++s_.sequence;
  s_.join_pending = true;
  EnterPhase(SitePhase::kIdle);
  Say(Join{s_.run, s_.sequence});
  Continue();  // The run may have ended meanwhile, and the aggregator knows that we know.
}

void Participation::On(const ResyncRequested&) {
  if (s_.phase != SitePhase::kDissent) return;
  s_.has_plan = false;  // The current plan, declined so far, is taken as a new one.
  s_.held = {};
  EnterPhase(SitePhase::kIdle);
  Continue();
}

// Plans
// ---------------------------------------------------------------------------------------------

void Participation::OnMessage(const Plan& m) {
  const RoundPlan& plan = m.plan;
  if (s_.phase == SitePhase::kLeft) return Say(Leave{s_.run, s_.sequence, false});
  if (s_.phase == SitePhase::kEnded || s_.ended) return;
  if (s_.phase == SitePhase::kDissent) return Say(Declined{plan.at, "dissent"});
  if (IsCurrent(plan.at)) return AnswerAgain();
  if (s_.has_plan && plan.at < s_.plan.at) return;
  if (s_.work != Work::kNone && plan.at.round < s_.work_plan.at.round) return;
  if (s_.outcome && s_.outcome->at.round.Next() < plan.at.round) {
    FinishOutcome(Derivation::kFailed, {});  // Its aggregate may be gone; the new base is not.
  }
  if (s_.folding || s_.outcome || AwaitsOutcomeBefore(plan)) {
    if (s_.next_plan && plan.at <= s_.next_plan->plan.at) return;
    s_.next_plan = m;  // not kept for itself: whoever does not answer a plan is told it again
    return;
  }
  TakePlan(m);
}

bool Participation::AwaitsOutcomeBefore(const RoundPlan& plan) const {
  if (s_.work != Work::kNone && plan.at.round == s_.work_plan.at.round.Next()) return true;
  if (!s_.has_plan || plan.at.round != s_.plan.at.round.Next()) return false;
  return !s_.last_ack || s_.last_ack->at.round < s_.plan.at.round;
}

// A repeat gets the same answer.
void Participation::AnswerAgain() {
  if (s_.declined) return Say(Declined{s_.plan.at, s_.decline_reason});
  if (AwaitsRoster()) Say(Ready{s_.plan.at, s_.held, s_.offered});
}

bool Participation::WasCounted(const Plan& m) const {
  return m.has_counted && m.counted_round == s_.work_plan.at.round;
}

void Participation::TakePlan(const Plan& m) {
  const bool same_work = s_.work != Work::kNone && s_.work_plan.at.round == m.plan.at.round &&
                         s_.work_plan.base == m.plan.base &&
                         s_.work_plan.manifest == m.plan.manifest && !s_.disowned &&
                         !s_.carries_disowned;
  if (s_.work != Work::kNone && !same_work) {
    s_.next_plan = m;
    Changed();
    Settle(WasCounted(m));
    EnterPhase(SitePhase::kIdle);
    return Continue();
  }
  // A plan and its roster may be older than the leave that the join took back, and that leave may
  // still be on its way; a round after one that the site was in is not.
  if (s_.rostered && s_.has_plan && s_.plan.at.round < m.plan.at.round) s_.join_pending = false;
  s_.has_plan = true;
  s_.plan = m.plan;
  s_.manifest = m.manifest;
  s_.has_manifest = true;
  s_.accepted = same_work;
  s_.declined = false;
  s_.decline_reason.clear();
  s_.rostered = false;
  s_.admitted.clear();
  Changed();
  if (!same_work) return EnterPhase(SitePhase::kDeciding);
  // The same start again: what is trained, or being trained, serves this attempt as well.
  if (m.manifest.masked()) UndoEncoding();
  s_.work_at = {};
  s_.envelope.clear();
  s_.submitted = false;
  s_.receipt.reset();
  if (s_.work == Work::kUploaded) return EnterPhase(SitePhase::kReady);
  // It goes on, unless the site left meanwhile and has come back.
  const SitePhase where = s_.work == Work::kTraining  ? SitePhase::kTraining
                          : s_.work == Work::kTrained ? SitePhase::kEncoding
                                                      : SitePhase::kUploading;
  const bool encodes_anew = m.manifest.masked() && where == SitePhase::kEncoding;
  if (s_.phase != where || encodes_anew) EnterPhase(where);
  Say(Ready{s_.plan.at, s_.held, s_.offered});
}

void Participation::On(const Decided& e) {
  if (!IsCurrent(e.at) || s_.phase != SitePhase::kDeciding) return;
  s_.offered = e.datasets;
  if (!e.accept) return Decline(e.reason);
  if (e.datasets.empty()) return Decline("no-datasets");
  s_.accepted = true;
  EnterPhase(s_.held == s_.plan.base ? SitePhase::kReady : SitePhase::kFetching);
}

void Participation::Decline(std::string reason) {
  s_.declined = true;
  s_.decline_reason = std::move(reason);
  EnterPhase(SitePhase::kIdle, s_.decline_reason);
  Say(Declined{s_.plan.at, s_.decline_reason});
}

void Participation::On(const BaseFetched& e) {
  // A download for the plan before says nothing of the model that the run came to.
  if (s_.phase != SitePhase::kFetching || e.asked != WantedBase()) return;
  if (!e.ok && s_.ended && s_.ended->reason == kOvertaken) {
    // A restored aggregator may have lost it: what is held is what this site keeps.
    s_.ended->last = s_.held;
    return Continue();
  }
  if (!e.ok) return Failed();
  retry_ = false;
  if (s_.ended) {
    HoldBase(s_.ended->last, {s_.ended->rounds});
    return Continue();
  }
  HoldBase(s_.plan.base, s_.plan.at.round);
  EnterPhase(SitePhase::kReady);
}

// What is held stays what this site has of the run.
void Participation::On(const EndRefused& e) {
  if (s_.phase != SitePhase::kFetching || !s_.ended) return;
  if (e.dissents) {
    s_.ended.reset();  // an end that is on record is taken after the dissent
    return EnterPhase(SitePhase::kDissent);
  }
  s_.ended->last = s_.held;
  Continue();
}

FetchBase Participation::WantedBase() const {
  return {s_.plan.at, s_.ended ? s_.ended->last : s_.plan.base, s_.ended};
}

void Participation::HoldBase(const Base& base, RoundNumber rounds) {
  s_.held = base;
  Changed();
  Emit(PublishModel{rounds, base});
}

// The outcome and the end
// ---------------------------------------------------------------------------

void Participation::OnMessage(const Outcome& m) {
  if (s_.phase == SitePhase::kLeft) return;
  if (s_.last_ack && m.at == s_.last_ack->at) return Say(*s_.last_ack);
  if (s_.last_ack && m.at < s_.last_ack->at) return;
  const bool works_later = s_.work != Work::kNone && m.at.round < s_.work_plan.at.round;
  if (works_later || (s_.has_plan && m.at.round < s_.plan.at.round)) {
    // A later plan was taken since; whoever holds its base is past deriving this outcome. And it
    // says nothing of a later contribution, which a site that left and came back may have in work.
    return Say(OutcomeAck{m.at, Derivation::kNotHeld, {}});
  }
  if (s_.outcome && m.at <= s_.outcome->at) return;
  if (s_.folding) return;  // It is sent again.
  if (s_.outcome) FinishOutcome(Derivation::kFailed, {});
  bool counted = false;
  for (const Counted& one : m.counted) counted = counted || one.site == s_.site;
  if (s_.work != Work::kNone) {
    const RoundNumber round = s_.work_plan.at.round;
    Settle(round == m.at.round ? counted : m.has_counted && m.counted_round == round);
  }
  s_.outcome = m;
  s_.fetched = false;
  if (s_.phase != SitePhase::kDissent) s_.phase = SitePhase::kIdle;
  Changed();
  Continue();
}

void Participation::On(const AggregateFetched& e) {
  if (s_.phase != SitePhase::kDeriving || e.at != s_.outcome->at || s_.fetched) return;
  if (!e.ok) return Failed();
  retry_ = false;
  s_.fetched = true;  // not kept: after a death it is asked for anew
  Drive();
}

void Participation::On(const Derived& e) {
  if (s_.phase != SitePhase::kDeriving || e.at != s_.outcome->at) return;
  if (!e.ok) {
    FinishOutcome(Derivation::kFailed, {});
  } else if (e.derived == s_.outcome->next) {
    FinishOutcome(Derivation::kEqual, e.derived);
  } else {
    FinishOutcome(Derivation::kDifferent, e.derived);
  }
  Continue();
}

void Participation::FinishOutcome(Derivation derivation, const Base& derived) {
  const Outcome outcome = *std::exchange(s_.outcome, std::nullopt);
  s_.fetched = false;
  retry_ = false;
  s_.last_ack = OutcomeAck{outcome.at, derivation, derived};
  if (derivation == Derivation::kEqual) HoldBase(outcome.next, outcome.at.round.Next());
  if (derivation == Derivation::kDifferent) {
    s_.next_plan.reset();
    EnterPhase(SitePhase::kDissent);
  } else if (s_.phase != SitePhase::kDissent) {
    EnterPhase(SitePhase::kIdle, std::string(Name(derivation)));
  }
  Say(*s_.last_ack);
}

void Participation::OnMessage(const RunEnded& m) {
  if (s_.phase == SitePhase::kLeft) return;
  if (std::exchange(s_.join_pending, false)) Changed();
  if (s_.phase == SitePhase::kDissent && !s_.ended) {
    s_.ended = m;  // For after the dissent.
    Changed();
  }
  if (s_.phase == SitePhase::kEnded || s_.phase == SitePhase::kDissent) {
    return Say(Leave{s_.run, s_.sequence, true});
  }
  if (m.reason == kOvertaken && s_.outcome && !s_.ended) {
    // It is said once a connection, and an aggregate not fetched by now is not to be had any more.
    s_.ended = m;
    Changed();
    if (s_.fetched) return;
    FinishOutcome(Derivation::kNotHeld, {});
    return Continue();
  }
  if (s_.ended || s_.outcome || s_.folding) return;
  s_.ended = m;
  Changed();
  Settle(false);
  s_.phase = SitePhase::kIdle;
  Continue();
}

void Participation::Continue() {
  if (s_.folding || s_.phase == SitePhase::kLeft) return;
  if (s_.outcome) {
    if (s_.phase == SitePhase::kDissent) return FinishOutcome(Derivation::kNotHeld, {});
    const bool held = s_.has_manifest && s_.outcome->base == s_.held;
    if (held) return EnterPhase(SitePhase::kDeriving);
    const bool there = s_.outcome->next == s_.held;
    FinishOutcome(there ? Derivation::kEqual : Derivation::kNotHeld, there ? s_.held : Base{});
  }
  if (s_.phase == SitePhase::kDissent) return;
  if (s_.ended) {
    if (s_.held != s_.ended->last) return EnterPhase(SitePhase::kFetching);
    EnterPhase(SitePhase::kEnded, s_.ended->reason);
    return Say(Leave{s_.run, s_.sequence, true});
  }
  if (!s_.next_plan) return;
  const Plan plan = *std::exchange(s_.next_plan, std::nullopt);
  Changed();
  OnMessage(plan);
}

}  // namespace dure::round
