#include "policy/rules/policy_set.h"

#include <algorithm>
#include <mutex>
#include <set>

#include "policy/rules/letters.h"

namespace dure::rules {

struct PolicySet::State {
  std::vector<PolicyDocument> documents;
  // Compiled when an action is first asked for: whoever makes a set for one decision pays for one.
  mutable std::array<std::once_flag, kActions.size()> once;
  mutable std::array<Program, kActions.size()> programs;
};

namespace {

// The number that begins at `at`, without leading zeros; `at` goes behind it.
std::string_view NumberAt(std::string_view text, size_t& at) {
  while (at < text.size() && text[at] == '0') at++;
  const size_t begin = at;
  while (at < text.size() && IsDigit(text[at])) at++;
  return text.substr(begin, at - begin);
}

void AddPaths(const Condition& condition, std::vector<std::string_view>& paths) {
  for (const Atom* atom : Atoms(condition)) {
    paths.push_back(atom->path);
    if (!atom->right.path.empty()) paths.push_back(atom->right.path);
  }
}

uint32_t SlotOf(const std::vector<std::string_view>& paths, std::string_view path) {
  return static_cast<uint32_t>(std::lower_bound(paths.begin(), paths.end(), path) - paths.begin());
}

void AddPaths(const SentencePieces& pieces, std::vector<std::string_view>& paths) {
  for (const SentencePiece& piece : pieces) {
    if (piece.slot == SentencePiece::kNoSlot) paths.push_back(piece.text);
  }
}

void AddDuties(CompiledRule& compiled, std::vector<std::string_view>& paths) {
  for (const Duty& duty : compiled.rule->duties) {
    const CompiledDuty& read = compiled.duties.emplace_back(
        CompiledDuty{&duty, ReadTemplate(duty.text.en), ReadTemplate(duty.text.ko)});
    AddPaths(read.en, paths);
    AddPaths(read.ko, paths);
  }
}

void Place(SentencePieces& pieces, const std::vector<std::string_view>& paths) {
  for (SentencePiece& piece : pieces) {
    if (piece.slot == SentencePiece::kNoSlot) piece.slot = SlotOf(paths, piece.text);
  }
}

void AddNodes(const Condition& condition, Program& program) {
  const size_t at = program.nodes.size();
  Node node;
  node.form = condition.form;
  if (condition.form == Condition::Form::kAtom) {
    node.atom = &condition.atom;
    node.left = SlotOf(program.paths, condition.atom.path);
    if (!condition.atom.right.path.empty()) {
      node.right = SlotOf(program.paths, condition.atom.right.path);
    } else if (HasRightSide(condition.atom.op)) {
      node.literal = static_cast<uint32_t>(program.literals.size());
      program.literals.push_back(Cut(condition.atom.right.value.ToText(), kWrittenBytesMax));
    }
  }
  program.nodes.push_back(node);
  for (const Condition& part : condition.parts) AddNodes(part, program);
  program.nodes[at].end = static_cast<uint32_t>(program.nodes.size());
}

Program Compile(const std::vector<PolicyDocument>& documents, Action action) {
  Program program;
  for (const PolicyDocument& document : documents) {
    for (const Rule& rule : document.policy.rules) {
      if (!std::binary_search(rule.actions.begin(), rule.actions.end(), action)) continue;
      program.rules.push_back(
          {&rule, &document, 0, ReadTemplate(rule.because.en), ReadTemplate(rule.because.ko)});
      AddPaths(rule.condition, program.paths);
      AddPaths(program.rules.back().because_en, program.paths);
      AddPaths(program.rules.back().because_ko, program.paths);
      AddDuties(program.rules.back(), program.paths);
    }
  }
  std::sort(program.paths.begin(), program.paths.end());
  program.paths.erase(std::unique(program.paths.begin(), program.paths.end()), program.paths.end());
  for (const std::string_view path : program.paths) program.fact_paths.emplace_back(path);
  constexpr std::string_view kAction = "request.action";
  if (std::ranges::binary_search(program.paths, kAction)) {
    program.action_slot = SlotOf(program.paths, kAction);
  }
  std::sort(program.rules.begin(), program.rules.end(),
            [](const CompiledRule& a, const CompiledRule& b) {
              return RuleIdLess(a.rule->id, b.rule->id);
            });
  for (CompiledRule& rule : program.rules) {
    rule.root = static_cast<uint32_t>(program.nodes.size());
    AddNodes(rule.rule->condition, program);
    Place(rule.because_en, program.paths);
    Place(rule.because_ko, program.paths);
    for (CompiledDuty& duty : rule.duties) {
      Place(duty.en, program.paths);
      Place(duty.ko, program.paths);
    }
  }
  return program;
}

}  // namespace

bool RuleIdLess(std::string_view a, std::string_view b) {
  size_t i = 0;
  size_t j = 0;
  while (i < a.size() && j < b.size()) {
    if (IsDigit(a[i]) && IsDigit(b[j])) {
      const std::string_view left = NumberAt(a, i);
      const std::string_view right = NumberAt(b, j);
      if (left.size() != right.size()) return left.size() < right.size();
      if (left != right) return left < right;
    } else if (a[i] != b[j]) {
      return a[i] < b[j];
    } else {
      i++;
      j++;
    }
  }
  if (i < a.size() || j < b.size()) return i == a.size();
  return a < b;  // 1 and 01
}

PolicySet::PolicySet() : state_(std::make_shared<const State>()) {}

Result<PolicySet> PolicySet::Make(std::vector<PolicyDocument> documents) {
  if (documents.size() > kPoliciesMax)
    return Fail(ErrorCode::kExhausted, "more than 4096 policies would be in force at once");
  std::set<std::string_view> ids;
  for (const PolicyDocument& document : documents) {
    DURE_TRY(CheckPolicy(document.policy));
    for (const Rule& rule : document.policy.rules) {
      if (!ids.insert(rule.id).second)
        return Fail(ErrorCode::kInvalid, "two policies in force have a rule " + rule.id +
                                             ", so a decision could not say which one it means");
    }
  }
  const auto state = std::make_shared<State>();
  state->documents = std::move(documents);
  return PolicySet(state);
}

const std::vector<PolicyDocument>& PolicySet::documents() const { return state_->documents; }

const Program& PolicySet::For(Action action) const {
  const auto at = static_cast<size_t>(action);
  std::call_once(state_->once[at],
                 [&] { state_->programs[at] = Compile(state_->documents, action); });
  return state_->programs[at];
}

const Rule* PolicySet::Find(std::string_view rule_id) const {
  for (const PolicyDocument& document : state_->documents) {
    for (const Rule& rule : document.policy.rules) {
      if (rule.id == rule_id) return &rule;
    }
  }
  return nullptr;
}

}  // namespace dure::rules
