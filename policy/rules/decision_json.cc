// The reading half of a decision's one encoding: it accepts only what writing (decision_text.cc)
// gives.
#include <nlohmann/json.hpp>

#include "policy/rules/decision.h"

namespace dure::rules {
namespace {

using nlohmann::json;

constexpr int kJsonDepthMax = 8;

// Fields of one object. After a failure everything is empty; the round trip at the end refuses what
// was overlooked, so no field needs more than its type here.
class Fields {
 public:
  Fields(const json& object, bool& ok) : object_(object), ok_(ok) {}

  const json& At(const char* name) {
    static const json kNone;
    if (object_.is_object()) {
      if (const auto found = object_.find(name); found != object_.end()) return *found;
    }
    ok_ = false;
    return kNone;
  }
  bool Has(const char* name) const { return object_.is_object() && object_.contains(name); }
  std::string Text(const char* name) {
    const json& value = At(name);
    if (value.is_string()) return value.get<std::string>();
    ok_ = false;
    return "";
  }
  uint32_t Number(const char* name) {
    const json& value = At(name);
    if (value.is_number_unsigned() && value.get<uint64_t>() <= UINT32_MAX)
      return value.get<uint32_t>();
    ok_ = false;
    return 0;
  }
  Digest Hash(const char* name) {
    const Result<Digest> digest = Digest::FromHex(Text(name));
    if (!digest) ok_ = false;
    return digest.value_or(Digest());
  }
  template <typename Enum>
  Enum OneOf(const char* name, std::initializer_list<Enum> values) {
    const std::string text = Text(name);
    for (const Enum value : values) {
      if (Name(value) == text) return value;
    }
    ok_ = false;
    return *values.begin();
  }
  template <typename Item>
  void List(const char* name, std::vector<Item>& items, Item (*read)(const json&, bool&)) {
    const json& array = At(name);
    if (!array.is_array()) ok_ = false;
    for (const json& one : array) {
      if (!ok_) return;
      items.push_back(read(one, ok_));
    }
  }

 private:
  const json& object_;
  bool& ok_;
};

Sentence ReadSentence(const json& object, bool& ok) {
  Fields fields(object, ok);
  Sentence sentence;
  sentence.en = fields.Text("en");
  sentence.ko = fields.Text("ko");
  return sentence;
}

PolicyRef ReadPolicyRef(const json& object, bool& ok) {
  Fields fields(object, ok);
  PolicyRef policy;
  policy.layer = fields.OneOf("layer", {Layer::kConsortium, Layer::kTerms, Layer::kSite});
  policy.name = fields.Text("name");
  policy.version = fields.Number("version");
  policy.digest = fields.Hash("digest");
  return policy;
}

FactSeen ReadFact(const json& object, bool& ok) {
  Fields fields(object, ok);
  FactSeen fact;
  fact.path = fields.Text("path");
  fact.op = fields.Text("op");
  fact.actual = fields.Text("actual");
  if (fields.Has("expected")) fact.expected = fields.Text("expected");
  if (fields.Has("expectedPath")) fact.expected_path = fields.Text("expectedPath");
  const json& holds = fields.At("holds");
  if (holds.is_boolean()) fact.holds = holds.get<bool>();
  if (!holds.is_boolean() && !holds.is_null()) ok = false;
  return fact;
}

Reason ReadReason(const json& object, bool& ok) {
  Fields fields(object, ok);
  Reason reason;
  reason.rule = fields.Text("rule");
  reason.policy = ReadPolicyRef(fields.At("policy"), ok);
  reason.reason_class =
      fields.OneOf("class", {ReasonClass::kForbidden, ReasonClass::kRequirementNotMet,
                             ReasonClass::kUnknownFact, ReasonClass::kNothingPermits});
  fields.List("facts", reason.facts, ReadFact);
  reason.because = ReadSentence(fields.At("because"), ok);
  reason.basis = fields.Text("basis");
  return reason;
}

Permission ReadPermission(const json& object, bool& ok) {
  Fields fields(object, ok);
  Permission permission;
  permission.rule = fields.Text("rule");
  permission.policy = ReadPolicyRef(fields.At("policy"), ok);
  permission.because = ReadSentence(fields.At("because"), ok);
  return permission;
}

Obligation ReadObligation(const json& object, bool& ok) {
  Fields fields(object, ok);
  Obligation owed;
  owed.rule = fields.Text("rule");
  owed.policy = ReadPolicyRef(fields.At("policy"), ok);
  owed.kind = fields.Text("kind");
  owed.text = ReadSentence(fields.At("text"), ok);
  owed.basis = fields.Text("basis");
  const char* limit = fields.Has("within") ? "within" : "for";
  if (!fields.Has(limit)) return owed;
  owed.limit = limit[0] == 'w' ? Duty::Limit::kWithin : Duty::Limit::kFor;
  Fields span(fields.At(limit), ok);
  owed.count = span.Number("count");
  owed.unit = span.OneOf("unit", {Unit::kHours, Unit::kDays, Unit::kMonths, Unit::kYears});
  return owed;
}

// What Decide never breaks, and a reader may rely on.
bool IsWhole(const Decision& decision) {
  const bool denied = decision.outcome == Outcome::kDeny;
  if (denied == decision.reasons.empty() || denied != decision.permissions.empty()) return false;
  if (denied && !decision.obligations.empty()) return false;
  for (const Reason& reason : decision.reasons) {
    if (reason.rule.empty() || reason.facts.empty()) return false;
  }
  return true;
}

json ParseBounded(std::string_view text) {
  const auto shallow = [](int depth, json::parse_event_t event, json&) {
    const bool opens =
        event == json::parse_event_t::object_start || event == json::parse_event_t::array_start;
    return !opens || depth < kJsonDepthMax;
  };
  return json::parse(text, shallow, false);
}

}  // namespace

Result<Decision> DecisionFromJson(std::string_view text) {
  if (text.size() > kDecisionBytesMax)
    return Fail(ErrorCode::kExhausted, "this decision is longer than a mebibyte");
  const json object = ParseBounded(text);
  bool ok = object.is_object();
  Fields fields(object, ok);
  Decision decision;
  if (ok && fields.Number("engine") != kEngineVersion && ok)
    return Fail(ErrorCode::kInvalid,
                "this decision was made by another version of the rule engine");
  const std::optional<Action> action = ActionNamed(fields.Text("action"));
  decision.action = action.value_or(Action::kTrain);
  decision.outcome = fields.OneOf("outcome", {Outcome::kAdmit, Outcome::kDeny});
  fields.List("reasons", decision.reasons, ReadReason);
  fields.List("permissions", decision.permissions, ReadPermission);
  fields.List("obligations", decision.obligations, ReadObligation);
  decision.words = fields.Has("words") ? fields.Number("words") : 0;
  if (!ok || !action || !IsWhole(decision))
    return Fail(ErrorCode::kInvalid, "this is no decision: a field is missing or of another kind");
  if (ToJson(decision) != text)
    return Fail(ErrorCode::kInvalid, "this decision is not in its canonical form");
  return decision;
}

}  // namespace dure::rules
