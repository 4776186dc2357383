// Three-valued logic over compiled conditions (Kleene): what is true, false or unknown about a
// rule. decide.h makes a decision of it; the linter and the cases look at it directly.
#pragma once

#include <span>
#include <vector>

#include "policy/rules/facts.h"
#include "policy/rules/policy_set.h"

namespace dure::rules {

// Ordered so that `and` is the least, `or` the greatest and `not` the mirror image.
enum class Truth : uint8_t { kFalse = 0, kUnknown = 1, kTrue = 2 };

// One comparison. A fact that is not known, or of a kind that cannot be compared so, gives
// kUnknown; `exists` asks only whether the record says that there is one.
Truth Holds(Op op, const Fact& left, const Fact& right);

// The facts of one request, found for each slot of a program. Keeps references: both outlive it.
class Slots {
 public:
  // Sets request.action itself, whatever the facts say of it.
  Slots(const Program& program, Action action, const Facts& facts);
  // Of several, the first that says something of a path.
  Slots(const Program& program, Action action, std::span<const Facts* const> facts);
  Slots(const Slots&) = delete;  // a slot points into this object
  Slots& operator=(const Slots&) = delete;
  const Fact& At(uint32_t slot) const { return *facts_[slot]; }
  std::span<const Fact* const> all() const { return facts_; }

 private:
  void Take(const Program& program, const Facts& facts);
  void SetAction(const Program& program, Action action);

  std::vector<const Fact*> facts_;
  Fact action_;
};

Truth Evaluate(const Program& program, const Slots& slots, uint32_t root);

// A forbid is hit when true or unknown, a require when false or unknown; a permit fires when true,
// an oblige binds when true or unknown.
bool Takes(Effect effect, Truth truth);

// The comparisons that made the condition what it is, in reading order.
struct Seen {
  const Node* node = nullptr;
  Truth truth = Truth::kUnknown;
};
// In place of what `seen` held, so that a decision of many reasons fills one list again and again.
void WhyIs(const Program& program, const Slots& slots, uint32_t root, std::vector<Seen>& seen);

}  // namespace dure::rules
