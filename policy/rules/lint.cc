#include "policy/rules/lint.h"

#include <algorithm>
#include <set>

#include "policy/rules/cases.h"
#include "policy/rules/format.h"
#include "policy/rules/lint_logic.h"
#include "policy/rules/sentence.h"

namespace dure::rules {
namespace {

bool ComparesSets(Op op) {
  return op == Op::kIncludesAnyOf || op == Op::kIncludesAllOf || op == Op::kIncludesOnly ||
         op == Op::kIncludesNoneOf;
}
bool ComparesNumbers(Op op) {
  return op == Op::kAtLeast || op == Op::kAtMost || op == Op::kMoreThan || op == Op::kLessThan;
}
bool ComparesTimes(Op op) { return op == Op::kBefore || op == Op::kAfter; }
bool AsksMembership(Op op) { return op == Op::kIsOneOf || op == Op::kIsNotOneOf; }

// Words, kinds and values against the schema.
class Words {
 public:
  Words(const Schema& schema, std::vector<Finding>& findings)
      : schema_(schema), findings_(findings) {}

  void Check(const Rule& rule) {
    where_ = "rule " + rule.id;
    at_ = rule.at;
    for (const Atom* atom : Atoms(rule.condition)) Check(*atom);
    CheckTemplate(rule.because);
    for (const Duty& duty : rule.duties) CheckTemplate(duty.text);
    if (rule.title.en.empty()) Warn("it has no title", "say in one line what it is for");
    if (!rule.title.en.empty() && rule.title.ko.empty())
      Warn("its title has no Korean", "write ko \"...\" below it");
    if (rule.because.en.empty())
      Warn("it has no because, so a refusal repeats only the title",
           "write because \"Dataset {dataset.id} is ...\"");
    if (!rule.because.en.empty() && rule.because.ko.empty())
      Warn("its because has no Korean", "write ko \"...\" below it");
    for (const Duty& duty : rule.duties) {
      if (duty.text.ko.empty()) Warn("a duty has no Korean", "write ko \"...\" below it");
    }
  }

  void Check(const std::string& where, Position at, const Facts& facts) {
    where_ = where;
    at_ = at;
    for (const Facts::Entry& entry : facts.entries()) {
      const Attribute* attribute = Known(entry.path);
      if (attribute == nullptr) continue;
      if (entry.fact.presence == Presence::kAbsent && !attribute->nullable)
        Blame(entry.path + " is never absent", "leave it out if it is not known");
      if (entry.fact.presence == Presence::kKnown && !attribute->Admits(entry.fact.value))
        Blame(entry.path + " is never " + entry.fact.value.ToText(),
              "it is a " + attribute->KindText());
    }
  }

 private:
  void Add(Severity severity, std::string message, std::string advice) {
    findings_.push_back({severity, at_, where_, std::move(message), std::move(advice)});
  }
  void Blame(std::string message, std::string advice) {
    Add(Severity::kError, std::move(message), std::move(advice));
  }
  void Warn(std::string message, std::string advice) {
    Add(Severity::kWarning, std::move(message), std::move(advice));
  }

  const Attribute* Known(const std::string& path) {
    const Attribute* attribute = schema_.Find(path);
    if (attribute != nullptr) return attribute;
    const std::string near = schema_.Nearest(path);
    Blame("no attribute is called " + path + ", so it is always unknown",
          near.empty() ? "" : "did you mean '" + near + "'?");
    return nullptr;
  }

  void CheckTemplate(const Sentence& sentence) {
    for (const std::string* text : {&sentence.en, &sentence.ko}) {
      for (const std::string& path : PathsIn(*text)) Known(path);
      if (!HasWellFormedBraces(*text))
        Warn("a sentence has a brace that is no {attribute}", "write {{ and }} for braces");
    }
  }

  void Check(const Atom& atom) {
    const Position rule_at = at_;
    at_ = atom.at;
    const Attribute* left = Known(atom.path);
    const Attribute* right = atom.right.path.empty() ? nullptr : Known(atom.right.path);
    if (left != nullptr) {
      if (!HasRightSide(atom.op))
        CheckExists(*left, atom);
      else if (atom.right.path.empty())
        CheckValue(*left, atom);
      else if (right != nullptr)
        CheckPaths(*left, *right, atom);
    }
    at_ = rule_at;
  }

  void CheckExists(const Attribute& left, const Atom& atom) {
    if (!left.nullable && left.path != "request.action")
      Warn(Format(atom) + " asks about an attribute that is always there",
           "the record never says that there is none; ask for its value");
  }

