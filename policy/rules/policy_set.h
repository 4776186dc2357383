// The policies in force for a decision, made ready: paths become slots, conditions one array of
// nodes an action, the first time that action is asked for. Make it once when a policy, a dataset's
// terms or the site's own file changes, then decide with it as often as needed.
//
// Immutable; copies share one compiled state (that is why it is held by a shared_ptr: the loop
// thread decides with it while workers replay the log with the same one).
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "policy/rules/facts.h"
#include "policy/rules/policy.h"
#include "policy/rules/sentence.h"

namespace dure::rules {

inline constexpr size_t kWrittenBytesMax = 256;  // of a value in a decision; longer ones are cut
inline constexpr size_t kPoliciesMax = 4096;     // every dataset behind a model brings its terms

// One step of a compiled condition; its parts follow it up to `end`.
struct Node {
  Condition::Form form = Condition::Form::kAtom;
  uint32_t end = 0;            // the first node that no longer belongs to it
  uint32_t left = 0;           // slot of the path
  uint32_t right = kLiteral;   // slot of the path on the right, or the literal in `atom`
  const Atom* atom = nullptr;  // of kAtom
  uint32_t literal = 0;        // of a literal on the right: its place among the written ones
  static constexpr uint32_t kLiteral = UINT32_MAX;
};

struct CompiledDuty {
  const Duty* duty = nullptr;
  SentencePieces en;
  SentencePieces ko;
};

struct CompiledRule {
  const Rule* rule = nullptr;
  const PolicyDocument* document = nullptr;
  uint32_t root = 0;  // of its condition among the nodes
  SentencePieces because_en;
  SentencePieces because_ko;
  std::vector<CompiledDuty> duties = {};
};

// What one action needs.
struct Program {
  std::vector<std::string_view> paths;    // ordered; a slot is a place here
  std::vector<FactPath> fact_paths;       // the same, as facts are named
  uint32_t action_slot = Node::kLiteral;  // of request.action, if anything asks for it
  std::vector<Node> nodes;
  std::vector<std::string> literals;  // as decisions write them
  std::vector<CompiledRule> rules;    // ordered by rule name: P2.2 before P2.10
};

class PolicySet {
 public:
  PolicySet();  // no policy: denies everything

  // kInvalid: CheckPolicy refuses one, or two rules have one name. kExhausted: too many.
  // An emergency forbid is one more consortium policy, a run's pinned policy the version it was
  // approved under.
  static Result<PolicySet> Make(std::vector<PolicyDocument> documents);

  const std::vector<PolicyDocument>& documents() const;
  const Program& For(Action action) const;
  // nullptr: no rule of this name.
  const Rule* Find(std::string_view rule_id) const;

 private:
  struct State;
  explicit PolicySet(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

// P2.2 before P2.10: numbers inside names count as numbers. Total order; equal only if identical.
bool RuleIdLess(std::string_view a, std::string_view b);

}  // namespace dure::rules
