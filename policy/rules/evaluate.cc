#include "policy/rules/evaluate.h"

#include <algorithm>

namespace dure::rules {
namespace {

const Fact& UnknownFact() {
  static const Fact fact;
  return fact;
}

Truth Of(bool holds) { return holds ? Truth::kTrue : Truth::kFalse; }
Truth Negated(Truth truth) { return static_cast<Truth>(2 - static_cast<uint8_t>(truth)); }

// Whether `set` has `item`; unknown when they are of kinds that never meet.
Truth Contains(const Value& set, const Value& item) {
  const Value::Items* items = set.items();
  if (items == nullptr || item.kind() == Kind::kSet) return Truth::kUnknown;
  bool same_kind = items->empty();
  for (const Value& candidate : *items) {
    if (candidate.kind() != item.kind()) continue;
    same_kind = true;
    if (candidate == item) return Truth::kTrue;
  }
  return same_kind ? Truth::kFalse : Truth::kUnknown;
}

// Whether every item of `inner` is in `outer`; whether any is.
Truth AllIn(const Value& inner, const Value& outer) {
  Truth all = Truth::kTrue;
  for (const Value& item : *inner.items()) all = std::min(all, Contains(outer, item));
  return all;
}
Truth AnyIn(const Value& inner, const Value& outer) {
  Truth any = Truth::kFalse;
  for (const Value& item : *inner.items()) any = std::max(any, Contains(outer, item));
  return any;
}

Truth Sets(Op op, const Value& left, const Value& right) {
  if (left.items() == nullptr || right.items() == nullptr) return Truth::kUnknown;
  switch (op) {
    case Op::kIncludesAnyOf:
      return AnyIn(right, left);
    case Op::kIncludesNoneOf:
      return Negated(AnyIn(right, left));
    case Op::kIncludesAllOf:
      return AllIn(right, left);
    default:
      return AllIn(left, right);
  }
}

Truth Numbers(Op op, const Value& left, const Value& right) {
  const Decimal* a = left.number();
  const Decimal* b = right.number();
  if (a == nullptr || b == nullptr) return Truth::kUnknown;
  switch (op) {
    case Op::kAtLeast:
      return Of(*a >= *b);
    case Op::kAtMost:
      return Of(*a <= *b);
    case Op::kMoreThan:
      return Of(*a > *b);
    default:
      return Of(*a < *b);
  }
}

Truth Times(Op op, const Value& left, const Value& right) {
  const Instant* a = left.time();
  const Instant* b = right.time();
  if (a == nullptr || b == nullptr) return Truth::kUnknown;
  return Of(op == Op::kBefore ? *a < *b : *a > *b);
}

Truth Same(const Value& left, const Value& right) {
  return left.kind() == right.kind() ? Of(left == right) : Truth::kUnknown;
}

Truth HoldsOf(Op op, const Value& left, const Value& right) {
  switch (op) {
    case Op::kIs:
      return Same(left, right);
    case Op::kIsNot:
      return Negated(Same(left, right));
    case Op::kIsOneOf:
      return Contains(right, left);
    case Op::kIsNotOneOf:
      return Negated(Contains(right, left));
    case Op::kIncludes:
      return Contains(left, right);
    case Op::kIncludesAnyOf:
    case Op::kIncludesAllOf:
    case Op::kIncludesOnly:
    case Op::kIncludesNoneOf:
      return Sets(op, left, right);
    case Op::kAtLeast:
    case Op::kAtMost:
    case Op::kMoreThan:
    case Op::kLessThan:
      return Numbers(op, left, right);
    case Op::kBefore:
    case Op::kAfter:
      return Times(op, left, right);
    case Op::kExists:
    case Op::kDoesNotExist:
      break;
  }
  return Truth::kUnknown;
}

Truth HoldsAt(const Node& node, const Slots& slots) {
  const Fact& left = slots.At(node.left);
  const Op op = node.atom->op;
  if (node.right != Node::kLiteral) return Holds(op, left, slots.At(node.right));
  if (!HasRightSide(op)) return Holds(op, left, UnknownFact());
  return left.presence == Presence::kKnown ? HoldsOf(op, left.value, node.atom->right.value)
                                           : Truth::kUnknown;
}

}  // namespace

Truth Holds(Op op, const Fact& left, const Fact& right) {
  if (!HasRightSide(op)) {
    if (left.presence == Presence::kUnknown) return Truth::kUnknown;
    const Truth exists = Of(left.presence == Presence::kKnown);
    return op == Op::kExists ? exists : Negated(exists);
  }
  if (left.presence != Presence::kKnown || right.presence != Presence::kKnown)
    return Truth::kUnknown;
  return HoldsOf(op, left.value, right.value);
}

Slots::Slots(const Program& program, Action action, const Facts& facts)
    : facts_(program.paths.size(), &UnknownFact()) {
  Take(program, facts);
  SetAction(program, action);
}

Slots::Slots(const Program& program, Action action, std::span<const Facts* const> facts)
    : facts_(program.paths.size(), &UnknownFact()) {
  for (auto last = facts.rbegin(); last != facts.rend(); ++last) Take(program, **last);
  SetAction(program, action);
}

void Slots::Take(const Program& program, const Facts& facts) {
  // Both are ordered: one walk finds every path, without a search for each.
  const std::vector<Facts::Entry>& entries = facts.entries();
  size_t entry = 0;
  for (size_t slot = 0; slot < program.paths.size(); ++slot) {
    const FactPath& path = program.fact_paths[slot];
    while (entry < entries.size() && entries[entry].path < path) entry++;
    if (entry < entries.size() && entries[entry].path == path) facts_[slot] = &entries[entry].fact;
  }
}

void Slots::SetAction(const Program& program, Action action) {
  if (program.action_slot >= facts_.size()) return;
  action_ = {Presence::kKnown, Value::Text(Name(action))};
  facts_[program.action_slot] = &action_;
}

Truth Evaluate(const Program& program, const Slots& slots, uint32_t root) {
  const Node& node = program.nodes[root];
  if (node.form == Condition::Form::kAtom) return HoldsAt(node, slots);
  if (node.form == Condition::Form::kNot) return Negated(Evaluate(program, slots, root + 1));
  const bool conjunction = node.form == Condition::Form::kAnd;
  Truth truth = conjunction ? Truth::kTrue : Truth::kFalse;
  const Truth settled = conjunction ? Truth::kFalse : Truth::kTrue;
  for (uint32_t part = root + 1; part < node.end && truth != settled;
       part = program.nodes[part].end) {
    const Truth one = Evaluate(program, slots, part);
    truth = conjunction ? std::min(truth, one) : std::max(truth, one);
  }
  return truth;
}

bool Takes(Effect effect, Truth truth) {
  switch (effect) {
    case Effect::kPermit:
      return truth == Truth::kTrue;
    case Effect::kForbid:
    case Effect::kOblige:
      return truth != Truth::kFalse;
    case Effect::kRequire:
      return truth != Truth::kTrue;
  }
  return true;
}

namespace {

void Gather(const Program& program, const Slots& slots, uint32_t root, std::vector<Seen>& seen) {
  const Node& node = program.nodes[root];
  if (node.form == Condition::Form::kAtom) {
    seen.push_back({&node, HoldsAt(node, slots)});
    return;
  }
  // An `and` is false (an `or` true) by each part that is; it is what it is by the parts that are
  // so too.
  const Truth whole = Evaluate(program, slots, root);
  for (uint32_t part = root + 1; part < node.end; part = program.nodes[part].end) {
    const bool negation = node.form == Condition::Form::kNot;
    if (negation || Evaluate(program, slots, part) == whole) Gather(program, slots, part, seen);
  }
}

}  // namespace

void WhyIs(const Program& program, const Slots& slots, uint32_t root, std::vector<Seen>& seen) {
  seen.clear();
  Gather(program, slots, root, seen);
}

}  // namespace dure::rules
