#include "policy/ledger/json_text.h"

#include <cmath>

namespace dure::ledger {
namespace {

constexpr JsonNode kNull;

// -1: no lower-case hex digit. A table: an entry has some ten digests, and their digits no order.
constexpr std::array<int8_t, 256> kLowerHex = [] {
  std::array<int8_t, 256> values{};
  values.fill(-1);
  for (int i = 0; i < 16; ++i) values[static_cast<uint8_t>("0123456789abcdef"[i])] = i;
  return values;
}();

}  // namespace

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

FieldReader::FieldReader(const JsonNode& object, std::string_view what)
    : object_(object), what_(what) {
  if (object.kind != JsonKind::kObject) {
    error_ = Fail(ErrorCode::kInvalid, std::string(what_) + " is not a JSON object");
  }
}

void FieldReader::Blame(const char* name, std::string_view why) {
  if (!error_) return;
  error_ =
      Fail(ErrorCode::kInvalid, std::string(what_) + ": field " + name + " " + std::string(why));
}

void FieldReader::Join(const Status& other) {
  if (error_ && !other) error_ = Fail(other.error());
}

bool FieldReader::Has(const char* name) const {
  return object_.kind == JsonKind::kObject && FindMember(object_, name) != nullptr;
}

const JsonNode& FieldReader::Field(const char* name) {
  if (!error_) return kNull;
  if (const JsonNode* found = FindMember(object_, name)) return *found;
  Blame(name, "is missing");
  return kNull;
}

const JsonNode& FieldReader::Object(const char* name) {
  const JsonNode& field = Field(name);
  if (field.kind == JsonKind::kObject) return field;
  Blame(name, "is not an object");
  return kNull;
}

JsonItems FieldReader::Array(const char* name, size_t items_max) {
  const JsonNode& field = Field(name);
  if (field.kind == JsonKind::kArray && field.items <= items_max) return JsonItems(field);
  Blame(name, "is not a list, or is too long");
  return JsonItems(kNull);
}

std::string_view FieldReader::View(const char* name, size_t bytes_max) {
  const JsonNode& field = Field(name);
  if (field.kind == JsonKind::kText && field.text.size() <= bytes_max) return field.text;
  Blame(name, "is not a text, or is too long");
  return {};
}

std::string FieldReader::Code(const char* name, bool may_be_empty) {
  const std::string_view text = View(name, 64);
  if (!IsCode(text) && !(may_be_empty && text.empty()))
    Blame(name, "is not a code of a-z, 0-9 and '-'");
  return std::string(text);
}

uint64_t FieldReader::Count(const char* name) {
  const JsonNode& field = Field(name);
  if (field.kind == JsonKind::kCount && field.count <= kJsonCountMax) return field.count;
  Blame(name, "is not a count up to 2^53");
  return 0;
}

double FieldReader::Finite(const char* name) {
  const JsonNode& field = Field(name);
  const bool number = field.kind == JsonKind::kCount || field.kind == JsonKind::kNegative ||
                      field.kind == JsonKind::kReal;
  if (number && std::isfinite(field.number)) return field.number;
  Blame(name, "is not a finite number");
  return 0;
}

bool FieldReader::Flag(const char* name) {
  const JsonNode& field = Field(name);
  if (field.kind == JsonKind::kTrue || field.kind == JsonKind::kFalse) {
    return field.kind == JsonKind::kTrue;
  }
  Blame(name, "is not true or false");
  return false;
}

void FieldReader::Hex32(const char* name, std::array<uint8_t, 32>& bytes) {
  const std::string_view text = View(name, 64);
  bool sound = text.size() == 64;
  int seen = 0;
  for (size_t i = 0; sound && i < bytes.size(); ++i) {
    const int high = kLowerHex[static_cast<uint8_t>(text[2 * i])];
    const int low = kLowerHex[static_cast<uint8_t>(text[2 * i + 1])];
    seen |= high | low;
    bytes[i] = static_cast<uint8_t>(high << 4 | low);
  }
  if (sound && seen >= 0) return;
  bytes.fill(0);
  Blame(name, "is not 64 lower-case hex digits");
}

Digest FieldReader::Hash(const char* name) {
  Digest digest;
  Hex32(name, digest.bytes);
  return digest;
}

PublicKey FieldReader::Key(const char* name) {
  PublicKey key;
  Hex32(name, key);
  return key;
}

}  // namespace dure::ledger
