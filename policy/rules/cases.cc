#include "policy/rules/cases.h"

#include <algorithm>

#include "policy/rules/evaluate.h"

namespace dure::rules {
namespace {

struct Effects {
  std::vector<std::string> permits;
  std::vector<std::string> refusals;
  std::vector<std::string> obliges;
};

Effects EffectsOf(const PolicySet& policies, Action action, const Facts& facts) {
  const Program& program = policies.For(action);
  const Slots slots(program, action, facts);
  Effects effects;
  for (const CompiledRule& rule : program.rules) {
    if (!Takes(rule.rule->effect, Evaluate(program, slots, rule.root))) continue;
    const bool permit = rule.rule->effect == Effect::kPermit;
    const bool oblige = rule.rule->effect == Effect::kOblige;
    (permit   ? effects.permits
     : oblige ? effects.obliges
              : effects.refusals)
        .push_back(rule.rule->id);
  }
  std::sort(effects.refusals.begin(), effects.refusals.end());
  std::sort(effects.obliges.begin(), effects.obliges.end());
  return effects;
}

std::string Listed(const std::vector<std::string>& items) {
  std::string text;
  for (const std::string& item : items) text += (text.empty() ? "" : ", ") + item;
  return text.empty() ? "nothing" : text;
}

bool Meets(const Expectation& expected, const Effects& effects) {
  using What = Expectation::What;
  if (expected.owing && *expected.owing != effects.obliges) return false;
  switch (expected.what) {
    case What::kAdmit:
      return effects.refusals.empty() && !effects.permits.empty();
    case What::kNoRefusal:
      return effects.refusals.empty();
    case What::kNothingPermits:
      return effects.refusals.empty() && effects.permits.empty();
    case What::kDenyBy:
      return effects.refusals == expected.rules;
  }
  return false;
}

std::string Said(const Expectation& expected) {
  using What = Expectation::What;
  std::string text = expected.what == What::kAdmit            ? "admit"
                     : expected.what == What::kNoRefusal      ? "no refusal"
                     : expected.what == What::kNothingPermits ? "nothing permits"
                                                              : "deny by ";
  if (expected.what == What::kDenyBy) text += Listed(expected.rules);
  return expected.owing ? text + " owing " + Listed(*expected.owing) : text;
}

std::string Said(const Effects& effects, bool with_owing) {
  std::string text = !effects.refusals.empty() ? "deny by " + Listed(effects.refusals)
                     : effects.permits.empty() ? "nothing permits"
                                               : "admit";
  return with_owing ? text + " owing " + Listed(effects.obliges) : text;
}

}  // namespace

bool CaseRun::AllPassed() const {
  return std::all_of(results.begin(), results.end(),
                     [](const CaseResult& result) { return result.passed; });
}

Facts FactsOf(const Policy& policy, const Case& one) {
  Facts facts;
  for (const Situation& situation : policy.situations) {
    if (situation.name == one.situation && !one.situation.empty()) facts = situation.facts;
  }
  facts.Overlay(one.given);
  for (const std::string& path : one.without) facts.Forget(path);
  return facts;
}

Result<CaseRun> RunCases(const PolicyDocument& document) {
  DURE_ASSIGN(const PolicySet policies, PolicySet::Make({document}));
  CaseRun run;
  for (const Rule& rule : document.policy.rules) run.unshown.insert(rule.id);
  for (const Case& one : document.policy.cases) {
    const Facts facts = FactsOf(document.policy, one);
    const Effects effects = EffectsOf(policies, one.action, facts);
    for (const auto* ids : {&effects.permits, &effects.refusals, &effects.obliges}) {
      for (const std::string& id : *ids) run.unshown.erase(id);
    }
    CaseResult result;
    result.name = one.name;
    result.at = one.at;
    result.passed = Meets(one.expected, effects);
    result.expected = Said(one.expected);
    result.found = Said(effects, one.expected.owing.has_value());
    result.decision = Decide(policies, one.action, facts);
    run.results.push_back(std::move(result));
  }
  return run;
}

}  // namespace dure::rules
