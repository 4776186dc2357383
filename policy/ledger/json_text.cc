#include "policy/ledger/json_text.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

namespace dure::ledger {
namespace {

using nlohmann::json;

constexpr size_t kDepthMax = 8;

const json& Null() {
  static const json null;
  return null;
}

// Builds the value and stops at the first thing that is too deep or stands twice, so a hostile text
// costs no more than its bytes.
class StrictBuilder {
 public:
  json root;

  bool null() { return Put(nullptr); }
  bool boolean(bool value) { return Put(value); }
  bool number_integer(json::number_integer_t value) { return Put(value); }
  bool number_unsigned(json::number_unsigned_t value) { return Put(value); }
  bool number_float(json::number_float_t value, const std::string&) { return Put(value); }
  bool string(std::string& value) { return Put(std::move(value)); }
  bool binary(json::binary_t&) { return false; }
  bool start_object(size_t) { return Open(json::object()); }
  bool start_array(size_t) { return Open(json::array()); }
  bool end_object() { return Close(); }
  bool end_array() { return Close(); }
  bool key(std::string& name) {
    const auto [place, fresh] =
        open_.back()->get_ref<json::object_t&>().emplace(std::move(name), nullptr);
    next_ = &place->second;
    return fresh;
  }
  bool parse_error(size_t, const std::string&, const json::exception&) { return false; }

 private:
  // Where the next value goes: a key's place, the end of the open array, or the root.
  json* Put(json&& value, bool) {
    json* place = &root;
    if (next_ != nullptr) {
      place = std::exchange(next_, nullptr);
    } else if (!open_.empty()) {
      auto& items = open_.back()->get_ref<json::array_t&>();
      place = &items.emplace_back();
    }
    *place = std::move(value);
    return place;
  }
  template <typename Value>
  bool Put(Value&& value) {
    Put(json(std::forward<Value>(value)), true);
    return true;
  }
  bool Open(json&& empty) {
    if (open_.size() == kDepthMax) return false;
    open_.push_back(Put(std::move(empty), true));
    return true;
  }
  bool Close() {
    open_.pop_back();
    return true;
  }

  std::vector<json*> open_;  // from the root down; an array's items do not move while one is open
  json* next_ = nullptr;
};

}  // namespace

std::optional<json> ParseStrictJson(std::string_view text) {
  StrictBuilder builder;
  if (!json::sax_parse(text.begin(), text.end(), &builder)) return std::nullopt;
  if (!builder.root.is_object()) return std::nullopt;
  return std::move(builder.root);
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

bool FieldReader::Has(const char* name) const {
  return object_.is_object() && object_.contains(name);
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
