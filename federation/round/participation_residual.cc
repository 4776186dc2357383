// The site's half, part three: what becomes of what was trained - counted, folded back into the
// residual, or dropped.
#include <algorithm>
#include <utility>

#include "federation/round/participation.h"

namespace dure::round {

void Participation::Commit() {
  if (s_.committed) return;
  s_.committed = true;
  s_.residual_former = s_.residual;
  s_.residual = s_.residual_pending;
  Changed();
  Emit(CommitResidual{s_.residual, s_.residual_former, s_.blob});
}

void Participation::UndoEncoding() {
  if (s_.work == Work::kNone || s_.work <= Work::kTrained) return;
  // The version in force carries what that encoding left over; the former does not.
  if (s_.committed) s_.residual = s_.residual_former;
  s_.committed = false;
  s_.residual_former = 0;
  s_.residual_pending = ++s_.residual_counter;
  s_.replaced = std::exchange(s_.blob, {});
  s_.weight = 0;
  s_.saturated = 0;
  s_.norm.reset();
  s_.work = Work::kTrained;
  Changed();
  Emit(CommitResidual{s_.residual, s_.residual, {}});
}

void Participation::Settle(bool counted) {
  if (s_.work == Work::kNone || s_.folding) return;
  if (s_.work == Work::kTraining) {
    Emit(StopTraining{s_.work_plan.at.round});
    return ClearWork();
  }
  if (!counted && (s_.disowned || s_.carries_disowned)) return Discard();
  if (counted) {
    Commit();
    // What was carried went with it.
    s_.carried.clear();
    s_.carries_disowned = false;
    const Digest blob = s_.blob;
    ClearWork();
    return Emit(CommitResidual{s_.residual, s_.residual, blob});
  }
  s_.folding = true;
  retry_ = false;  // of what the work waited for; a fold is asked for once in a life
  ++s_.residual_counter;
  Changed();
  Drive();
}

void Participation::Discard() {
  if (s_.work == Work::kNone) return;
  if (s_.work == Work::kTraining) Emit(StopTraining{s_.work_plan.at.round});
  // The version in force carries what the contribution's rounding left over; the former does not.
  if (s_.committed) s_.residual = s_.residual_former;
  s_.folding = false;
  ClearWork();
  Emit(CommitResidual{s_.residual, s_.residual, {}});
}

void Participation::ForgetResidual() {
  s_.residual = 0;
  s_.carried.clear();
  s_.carries_disowned = false;
  Changed();
  Emit(CommitResidual{0, 0, {}});
}

void Participation::On(const Folded& e) {
  if (!s_.folding || e.residual != s_.residual_counter) return;
  if (s_.disowned || s_.carries_disowned) {
    Discard();
    return Continue();
  }
  s_.folding = false;
  s_.residual = s_.residual_counter;
  for (const OfferedDataset& one : s_.work_datasets) {
    const auto at = std::ranges::lower_bound(s_.carried, one.dataset, {}, &OfferedDataset::dataset);
    if (at == s_.carried.end() || at->dataset != one.dataset) s_.carried.insert(at, one);
  }
  ClearWork();
  Emit(CommitResidual{s_.residual, s_.residual, {}});
  Continue();
}

void Participation::On(const FoldFailed& e) {
  if (!s_.folding || e.residual != s_.residual_counter) return;
  Discard();
  if (e.residual_lost) ForgetResidual();
  Continue();
}

void Participation::On(const DatasetWithdrawn& e) {
  const auto is_it = [&e](const OfferedDataset& one) { return one.dataset == e.dataset; };
  if (std::erase_if(s_.offered, is_it) > 0) Changed();
  if (std::ranges::any_of(s_.carried, is_it)) {
    // No encoding has read the residual yet: it goes at once. Else it goes with the work.
    const bool unread = s_.work < Work::kTrained && !s_.folding;
    if (unread) ForgetResidual();
    s_.carries_disowned = !unread;
    Changed();
  }
  const bool waits = s_.phase == SitePhase::kReady || s_.phase == SitePhase::kFetching;
  if (waits && !s_.ended && s_.work == Work::kNone && s_.accepted && s_.offered.empty()) {
    return Decline("dataset-withdrawn");
  }
  const bool used = s_.work != Work::kNone && std::ranges::any_of(s_.work_datasets, is_it);
  if (!used && !s_.carries_disowned) return;
  s_.disowned = s_.disowned || used;
  Changed();
  // What may be in the log is settled by the outcome: the record says which of the two came first.
  const bool unsubmitted =
      !s_.submitted && s_.phase >= SitePhase::kReady && s_.phase <= SitePhase::kSigning;
  if (s_.folding || !unsubmitted) return;
  Discard();
  WithdrawWork("dataset-withdrawn");
}

void Participation::ClearWork() {
  if (s_.work == Work::kNone) return;
  Emit(DropWork{s_.work_plan.at.round, s_.blob});
  s_.work = Work::kNone;
  s_.work_plan = {};
  s_.work_datasets.clear();
  s_.disowned = false;
  s_.work_at = {};
  s_.tokens = 0;
  s_.steps = 0;
  s_.blob = {};
  s_.weight = 0;
  s_.saturated = 0;
  s_.code = {};
  s_.norm.reset();
  s_.replaced = {};
  s_.envelope.clear();
  s_.submitted = false;
  s_.receipt.reset();
  s_.committed = false;
  s_.residual_former = 0;
  s_.residual_pending = 0;
  if (s_.carries_disowned) ForgetResidual();
  Changed();
}

}  // namespace dure::round
