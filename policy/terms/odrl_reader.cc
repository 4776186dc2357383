#include "policy/terms/odrl_reader.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "policy/terms/odrl_tree.h"
#include "policy/terms/tree.h"

namespace dure::terms {
namespace {

using nlohmann::ordered_json;

constexpr size_t kRemarksMax = 256;

std::string ListShort(const std::vector<std::string>& names) {
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : ", ") + Short(name);
  return Short(all);
}

// The names of the party, the asset or the action, for a remark.
std::string NameOf(const ordered_json& value) {
  const std::string text = TextIn(value);
  return text.empty() ? "?" : Short(text);
}

std::string OneText(const ordered_json& object, const char* name) {
  const Found values = ValuesOf(object, kOdrlNames, name);
  return values.size() == 1 ? TextIn(*values.front()) : "";
}

}  // namespace

void Remark(Imported& imported, const std::string& remark) {
  auto& remarks = imported.remarks;
  if (std::find(remarks.begin(), remarks.end(), remark) != remarks.end()) return;
  if (remarks.size() < kRemarksMax) return remarks.push_back(remark);
  if (remarks.size() == kRemarksMax)
    remarks.push_back("more was not understood than is listed here: ask the owner");
  imported.understood = false;
}

void NotUnderstood(Imported& imported, const std::string& remark) {
  Remark(imported, remark);
  imported.understood = false;
}

void CheckContext(const ordered_json& object, Imported& imported) {
  constexpr std::string_view kRead[] = {
      "permission", "prohibition", "obligation", "duty",         "action",   "target",
      "constraint", "leftOperand", "operator",   "rightOperand", "conflict", "profile",
      "license",    "usageInfo",   "uid",        "termCode",     "use"};
  for (const ordered_json* context : ValuesOf(object, kOdrlNames, "@context")) {
    if (!context->is_object()) continue;
    for (const auto& [key, value] : context->items()) {
      const std::string text = TextIn(value);
      const bool prefix = (key == "dure" && text != kTermsNamespace) ||
                          (key == "odrl" && text != kOdrlNames.back()) ||
                          (key == "dct" && text != "http://purl.org/dc/terms/");
      const bool read = std::find(std::begin(kRead), std::end(kRead), key) != std::end(kRead);
      const bool word = read && !text.ends_with("/" + key) && !text.ends_with(":" + key);
      if (prefix || word)
        NotUnderstood(imported,
                      "the file gives '" + Short(key) + "' a meaning of its own: ask the owner");
    }
  }
}

OdrlReader::OdrlReader(Imported& imported, std::set<std::string> names)
    : imported_(imported), names_(std::move(names)) {}

Status OdrlReader::Read(const Json& policy) {
  if (!policy.is_object()) return Fail(ErrorCode::kInvalid, "an ODRL policy is an object");
  policy_ = &policy;
  rules_ = {};
  CheckContext(policy, imported_);
  ReadParts();
  ReadTargets();
  DURE_TRY(ReadMore());
  for (const Json* rule : ValuesOf(policy, kOdrlNames, "prohibition")) Prohibit(*rule);
  for (const Json* rule : ValuesOf(policy, kOdrlNames, "permission")) Permit(*rule);
  for (const Json* rule : ValuesOf(policy, kOdrlNames, "obligation")) Oblige(*rule);
  DURE_TRY(Conflicts());
  Fold();
  return {};
}

// Whoever knows less than the whole of a policy must not take it for one.
void OdrlReader::ReadParts() {
  const auto others = OtherThan(
      *policy_, kOdrlNames,
      {"@context", "@type", "type", "@id", "uid", "profile", "conflict", "target", "action",
       "assigner", "permission", "prohibition", "obligation", "dct:license", "dure:more"});
  if (!others.empty())
    NotUnderstood(imported_, "the policy has parts that were not understood (" + ListShort(others) +
                                 "): ask the owner");
  for (const Json* profile : ValuesOf(*policy_, kOdrlNames, "profile")) {
    if (TextIn(*profile) != kTermsNamespace)
      NotUnderstood(imported_, "the policy follows the profile '" + NameOf(*profile) +
                                   "', which may change what its words mean: ask the owner");
  }
}

void OdrlReader::ReadTargets() {
  this_ = names_;
  const auto targets = TargetsOf(*policy_);
  if (!targets) {
    NotUnderstood(imported_, "the policy's target was not understood: ask the owner");
    return;
  }
  if (!names_.empty()) return;
  this_ = *targets;
  if (!this_.empty()) return;
  for (const char* kind : {"permission", "prohibition", "obligation"}) {
    for (const Json* rule : ValuesOf(*policy_, kOdrlNames, kind)) {
      const auto named = TargetsOf(*rule);
      if (named) this_.insert(named->begin(), named->end());
    }
  }
}

// nullopt: something other than the names of assets, such as a part of one.
std::optional<std::set<std::string>> OdrlReader::TargetsOf(const Json& object) {
  std::set<std::string> names;
  for (const Json* target : ValuesOf(object, kOdrlNames, "target")) {
    std::string name = TextIn(*target);
    if (name.empty()) name = OneText(*target, "uid");
    const bool more = !OtherThan(*target, kOdrlNames, {"@id", "@type", "uid"}).empty();
    if (name.empty() || more) return std::nullopt;
    names.insert(std::move(name));
  }
  return names;
}

