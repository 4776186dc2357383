#include "policy/rules/policy.h"

#include <algorithm>
#include <set>

#include "federation/check.h"
#include "policy/rules/format.h"
#include "policy/rules/parse.h"

namespace dure::rules {

std::string_view Name(Op op) {
  static constexpr std::array<std::string_view, kOps> kNames = {"is",
                                                                "is not",
                                                                "is one of",
                                                                "is not one of",
                                                                "includes",
                                                                "includes any of",
                                                                "includes all of",
                                                                "includes only",
                                                                "includes none of",
                                                                "at least",
                                                                "at most",
                                                                "more than",
                                                                "less than",
                                                                "before",
                                                                "after",
                                                                "exists",
                                                                "does not exist"};
  return kNames[static_cast<size_t>(op)];
}

bool HasRightSide(Op op) { return op != Op::kExists && op != Op::kDoesNotExist; }

std::string_view Name(Effect effect) {
  static constexpr std::array<std::string_view, 4> kNames = {"permit", "forbid", "require",
                                                             "oblige"};
  return kNames[static_cast<size_t>(effect)];
}

std::string_view Name(Unit unit) {
  static constexpr std::array<std::string_view, 4> kNames = {"hours", "days", "months", "years"};
  return kNames[static_cast<size_t>(unit)];
}

std::string_view Name(Layer layer) {
  static constexpr std::array<std::string_view, 3> kNames = {"consortium", "terms", "site"};
  return kNames[static_cast<size_t>(layer)];
}

const std::vector<std::string_view>& DutyKinds() {
  static const std::vector<std::string_view> kinds = {
      "attribute",      "notify",          "label",           "keep",
      "report",         "publish",         "delete",          "share-results",
      "return-derived", "delete-evidence", "notify-incident", "pay-share"};
  return kinds;
}

namespace {

Condition OfAtom(std::string_view path, Op op, Operand right) {
  DURE_CHECK(IsPath(path), "a condition compares an attribute path");
  Condition condition;
  condition.atom = Atom{std::string(path), op, std::move(right), {}};
  return condition;
}

Condition Joined(Condition::Form form, std::vector<Condition> parts) {
  DURE_CHECK(!parts.empty(), "a condition joins at least one part");
  if (parts.size() == 1) return std::move(parts.front());
  Condition joined;
  joined.form = form;
  for (Condition& part : parts) {
    if (part.form != form) {
      joined.parts.push_back(std::move(part));
      continue;
    }
    for (Condition& inner : part.parts) joined.parts.push_back(std::move(inner));
  }
  return joined;
}

void GatherAtoms(const Condition& condition, std::vector<const Atom*>& atoms) {
  if (condition.form == Condition::Form::kAtom) atoms.push_back(&condition.atom);
  for (const Condition& part : condition.parts) GatherAtoms(part, atoms);
}

}  // namespace

Condition Compare(std::string_view path, Op op, Value right) {
  DURE_CHECK(HasRightSide(op), "exists compares with nothing");
  return OfAtom(path, op, {"", std::move(right)});
}

Condition ComparePaths(std::string_view path, Op op, std::string_view right_path) {
  DURE_CHECK(HasRightSide(op) && IsPath(right_path), "a path is compared with a path");
  return OfAtom(path, op, {std::string(right_path), {}});
}

Condition Exists(std::string_view path) { return OfAtom(path, Op::kExists, {}); }
Condition DoesNotExist(std::string_view path) { return OfAtom(path, Op::kDoesNotExist, {}); }

Condition Not(Condition part) {
  Condition negated;
  negated.form = Condition::Form::kNot;
  negated.parts.push_back(std::move(part));
  return negated;
}

Condition All(std::vector<Condition> parts) {
  return Joined(Condition::Form::kAnd, std::move(parts));
}
Condition Any(std::vector<Condition> parts) {
  return Joined(Condition::Form::kOr, std::move(parts));
}

bool IsRuleId(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto inside = [&](char c) {
    return letter(c) || (c >= '0' && c <= '9') ||
           std::string_view("-_.:#").find(c) != std::string_view::npos;
  };
  return !text.empty() && text.size() <= kRuleIdBytesMax && letter(text.front()) &&
         text.back() != '.' && std::all_of(text.begin(), text.end(), inside);
}

std::vector<const Atom*> Atoms(const Condition& condition) {
  std::vector<const Atom*> atoms;
  GatherAtoms(condition, atoms);
  return atoms;
}

size_t AtomCount(const Condition& condition) { return Atoms(condition).size(); }

size_t Depth(const Condition& condition) {
  size_t deepest = 0;
  for (const Condition& part : condition.parts) deepest = std::max(deepest, Depth(part));
  return condition.parts.empty() ? 0 : deepest + 1;
}

namespace {

bool HasForm(const Condition& condition) {
  using Form = Condition::Form;
  if (condition.form == Form::kAtom) {
    const Atom& atom = condition.atom;
    const bool right = atom.right.path.empty() || IsPath(atom.right.path);
    return condition.parts.empty() && IsPath(atom.path) && right;
  }
  const bool one = condition.form == Form::kNot;
  const bool counted = one ? condition.parts.size() == 1 : condition.parts.size() >= 2;
  return counted && std::all_of(condition.parts.begin(), condition.parts.end(), HasForm);
}

bool KnownDuty(const Duty& duty) {
  const auto& kinds = DutyKinds();
  const bool limited = duty.limit == Duty::Limit::kNone ? duty.count == 0 : duty.count > 0;
  return std::find(kinds.begin(), kinds.end(), duty.kind) != kinds.end() && !duty.text.en.empty() &&
         limited;
}

// Empty: nothing is wrong with this rule by itself.
std::string Wrong(const Rule& rule, Layer layer) {
  if (!IsRuleId(rule.id)) return "its name is malformed or longer than 128 characters";
  if (rule.actions.empty()) return "it names no action";
  if (!std::is_sorted(rule.actions.begin(), rule.actions.end(), std::less_equal<>()))
    return "its actions are repeated or not in order";
  if (layer != Layer::kConsortium && rule.effect == Effect::kPermit)
    return "a " + std::string(Name(layer)) + " policy can only narrow: it may not permit";
  if (Depth(rule.condition) > kDepthMax) return "its condition is nested deeper than 16";
  if (!HasForm(rule.condition)) return "its condition is malformed";
  if (AtomCount(rule.condition) > kAtomsMax) return "its condition has more than 64 comparisons";
  if (rule.effect == Effect::kOblige ? rule.duties.empty() : !rule.duties.empty())
    return "an oblige has duties, and no other rule has";
  if (rule.duties.size() > kDutiesMax) return "it has more than 16 duties";
  if (!std::all_of(rule.duties.begin(), rule.duties.end(), KnownDuty))
    return "a duty has an unknown kind, no text or no limit's length";
  return "";
}

}  // namespace

Status CheckPolicy(const Policy& policy) {
  if (policy.name.en.empty()) return Fail(ErrorCode::kInvalid, "a policy has a name");
  if (policy.version == 0) return Fail(ErrorCode::kInvalid, "a policy's version counts from 1");
  if (policy.rules.size() > kRulesMax)
    return Fail(ErrorCode::kExhausted, policy.name.en + " has more than 512 rules");
  std::set<std::string_view> ids;
  for (const Rule& rule : policy.rules) {
    const std::string wrong = Wrong(rule, policy.layer);
    if (!wrong.empty()) return Fail(ErrorCode::kInvalid, "rule " + rule.id + ": " + wrong);
    if (!ids.insert(rule.id).second)
      return Fail(ErrorCode::kInvalid, "rule " + rule.id + " occurs twice in " + policy.name.en);
  }
  return {};
}

Result<PolicyDocument> MakeDocument(Policy policy) {
  DURE_TRY(CheckPolicy(policy));
  const std::string text = Format(policy);
  DURE_ASSIGN(PolicyDocument document, ReadPolicy(text, policy.name.en));
  if (document.policy != policy)
    return Fail(ErrorCode::kInvalid, "policy " + policy.name.en +
                                         " does not say what its own text says: a text holds " +
                                         "control bytes, or a list is not in order");
  return document;
}

}  // namespace dure::rules
