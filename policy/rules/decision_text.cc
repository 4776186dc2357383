// The writing half of a decision's one encoding: the text that a JSON library gives whose objects
// keep their keys in order, byte for byte. Written here without building such objects, since
// whoever audits a record writes each of its decisions again.
#include <nlohmann/json.hpp>

#include "policy/rules/decision.h"

namespace dure::rules {
namespace {

// How many bytes of a well-formed character `text` begins with; 0: there is none (RFC 3629).
size_t CharacterAt(std::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : 0u; };
  const auto follows = [&](size_t i) { return (byte(i) & 0xc0u) == 0x80u; };
  const uint32_t lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return follows(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    const bool overlong = lead == 0xe0 && byte(1) < 0xa0;
    const bool surrogate = lead == 0xed && byte(1) > 0x9f;
    return follows(1) && follows(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (lead < 0xf0 || lead > 0xf4) return 0;
  const bool overlong = lead == 0xf0 && byte(1) < 0x90;
  const bool beyond = lead == 0xf4 && byte(1) > 0x8f;
  return follows(1) && follows(2) && follows(3) && !overlong && !beyond ? 4 : 0;
}

// Whether JSON writes the text as it is.
bool IsPlain(std::string_view text) {
  while (!text.empty()) {
    const char c = text.front();
    if (static_cast<uint8_t>(c) < 0x20 || c == '"' || c == '\\') return false;
    const size_t bytes = CharacterAt(text);
    if (bytes == 0) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

// Objects and lists, one inside the other; names come in the order of the alphabet.
class JsonText {
 public:
  JsonText() { text_.reserve(4096); }

  JsonText& Open(char bracket) {
    Separate();
    text_ += bracket;
    first_ = true;
    return *this;
  }
  JsonText& Close(char bracket) {
    text_ += bracket;
    first_ = false;
    return *this;
  }
  JsonText& Name(std::string_view name) {
    Separate();
    text_ += '"';
    text_ += name;
    text_ += "\":";
    first_ = true;  // its value follows without a comma
    return *this;
  }
  JsonText& Text(std::string_view text) {
    Separate();
    if (IsPlain(text)) {
      text_ += '"';
      text_ += text;
      text_ += '"';
    } else {
      const nlohmann::json value = text;
      text_ += value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    }
    return *this;
  }
  JsonText& Raw(std::string_view word) {
    Separate();
    text_ += word;
    return *this;
  }
  JsonText& Number(uint32_t number) { return Raw(std::to_string(number)); }
  std::string Take() { return std::move(text_); }

 private:
  void Separate() {
    if (!first_) text_ += ',';
    first_ = false;
  }

  std::string text_;
  bool first_ = true;
};

void Write(JsonText& out, const Sentence& sentence) {
  out.Open('{').Name("en").Text(sentence.en).Name("ko").Text(sentence.ko).Close('}');
}

void Write(JsonText& out, const PolicyRef& policy) {
  out.Open('{').Name("digest").Text(policy.digest.Hex()).Name("layer").Text(Name(policy.layer));
  out.Name("name").Text(policy.name).Name("version").Number(policy.version).Close('}');
}

void Write(JsonText& out, const FactSeen& fact) {
  out.Open('{').Name("actual").Text(fact.actual);
  if (!fact.expected.empty()) out.Name("expected").Text(fact.expected);
  if (!fact.expected_path.empty()) out.Name("expectedPath").Text(fact.expected_path);
  out.Name("holds").Raw(!fact.holds ? "null" : *fact.holds ? "true" : "false");
  out.Name("op").Text(fact.op).Name("path").Text(fact.path).Close('}');
}

void Write(JsonText& out, const Reason& reason) {
  out.Open('{').Name("basis").Text(reason.basis).Name("because");
  Write(out, reason.because);
  out.Name("class").Text(Name(reason.reason_class)).Name("facts").Open('[');
  for (const FactSeen& fact : reason.facts) Write(out, fact);
  out.Close(']').Name("policy");
  Write(out, reason.policy);
  out.Name("rule").Text(reason.rule).Close('}');
}

void Write(JsonText& out, const Permission& permission) {
  out.Open('{').Name("because");
  Write(out, permission.because);
  out.Name("policy");
  Write(out, permission.policy);
  out.Name("rule").Text(permission.rule).Close('}');
}

void WriteLimit(JsonText& out, const Obligation& owed) {
  out.Name(owed.limit == Duty::Limit::kWithin ? "within" : "for").Open('{');
  out.Name("count").Number(owed.count).Name("unit").Text(Name(owed.unit)).Close('}');
}

void Write(JsonText& out, const Obligation& owed) {
  out.Open('{').Name("basis").Text(owed.basis);
  if (owed.limit == Duty::Limit::kFor) WriteLimit(out, owed);
  out.Name("kind").Text(owed.kind).Name("policy");
  Write(out, owed.policy);
  out.Name("rule").Text(owed.rule).Name("text");
  Write(out, owed.text);
  if (owed.limit == Duty::Limit::kWithin) WriteLimit(out, owed);
  out.Close('}');
}

}  // namespace

std::string_view Name(Outcome outcome) { return outcome == Outcome::kAdmit ? "admit" : "deny"; }

std::string_view Name(ReasonClass reason_class) {
  switch (reason_class) {
    case ReasonClass::kForbidden:
      return "forbidden";
    case ReasonClass::kRequirementNotMet:
      return "requirement-not-met";
    case ReasonClass::kUnknownFact:
      return "unknown-fact";
    case ReasonClass::kNothingPermits:
      return "nothing-permits";
  }
  return "";
}

std::string ToJson(const Decision& decision) {
  JsonText out;
  out.Open('{').Name("action").Text(Name(decision.action)).Name("engine").Number(kEngineVersion);
  out.Name("obligations").Open('[');
  for (const Obligation& owed : decision.obligations) Write(out, owed);
  out.Close(']').Name("outcome").Text(Name(decision.outcome)).Name("permissions").Open('[');
  for (const Permission& permission : decision.permissions) Write(out, permission);
  out.Close(']').Name("reasons").Open('[');
  for (const Reason& reason : decision.reasons) Write(out, reason);
  out.Close(']');
  if (decision.words != 0) out.Name("words").Number(decision.words);
  return out.Close('}').Take();
}

}  // namespace dure::rules
