#include "policy/rules/lint.h"

#include <algorithm>
#include <set>

#include "policy/rules/cases.h"
#include "policy/rules/lint_logic.h"
#include "policy/rules/lint_words.h"
#include "policy/rules/sentence.h"

namespace dure::rules {
namespace {

std::vector<std::string> SortedPaths(const Rule& rule) {
  std::set<std::string> paths;
  for (const Atom* atom : Atoms(rule.condition)) {
    paths.insert(atom->path);
    if (!atom->right.path.empty()) paths.insert(atom->right.path);
  }
  return {paths.begin(), paths.end()};
}

bool Refuses(Effect effect) { return effect == Effect::kForbid || effect == Effect::kRequire; }

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
    CheckTogether();
  }

 private:
  void Add(const Rule& rule, Severity severity, Sentence message, Sentence advice) {
    findings_.push_back({severity,
                         rule.at,
                         {"rule " + rule.id, "규칙 " + rule.id},
                         std::move(message),
                         std::move(advice)});
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
      Add(rule, Severity::kNote,
          {"it has too many combinations to look for contradictions",
           "경우의 수가 너무 많아 모순을 찾아보지 않았습니다"},
          {});
      return false;
    }
    const bool require = rule.effect == Effect::kRequire;
    if (!can_hold)
      Add(rule, Severity::kError,
          require ? Sentence{"it can never be met, so it refuses everything",
                             "결코 충족될 수 없어 모든 것을 거부합니다"}
                  : Sentence{"its condition contradicts itself and never holds",
                             "조건이 서로 모순되어 결코 참이 되지 않습니다"},
          {"look for two comparisons of one attribute that exclude each other",
           "같은 속성을 두고 함께 참일 수 없는 비교가 있는지 보십시오"});
    if (require && !can_fail)
      Add(rule, Severity::kWarning,
          {"it is always met, so it refuses nothing", "언제나 충족되어 아무것도 거부하지 않습니다"},
          {});
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
        if (!Refuses(rule.effect) || !Within(j, permit_index)) continue;
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
          {"it can never permit " + std::string(Name(action)) +
               ": whenever it would, another rule refuses",
           WithParticle(KoreanName(action), "을(를)") +
               " 허용할 수 없습니다. 허용할 때마다 다른 규칙이 거부합니다"},
          {"see " + by, "참고: " + by});
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
        {"rule " + other.id + " always does the same already, so this one never matters",
         "규칙 " + WithParticle(other.id, "이(가)") +
             " 이미 언제나 같은 일을 하므로 이 규칙은 쓰일 데가 없습니다"},
        {"keep one of them", "둘 가운데 하나만 두십시오"});
  }

  bool Share(size_t i, size_t j) const {
    return std::ranges::any_of(paths_[i], [&](const std::string& path) {
      return std::ranges::binary_search(paths_[j], path);
    });
  }

  // Whether, whatever the facts are, one of these rules refuses; no: also where it was not tried.
  bool AlwaysRefuse(const std::vector<size_t>& rules, const std::vector<Action>& actions) {
    std::vector<const Condition*> conditions;
    for (const size_t rule : rules) conditions.push_back(&policy_.rules[rule].condition);
    bool refused = true;
    const bool tried = trial_.ForEach(conditions, actions, [&](const auto& truths) {
      bool by_one = false;
      for (size_t k = 0; k < rules.size(); ++k)
        by_one |= Takes(policy_.rules[rules[k]].effect, truths[k]);
      refused &= by_one;
      return refused;
    });
    return tried && refused;
  }

  std::vector<Action> ActionsOfAll(const std::vector<size_t>& rules) const {
    std::vector<Action> actions = policy_.rules[rules.front()].actions;
    for (const size_t rule : rules) {
      std::erase_if(actions, [&](Action action) {
        return !std::ranges::binary_search(policy_.rules[rule].actions, action);
      });
    }
    return actions;
  }

  // Two refusals of which one always takes effect, or one with all that ask of nothing else than
  // it does: nobody can do what all of them speak of.
  void CheckTogether() {
    std::vector<size_t> refusals;
    for (size_t i = 0; i < policy_.rules.size(); ++i) {
      if (!Refuses(policy_.rules[i].effect)) continue;
      if (AlwaysRefuse({i}, policy_.rules[i].actions)) {
        SayRefusesAll(i);
      } else {
        refusals.push_back(i);
      }
    }
    std::set<size_t> blamed;
    for (const size_t i : refusals) {
      for (const size_t j : refusals) {
        if (j < i && Share(i, j) && !blamed.contains(i)) Blame({j, i}, blamed);
      }
    }
    for (const size_t i : refusals) {
      std::vector<size_t> group;
      for (const size_t j : refusals) {
        if (Within(j, i) && !blamed.contains(j)) group.push_back(j);
      }
      if (group.size() > 2) Blame(group, blamed);
    }
  }

  void SayRefusesAll(size_t i) {
    const Rule& rule = policy_.rules[i];
    if (rule.effect == Effect::kRequire) return;  // CheckAlone said so
    Add(rule, Severity::kNote,
        {"its condition always holds, so it refuses everything",
         "조건이 언제나 참이어서 모든 것을 거부합니다"},
        {});
  }

  // The last of them, if together they leave nothing.
  void Blame(const std::vector<size_t>& rules, std::set<size_t>& blamed) {
    const std::vector<Action> actions = ActionsOfAll(rules);
    if (actions.empty() || !AlwaysRefuse(rules, actions)) return;
    blamed.insert(rules.back());
    std::string others;
    for (const size_t rule : rules) {
      if (rule != rules.back()) others += (others.empty() ? "" : ", ") + policy_.rules[rule].id;
    }
    std::string en;
    std::string ko;
    for (const Action action : actions) {
      en += (en.empty() ? "" : ", ") + std::string(Name(action));
      ko += (ko.empty() ? "" : ", ") + std::string(KoreanName(action));
    }
    Add(policy_.rules[rules.back()], Severity::kWarning,
        {"with " + others + " it refuses every " + en + ", whatever the facts are",
         "규칙 " + WithParticle(others, "과(와)") + " 함께 사실이 어떻든 " +
             WithParticle(ko, "을(를)") + " 언제나 거부합니다"},
        {"change one of them, so that something can pass all of them",
         "모두를 통과하는 경우가 있도록 하나를 고치십시오"});
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
    findings.push_back({Severity::kNote,
                        rule.at,
                        {"rule " + rule.id, "규칙 " + rule.id},
                        {"no case of this policy shows it taking effect",
                         "이 규칙이 쓰이는 사례(case)가 정책에 없습니다"},
                        {"add a case that expects it", "이 규칙을 기대하는 사례를 넣으십시오"}});
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
  CheckWords(policy, schema, findings);
  // A value that never occurs would only be reported a second time, as a contradiction.
  const bool words_fit = std::none_of(findings.begin(), findings.end(), [](const Finding& one) {
    return one.severity == Severity::kError;
  });
  if (words_fit) Logic(policy, schema, findings).Check();
  CheckCaseCover(document, findings);
  std::stable_sort(findings.begin(), findings.end(), IsBefore);
  return findings;
}

std::string_view KoreanName(Severity severity) {
  switch (severity) {
    case Severity::kError:
      return "오류";
    case Severity::kWarning:
      return "주의";
    case Severity::kNote:
      return "참고";
  }
  return "";
}

std::string ToText(const Finding& finding, std::string_view file, Language language) {
  const bool korean = language == Language::kKorean;
  const auto in = [korean](const Sentence& said) { return korean ? said.ko : said.en; };
  std::string text = std::string(file) + ":" + std::to_string(finding.at.line) + ":" +
                     std::to_string(finding.at.column) + ": " +
                     std::string(korean ? KoreanName(finding.severity) : Name(finding.severity)) +
                     ": " + in(finding.where) + ": " + in(finding.message) + "\n";
  const std::string advice = in(finding.advice);
  return advice.empty() ? text : text + "  " + advice + "\n";
}

}  // namespace dure::rules