  // Whether the operator fits the left side; blames it if not.
  bool Fits(const Attribute& left, const Atom& atom) {
    const Kind kind = left.kind;
    const bool includes = atom.op == Op::kIncludes || ComparesSets(atom.op);
    const bool fits = includes                   ? kind == Kind::kSet
                      : ComparesNumbers(atom.op) ? kind == Kind::kNumber
                      : ComparesTimes(atom.op)   ? kind == Kind::kTime
                                                 : !AsksMembership(atom.op) || kind != Kind::kSet;
    if (!fits)
      Blame(left.path + " is a " + left.KindText() + " and cannot be compared by '" +
                std::string(Name(atom.op)) + "'",
            kind == Kind::kSet ? "of a set one asks 'includes'" : "");
    return fits;
  }

  void CheckValue(const Attribute& left, const Atom& atom) {
    if (!Fits(left, atom)) return;
    const Value& value = atom.right.value;
    const bool wants_set = ComparesSets(atom.op) || AsksMembership(atom.op) ||
                           (left.kind == Kind::kSet && atom.op != Op::kIncludes);
    if (wants_set != (value.kind() == Kind::kSet)) {
      Blame(Format(atom) + " compares with " + (wants_set ? "one value" : "a set") + " where " +
                (wants_set ? "a set" : "one value") + " is meant",
            wants_set ? "write {" + value.ToText() + "}" : "");
      return;
    }
    Attribute item = left;
    item.kind = left.item_kind;
    const Value::Items one = {value};
    for (const Value& each : value.items() != nullptr ? *value.items() : one) CheckItem(item, each);
  }

  void CheckItem(const Attribute& item, const Value& value) {
    if (item.Admits(value)) return;
    std::vector<std::string_view> words(item.enumeration.begin(), item.enumeration.end());
    const std::string near = value.text() != nullptr ? NearestOf(*value.text(), words) : "";
    Blame(item.path + " is never " + value.ToText(),
          near.empty() ? "it is a " + item.KindText() : "did you mean '" + near + "'?");
  }

  void CheckPaths(const Attribute& left, const Attribute& right, const Atom& atom) {
    if (!Fits(left, atom)) return;
    const bool wants_set = ComparesSets(atom.op) || AsksMembership(atom.op) ||
                           (left.kind == Kind::kSet && atom.op != Op::kIncludes);
    if (wants_set != (right.kind == Kind::kSet) || left.item_kind != right.item_kind)
      Blame(left.path + " is a " + left.KindText() + " and " + right.path + " a " +
                right.KindText() + ": '" + std::string(Name(atom.op)) + "' never holds",
            "");
  }

  const Schema& schema_;
  std::vector<Finding>& findings_;
  std::string where_;
  Position at_;
};

std::vector<std::string> SortedPaths(const Rule& rule) {
  std::set<std::string> paths;
  for (const Atom* atom : Atoms(rule.condition)) {
    paths.insert(atom->path);
    if (!atom->right.path.empty()) paths.insert(atom->right.path);
  }
  return {paths.begin(), paths.end()};
}

// What rules mean together.
class Logic {
 public:
  Logic(const Policy& policy, const Schema& schema, std::vector<Finding>& findings)
      : policy_(policy), trial_(schema, budget_), findings_(findings) {
    for (const Rule& rule : policy.rules) paths_.push_back(SortedPaths(rule));
  }

  void Check() {
    for (size_t i = 0; i < policy_.rules.size(); ++i) {
      if (!CheckAlone(policy_.rules[i])) continue;
      if (policy_.rules[i].effect == Effect::kPermit) CheckReach(i);
      for (size_t j = 0; j < policy_.rules.size(); ++j) {
        if (i != j) CheckShadow(i, j);
      }
    }
  }

 private:
  void Add(const Rule& rule, Severity severity, std::string message, std::string advice) {
    findings_.push_back(
        {severity, rule.at, "rule " + rule.id, std::move(message), std::move(advice)});
  }

  bool CheckAlone(const Rule& rule) {
    bool can_hold = false;
    bool can_fail = false;
    const bool tried = trial_.ForEach({&rule.condition}, rule.actions, [&](const auto& truths) {
      can_hold |= truths[0] == Truth::kTrue;
      can_fail |= truths[0] != Truth::kTrue;
      return !can_hold || !can_fail;
    });
    if (!tried) {
      Add(rule, Severity::kNote, "it has too many combinations to look for contradictions", "");
      return false;
    }
    const bool require = rule.effect == Effect::kRequire;
    if (!can_hold)
      Add(rule, Severity::kError,
          require ? "it can never be met, so it refuses everything"
                  : "its condition contradicts itself and never holds",
          "look for two comparisons of one attribute that exclude each other");
    if (require && !can_fail)
      Add(rule, Severity::kWarning, "it is always met, so it refuses nothing", "");
    return can_hold;
  }

  bool Within(size_t inner, size_t outer) const {
    return std::includes(paths_[outer].begin(), paths_[outer].end(), paths_[inner].begin(),
                         paths_[inner].end());
  }

