#include <algorithm>
#include <nlohmann/json.hpp>

#include "policy/terms/odrl_tree.h"
#include "policy/terms/tree.h"

namespace dure::terms {
namespace {

using nlohmann::ordered_json;

constexpr size_t kRulesMax = 256;

const ordered_json* Find(const ordered_json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  for (const std::string& spelling : {std::string(name), "odrl:" + std::string(name)}) {
    const auto found = object.find(spelling);
    if (found != object.end()) return &*found;
  }
  return nullptr;
}

// JSON-LD lets one value stand for a list of one.
std::vector<ordered_json> List(const ordered_json* value) {
  if (value == nullptr) return {};
  if (!value->is_array()) return {*value};
  std::vector<ordered_json> items;
  for (const auto& item : *value) {
    if (items.size() < kRulesMax) items.push_back(item);
  }
  return items;
}

// The last part of an IRI or of a prefixed name, of a text, an @id or an @value.
std::string LastPart(const ordered_json& value) {
  std::string text;
  for (const char* name : {"@id", "@value"}) {
    if (value.is_object() && value.contains(name) && value[name].is_string())
      text = value[name].get<std::string>();
  }
  if (value.is_string()) text = value.get<std::string>();
  const bool time = ParseInstant(text, DayPart::kLastSecond).has_value();
  const size_t cut = time ? text.npos : text.find_last_of("#/:");
  return (cut == text.npos ? text : text.substr(cut + 1)).substr(0, 64);
}

constexpr std::string_view kPolicyParts[] = {
    "@context", "@type",    "@id",        "uid",         "type",       "profile",     "conflict",
    "target",   "assigner", "permission", "prohibition", "obligation", "dct:license", "dure:more"};
constexpr std::string_view kRuleParts[] = {"@type",  "@id",        "uid",  "target",
                                           "action", "constraint", "duty", "assigner"};

// Whoever knows less than the whole of a permission must not take it for one.
template <size_t kCount>
bool HasOtherThan(const ordered_json& object, const std::string_view (&known)[kCount]) {
  if (!object.is_object()) return true;
  for (const auto& [key, value] : object.items()) {
    std::string_view name = key;
    if (name.starts_with("odrl:")) name.remove_prefix(5);
    if (std::find(std::begin(known), std::end(known), name) == std::end(known)) return true;
  }
  return false;
}

class Reader {
 public:
  Reader(const ordered_json& policy, Imported& imported)
      : policy_(policy), imported_(imported), terms_(imported.draft.terms) {}

  Status Read() {
    DURE_TRY(ReadMore());
    for (const ordered_json& rule : List(Find(policy_, "prohibition"))) Prohibit(rule);
    for (const ordered_json& rule : List(Find(policy_, "permission"))) Permit(rule);
    DURE_TRY(Conflicts());
    if (HasOtherThan(policy_, kPolicyParts)) {
      Remark("the policy has parts that were not understood (such as an assignee): ask the owner");
      asked_ = permitted_;
    }
    for (const Action action : permitted_) {
      terms_.Of(action) = asked_.contains(action) ? Permission::kAsk : Permission::kAllow;
    }
    for (const Action action : prohibited_) terms_.Of(action) = Permission::kDeny;
    if (purposes_) terms_.purposes = *purposes_;
    // Of countries that no two permissions share, none is left: unknown, and so not allowed.
    if (processing_) terms_.territories.processing = {.anywhere = false, .countries = *processing_};
    if (exports_) terms_.territories.exports = {.anywhere = false, .countries = *exports_};
    ReadDuties();
    return {};
  }

 private:
  void Remark(const std::string& remark) {
    if (imported_.remarks.size() < 64) imported_.remarks.push_back(remark);
  }

  // Our own words for what ODRL has none.
  Status ReadMore() {
    const auto more = policy_.find("dure:more");
    if (more == policy_.end()) return {};
    const ordered_json tree = more->is_object() ? more->value("@value", ordered_json()) : *more;
    std::vector<Problem> problems;
    terms_ = FromTree(tree, problems);
    if (!problems.empty())
      return Fail(ErrorCode::kInvalid, "dure:more: " + Sentence(problems.front()));
    return {};
  }

