// The aggregator's half: which of the sites that are ready may take part, and with what.
#include <algorithm>
#include <utility>

#include "federation/round/round.h"

namespace dure::round {

void Rounds::StartAdmitting() {
  uint32_t size = 0;
  for (auto& [id, site] : s_.sites) {
    site.in_cohort = IsHere(site) && size < manifest_.cohort_max;
    if (site.in_cohort) ++size;
  }
  EnterPhase(RunPhase::kAdmitting);
  EmitAdmissions();
}

void Rounds::EmitAdmissions() {
  DecideAdmissions decide{at(), {}};
  for (const auto& [id, site] : s_.sites) {
    if (site.in_cohort) decide.candidates.push_back({id, site.offered});
  }
  out_.emplace_back(std::move(decide));
}

// Only what was offered can be admitted, and only to a site that is still there.
void Rounds::Admit(const SiteId& id, Site& site, const SiteAdmission& decided) {
  const bool out = !Attends(site) || site.step == Step::kOut;
  site.admitted.clear();
  for (const AdmittedDataset& one : decided.admitted) {
    const OfferedDataset version{one.dataset, one.version};
    const auto& offered = site.offered;
    const bool known = std::find(offered.begin(), offered.end(), version) != offered.end();
    if (known && !out) site.admitted.push_back(one);
  }
  site.in_cohort = !site.admitted.empty();
  if (site.in_cohort) return;
  site.step = Step::kWaiting;
  const auto why = decided.set_apart ? RefusalReason::kSetApart : RefusalReason::kNotAdmitted;
  const bool says_more = !decided.set_apart && !decided.reason.empty();
  site.out_reason = says_more ? decided.reason : std::string(Name(why));
  site.answer = decided.set_apart ? Answer::kDeclined : Answer::kRefused;
  if (out) return;
  SendTo(id, site, Refusal{at(), {}, why});
  Note(NoticeKind::kRefused, id, decided.reason.empty() ? std::string(Name(why)) : decided.reason);
}

void Rounds::OpenOrGatherAgain() {
  if (Cohort().size() >= manifest_.cohort_min) {
    refusals_ = 0;
    return EnterPhase(RunPhase::kOpening);
  }
  for (auto& [id, site] : s_.sites) site.in_cohort = false;
  const std::string causes = WhoIsRefused();
  if (!causes.empty()) ++refusals_;
  EnterPhase(RunPhase::kGathering, "admission" + (causes.empty() ? "" : ": " + causes));
  s_.unadmitted = true;
  s_.window_end = now_ + UntilAskedAgain();
  s_.patience_end = std::max(now_ + pace_.patience, *s_.window_end);
  Note(NoticeKind::kPhase, {}, "waiting-for-admission");
}

// What a rule refuses is no failed attempt: nobody trained for it, and the rule ends, or is voted
// away. Who is set apart by the masking stays so, unless others come.
void Rounds::AskAgain() {
  if (WhoIsRefused().empty()) return NextAttempt();
  ++s_.attempt;
  ForgetAttempt();
  StartGathering();
}

std::string Rounds::WhoIsRefused() const {
  return WhoIsOut([](const Site& site) { return site.answer == Answer::kRefused; });
}

Duration Rounds::UntilAskedAgain() const {
  if (refusals_ <= manifest_.attempts_max) return manifest_.join_window;
  Duration wait = std::max(manifest_.join_window, pace_.resend);
  for (uint32_t n = manifest_.attempts_max + 1; n < refusals_ && wait < pace_.patience; ++n) {
    wait *= 2;
  }
  return std::max(manifest_.join_window, std::min(wait, pace_.patience));
}

}  // namespace dure::round
