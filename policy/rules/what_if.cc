#include "policy/rules/what_if.h"

#include <algorithm>
#include <map>

#include "policy/rules/evaluate.h"

namespace dure::rules {
namespace {

class Candidates {
 public:
  Candidates(const Facts& facts, const Schema& schema) : facts_(facts), schema_(schema) {}

  // What could make this comparison come out the other way, on either side. Whether something
  // exists is compared with nothing.
  void Add(const Atom& atom) {
    if (atom.op == Op::kExists || atom.op == Op::kDoesNotExist) return OfPath(atom.path);
    const Fact right = atom.right.path.empty() ? Fact{Presence::kKnown, atom.right.value}
                                               : facts_.At(atom.right.path);
    Side(atom.path, right);
    if (!atom.right.path.empty()) Side(atom.right.path, facts_.At(atom.path));
  }

  std::vector<Change> Take() { return std::move(changes_); }

 private:
  void OfPath(const std::string& path) {
    const Attribute* attribute = schema_.Find(path);
    if (path != "request.action" && attribute != nullptr) OfSchema(path, *attribute);
  }

  void Side(const std::string& path, const Fact& other) {
    if (path == "request.action") return;
    const Attribute* attribute = schema_.Find(path);
    if (other.presence == Presence::kKnown) {
      Near(path, other.value);
      if (attribute != nullptr) OfKind(path, *attribute, other.value);
    }
    if (attribute != nullptr) OfSchema(path, *attribute);
  }

  // The other side's own value and its neighbours.
  void Near(const std::string& path, const Value& value) {
    Try(path, {Presence::kKnown, value});
    if (const Decimal* number = value.number()) {
      Try(path, {Presence::kKnown, Value::Number(Decimal{number->whole - 1, number->nanos})});
      Try(path, {Presence::kKnown, Value::Number(Decimal{number->whole + 1, number->nanos})});
    }
    if (const Instant* time = value.time()) {
      Try(path, {Presence::kKnown, Value::Time(Instant{time->seconds - 1})});
      Try(path, {Presence::kKnown, Value::Time(Instant{time->seconds + 1})});
    }
    if (const Value::Items* items = value.items()) {
      for (const Value& item : *items) Try(path, {Presence::kKnown, item});
    }
  }

  // A set with or without what the other side names.
  void OfKind(const std::string& path, const Attribute& attribute, const Value& other) {
    const Fact& now = facts_.At(path);
    if (attribute.kind != Kind::kSet) return;
    Value::Items with = other.items() != nullptr ? *other.items() : Value::Items{other};
    Value::Items without;
    if (const Value::Items* items = now.value.items()) {
      std::set_difference(items->begin(), items->end(), with.begin(), with.end(),
                          std::back_inserter(without));
      with.insert(with.end(), items->begin(), items->end());
    }
    Try(path, {Presence::kKnown, Value::Set(std::move(with))});
    Try(path, {Presence::kKnown, Value::Set(std::move(without))});
  }

  void OfSchema(const std::string& path, const Attribute& attribute) {
    if (attribute.kind == Kind::kBool) {
      Try(path, {Presence::kKnown, Value::Bool(true)});
      Try(path, {Presence::kKnown, Value::Bool(false)});
    }
    for (const std::string& text : attribute.enumeration)
      Try(path, {Presence::kKnown, Value::Text(text)});
    if (attribute.nullable) Try(path, {Presence::kAbsent, {}});
  }

  void Try(const std::string& path, Fact to) {
    const Attribute* attribute = schema_.Find(path);
    if (to.presence == Presence::kKnown && attribute != nullptr && !attribute->Admits(to.value))
      return;
    Change change{path, std::move(to)};
    const bool changes_something = facts_.At(path) != change.to;
    const bool is_new = std::find(changes_.begin(), changes_.end(), change) == changes_.end();
    if (changes_something && is_new && changes_.size() < kTrialsMax)
      changes_.push_back(std::move(change));
  }

  const Facts& facts_;
  const Schema& schema_;
  std::vector<Change> changes_;
};

}  // namespace

std::vector<Change> ChangesThatAdmit(const PolicySet& policies, Action action, const Facts& facts,
                                     const Schema& schema, const WouldAdmit& admits) {
  const Program& program = policies.For(action);
  const Slots slots(program, action, facts);
  Candidates candidates(facts, schema);
  const bool admitted = Decide(policies, action, facts).outcome == Outcome::kAdmit;
  for (const CompiledRule& rule : program.rules) {
    const Effect effect = rule.rule->effect;
    const bool takes = Takes(effect, Evaluate(program, slots, rule.root));
    if (admitted || effect == Effect::kOblige || takes == (effect == Effect::kPermit)) continue;
    for (const Atom* atom : Atoms(rule.rule->condition)) candidates.Add(*atom);
  }
  std::vector<Change> admitting;
  for (Change& change : candidates.Take()) {
    Facts changed = facts;
    if (change.to.presence == Presence::kKnown)
      changed.Set(change.path, change.to.value);
    else
      changed.SetAbsent(change.path);
    const bool would = admits ? admits(change, changed)
                              : Decide(policies, action, changed).outcome == Outcome::kAdmit;
    if (would) admitting.push_back(std::move(change));
  }
  return admitting;
}

}  // namespace dure::rules