  std::set<Action> ActionsOf(const ordered_json& rule) {
    std::set<Action> actions;
    for (const ordered_json& item : List(Find(rule, "action"))) {
      // A refined action is an object with the action inside.
      const ordered_json* inner = Find(item, "value");
      const std::string name = LastPart(inner == nullptr ? item : *inner);
      if (const auto action = FromWord<Action>(name)) {
        actions.insert(*action);
      } else if (name == "use") {
        for (size_t i = 0; i < kWordCount<Action>; ++i) {
          actions.insert(static_cast<Action>(i));
          general_.insert(static_cast<Action>(i));
        }
      } else {
        Remark("the action '" + name + "' has no counterpart and was left out");
      }
      if (item.is_object() && Find(item, "refinement") != nullptr) {
        Remark("a refinement of the action '" + name + "' was not understood: ask the owner");
        general_.insert(actions.begin(), actions.end());
      }
    }
    return actions;
  }

  void Prohibit(const ordered_json& rule) {
    const std::set<Action> actions = ActionsOf(rule);
    // A prohibition under a condition is taken as one without: stricter, never wider.
    if (Find(rule, "constraint") != nullptr)
      Remark("a prohibition holds without its constraint here, which is stricter");
    prohibited_.insert(actions.begin(), actions.end());
  }

  void Permit(const ordered_json& rule) {
    general_.clear();
    const std::set<Action> actions = ActionsOf(rule);
    if (!general_.empty()) {
      Remark("the action 'use' is too general to allow anything by itself: ask the owner");
      asked_.insert(general_.begin(), general_.end());
    }
    for (const ordered_json& duty : List(Find(rule, "duty"))) {
      for (const ordered_json& action : List(Find(duty, "action"))) Duty(actions, LastPart(action));
    }
    std::optional<std::set<Purpose>> purposes;
    for (const ordered_json& constraint : List(Find(rule, "constraint"))) {
      if (TakeConstraint(constraint, actions, purposes)) continue;
      Remark("a constraint on '" + LastPart(Of(constraint, "leftOperand")) +
             "' was not understood: ask the owner");
      asked_.insert(actions.begin(), actions.end());
    }
    if (HasOtherThan(rule, kRuleParts)) {
      Remark("a permission has parts that were not understood: ask the owner");
      asked_.insert(actions.begin(), actions.end());
    }
    NarrowPurposes(purposes);
    permitted_.insert(actions.begin(), actions.end());
  }

  static ordered_json Of(const ordered_json& object, const char* name) {
    const ordered_json* found = Find(object, name);
    return found == nullptr ? ordered_json() : *found;
  }

  // Terms have one list of purposes; permissions with different ones are cut down to what they
  // share.
  void NarrowPurposes(const std::optional<std::set<Purpose>>& purposes) {
    if (!purposes) return;
    if (purposes_ && *purposes_ != *purposes) {
      Remark("permissions name different purposes; only those that all name are taken");
      std::erase_if(*purposes_, [&](Purpose purpose) { return !purposes->contains(purpose); });
    } else {
      purposes_ = purposes;
    }
  }

  bool TakeConstraint(const ordered_json& constraint, const std::set<Action>& actions,
                      std::optional<std::set<Purpose>>& purposes) {
    const std::string left = LastPart(Of(constraint, "leftOperand"));
    const std::string op = LastPart(Of(constraint, "operator"));
    const ordered_json right_value = Of(constraint, "rightOperand");
    std::vector<std::string> right;
    for (const ordered_json& item : List(&right_value)) right.push_back(LastPart(item));
    if (left == "purpose" && (op == "isAnyOf" || op == "eq")) return TakePurposes(right, purposes);
    if (left == "spatial" && (op == "isAnyOf" || op == "eq")) return TakePlaces(right, actions);
    if (left == "spatial" && (op == "isNoneOf" || op == "neq")) return TakeExcluded(right, actions);
    if (left == "dateTime" && right.size() == 1) return TakeTime(op, right[0], actions);
    return false;
  }

