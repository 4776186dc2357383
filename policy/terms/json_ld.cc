#include "policy/terms/json_ld.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "policy/terms/odrl.h"

namespace dure::terms {
namespace {

using nlohmann::ordered_json;

constexpr int kDepthMax = 64;  // of objects and lists; readers call themselves once a level
constexpr size_t kShortBytesMax = 64;

constexpr std::string_view kOdrl[] = {"", "odrl:", "http://www.w3.org/ns/odrl/2/"};
constexpr std::string_view kSchema[] = {"", "sc:", "schema:", "https://schema.org/",
                                        "http://schema.org/"};
constexpr std::string_view kDure[] = {"", "dure:", kTermsNamespace};

void Open(const ordered_json& value, Found& values) {
  const bool nothing =
      value.is_null() || (value.is_string() && value.get_ref<const std::string&>().empty());
  if (nothing) return;
  if (value.is_array()) {
    for (const ordered_json& item : value) Open(item, values);
    return;
  }
  for (const char* list : {"@list", "@set"}) {
    if (value.is_object() && value.size() == 1 && value.contains(list))
      return Open(value[list], values);
  }
  values.push_back(&value);
}

}  // namespace

const Spellings kOdrlNames = kOdrl;
const Spellings kSchemaNames = kSchema;
const Spellings kDureNames = kDure;

Result<ordered_json> ParseJsonLd(std::string_view text) {
  bool deep = false;
  bool twice = false;
  std::vector<std::set<std::string>> names;
  using Event = ordered_json::parse_event_t;
  const auto watch = [&](int depth, Event event, const ordered_json& value) {
    deep = deep || depth > kDepthMax;
    if (event == Event::object_start) names.emplace_back();
    if (event == Event::object_end && !names.empty()) names.pop_back();
    if (event == Event::key && !names.empty())
      twice = twice || !names.back().insert(value.get<std::string>()).second;
    return !deep;
  };
  const auto document = ordered_json::parse(text.begin(), text.end(), watch, false);
  if (deep) return Fail(ErrorCode::kInvalid, "the file is nested too deep");
  if (!document.is_object()) return Fail(ErrorCode::kInvalid, "the file is not a JSON object");
  if (twice) return Fail(ErrorCode::kInvalid, "the file has a name twice in one object");
  return document;
}

std::string WordIn(Spellings spellings, std::string_view text) {
  for (const std::string_view start : spellings) {
    if (!text.starts_with(start)) continue;
    const std::string_view word = text.substr(start.size());
    if (!word.empty() && word.find_first_of("#/:") == word.npos) return std::string(word);
  }
  return {};
}

Found ValuesOf(const ordered_json& object, Spellings spellings, std::string_view name) {
  Found values;
  if (!object.is_object()) return values;
  for (const std::string_view start : spellings) {
    const auto found = object.find(std::string(start) + std::string(name));
    if (found != object.end()) Open(*found, values);
  }
  return values;
}

std::string TextIn(const ordered_json& value) {
  if (value.is_string()) return value.get<std::string>();
  for (const char* name : {"@value", "@id"}) {
    if (value.is_object() && value.contains(name) && value[name].is_string())
      return value[name].get<std::string>();
  }
  return {};
}

std::vector<std::string> OtherThan(const ordered_json& object, Spellings spellings,
                                   std::span<const std::string_view> known) {
  std::vector<std::string> others;
  if (!object.is_object()) return others;
  for (const auto& [key, value] : object.items()) {
    const auto is = [&, &name = key](std::string_view one) {
      return name == one || WordIn(spellings, name) == one;
    };
    if (std::none_of(known.begin(), known.end(), is)) others.push_back(key);
  }
  return others;
}

std::string CutText(std::string text, size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  text.resize(end);
  return text;
}

std::string Short(std::string_view text) {
  std::string cut = CutText(std::string(text), kShortBytesMax);
  return cut.size() < text.size() ? cut + "…" : cut;
}

}  // namespace dure::terms
