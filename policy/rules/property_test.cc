// What must hold of every policy and every set of facts, tried on random ones.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "policy/rules/decide.h"
#include "policy/rules/format.h"
#include "policy/rules/lint.h"
#include "policy/rules/lint_logic.h"
#include "policy/rules/parse.h"
#include "policy/rules/sentence.h"

namespace dure::rules {
namespace {

// Few paths and few values, each path mostly of its own kind, so that rules meet each other and
// their facts; and now and then anything at all.
const std::vector<std::string> kPaths = {"run.id", "run.no",  "run.tags",
                                         "set.of", "at.time", "is.so"};

// In [begin, end) at every size: RapidCheck's own inRange keeps to the beginning while sizes are
// small, and then every rule would be of the first effect.
rc::Gen<int> Between(int begin, int end) {
  return rc::gen::resize(rc::kNominalSize, rc::gen::inRange(begin, end));
}

Value TextFrom(int n) {
  static const std::vector<std::string> kTexts = {"a",      "b",    "two words",
                                                  "absent", "한글", "\"\\\n"};
  return Value::Text(kTexts[n]);
}

// Of one kind, from a handful.
Value Scalar(Kind kind) {
  switch (kind) {
    case Kind::kNumber:
      return Value::Number(Decimal{*Between(-1, 2), 5});
    case Kind::kTime:
      return Value::Time(Instant{*Between(0, 3) * 43200});
    case Kind::kBool:
      return Value::Bool(*rc::gen::arbitrary<bool>());
    case Kind::kText:
    case Kind::kSet:
      break;
  }
  return TextFrom(*rc::gen::weightedElement<int>({{8, 0}, {8, 1}, {1, 2}, {1, 3}, {1, 4}, {1, 5}}));
}

Value SetValue() {
  Value::Items items;
  for (int count = *Between(0, 4); count > 0; --count) items.push_back(Scalar(Kind::kText));
  return Value::Set(std::move(items));
}

Value OfKind(Kind kind) { return kind == Kind::kSet ? SetValue() : Scalar(kind); }

Kind AnyKind() {
  return *rc::gen::element(Kind::kText, Kind::kBool, Kind::kNumber, Kind::kTime, Kind::kSet);
}

Kind KindOf(int path) {
  static const std::vector<Kind> kKinds = {Kind::kText, Kind::kNumber, Kind::kSet,
                                           Kind::kSet,  Kind::kTime,   Kind::kBool};
  return *Between(0, 12) == 0 ? AnyKind() : kKinds[path];
}

Op OpFor(Kind kind) {
  if (*Between(0, 12) == 0) return static_cast<Op>(*Between(0, kOps));
  switch (kind) {
    case Kind::kNumber:
      return *rc::gen::element(Op::kAtLeast, Op::kAtMost, Op::kMoreThan, Op::kLessThan, Op::kIs);
    case Kind::kTime:
      return *rc::gen::element(Op::kBefore, Op::kAfter, Op::kIs, Op::kExists, Op::kDoesNotExist);
    case Kind::kSet:
      return *rc::gen::element(Op::kIncludes, Op::kIncludesAnyOf, Op::kIncludesAllOf,
                               Op::kIncludesOnly, Op::kIncludesNoneOf);
    case Kind::kBool:
    case Kind::kText:
      break;
  }
  return *rc::gen::element(Op::kIs, Op::kIsNot, Op::kIsOneOf, Op::kIsNotOneOf, Op::kExists);
}

rc::Gen<Condition> AnyAtom() {
  return rc::gen::exec([] {
    const int path = *Between(0, static_cast<int>(kPaths.size()));
    const Kind kind = KindOf(path);
    const Op op = OpFor(kind);
    if (op == Op::kExists) return Exists(kPaths[path]);
    if (op == Op::kDoesNotExist) return DoesNotExist(kPaths[path]);
    if (*Between(0, 5) == 0) return ComparePaths(kPaths[path], op, *rc::gen::elementOf(kPaths));
    if (op == Op::kIsOneOf || op == Op::kIsNotOneOf)
      return Compare(kPaths[path], op, Value::Set({Scalar(kind), Scalar(kind)}));
    return Compare(kPaths[path], op, OfKind(op == Op::kIncludes ? Kind::kText : kind));
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

Duty KeepIt(const std::string& ko) {
  Duty duty;
  duty.kind = "keep";
  duty.text = {"Keep {run.id}", ko};
  return duty;
}

rc::Gen<Rule> Rules() {
  return rc::gen::map(
      rc::gen::tuple(
          rc::gen::weightedElement<int>({{4, 0}, {1, 1}, {1, 2}, {1, 3}}), Between(1, 4),
          Conditions(2),
          rc::gen::element<std::string>("", "so {run.id} {is.so}, {{x}} {", "한 줄\n두 줄"),
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
        if (rule.effect == Effect::kOblige) rule.duties = {KeepIt(ko)};
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
  return rc::gen::exec([] {
    Facts facts;
    for (int path = 0; path < static_cast<int>(kPaths.size()); ++path) {
      const int state = *Between(0, 10);
      if (state == 0) continue;
      if (state == 1)
        facts.SetAbsent(kPaths[path]);
      else
        facts.Set(kPaths[path], OfKind(KindOf(path)));
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
  for (int trial = 0; trial < 20; ++trial) {
    const Facts facts = *FactSets();
    const bool admitted = Decide(policies, Action::kTrain, facts).outcome == Outcome::kAdmit;
    for (const std::string& path : kPaths) {
      Facts fewer = facts;
      fewer.Forget(path);
      const Decision unknown = Decide(policies, Action::kTrain, fewer);
      RC_ASSERT(admitted || unknown.outcome == Outcome::kDeny);
    }
  }
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

RC_GTEST_PROP(AnOutcomeByLayersOfFacts, IsThatOfTheDecisionWhereTheySettleIt, ()) {
  const Policy policy = *Policies();
  const PolicySet policies = InForce({policy});
  for (int trial = 0; trial < 20; ++trial) {
    const Facts above = *FactSets();
    const Facts below = *FactSets();
    const std::array<const Facts*, 2> layers = {&above, &below};
    Facts all = below;
    all.Overlay(above);
    const auto outcome = OutcomeBy(policies, Action::kTrain, layers);
    bool settled = true;
    for (const Rule& rule : policy.rules) {
      if (!std::binary_search(rule.actions.begin(), rule.actions.end(), Action::kTrain)) continue;
      for (const Atom* atom : Atoms(rule.condition)) {
        settled &= all.At(atom->path).presence != Presence::kUnknown;
        const std::string& right = atom->right.path;
        settled &= right.empty() || all.At(right).presence != Presence::kUnknown;
      }
    }
    RC_ASSERT(outcome.has_value() == settled);
    if (outcome) RC_ASSERT(*outcome == Decide(policies, Action::kTrain, all).outcome);
  }
}

// The properties above say nothing if nearly everything is denied anyway.
TEST(TheRandomPolicies, AdmitOftenEnough) {
  size_t decided = 0;
  size_t admitted = 0;
  EXPECT_TRUE(rc::check([&] {
    const PolicySet policies = InForce({*Policies()});
    admitted += Decide(policies, Action::kTrain, *FactSets()).outcome == Outcome::kAdmit ? 1 : 0;
    decided++;
  }));
  EXPECT_GE(admitted * 10, decided) << admitted << " of " << decided;
}

RC_GTEST_PROP(ATemplateReadOnce, IsFilledAsItsTextIs, ()) {
  static const std::vector<std::string> kParts = {
      "{run.id}", "{run.no}", "{set.of}", "{request.action}",
      "은(는)",   "이(가) ",  "(으)로",   "을(를)",
      " 한글",    "{{",       "}",        "{"};
  std::string text;
  for (int count = *Between(0, 8); count > 0; --count) text += *rc::gen::elementOf(kParts);
  const Facts facts = *FactSets();
  SentencePieces pieces = ReadTemplate(text);
  std::vector<const Fact*> by_slot;
  for (SentencePiece& piece : pieces) {
    if (piece.slot != SentencePiece::kNoSlot) continue;
    piece.slot = static_cast<uint32_t>(by_slot.size());
    by_slot.push_back(&facts.At(piece.text));
  }
  std::string filled = "what was there before";
  for (const Language language : {Language::kEnglish, Language::kKorean}) {
    Fill(pieces, by_slot, Action::kTrain, language, filled);
    RC_ASSERT(filled == Fill(text, facts, Action::kTrain, language));
  }
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
