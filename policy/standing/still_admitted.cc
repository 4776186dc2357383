#include "policy/standing/still_admitted.h"

#include <algorithm>

#include "policy/standing/admission.h"
#include "policy/standing/unchanged.h"

namespace dure::standing {
namespace {

using Place = std::pair<const DatasetId&, const SiteId&>;

// The first of those that count which is not before this place.
std::vector<uint32_t>::const_iterator LowerBound(const Round& round, const Place& place) {
  return std::ranges::lower_bound(round.counting, place, std::less<>(), [&](uint32_t position) {
    const Admission& one = round.admissions[position];
    return Place(one.what.dataset, one.site);
  });
}

bool Uses(const Round& round, const DatasetId& dataset) {
  for (auto it = LowerBound(round, {dataset, SiteId()}); it != round.counting.end(); ++it) {
    const Admission& one = round.admissions[*it];
    if (one.what.dataset != dataset) break;
    if (one.admit && std::ranges::find(round.cohort, one.site) != round.cohort.end()) return true;
  }
  return false;
}

}  // namespace

bool IsWithdrawn(const State& state, const DatasetId& id) {
  const auto dataset = state.datasets.find(id);
  return dataset == state.datasets.end() || dataset->second.withdrawn.has_value();
}

void Note(Round& round, Admission admission) {
  const auto position = static_cast<uint32_t>(round.admissions.size());
  round.admissions.push_back(std::move(admission));
  const Admission& last = round.admissions.back();
  const auto at = LowerBound(round, {last.what.dataset, last.site});
  const auto place = round.counting.begin() + (at - round.counting.cbegin());
  const bool again = at != round.counting.end() && round.admissions[*at].site == last.site &&
                     round.admissions[*at].what.dataset == last.what.dataset;
  if (again) {
    *place = position;
  } else {
    round.counting.insert(place, position);
  }
}

std::set<SiteId> AdmittedSites(const Round& round) {
  std::set<SiteId> sites;
  for (const uint32_t position : round.counting) {
    const Admission& one = round.admissions[position];
    if (one.admit) sites.insert(one.site);
  }
  return sites;
}

const Admission* AdmittedBy(const Round& round, const SiteId& site, const DatasetId& dataset) {
  const auto at = LowerBound(round, {dataset, site});
  if (at == round.counting.end()) return nullptr;
  const Admission& one = round.admissions[*at];
  const bool found = one.site == site && one.what.dataset == dataset;
  return found && one.admit ? &one : nullptr;
}

std::optional<AdmissionOver> WhyOver(const Standing& now, const RoundAttempt& at,
                                     const Admission& admission, rules::Instant moment) {
  // Nearly always nothing is, and nothing is written down.
  const auto over = [&](const std::string& why, std::string due) {
    return AdmissionOver{admission.site, admission.what,
                         admission.what.dataset.str() + " of " + admission.site.str() +
                             ", admitted to " + at.run.str() + " round " +
                             std::to_string(at.round.value) + " by entry " +
                             std::to_string(admission.index) + why,
                         std::move(due)};
  };
  if (IsWithdrawn(now.state(), admission.what.dataset)) return over(", was withdrawn", {});
  if (SurelyStillHolds(now, at, admission, moment)) return std::nullopt;
  const Result<Ruling> due =
      Decide(now, AdmissionRequest{at, admission.site, admission.what, moment, admission.words});
  if (!due) return over(": " + due.error().message, {});
  if (due->allowed()) return std::nullopt;
  std::string why;
  if (!due->decision.reasons.empty()) {
    const rules::Reason& first = due->decision.reasons.front();
    why = ": " + first.rule + ": " + first.because.en;
  }
  return over(", would not be now" + why, due->Json());
}

std::optional<AdmissionOver> FindAdmissionOver(const Standing& now, const RoundAttempt& at,
                                               const std::vector<SiteId>& cohort,
                                               rules::Instant moment) {
  const auto round = now.state().rounds.find(at);
  if (round == now.state().rounds.end()) return std::nullopt;
  const std::set<SiteId> taking_part(cohort.begin(), cohort.end());
  for (const Admission& one : round->second.admissions) {
    if (!taking_part.contains(one.site) ||
        AdmittedBy(round->second, one.site, one.what.dataset) != &one)
      continue;
    if (auto over = WhyOver(now, at, one, moment)) return over;
  }
  return std::nullopt;
}

std::set<RunId> RunsUsingNow(const State& state, const DatasetId& dataset, const RunId& asking) {
  std::set<RunId> runs;
  for (const auto& [id, run] : state.runs) {
    if (id == asking || !run.approved || run.halted) continue;
    // Only attempts at its next round can still be closed.
    auto round = state.rounds.lower_bound({id, {run.rounds}, 0});
    for (; round != state.rounds.end(); ++round) {
      if (round->first.run != id || round->first.round.value != run.rounds) break;
      const bool goes_on = round->second.opened != 0 && round->second.is_open();
      if (goes_on && Uses(round->second, dataset)) runs.insert(id);
    }
  }
  return runs;
}

bool IsUninvited(const Run& run, const SiteId& site) {
  return !run.invited.empty() && !std::ranges::binary_search(run.invited, site);
}

}  // namespace dure::standing
