#include "policy/rules/lint_logic.h"

#include <algorithm>
#include <map>
#include <set>

namespace dure::rules {
namespace {

constexpr size_t kSetItemsTried = 5;  // 2^5 sets of one attribute

// The paths that are compared with each other share their values.
class Groups {
 public:
  void Join(const std::string& a, const std::string& b) { parent_[Root(a)] = Root(b); }
  std::string Root(const std::string& path) {
    std::string at = path;
    while (true) {
      const auto found = parent_.emplace(at, at).first;
      if (found->second == at) return at;
      at = found->second;
    }
  }

 private:
  std::map<std::string, std::string> parent_;
};

struct Pool {
  std::set<Value> scalars;        // named by comparisons
  std::set<std::string> allowed;  // texts of the schema, over the group's paths
  bool open_text = false;         // some path of the group takes any text
  bool linked = false;            // two paths are compared, so two unnamed values may differ
};

void AddScalars(const Value& value, Pool& pool) {
  if (const Value::Items* items = value.items()) {
    pool.scalars.insert(items->begin(), items->end());
  } else {
    pool.scalars.insert(value);
  }
}

Kind KindFor(const Atom& atom, const Attribute* attribute) {
  if (attribute != nullptr) return attribute->kind;
  switch (atom.op) {
    case Op::kIncludes:
    case Op::kIncludesAnyOf:
    case Op::kIncludesAllOf:
    case Op::kIncludesOnly:
    case Op::kIncludesNoneOf:
      return Kind::kSet;
    case Op::kBefore:
    case Op::kAfter:
      return Kind::kTime;
    case Op::kAtLeast:
    case Op::kAtMost:
    case Op::kMoreThan:
    case Op::kLessThan:
      return Kind::kNumber;
    default:
      return atom.right.path.empty() && HasRightSide(atom.op) ? atom.right.value.kind()
                                                              : Kind::kText;
  }
}

std::vector<Value> Texts(const Pool& pool, const Attribute* attribute) {
  std::vector<Value> values;
  const bool listed = attribute != nullptr && !attribute->enumeration.empty();
  for (const Value& value : pool.scalars) {
    if (value.text() != nullptr && (!listed || attribute->Admits(value))) values.push_back(value);
  }
  size_t unnamed = pool.linked ? 2 : 1;
  if (!listed) {
    for (; unnamed > 0; --unnamed)
      values.push_back(Value::Text(unnamed == 2 ? "(another)" : "(any other)"));
    return values;
  }
  for (const std::string& text : attribute->enumeration) {
    const Value value = Value::Text(text);
    if (unnamed == 0 || pool.scalars.count(value) != 0) continue;
    values.push_back(value);
    unnamed--;
  }
  return values;
}

// Each named number, one between each two, and one beyond either end (two when paths are compared).
std::vector<Value> Numbers(const Pool& pool) {
  std::vector<Decimal> named;
  for (const Value& value : pool.scalars) {
    if (value.number() != nullptr) named.push_back(*value.number());
  }
  if (named.empty()) named.push_back(Decimal::Of(0));
  std::vector<Value> values;
  const Decimal first = named.front();
  const Decimal last = named.back();
  values.push_back(Value::Number(Decimal{first.whole - 1, first.nanos}));
  for (const Decimal& number : named) {
    values.push_back(Value::Number(number));
    // The next number that can be written lies between this and any larger one.
    const bool carries = number.nanos == 999'999'999;
    values.push_back(Value::Number(carries ? Decimal{number.whole + 1, 0}
                                           : Decimal{number.whole, number.nanos + 1}));
  }
  if (pool.linked) values.push_back(Value::Number(Decimal{last.whole + 2, last.nanos}));
  return values;
}

std::vector<Value> Times(const Pool& pool) {
  std::set<int64_t> seconds;
  for (const Value& value : pool.scalars) {
    if (value.time() == nullptr) continue;
    for (const int64_t offset : {-1, 0, 1}) seconds.insert(value.time()->seconds + offset);
  }
  if (seconds.empty()) seconds = {-1, 0, 1};
  std::vector<Value> values;
  for (const int64_t second : seconds) values.push_back(Value::Time(Instant{second}));
  return values;
}

// nullopt: too many sets.
std::optional<std::vector<Value>> Sets(const Pool& pool, const Attribute* attribute) {
  Attribute item;
  if (attribute != nullptr) item.enumeration = attribute->enumeration;
  std::vector<Value> items = Texts(pool, &item);
  for (const Value& value : pool.scalars) {
    if (value.text() == nullptr) items.push_back(value);
  }
  if (items.size() > kSetItemsTried) return std::nullopt;
  std::vector<Value> values;
  for (size_t mask = 0; mask < size_t{1} << items.size(); ++mask) {
    Value::Items chosen;
    for (size_t i = 0; i < items.size(); ++i) {
      if ((mask >> i & 1) != 0) chosen.push_back(items[i]);
    }
    values.push_back(Value::Set(std::move(chosen)));
  }
  return values;
}

struct Variable {
  std::string path;
  std::vector<Fact> facts;
};

class Domain {
 public:
  Domain(const Schema& schema, const std::vector<const Condition*>& conditions,
         const std::vector<Action>& actions)
      : schema_(schema), actions_(actions) {
    for (const Condition* condition : conditions) {
      for (const Atom* atom : Atoms(*condition)) Add(*atom);
    }
    for (const Condition* condition : conditions) {
      for (const Atom* atom : Atoms(*condition)) AddValues(*atom);
    }
  }

