#include "policy/rules/impact.h"

namespace dure::rules {

Impact ImpactOf(const PolicySet& proposed, std::span<const PastDecision> past) {
  Impact impact;
  for (size_t i = 0; i < past.size(); ++i) {
    Decision decision = Decide(proposed, past[i].action, past[i].facts);
    impact.decided++;
    if (decision.outcome == past[i].outcome) continue;
    auto& flips = decision.outcome == Outcome::kDeny ? impact.to_deny : impact.to_admit;
    flips.push_back({i, std::move(decision)});
  }
  return impact;
}

}  // namespace dure::rules