  // A permit that some refusal of this policy always meets, for one of its actions.
  void CheckReach(size_t permit_index) {
    const Rule& permit = policy_.rules[permit_index];
    for (const Action action : permit.actions) {
      std::vector<const Condition*> conditions = {&permit.condition};
      std::vector<const Rule*> refusals;
      for (size_t j = 0; j < policy_.rules.size(); ++j) {
        const Rule& rule = policy_.rules[j];
        const bool refuses = rule.effect == Effect::kForbid || rule.effect == Effect::kRequire;
        if (!refuses || !Within(j, permit_index)) continue;
        if (!std::binary_search(rule.actions.begin(), rule.actions.end(), action)) continue;
        refusals.push_back(&rule);
        conditions.push_back(&rule.condition);
      }
      bool reachable = refusals.empty();
      const bool tried = trial_.ForEach(conditions, {action}, [&](const auto& truths) {
        bool refused = truths[0] != Truth::kTrue;
        for (size_t k = 0; k < refusals.size(); ++k)
          refused |= Takes(refusals[k]->effect, truths[k + 1]);
        reachable |= !refused;
        return !reachable;
      });
      if (!tried || reachable) continue;
      std::string by;
      for (const Rule* rule : refusals) by += (by.empty() ? "" : ", ") + rule->id;
      Add(permit, Severity::kWarning,
          "it can never permit " + std::string(Name(action)) +
              ": whenever it would, another rule refuses",
          "see " + by);
    }
  }

  // Rule i, whose every effect rule j has too.
  void CheckShadow(size_t i, size_t j) {
    const Rule& rule = policy_.rules[i];
    const Rule& other = policy_.rules[j];
    const bool same = rule.effect == other.effect && rule.effect != Effect::kOblige &&
                      std::includes(other.actions.begin(), other.actions.end(),
                                    rule.actions.begin(), rule.actions.end());
    if (!same || !Within(j, i)) return;
    bool implied = true;
    bool equal = true;
    const bool tried =
        trial_.ForEach({&rule.condition, &other.condition}, rule.actions, [&](const auto& truths) {
          const bool a = Takes(rule.effect, truths[0]);
          const bool b = Takes(rule.effect, truths[1]);
          implied &= !a || b;
          equal &= a == b;
          return implied;
        });
    // Of two equal rules only the later one is blamed.
    if (!tried || !implied || (equal && rule.actions == other.actions && i < j)) return;
    Add(rule, Severity::kWarning,
        "rule " + other.id + " always does the same already, so this one never matters",
        "keep one of them");
  }

  const Policy& policy_;
  size_t budget_ = kTrialsBudget;
  Trial trial_;
  std::vector<std::vector<std::string>> paths_;
  std::vector<Finding>& findings_;
};

bool IsBefore(const Finding& a, const Finding& b) {
  return a.at.line != b.at.line ? a.at.line < b.at.line : a.at.column < b.at.column;
}

void CheckCaseCover(const PolicyDocument& document, std::vector<Finding>& findings) {
  const Result<CaseRun> run = RunCases(document);
  if (!run) return;
  for (const Rule& rule : document.policy.rules) {
    if (run->unshown.count(rule.id) == 0) continue;
    findings.push_back({Severity::kNote, rule.at, "rule " + rule.id,
                        "no case of this policy shows it taking effect",
                        "add a case that expects it"});
  }
}

}  // namespace

std::string_view Name(Severity severity) {
  switch (severity) {
    case Severity::kError:
      return "error";
    case Severity::kWarning:
      return "warning";
    case Severity::kNote:
      return "note";
  }
  return "";
}

std::vector<Finding> Lint(const PolicyDocument& document, const Schema& schema) {
  std::vector<Finding> findings;
  const Policy& policy = document.policy;
  Words words(schema, findings);
  for (const Rule& rule : policy.rules) words.Check(rule);
  for (const Situation& situation : policy.situations)
    words.Check("situation \"" + situation.name + "\"", situation.at, situation.facts);
  for (const Case& one : policy.cases) words.Check("case \"" + one.name + "\"", one.at, one.given);
  // A value that never occurs would only be reported a second time, as a contradiction.
  const bool words_fit = std::none_of(findings.begin(), findings.end(), [](const Finding& one) {
    return one.severity == Severity::kError;
  });
  if (words_fit) Logic(policy, schema, findings).Check();
  CheckCaseCover(document, findings);
  std::stable_sort(findings.begin(), findings.end(), IsBefore);
  return findings;
}

std::string ToText(const Finding& finding, std::string_view file) {
  std::string text = std::string(file) + ":" + std::to_string(finding.at.line) + ":" +
                     std::to_string(finding.at.column) + ": " +
                     std::string(Name(finding.severity)) + ": " + finding.where + ": " +
                     finding.message + "\n";
  return finding.advice.empty() ? text : text + "  " + finding.advice + "\n";
}

}  // namespace dure::rules
