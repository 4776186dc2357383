// Measurements: on what a model may be measured, and the figures that came of it.
#include <algorithm>

#include "policy/rules/agreement.h"
#include "policy/standing/admission.h"
#include "policy/standing/decided.h"
#include "policy/standing/fold.h"
#include "policy/standing/measurable.h"

namespace dure::standing {
namespace {

std::string Text(const DatasetVersion& what) {
  return what.dataset.str() + " version " + std::to_string(what.version);
}

// A decision that lets this site measure this model on it, and whether it still would.
MaybeBreach MayBeMeasured(const Standing& now, const Said& said,
                          const ledger::EvaluationReported& e, const ledger::DatasetUsed& used) {
  const auto found = now.state().measurings.find({e.model, e.site, used.what});
  const bool let = found != now.state().measurings.end() && found->second.admit &&
                   found->second.index == used.admission && found->second.run == e.on->run;
  if (!let) {
    return Breach{"not-admitted", "entry " + std::to_string(used.admission) + " does not let " +
                                      e.site.str() + " measure that model on " + Text(used.what) +
                                      " for " + e.on->run.str()};
  }
  const Result<Ruling> due = Decide(
      now, MeasuringRequest{e.on->run, e.model, e.site, used.what, said.at, found->second.words});
  if (!due) return Breach{"not-decidable", due.error().message};
  if (due->allowed() && !now.state().datasets.at(used.what.dataset).withdrawn) return std::nullopt;
  if (due->allowed()) {
    return Breach{"measured-withdrawn", used.what.dataset.str() + " is withdrawn"};
  }
  const rules::Reason& why = due->decision.reasons.front();
  return Breach{"measuring-refused",
                "no model may be measured on " + Text(used.what) + " of " + e.site.str() + ": " +
                    why.rule + ": " + why.because.en,
                due->Json()};
}

}  // namespace

MaybeBreach HoldsIn(const Standing& now, const Said& said, const ledger::EvaluationDecided& e) {
  if (e.as_of > said.index) return Breach{"as-of", "it was decided from entries after itself"};
  if (e.as_of < now.decisive_size()) return std::nullopt;  // stale: has no effect
  const Result<Ruling> due = Decide(now, MeasuringRequest{e.run, e.model, e.site, e.what, said.at,
                                                          rules::WordsOf(e.decision).value_or(0)});
  if (!due) return Breach{"not-decidable", due.error().message};
  const uint32_t words = std::max(rules::WordsOf(e.decision).value_or(0), NewestWords(now.state()));
  if (words >= kMeasuredAreKnownSince && !IsMeasurable(now.state(), e.run, e.model)) {
    return Breach{"unknown-model", WhyNotMeasurable(e.run, e.model)};
  }
  if (due->policies != e.policies) {
    return Breach{"other-policies", "it was decided under policies that the run did not pin",
                  due->policies.Hex()};
  }
  return DecisionHolds(
      now, *due,
      {e.admit, e.decision,
       "measuring a model on " + Text(e.what) + " of " + e.site.str() + " for " + e.run.str()});
}

MaybeBreach NamesItsData(const ledger::EvaluationReported& e) {
  if (e.on) return std::nullopt;
  return Breach{"names-no-data", "it does not say on which data, and who let it be measured on"};
}

MaybeBreach HoldsIn(const Standing& now, const Said& said, const ledger::EvaluationReported& e) {
  // Figures of a record in which nobody ever decided about measuring are those of older builds.
  if (!e.on && now.state().measurings.empty()) return std::nullopt;
  if (MaybeBreach breach = NamesItsData(e)) return breach;
  if (said.site != e.site || said.role != ledger::Role::kSite) {
    return Breach{"foreign-site", "what " + e.site.str() + " measured is for itself to say"};
  }
  for (const ledger::DatasetUsed& used : e.on->datasets) {
    if (MaybeBreach breach = MayBeMeasured(now, said, e, used)) return breach;
  }
  return std::nullopt;
}

void Fold::Do(const Said& said, const ledger::EvaluationDecided& e) {
  if (e.as_of < standing_.decisive_size()) return;
  CountWords(e.decision);
  state_.measurings[{e.model, e.site, e.what}] = {said.index, e.run, e.admit,
                                                  rules::WordsOf(e.decision).value_or(0)};
  const auto run = state_.runs.find(e.run);
  if (!e.admit || run == state_.runs.end()) return;
  OpenDuties(said, e.decision, {run->second.proposer, e.run.str(), e.what, {}, 0});
}

void Fold::Do(const Said& said, const ledger::EvaluationReported& e) {
  state_.evaluations.push_back({said.index, e});
}

}  // namespace dure::standing
