#include "aggregator/requests.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "federation/limits.h"
#include "federation/transport/json_fields.h"
#include "policy/rules/value.h"

namespace dure::aggregator {

using nlohmann::json;

namespace {

constexpr size_t kErrorBytesMax = 500;
constexpr size_t kDatasetsMax = 256;  // of one figure

Result<json> ParseObject(std::string_view text) {
  return transport::ParseJsonObject(text, "the request");
}

Result<std::string> Text(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) {
    return Fail(ErrorCode::kInvalid, std::string("the request has no \"") + key + "\"");
  }
  return found->get<std::string>();
}

Result<std::vector<SiteId>> Sites(const json& object, const char* key) {
  std::vector<SiteId> sites;
  const auto list = object.find(key);
  if (list == object.end()) return sites;
  if (!list->is_array()) {
    return Fail(ErrorCode::kInvalid, std::string("\"") + key + "\" is no list");
  }
  for (const json& name : *list) {
    if (!name.is_string())
      return Fail(ErrorCode::kInvalid, std::string("\"") + key + "\" holds no names");
    DURE_ASSIGN(SiteId site, SiteId::Parse(name.get<std::string>()));
    sites.push_back(std::move(site));
  }
  std::ranges::sort(sites);
  return sites;
}

}  // namespace

Result<StartRequest> ParseStart(std::string_view text) {
  DURE_ASSIGN(const json object, ParseObject(text));
  DURE_ASSIGN(const std::string encoded, Text(object, "manifest"));
  DURE_ASSIGN(const Bytes bytes, FromBase64(encoded));
  StartRequest request;
  DURE_ASSIGN(request.manifest, round::RunManifest::Parse(bytes));
  DURE_ASSIGN(request.invited, Sites(object, "invited"));
  return request;
}

Result<RunRequest> ParseRun(std::string_view text) {
  DURE_ASSIGN(const json object, ParseObject(text));
  RunRequest request;
  DURE_ASSIGN(request.run, Text(object, "run"));
  request.after_round = transport::FlagField(object, "after_round");
  return request;
}

Result<EvaluateRequest> ParseEvaluate(std::string_view text) {
  DURE_ASSIGN(const json object, ParseObject(text));
  EvaluateRequest request;
  DURE_ASSIGN(request.run, Text(object, "run"));
  if (object.contains("model")) {
    DURE_ASSIGN(const std::string hex, Text(object, "model"));
    DURE_ASSIGN(request.model, Digest::FromHex(hex));
  }
  DURE_ASSIGN(request.sites, Sites(object, "sites"));
  return request;
}

Result<uint64_t> ParseEvaluationId(std::string_view text) {
  DURE_ASSIGN(const json object, ParseObject(text));
  return transport::CountField(object, "id");
}

Result<MeasuringAsked> ParseMeasuring(std::string_view text) {
  DURE_ASSIGN(const json object, ParseObject(text));
  MeasuringAsked asked;
  asked.id = transport::CountField(object, "id");
  const auto datasets = object.find("datasets");
  if (datasets == object.end() || !datasets->is_array() || datasets->size() > kDatasetsMax) {
    return Fail(ErrorCode::kInvalid, "what would be measured on is a list of at most 256 datasets");
  }
  for (const json& one : *datasets) {
    if (!one.is_object()) return Fail(ErrorCode::kInvalid, "a dataset is named by its id");
    ledger::DatasetVersion what;
    DURE_ASSIGN(what.dataset, DatasetId::Parse(transport::TextField(one, "dataset")));
    what.version = transport::CountField(one, "version");
    const bool rises = asked.datasets.empty() || asked.datasets.back().dataset < what.dataset;
    if (!rises) return Fail(ErrorCode::kInvalid, "the datasets are not ascending, each once");
    asked.datasets.push_back(std::move(what));
  }
  return asked;
}

Result<EvaluationReport> ParseReport(std::string_view text) {
  DURE_ASSIGN(const json object, ParseObject(text));
  const auto id = object.find("id");
  if (id == object.end() || !id->is_number_unsigned()) {
    return Fail(ErrorCode::kInvalid, "an evaluation report names its id");
  }
  EvaluationReport report;
  report.id = id->get<uint64_t>();
  const auto error = object.find("error");
  if (error != object.end() && error->is_string()) {
    report.error = error->get<std::string>().substr(0, kErrorBytesMax);
    // An empty reason would make the answer look like a measurement.
    if (report.error->empty()) report.error = "the site gave no reason";
    return report;
  }
  DURE_ASSIGN(const std::string encoded, Text(object, "envelope"));
  DURE_ASSIGN(report.envelope, FromBase64(encoded));
  return report;
}

Result<Bytes> ParseRevocation(std::string_view text) {
  DURE_ASSIGN(const json object, ParseObject(text));
  DURE_ASSIGN(const std::string encoded, Text(object, "order"));
  return FromBase64(encoded);
}

Result<Bytes> ParseAppend(std::string_view text) {
  DURE_ASSIGN(const json object, ParseObject(text));
  DURE_ASSIGN(const std::string encoded, Text(object, "envelope"));
  return FromBase64(encoded);
}

Result<CosignatureSaid> ParseCosignature(std::string_view text) {
  DURE_ASSIGN(const json object, ParseObject(text));
  CosignatureSaid said;
  said.size = transport::CountField(object, "size");
  DURE_ASSIGN(said.line, Text(object, "line"));
  return said;
}

Result<HeldShown> ParseHeld(std::string_view text) {
  DURE_ASSIGN(const json object, ParseObject(text));
  HeldShown shown;
  DURE_ASSIGN(shown.note, Text(object, "note"));
  if (!object.contains("time")) return shown;
  DURE_ASSIGN(const std::string time, Text(object, "time"));
  DURE_ASSIGN(const rules::Instant instant, rules::Instant::Parse(time));
  shown.time = WallTime(std::chrono::seconds(instant.seconds));
  return shown;
}

Result<SpareGiven> ParseSpare(std::string_view text) {
  DURE_ASSIGN(const json object, ParseObject(text));
  SpareGiven given;
  given.index = transport::CountField(object, "index");
  DURE_ASSIGN(const std::string entry, Text(object, "entry"));
  DURE_ASSIGN(given.entry, FromBase64(entry));
  if (given.entry.size() <= limits::kEntryBytesMax) return given;
  return Fail(ErrorCode::kInvalid, "an entry is at most 65535 bytes");
}

Result<GrantAsked> ParseGrant(std::string_view text) {
  DURE_ASSIGN(const json object, ParseObject(text));
  GrantAsked asked;
  DURE_ASSIGN(const std::string kind, Text(object, "kind"));
  DURE_ASSIGN(asked.kind, ledger::ParseUseKind(kind));
  DURE_ASSIGN(const std::string model, Text(object, "model"));
  DURE_ASSIGN(asked.model, Digest::FromHex(model));
  DURE_ASSIGN(asked.purpose, Text(object, "purpose"));
  DURE_ASSIGN(asked.territory, Text(object, "territory"));
  asked.until = transport::TextField(object, "until");
  return asked;
}

WatchRequest ParseWatch(std::string_view text) {
  const auto object = ParseObject(text);
  if (!object) return {};
  return {transport::TextField(*object, "run"), transport::FlagField(*object, "evaluations")};
}

}  // namespace dure::aggregator
