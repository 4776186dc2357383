// The site's half, part two: the work of a round, from training to receipt.
#include <algorithm>
#include <utility>

#include "federation/round/participation.h"

namespace dure::round {

bool Participation::Works(RoundNumber round, SitePhase phase) const {
  return s_.work != Work::kNone && !s_.folding && s_.phase == phase &&
         s_.work_plan.at.round == round;
}

void Participation::On(const TrainingDone& e) {
  if (!Works(e.round, SitePhase::kTraining) || e.number != s_.trainings) return;
  if (e.tokens == 0) return WithdrawWork("no-tokens");
  s_.work = Work::kTrained;
  s_.tokens = e.tokens;
  s_.steps = e.steps;
  s_.code = e.code;
  s_.residual_pending = ++s_.residual_counter;
  EnterPhase(SitePhase::kEncoding);
}

void Participation::On(const TrainingFailed& e) {
  if (!Works(e.round, SitePhase::kTraining) || e.number != s_.trainings) return;
  WithdrawWork(e.reason);
}

void Participation::On(const Encoded& e) {
  if (!Works(e.round, SitePhase::kEncoding)) return;
  if (s_.manifest.Oversaturated(e.saturated, e.lanes)) {
    // Neither this nor what is carried may make the next update too long as well.
    s_.blob = e.blob;
    Discard();
    ForgetResidual();
    return WithdrawWork(std::string(kOversaturated));
  }
  s_.work = Work::kEncoded;
  s_.blob = e.blob;
  s_.weight = e.weight;
  s_.saturated = e.saturated;
  s_.norm = e.norm;
  s_.replaced = {};
  EnterPhase(SitePhase::kUploading);
  // Without masks and noise the next life would make the same bytes of the same files.
  if (!s_.manifest.masked() && !s_.manifest.privacy.any()) changed_ = false;
}

void Participation::On(const EncodeFailed& e) {
  if (!Works(e.round, SitePhase::kEncoding)) return;
  if (e.fault == EncodeFault::kResidual && s_.residual != 0) {
    ForgetResidual();
    return EnterPhase(SitePhase::kEncoding, e.reason);
  }
  // An update that cannot be rounded (NaN, infinity) is not worth keeping: no fold.
  if (e.fault != EncodeFault::kRoom) return WithdrawWork(e.reason);
  const bool rostered = s_.rostered;
  Settle(false);
  SayWithout(e.reason, rostered);
}

void Participation::On(const UploadDone& e) {
  if (!Works(e.round, SitePhase::kUploading) || e.blob != s_.blob) return;
  s_.work = Work::kUploaded;
  if (!s_.rostered) return EnterPhase(SitePhase::kReady);
  EnterPhase(s_.envelope.empty() ? SitePhase::kSigning : SitePhase::kSubmitted);
  // Nothing is told before the signature is kept; after a death the blob is offered again, and is
  // found to be there.
  if (s_.phase == SitePhase::kSigning) changed_ = false;
}

void Participation::On(const UploadFailed& e) {
  if (Works(e.round, SitePhase::kUploading) && e.blob == s_.blob) Failed();
}

void Participation::On(const Signed& e) {
  if (s_.phase != SitePhase::kSigning || !IsCurrent(e.at) || s_.folding) return;
  s_.envelope = e.envelope;
  s_.submitted = true;
  s_.work_at = e.at;
  EnterPhase(SitePhase::kSubmitted);
}

void Participation::OnMessage(const Receipt& m) {
  if (s_.phase != SitePhase::kSubmitted || s_.receipt) return;
  if (m.at != s_.work_at || m.contribution != s_.blob) return;
  s_.receipt = m;  // kept once it is verified: whoever submits again is given it again
  if (std::exchange(s_.join_pending, false)) Changed();
  Drive();
}

void Participation::On(const ReceiptChecked& e) {
  if (s_.phase != SitePhase::kSubmitted || !s_.receipt || e.at != s_.work_at) return;
  if (!e.valid) {
    s_.receipt.reset();
    Changed();
    return Emit(AnnounceSite{s_.work_at, s_.phase, "receipt-invalid"});
  }
  Commit();
  EnterPhase(SitePhase::kReceipted);
}

void Participation::OnMessage(const Refusal& m) {
  if (m.contribution.IsZero() && IsCurrent(m.at)) return Unasked(m.reason);
  if (s_.phase != SitePhase::kSubmitted || s_.receipt) return;
  if (m.at != s_.work_at || m.contribution != s_.blob) return;
  const std::string why(Name(m.reason));
  if (m.reason == RefusalReason::kBlobMissing) {
    s_.work = Work::kEncoded;
    return EnterPhase(SitePhase::kUploading, why);
  }
  if (m.reason == RefusalReason::kNotSigned || m.reason == RefusalReason::kNotRecorded) {
    s_.envelope.clear();
    s_.phase = SitePhase::kSigning;
    Failed();  // Not at once: the log's mirror may have to catch up first.
    return Changed();
  }
  if (m.reason == RefusalReason::kBlobCorrupt || m.reason == RefusalReason::kOtherBase ||
      m.reason == RefusalReason::kNotAdmitted) {
    Settle(false);
  }
  // What may not be counted may not come out with a later contribution either.
  if (m.reason == RefusalReason::kNotAllowed) Discard();
  // Late: the outcome, or the plan of another attempt, is on its way and says what becomes of it.
  EnterPhase(SitePhase::kIdle, why);
}

// Nothing of ours is in this attempt, or no longer. What is receipted is settled by the outcome.
void Participation::Unasked(RefusalReason reason) {
  const std::string why(Name(reason));
  if (reason == RefusalReason::kNotAdmitted) {
    // What was trained on it may not be used either, and what is offered is decided anew.
    if (s_.work != Work::kNone && !s_.rostered) {
      s_.disowned = true;
      Changed();
    }
    return Emit(AnnounceSite{s_.plan.at, s_.phase, why});
  }
  if (reason == RefusalReason::kSetApart && !s_.rostered) {
    return Emit(AnnounceSite{s_.plan.at, s_.phase, why});
  }
  if (reason != RefusalReason::kExcluded || !s_.rostered || s_.folding) return;
  const bool works = s_.phase == SitePhase::kTraining || s_.phase == SitePhase::kEncoding ||
                     s_.phase == SitePhase::kUploading || s_.phase == SitePhase::kSigning;
  if (!works && s_.phase != SitePhase::kSubmitted) return;
  if (works) Settle(false);
  EnterPhase(SitePhase::kIdle, why);
}

// The attempt is given up, not the run; nothing was submitted.
void Participation::WithdrawWork(std::string reason) {
  const bool rostered = s_.rostered;
  ClearWork();
  SayWithout(std::move(reason), rostered);
}

void Participation::SayWithout(std::string reason, bool rostered) {
  s_.declined = true;
  s_.decline_reason = std::move(reason);
  EnterPhase(SitePhase::kIdle, s_.decline_reason);
  if (rostered) {
    Say(Withdraw{s_.plan.at, s_.decline_reason});
  } else {
    Say(Declined{s_.plan.at, s_.decline_reason});
  }
}

// Effects
// -------------------------------------------------------------------------------------------

void Participation::EnterPhase(SitePhase phase, std::string text) {
  const bool repeats = phase == SitePhase::kSubmitted || phase == SitePhase::kSigning;
  if (!repeats) failures_ = 0;  // A signature that is refused comes back from the phase after.
  s_.phase = phase;
  retry_ = false;
  Changed();
  Emit(AnnounceSite{s_.plan.at, phase, std::move(text)});
  if (!s_.folding) Drive();
}

void Participation::Drive() {
  const RoundNumber round = s_.work_plan.at.round;
  if (s_.folding) {
    return Emit(FoldBack{round, s_.work_plan.base, s_.committed ? s_.residual_former : s_.residual,
                         s_.residual_counter});
  }
  switch (s_.phase) {
    case SitePhase::kFetching:
      return Emit(WantedBase());
    case SitePhase::kDeciding:
      return Emit(DecideLocally{s_.plan, s_.manifest});
    case SitePhase::kTraining:
      return Emit(StartTraining{s_.work_plan, s_.manifest, s_.work_datasets, s_.trainings});
    case SitePhase::kEncoding:
      return Emit(EncodeUpdate{s_.plan.at, round, s_.work_plan, s_.tokens, s_.steps, s_.residual,
                               s_.residual_pending, s_.replaced});
    case SitePhase::kUploading:
      return Emit(UploadBlob{round, s_.blob});
    case SitePhase::kSigning:
      return Emit(SignSubmission{MakeSubmission()});
    case SitePhase::kDeriving:
      if (s_.fetched) return Emit(DeriveModel{*s_.outcome, s_.manifest});
      return Emit(FetchAggregate{s_.outcome->at, s_.outcome->aggregate});
    case SitePhase::kSubmitted:
      if (s_.receipt) return Emit(VerifyReceipt{MakeSubmission(), *s_.receipt});
      return Say(MakeSubmission());
    default:
      return Resend();
  }
}

bool Participation::AwaitsRoster() const {
  const bool works = s_.phase == SitePhase::kReady || s_.phase == SitePhase::kTraining ||
                     s_.phase == SitePhase::kEncoding || s_.phase == SitePhase::kUploading;
  return s_.has_plan && s_.accepted && !s_.declined && !s_.rostered && works;
}

// What the aggregator has not answered; repeating it is the only recovery.
void Participation::Resend() {
  if (s_.join_pending) Say(Join{s_.run, s_.sequence});
  if (AwaitsRoster()) Say(Ready{s_.plan.at, s_.held, s_.offered});
  const bool withdrew = s_.has_plan && s_.declined && s_.rostered;
  if (withdrew && s_.phase == SitePhase::kIdle) Say(Withdraw{s_.plan.at, s_.decline_reason});
  if (s_.phase == SitePhase::kSubmitted && !s_.receipt) Say(MakeSubmission());
}

void Participation::Failed() {
  retry_ = true;
  failures_ = std::max(1U, std::min(2 * failures_, pace_.retry_max));
  retry_at_ = now_ + pace_.resend * failures_;
}

void Participation::ArmTimer() {
  const bool withdrew = s_.has_plan && s_.declined && s_.rostered;
  const bool awaits = s_.join_pending || AwaitsRoster() ||
                      (withdrew && s_.phase == SitePhase::kIdle) ||
                      (s_.phase == SitePhase::kSubmitted && !s_.receipt);
  if (!connected_ || !(retry_ || awaits)) return;
  MonoTime next = retry_ ? retry_at_ : now_ + pace_.resend;
  if (awaits) next = std::min(next, now_ + pace_.resend);
  if (armed_ && *armed_ <= next) return;
  armed_ = next;
  Emit(SetSiteTimer{next});
}

void Participation::Say(Message message) {
  if (connected_) Emit(Tell{std::move(message)});
}

Submission Participation::MakeSubmission() const {
  const bool is_signed = !s_.envelope.empty();
  const bool masked = s_.manifest.masked();  // then nobody but this site knows its numbers
  return {.at = is_signed ? s_.work_at : s_.plan.at,
          .base_model = s_.work_plan.base.model,
          .contribution = s_.blob,
          .weight = masked ? 0 : s_.weight,
          .tokens = masked ? 0 : s_.tokens,
          .steps = masked ? 0 : s_.steps,
          .saturated_lanes = masked ? 0 : s_.saturated,
          .datasets = s_.admitted,
          .code = s_.code,
          .norm = masked ? std::nullopt : s_.norm,
          .envelope = s_.envelope};
}

}  // namespace dure::round