  // nullopt: too many combinations.
  std::optional<std::vector<Variable>> Variables() {
    std::vector<Variable> variables;
    size_t combinations = 1;
    for (const auto& [path, kind] : kinds_) {
      std::optional<std::vector<Fact>> facts = FactsOf(path, kind);
      if (!facts) return std::nullopt;
      combinations *= std::max<size_t>(1, facts->size());
      if (combinations > kAssignmentsMax) return std::nullopt;
      variables.push_back({path, std::move(*facts)});
    }
    return variables;
  }

 private:
  void Add(const Atom& atom) {
    kinds_.emplace(atom.path, KindFor(atom, schema_.Find(atom.path)));
    if (atom.right.path.empty()) return;
    const Attribute* right = schema_.Find(atom.right.path);
    const bool into_set = atom.op == Op::kIsOneOf || atom.op == Op::kIsNotOneOf;
    kinds_.emplace(atom.right.path, right != nullptr ? right->kind
                                    : into_set       ? Kind::kSet
                                                     : kinds_[atom.path]);
    groups_.Join(atom.path, atom.right.path);
  }

  void AddValues(const Atom& atom) {
    Pool& pool = pools_[groups_.Root(atom.path)];
    if (!atom.right.path.empty()) pool.linked = true;
    if (atom.right.path.empty() && HasRightSide(atom.op)) AddScalars(atom.right.value, pool);
  }

  std::optional<std::vector<Value>> ValuesOf(const std::string& path, Kind kind) {
    const Pool& pool = pools_[groups_.Root(path)];
    switch (kind) {
      case Kind::kText:
        return Texts(pool, schema_.Find(path));
      case Kind::kBool:
        return std::vector<Value>{Value::Bool(false), Value::Bool(true)};
      case Kind::kNumber:
        return Numbers(pool);
      case Kind::kTime:
        return Times(pool);
      case Kind::kSet:
        break;
    }
    return Sets(pool, schema_.Find(path));
  }

  std::optional<std::vector<Fact>> FactsOf(const std::string& path, Kind kind) {
    std::vector<Fact> facts;
    if (path == "request.action") {
      for (const Action action : actions_)
        facts.push_back({Presence::kKnown, Value::Text(Name(action))});
      return facts;
    }
    const std::optional<std::vector<Value>> values = ValuesOf(path, kind);
    if (!values) return std::nullopt;
    for (const Value& value : *values) facts.push_back({Presence::kKnown, value});
    const Attribute* attribute = schema_.Find(path);
    if (attribute == nullptr || attribute->nullable) facts.push_back({Presence::kAbsent, {}});
    return facts;
  }

  const Schema& schema_;
  const std::vector<Action>& actions_;
  std::map<std::string, Kind> kinds_;
  Groups groups_;
  std::map<std::string, Pool> pools_;
};

// The next combination, as an odometer counts; false after the last.
bool Advance(const std::vector<Variable>& variables, std::vector<size_t>& digits, Facts& facts) {
  for (size_t i = 0; i < digits.size(); ++i) {
    digits[i] = (digits[i] + 1) % variables[i].facts.size();
    const Fact& fact = variables[i].facts[digits[i]];
    if (fact.presence == Presence::kKnown)
      facts.Set(variables[i].path, fact.value);
    else
      facts.SetAbsent(variables[i].path);
    if (digits[i] != 0) return true;
  }
  return false;
}

}  // namespace

Truth TruthOf(const Condition& condition, const Facts& facts) {
  using Form = Condition::Form;
  if (condition.form == Form::kAtom) {
    const Atom& atom = condition.atom;
    const Fact right = atom.right.path.empty() ? Fact{Presence::kKnown, atom.right.value}
                                               : facts.At(atom.right.path);
    return Holds(atom.op, facts.At(atom.path), right);
  }
  if (condition.form == Form::kNot) {
    const Truth inside = TruthOf(condition.parts.front(), facts);
    return static_cast<Truth>(2 - static_cast<uint8_t>(inside));
  }
  const bool conjunction = condition.form == Form::kAnd;
  Truth truth = conjunction ? Truth::kTrue : Truth::kFalse;
  for (const Condition& part : condition.parts) {
    const Truth one = TruthOf(part, facts);
    truth = conjunction ? std::min(truth, one) : std::max(truth, one);
  }
  return truth;
}

bool Trial::ForEach(const std::vector<const Condition*>& conditions,
                    const std::vector<Action>& actions,
                    const std::function<bool(const std::vector<Truth>&)>& see) const {
  const std::optional<std::vector<Variable>> variables =
      Domain(schema_, conditions, actions).Variables();
  if (!variables || budget_ == 0) return false;
  Facts facts;
  for (const Variable& variable : *variables) {
    if (variable.facts.empty()) return false;
    const Fact& fact = variable.facts.front();
    if (fact.presence == Presence::kKnown)
      facts.Set(variable.path, fact.value);
    else
      facts.SetAbsent(variable.path);
  }
  std::vector<size_t> digits(variables->size());
  std::vector<Truth> truths(conditions.size());
  do {
    if (budget_ == 0) return false;
    budget_--;
    for (size_t i = 0; i < conditions.size(); ++i) truths[i] = TruthOf(*conditions[i], facts);
    if (!see(truths)) return true;
  } while (Advance(*variables, digits, facts));
  return true;
}

}  // namespace dure::rules
