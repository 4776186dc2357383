#include "policy/standing/measurable.h"

#include <algorithm>

namespace dure::standing {

bool IsMeasurable(const State& state, const RunId& run, const Digest& model) {
  if (state.models.contains(model)) return true;
  const auto proposed = state.runs.find(run);
  if (proposed != state.runs.end()) {
    const auto& fields = proposed->second.fields;
    const auto first = fields.find("initialModel");
    if (first != fields.end() && first->second == model.Hex()) return true;
  }
  return std::ranges::any_of(state.coalitions, [&](const auto& made) {
    return std::ranges::any_of(made.second, [&](const ledger::CoalitionsMade& one) {
      return std::ranges::find(one.coalitions, model, &ledger::Coalition::model) !=
             one.coalitions.end();
    });
  });
}

std::string WhyNotMeasurable(const RunId& run, const Digest& model) {
  return "model " + model.Hex().substr(0, 16) + "... is not the one that " + run.str() +
         " was proposed from, and no closed round of this log made it";
}

}  // namespace dure::standing
