// What must hold of every policy and every set of facts, tried on random ones.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "policy/rules/decide.h"
#include "policy/rules/format.h"
#include "policy/rules/lint.h"
#include "policy/rules/lint_logic.h"
#include "policy/rules/parse.h"

namespace dure::rules {
namespace {

// Few paths and few values, so that rules meet each other and their facts.
const std::vector<std::string> kPaths = {"run.id", "run.no",  "run.tags",
                                         "set.of", "at.time", "is.so"};

rc::Gen<Value> Scalars() {
  return rc::gen::oneOf(
      rc::gen::map(rc::gen::element<std::string>("a", "b", "two words", "absent", "한글", "\"\\\n"),
                   [](const std::string& text) { return Value::Text(text); }),
      rc::gen::map(rc::gen::inRange(-2, 3),
                   [](int n) {
                     return Value::Number(Decimal{n, 5});
                   }),
      rc::gen::map(rc::gen::inRange(0, 3), [](int n) { return Value::Time(Instant{n * 43200}); }),
      rc::gen::map(rc::gen::arbitrary<bool>(), [](bool b) { return Value::Bool(b); }));
}

rc::Gen<Value> Values() {
  return rc::gen::oneOf(Scalars(), Scalars(),
                        rc::gen::map(rc::gen::container<std::vector<Value>>(Scalars()),
                                     [](std::vector<Value> items) { return Value::Set(items); }));
}

rc::Gen<Condition> AnyAtom() {
  return rc::gen::map(rc::gen::tuple(rc::gen::elementOf(kPaths), rc::gen::inRange<size_t>(0, kOps),
                                     Values(), rc::gen::elementOf(kPaths), rc::gen::inRange(0, 3)),
                      [](const auto& parts) {
                        const auto& [path, op_number, value, other, form] = parts;
                        const Op op = static_cast<Op>(op_number);
                        if (op == Op::kExists) return Exists(path);
                        if (op == Op::kDoesNotExist) return DoesNotExist(path);
                        return form == 0 ? ComparePaths(path, op, other) : Compare(path, op, value);
                      });
}

rc::Gen<Condition> Conditions(int depth) {
  if (depth == 0) return AnyAtom();
  const auto parts = rc::gen::resize(
      3, rc::gen::nonEmpty(rc::gen::container<std::vector<Condition>>(Conditions(depth - 1))));
  return rc::gen::oneOf(
      AnyAtom(), rc::gen::map(Conditions(depth - 1), [](Condition part) { return Not(part); }),
      rc::gen::map(parts, [](std::vector<Condition> all) { return All(all); }),
      rc::gen::map(parts, [](std::vector<Condition> any) { return Any(any); }));
}

rc::Gen<Rule> Rules() {
  return rc::gen::map(rc::gen::tuple(rc::gen::inRange(0, 4), rc::gen::inRange(1, 4), Conditions(3),
                                     rc::gen::element<std::string>(
                                         "", "so {run.id} {is.so}, {{x}} {", "한 줄\n두 줄"),
                                     rc::gen::element<std::string>("", "{run.no}은(는) {set.of}")),
                      [](const auto& parts) {
                        const auto& [effect, actions, condition, en, ko] = parts;
                        Rule rule;
                        rule.effect = static_cast<Effect>(effect);
                        if ((actions & 1) != 0) rule.actions.push_back(Action::kTrain);
                        if ((actions & 2) != 0) rule.actions.push_back(Action::kServe);
                        rule.condition = condition;
                        rule.title = {en.empty() ? "" : "Title", ""};
                        rule.because = {en, en.empty() ? "" : ko};
                        if (rule.effect == Effect::kOblige)
                          rule.duties = {{"keep", {"Keep {run.id}", ko}, {}, 0, {}, {}}};
                        return rule;
                      });
}

rc::Gen<Policy> Policies() {
  return rc::gen::map(rc::gen::resize(6, rc::gen::container<std::vector<Rule>>(Rules())),
                      [](std::vector<Rule> rules) {
                        Policy policy;
                        policy.name = {"Random", "무작위"};
                        policy.effective = {86400 * 20000};
                        for (size_t i = 0; i < rules.size(); ++i)
                          rules[i].id = "R" + std::to_string(i);
                        policy.rules = std::move(rules);
                        return policy;
                      });
}

rc::Gen<Facts> FactSets() {
  return rc::gen::map(rc::gen::container<std::vector<std::pair<int, Value>>>(
                          kPaths.size(), rc::gen::pair(rc::gen::inRange(0, 5), Values())),
                      [](const std::vector<std::pair<int, Value>>& drawn) {
                        Facts facts;
                        for (size_t i = 0; i < drawn.size(); ++i) {
                          if (drawn[i].first == 0) continue;
                          if (drawn[i].first == 1)
                            facts.SetAbsent(kPaths[i]);
                          else
                            facts.Set(kPaths[i], drawn[i].second);
                        }
                        return facts;
                      });
}

PolicySet InForce(std::vector<Policy> policies) {
  std::vector<PolicyDocument> documents;
  for (Policy& policy : policies) {
    Result<PolicyDocument> document = MakeDocument(std::move(policy));
    RC_ASSERT(document.has_value());
    documents.push_back(std::move(*document));
  }
  const Result<PolicySet> set = PolicySet::Make(std::move(documents));
  RC_ASSERT(set.has_value());
  return *set;
}

std::string DecidedBy(const PolicySet& policies, const Facts& facts) {
  return ToJson(Decide(policies, Action::kTrain, facts));
}

// The digests of texts differ when rules change places; everything else must not.
Decision WithoutDigests(Decision decision) {
  for (Reason& reason : decision.reasons) reason.policy.digest = {};
  for (Permission& permission : decision.permissions) permission.policy.digest = {};
  for (Obligation& owed : decision.obligations) owed.policy.digest = {};
  return decision;
}

RC_GTEST_PROP(AnyPolicy, ReadsBackFromItsText, ()) {
  const Policy policy = *Policies();
  const std::string text = Format(policy);
  const Parsed parsed = ParsePolicy(text);
  for (const Problem& problem : parsed.problems) RC_LOG(ToText(problem, "p", text));
  RC_ASSERT(parsed.document.has_value());
  RC_ASSERT(parsed.document->policy == policy);
  RC_ASSERT(Format(parsed.document->policy) == text);
}

RC_GTEST_PROP(AnyPolicy, DecidesWithoutRegardToOrder, ()) {
  Policy policy = *Policies();
  const Facts facts = *FactSets();
  const Decision before = Decide(InForce({policy}), Action::kTrain, facts);
  std::reverse(policy.rules.begin(), policy.rules.end());
  std::rotate(policy.rules.begin(), policy.rules.begin() + policy.rules.size() / 2,
              policy.rules.end());
  const Decision after = Decide(InForce({policy}), Action::kTrain, facts);
  RC_ASSERT(WithoutDigests(before) == WithoutDigests(after));
}

RC_GTEST_PROP(AnyPolicies, DecideWithoutRegardToTheirOrder, ()) {
  const Policy first = *Policies();
  Policy second = *Policies();
  for (Rule& rule : second.rules) rule.id = "S" + rule.id;
  const Facts facts = *FactSets();
  RC_ASSERT(DecidedBy(InForce({first, second}), facts) ==
            DecidedBy(InForce({second, first}), facts));
}

RC_GTEST_PROP(AnotherForbidOrRequire, NeverTurnsADenyIntoAnAdmit, ()) {
  const Policy policy = *Policies();
  Policy site;
  site.layer = Layer::kSite;
  site.name = {"Site", ""};
  site.rules = {*rc::gen::suchThat(Rules(), [](const Rule& rule) {
    return rule.effect == Effect::kForbid || rule.effect == Effect::kRequire;
  })};
  site.rules[0].id = "S1";
  const Facts facts = *FactSets();
  const Decision alone = Decide(InForce({policy}), Action::kTrain, facts);
  const Decision narrowed = Decide(InForce({policy, site}), Action::kTrain, facts);
  RC_ASSERT(alone.outcome == Outcome::kAdmit || narrowed.outcome == Outcome::kDeny);
}

// What is admitted with less known is admitted with more: so not knowing never helps.
RC_GTEST_PROP(AnUnknownFact, NeverAdmits, ()) {
  const PolicySet policies = InForce({*Policies()});
  const Facts facts = *FactSets();
  Facts fewer = facts;
  for (const std::string& path :
       *rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(kPaths)))
    fewer.Forget(path);
  const Decision known = Decide(policies, Action::kTrain, facts);
  const Decision unknown = Decide(policies, Action::kTrain, fewer);
  RC_ASSERT(known.outcome == Outcome::kAdmit || unknown.outcome == Outcome::kDeny);
}

RC_GTEST_PROP(AnyDecision, ComesBackFromItsJson, ()) {
  const Decision decision = Decide(InForce({*Policies()}), Action::kTrain, *FactSets());
  const std::string json = ToJson(decision);
  const Result<Decision> back = DecisionFromJson(json);
  RC_ASSERT(back.has_value());
  RC_ASSERT(*back == decision);
  RC_ASSERT(ToJson(*back) == json);
}

RC_GTEST_PROP(AnyDeny, NamesARuleAndAFact, ()) {
  const Decision decision = Decide(InForce({*Policies()}), Action::kTrain, *FactSets());
  RC_ASSERT((decision.outcome == Outcome::kDeny) == !decision.reasons.empty());
  for (const Reason& reason : decision.reasons) {
    RC_ASSERT(!reason.rule.empty());
    RC_ASSERT(!reason.facts.empty());
    RC_ASSERT(!reason.because.en.empty() && !reason.because.ko.empty());
  }
}

// The compiled rules against the plain reading of the reference: forbid on true or unknown, require
// on false or unknown, permit on true.
RC_GTEST_PROP(TheCompiledRules, DecideAsThePlainReadingDoes, ()) {
  const Policy policy = *Policies();
  const Facts facts = *FactSets();
  bool refused = false;
  bool permitted = false;
  for (const Rule& rule : policy.rules) {
    if (!std::binary_search(rule.actions.begin(), rule.actions.end(), Action::kTrain)) continue;
    const Truth truth = TruthOf(rule.condition, facts);
    refused |= rule.effect == Effect::kForbid && truth != Truth::kFalse;
    refused |= rule.effect == Effect::kRequire && truth != Truth::kTrue;
    permitted |= rule.effect == Effect::kPermit && truth == Truth::kTrue;
  }
  const Decision decision = Decide(InForce({policy}), Action::kTrain, facts);
  RC_ASSERT((decision.outcome == Outcome::kAdmit) == (permitted && !refused));
}

RC_GTEST_PROP(AnyFacts, ComeBackFromTheirBytes, ()) {
  const Facts facts = *FactSets();
  const Result<Facts> back = Facts::FromBytes(facts.ToBytes());
  RC_ASSERT(back.has_value());
  RC_ASSERT(*back == facts);
  RC_ASSERT(back->ToDigest() == facts.ToDigest());
}

}  // namespace
}  // namespace dure::rules