  static bool TakePurposes(const std::vector<std::string>& words,
                           std::optional<std::set<Purpose>>& purposes) {
    std::set<Purpose> read;
    for (const std::string& word : words) {
      const auto purpose = FromWord<Purpose>(word);
      if (!purpose) return false;
      read.insert(*purpose);
    }
    purposes = std::move(read);
    return !words.empty();
  }

  bool TakePlaces(const std::vector<std::string>& words, const std::set<Action>& actions) {
    std::set<std::string> countries(words.begin(), words.end());
    for (const std::string& country : countries) {
      if (!IsCountry(country)) return false;
    }
    for (const Action action : actions) {
      auto& places = TouchesData(action) ? processing_ : exports_;
      if (!places) places = countries;
      std::erase_if(*places, [&](const auto& country) { return !countries.contains(country); });
    }
    return !countries.empty();
  }

  bool TakeExcluded(const std::vector<std::string>& words, const std::set<Action>& actions) {
    for (const std::string& country : words) {
      if (!IsCountry(country)) return false;
    }
    for (const Action action : actions) {
      if (!TouchesData(action)) return false;
    }
    terms_.territories.processing_excluded.insert(words.begin(), words.end());
    return !words.empty();
  }

  static void Keep(std::optional<Instant>& kept, Instant time, bool latest) {
    if (!kept || (latest ? *kept < time : time < *kept)) kept = time;
  }

  bool TakeTime(const std::string& op, const std::string& text, const std::set<Action>& actions) {
    const bool from = op == "gteq" || op == "gt";
    if (!from && op != "lteq" && op != "lt") return false;
    const auto time = ParseInstant(text, from ? DayPart::kFirstSecond : DayPart::kLastSecond);
    if (!time) return false;
    for (const Action action : actions) {
      if (!from) {
        if (!TouchesData(action)) return false;
        Keep(terms_.time.valid_until, *time, false);
      } else if (op == "gt" && !TouchesData(action)) {
        Keep(terms_.time.embargo_until, *time, true);
      } else {
        Keep(terms_.time.valid_from, *time, true);
      }
    }
    return true;
  }

  void Duty(const std::set<Action>& actions, const std::string& name) {
    if (name != "obtainConsent")
      Remark("the duty '" + name + "' of a permission was not understood: ask the owner");
    asked_.insert(actions.begin(), actions.end());
  }

  Status Conflicts() {
    const std::string strategy = LastPart(Of(policy_, "conflict"));
    for (const Action action : permitted_) {
      if (!prohibited_.contains(action) || strategy == "prohibit") continue;
      if (strategy != "perm")
        return Fail(ErrorCode::kInvalid,
                    "the policy both permits and prohibits " + std::string(Word(action)) +
                        " and does not say conflict: prohibit, which makes it void");
      Remark("permissions win over prohibitions in the source; here prohibitions do");
    }
    return {};
  }

  // Duties that dure:more did not say already.
  void ReadDuties() {
    for (const ordered_json& rule : List(Find(policy_, "obligation"))) {
      for (const ordered_json& item : List(Find(rule, "action"))) {
        const std::string name = LastPart(item);
        const bool known = policy_.contains("dure:more");
        if (!known) Remark("the obligation '" + name + "' has to be written by hand");
      }
    }
  }

  const ordered_json& policy_;
  Imported& imported_;
  Terms& terms_;
  std::set<Action> permitted_;
  std::set<Action> prohibited_;
  std::set<Action> asked_;
  std::set<Action> general_;  // of the rule being read: not to be allowed as they stand
  std::optional<std::set<Purpose>> purposes_;  // these three: what all permissions share
  std::optional<std::set<std::string>> processing_;
  std::optional<std::set<std::string>> exports_;
};

}  // namespace

Status ReadOdrl(const ordered_json& policy, Imported& imported) {
  if (!policy.is_object()) return Fail(ErrorCode::kInvalid, "an ODRL policy is an object");
  return Reader(policy, imported).Read();
}

}  // namespace dure::terms
