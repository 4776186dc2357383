#include "federation/transport/json_fields.h"

#include <nlohmann/json.hpp>

namespace dure::transport {

using nlohmann::json;

namespace {

// The field, or null, which is of no type that a reader asks for.
const json& Field(const json& object, const char* key) {
  static const json null;
  if (!object.is_object()) return null;
  const auto found = object.find(key);
  return found == object.end() ? null : *found;
}

}  // namespace

Result<json> ParseJsonObject(std::string_view text, std::string_view what) {
  bool shallow = true;
  const auto watch = [&](int depth, json::parse_event_t, json&) {
    if (depth > kJsonDepthMax) shallow = false;
    return shallow;  // false drops what follows, so a hostile text costs no more than its bytes
  };
  json parsed = json::parse(text, watch, false);
  if (!shallow || !parsed.is_object()) {
    return Fail(ErrorCode::kInvalid, std::string(what) + " is not a JSON object");
  }
  return parsed;
}

std::string TextField(const json& object, const char* key) {
  const json& field = Field(object, key);
  return field.is_string() ? field.get<std::string>() : std::string();
}

uint64_t CountField(const json& object, const char* key) {
  const json& field = Field(object, key);
  return field.is_number_unsigned() ? field.get<uint64_t>() : 0;
}

double NumberField(const json& object, const char* key) {
  return OptionalNumber(object, key).value_or(0);
}

bool FlagField(const json& object, const char* key) {
  const json& field = Field(object, key);
  return field.is_boolean() && field.get<bool>();
}

std::optional<double> OptionalNumber(const json& object, const char* key) {
  const json& field = Field(object, key);
  if (!field.is_number()) return std::nullopt;
  return field.get<double>();
}

const json& ListField(const json& object, const char* key) {
  static const json empty = json::array();
  const json& field = Field(object, key);
  return field.is_array() ? field : empty;
}

std::string JsonLine(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace dure::transport
