#include "policy/ledger/json_text.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

namespace dure::ledger {
namespace {

using nlohmann::json;

constexpr int kDepthMax = 8;

const json& Null() {
  static const json null;
  return null;
}

}  // namespace

std::optional<json> ParseStrictJson(std::string_view text) {
  std::vector<std::set<std::string>> keys;
  bool strict = true;
  const auto watch = [&](int depth, json::parse_event_t event, json& parsed) {
    if (depth > kDepthMax) strict = false;
    if (event == json::parse_event_t::object_start) keys.emplace_back();
    if (event == json::parse_event_t::object_end && !keys.empty()) keys.pop_back();
    if (event == json::parse_event_t::key && !keys.empty()) {
      strict &= keys.back().insert(parsed.get<std::string>()).second;
    }
    return strict;  // false drops what follows, so a hostile text costs no more than its bytes
  };
  json parsed = json::parse(text.begin(), text.end(), watch, false);
  if (!strict || !parsed.is_object()) return std::nullopt;
  return parsed;
}

bool IsCode(std::string_view text) {
  if (text.empty() || text.size() > 64) return false;
  for (const char c : text) {
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) return false;
  }
  return true;
}

bool IsRfc3339(std::string_view text) {
  constexpr std::string_view kForm = "0000-00-00T00:00:00Z";
  if (text.size() != kForm.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (kForm[i] == '0' ? !digit : text[i] != kForm[i]) return false;
  }
  return true;
}

FieldReader::FieldReader(const json& object, std::string_view what) : object_(object), what_(what) {
  if (!object.is_object()) error_ = Fail(ErrorCode::kInvalid, what_ + " is not a JSON object");
}

void FieldReader::Blame(const char* name, std::string_view why) {
  if (!error_) return;
  error_ = Fail(ErrorCode::kInvalid, what_ + ": field " + name + " " + std::string(why));
}

void FieldReader::Join(const Status& other) {
  if (error_ && !other) error_ = Fail(other.error());
}

const json& FieldReader::Field(const char* name) {
  if (!error_) return Null();
  const auto found = object_.find(name);
  if (found == object_.end()) {
    Blame(name, "is missing");
    return Null();
  }
  return *found;
}

const json& FieldReader::Object(const char* name) {
  const json& field = Field(name);
  if (field.is_object()) return field;
  Blame(name, "is not an object");
  return Null();
}

const json& FieldReader::Array(const char* name, size_t items_max) {
  const json& field = Field(name);
  if (field.is_array() && field.size() <= items_max) return field;
  Blame(name, "is not a list, or is too long");
  static const json empty = json::array();
  return empty;
}

std::string FieldReader::Text(const char* name, size_t bytes_max) {
  const json& field = Field(name);
  if (field.is_string()) {
    const std::string& text = field.get_ref<const std::string&>();
    if (text.size() <= bytes_max) return text;
  }
  Blame(name, "is not a text, or is too long");
  return {};
}

std::string FieldReader::Code(const char* name, bool may_be_empty) {
  std::string text = Text(name, 64);
  if (!IsCode(text) && !(may_be_empty && text.empty()))
    Blame(name, "is not a code of a-z, 0-9 and '-'");
  return text;
}

uint64_t FieldReader::Count(const char* name) {
  const json& field = Field(name);
  if (field.is_number_unsigned() && field.get<uint64_t>() <= kJsonCountMax)
    return field.get<uint64_t>();
  Blame(name, "is not a count up to 2^53");
  return 0;
}

double FieldReader::Finite(const char* name) {
  const json& field = Field(name);
  if (field.is_number() && std::isfinite(field.get<double>())) return field.get<double>();
  Blame(name, "is not a finite number");
  return 0;
}

bool FieldReader::Flag(const char* name) {
  const json& field = Field(name);
  if (field.is_boolean()) return field.get<bool>();
  Blame(name, "is not true or false");
  return false;
}

Bytes FieldReader::Hex32(const char* name) {
  const std::string text = Text(name, 64);
  Result<Bytes> bytes = FromHex(text);
  if (bytes && bytes->size() == 32 && ToHex(*bytes) == text) return std::move(*bytes);
  Blame(name, "is not 64 lower-case hex digits");
  return Bytes(32);
}

Digest FieldReader::Hash(const char* name) {
  Digest digest;
  const Bytes bytes = Hex32(name);
  std::copy(bytes.begin(), bytes.end(), digest.bytes.begin());
  return digest;
}

PublicKey FieldReader::Key(const char* name) {
  PublicKey key;
  const Bytes bytes = Hex32(name);
  std::copy(bytes.begin(), bytes.end(), key.begin());
  return key;
}

}  // namespace dure::ledger
