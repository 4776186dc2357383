// The site's half: what a roster lets it train on, and what becomes of work and of what is carried
// when that is less than before.
#include <algorithm>

#include "federation/round/participation.h"

namespace dure::round {

bool Participation::IsOfThisRound(const Roster& m) const {
  if (!IsCurrent(m.at) || !s_.accepted || s_.rostered || s_.folding) return false;
  // A roster that comes after its round's outcome, or the run's end, opens nothing.
  if (s_.ended || s_.outcome || (s_.last_ack && s_.last_ack->at.round >= m.at.round)) return false;
  if (s_.phase == SitePhase::kFetching || s_.phase == SitePhase::kDeciding) return false;
  return std::binary_search(m.cohort.begin(), m.cohort.end(), s_.site);
}

void Participation::OnMessage(const Roster& m) {
  if (!IsOfThisRound(m)) return;
  const std::vector<OfferedDataset> admitted = VersionsOf(m.admitted);
  const bool offered =
      std::includes(s_.offered.begin(), s_.offered.end(), admitted.begin(), admitted.end());
  if (!s_.declined && !offered) {
    // One was withdrawn since, or was never ours to train on.
    Discard();
    s_.declined = true;
    s_.decline_reason = "not-offered";
    EnterPhase(SitePhase::kIdle, s_.decline_reason);
  }
  if (!s_.declined && !FitWork(admitted)) return;
  s_.rostered = true;
  s_.admitted = m.admitted;
  Changed();
  if (s_.declined) return Say(Withdraw{s_.plan.at, s_.decline_reason});
  if (s_.work == Work::kUploaded) return EnterPhase(SitePhase::kSigning);
  if (s_.work != Work::kNone) return;
  s_.work = Work::kTraining;
  s_.work_plan = s_.plan;
  s_.work_datasets = admitted;
  ++s_.trainings;
  EnterPhase(SitePhase::kTraining);
}

bool Participation::FitWork(const std::vector<OfferedDataset>& admitted) {
  // Nor may what is carried of other data come out with it: the lineage would not name that.
  if (!std::includes(admitted.begin(), admitted.end(), s_.carried.begin(), s_.carried.end())) {
    if (s_.work > Work::kTraining) Discard();  // it may have read the residual
    ForgetResidual();
  }
  if (s_.work == Work::kNone || s_.work_datasets == admitted) return true;
  const bool may_be_used = std::includes(admitted.begin(), admitted.end(), s_.work_datasets.begin(),
                                         s_.work_datasets.end());
  if (!may_be_used) {
    Discard();
    return true;
  }
  s_.phase = SitePhase::kReady;
  Settle(false);
  return !s_.folding;
}

void Participation::On(const RoundRefused& e) {
  if (e.rostered && IsCurrent(e.at) && s_.declined && !s_.rostered) {
    s_.rostered = true;  // whoever sent it waits for a contribution
    Changed();
    return Say(Withdraw{s_.plan.at, s_.decline_reason});
  }
  const bool works = s_.phase >= SitePhase::kReady && s_.phase <= SitePhase::kSigning;
  if (!IsCurrent(e.at) || !works || s_.submitted || s_.folding || s_.declined) return;
  s_.rostered = s_.rostered || e.rostered;
  e.drops ? Discard() : Settle(false);
  SayWithout(e.reason, s_.rostered);
}

}  // namespace dure::round