bool OdrlReader::IsAboutThis(const Json& rule) {
  auto targets = TargetsOf(rule);
  if (targets && targets->empty()) targets = TargetsOf(*policy_);
  if (!targets || targets->empty()) return true;  // what was not understood asks elsewhere
  if (names_.empty())  // which of several it is nobody knows: it has to be about all of them
    return std::includes(targets->begin(), targets->end(), this_.begin(), this_.end());
  return std::any_of(targets->begin(), targets->end(),
                     [&](const std::string& name) { return names_.contains(name); });
}

// Our own words for what ODRL has none.
Status OdrlReader::ReadMore() {
  const auto found = policy_->find("dure:more");
  if (found == policy_->end()) return {};
  const Json tree = found->is_object() ? found->value("@value", Json()) : *found;
  const std::string text = tree.dump();
  if (more_ && *more_ != text) {
    NotUnderstood(imported_,
                  "two policies have different dure:more; only the first was read: ask "
                  "the owner");
    return {};
  }
  more_ = text;
  std::vector<Problem> problems;
  terms_ = FromTree(tree, problems);
  if (!problems.empty())
    return Fail(ErrorCode::kInvalid, "dure:more: " + Sentence(problems.front()));
  for (size_t i = 0; i < kWordCount<Action>; ++i) {
    const auto action = static_cast<Action>(i);
    const Permission said = terms_.Of(action);
    if (said == Permission::kDeny) rules_.prohibited.insert(action);
    if (said == Permission::kAllow || said == Permission::kAsk) rules_.permitted.insert(action);
    if (said == Permission::kAsk) rules_.asked.insert(action);
  }
  return {};
}

OdrlReader::Named OdrlReader::ActionsOf(const Json& rule, const char* kind) {
  Named named;
  Found items = ValuesOf(rule, kOdrlNames, "action");
  if (items.empty()) items = ValuesOf(*policy_, kOdrlNames, "action");
  named.unknown = items.empty();
  if (items.empty())
    Remark(imported_, std::string("a ") + kind + " names no action that could be read");
  for (const Json* item : items) {
    // A refined action is an object with the action inside.
    const Found inner = ValuesOf(*item, kOdrlNames, "rdf:value");
    const std::string text = TextIn(inner.size() == 1 ? *inner.front() : *item);
    if (const auto action = FromWord<Action>(WordIn(kDureNames, text))) {
      named.actions.insert(*action);
    } else if (WordIn(kOdrlNames, text) == "use") {
      for (size_t i = 0; i < kWordCount<Action>; ++i) named.actions.insert(static_cast<Action>(i));
      named.narrowed = true;
    } else {
      named.unknown = true;
      Remark(imported_, std::string("the ") + kind + " of '" + Short(text) +
                            "' has no counterpart and was left out");
    }
    named.narrowed |= !OtherThan(*item, kOdrlNames, {"@id", "@type"}).empty();
  }
  return named;
}

// A prohibition under a condition is taken as one without: stricter, never wider.
void OdrlReader::Prohibit(const Json& rule) {
  const Named named = ActionsOf(rule, "prohibition");
  rules_.prohibited.insert(named.actions.begin(), named.actions.end());
  if (named.unknown || !rule.is_object())
    NotUnderstood(imported_, "what a prohibition takes away was not understood: ask the owner");
  if (!IsAboutThis(rule))
    Remark(imported_, "a prohibition for another dataset holds here too, which is stricter");
  const auto others =
      OtherThan(rule, kOdrlNames, {"@type", "@id", "uid", "target", "action", "assigner"});
  if (!others.empty() || named.narrowed)
    Remark(imported_,
           "a prohibition holds for everybody and without its conditions here, which is "
           "stricter");
}

void OdrlReader::Ask(const std::set<Action>& actions, const std::string& remark) {
  Remark(imported_, remark + ": ask the owner");
  rules_.asked.insert(actions.begin(), actions.end());
}

void OdrlReader::Permit(const Json& rule) {
  const Named named = ActionsOf(rule, "permission");
  const std::set<Action>& actions = named.actions;
  if (!IsAboutThis(rule)) {
    Remark(imported_, "a permission for another dataset was left out");
    return;
  }
  if (named.narrowed)
    Ask(actions, "the action 'use' and refined actions allow nothing by themselves");
  if (!TargetsOf(rule)) Ask(actions, "the target of a permission was not understood");
  for (const Json* duty : ValuesOf(rule, kOdrlNames, "duty")) {
    const std::string name = WordIn(kOdrlNames, OneText(*duty, "action"));
    rules_.asked.insert(actions.begin(), actions.end());
    const bool plain = OtherThan(*duty, kOdrlNames, {"@type", "action"}).empty();
    if (name != "obtainConsent" || !plain)
      Ask(actions, "the duty '" + (name.empty() ? NameOf(*duty) : Short(name)) +
                       "' of a permission was not understood");
  }
  Purposes purposes;
  for (const Json* constraint : ValuesOf(rule, kOdrlNames, "constraint")) {
    if (TakeConstraint(*constraint, actions, purposes)) continue;
    std::string left = OneText(*constraint, "leftOperand");
    if (left.empty() && constraint->is_object() && !constraint->empty())
      left = constraint->begin().key();
    Ask(actions, "a constraint on '" + Short(left) + "' was not understood");
  }
  const auto others =
      OtherThan(rule, kOdrlNames,
                {"@type", "@id", "uid", "target", "action", "constraint", "duty", "assigner"});
  if (!others.empty())
    Ask(actions, "a permission has parts that were not understood (" + ListShort(others) + ")");
  NarrowPurposes(purposes);
  rules_.permitted.insert(actions.begin(), actions.end());
}

