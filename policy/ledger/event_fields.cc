#include "policy/ledger/event_fields.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "federation/limits.h"

namespace dure::ledger {

using nlohmann::json;

std::vector<uint64_t> ReadIndexes(FieldReader& in, const char* name, size_t items_max) {
  std::vector<uint64_t> indexes;
  for (const JsonNode& item : in.Array(name, items_max)) {
    if (item.kind != JsonKind::kCount) in.Blame(name, "holds something that is no index");
    if (item.kind == JsonKind::kCount) indexes.push_back(item.count);
  }
  return indexes;
}

std::vector<SiteId> ReadSites(FieldReader& in, const char* name) {
  std::vector<SiteId> sites;
  for (const JsonNode& item : in.Array(name, limits::kSitesMax)) {
    const Result<SiteId> site = SiteId::Parse(item.text);
    if (!site) in.Blame(name, "holds something that is no site");
    if (site) sites.push_back(*site);
  }
  return sites;
}

void WriteWhat(const DatasetVersion& what, json& out) {
  out["dataset"] = what.dataset.str();
  out["version"] = what.version;
}
DatasetVersion ReadWhat(FieldReader& in) {
  DatasetVersion what;
  what.dataset = in.Named<DatasetId>("dataset");
  what.version = in.Count("version");
  return what;
}

Status Rising(const std::vector<uint64_t>& indexes, const std::string& what) {
  const bool rising = std::ranges::adjacent_find(indexes, std::greater_equal<>()) == indexes.end();
  if (rising) return {};
  return Fail(ErrorCode::kInvalid, what + " are not ascending, each once");
}
Status Country(const std::string& code, const char* what) {
  const auto upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  if (code.size() == 2 && upper(code[0]) && upper(code[1])) return {};
  return Fail(ErrorCode::kInvalid, std::string(what) + " is not two capital letters (ISO 3166)");
}
Status Time(const std::string& text, const char* what) {
  if (IsRfc3339(text)) return {};
  return Fail(ErrorCode::kInvalid, std::string(what) + " is not of the form 2026-11-24T01:02:03Z");
}
Status Object(const std::string& text, const char* what) {
  if (ParseStrictJson(text)) return {};
  return Fail(ErrorCode::kInvalid, std::string(what) + " is not a JSON object");
}
std::string Entry(std::string_view what, uint64_t index) {
  return std::string(what) + "/" + std::to_string(index);
}

}  // namespace dure::ledger