// Obligations that dure:more did not say already.
void OdrlReader::Oblige(const Json& rule) {
  const std::string action = OneText(rule, "action");
  const auto others =
      OtherThan(rule, kOdrlNames, {"@type", "@id", "uid", "target", "action", "assigner"});
  const bool deletes = WordIn(kOdrlNames, action) == "delete" && terms_.time.delete_after;
  const bool owed = std::any_of(terms_.duties.begin(), terms_.duties.end(), [&](const Duty& duty) {
    return DutyAction(duty.kind) == action || DutyAction(duty.kind) == WordIn(kOdrlNames, action);
  });
  const bool dated = others.size() == 1 && WordIn(kOdrlNames, others[0]) == "constraint";
  if (deletes && dated) return;
  if (owed && others.empty()) return;
  NotUnderstood(imported_, "the obligation '" + (action.empty() ? NameOf(rule) : Short(action)) +
                               "' has to be written by hand; until then ask the owner");
}

Status OdrlReader::Conflicts() {
  const std::string strategy = WordIn(kOdrlNames, OneText(*policy_, "conflict"));
  for (const Action action : rules_.permitted) {
    if (!rules_.prohibited.contains(action) || strategy == "prohibit") continue;
    if (strategy != "perm")
      return Fail(ErrorCode::kInvalid,
                  "the policy both permits and prohibits " + std::string(Word(action)) +
                      " and does not say conflict: prohibit, which makes it void");
    Remark(imported_, "permissions win over prohibitions in the source; here prohibitions do");
  }
  return {};
}

void OdrlReader::Fold() {
  const auto say = [&](Action action, Permission permission) {
    auto& said = said_[static_cast<size_t>(action)];
    if (said && *said != permission)
      Remark(imported_, "of what two policies say about " + std::string(Word(action)) +
                            ", the stricter is taken");
    said = said ? std::max(*said, permission) : permission;
  };
  for (const Action action : rules_.permitted) {
    if (rules_.prohibited.contains(action)) continue;
    say(action, rules_.asked.contains(action) ? Permission::kAsk : Permission::kAllow);
  }
  for (const Action action : rules_.prohibited) say(action, Permission::kDeny);
}

void OdrlReader::Finish() {
  Terms& terms = imported_.draft.terms;
  terms = terms_;
  for (size_t i = 0; i < kWordCount<Action>; ++i)
    terms.actions[i] = said_[i].value_or(Permission::kUnknown);
  if (purposes_ && !terms.purposes.empty()) NarrowPurposes(terms.purposes);
  if (purposes_) terms.purposes = *purposes_;
  auto& places = terms.territories;
  places.processing_excluded.insert(excluded_.begin(), excluded_.end());
  // Of countries that no two permissions share, none is left: unknown, and so not allowed.
  const auto narrow = [](Places& to, const Countries& named, const std::set<std::string>& without) {
    std::set<std::string> left = named.value_or(to.countries);
    std::erase_if(left, [&](const std::string& country) {
      const bool other = named && !to.anywhere && !to.unknown() && !to.countries.contains(country);
      return other || without.contains(country);
    });
    to = {.anywhere = to.anywhere && !named, .countries = left};
  };
  narrow(places.processing, processing_, places.processing_excluded);
  narrow(places.exports, exports_, {});
  const auto later = [](std::optional<Instant>& kept, const std::optional<Instant>& time) {
    kept = std::max(kept, time);  // nothing is the earliest
  };
  later(terms.time.valid_from, time_.valid_from);
  later(terms.time.embargo_until, time_.embargo_until);
  auto& until = terms.time.valid_until;
  if (time_.valid_until) until = std::min(until.value_or(*time_.valid_until), *time_.valid_until);
}

// Terms have one list of purposes; permissions with different ones are cut down to what they share.
void OdrlReader::NarrowPurposes(const Purposes& purposes) {
  if (!purposes) return;
  if (purposes_ && *purposes_ != *purposes) {
    Remark(imported_, "permissions name different purposes; only those that all name are taken");
    std::erase_if(*purposes_, [&](Purpose purpose) { return !purposes->contains(purpose); });
  } else {
    purposes_ = purposes;
  }
}

}  // namespace dure::terms
