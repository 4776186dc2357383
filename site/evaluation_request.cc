#include "site/evaluation_request.h"

#include <nlohmann/json.hpp>

#include "federation/transport/json_fields.h"

namespace dure::site {
namespace {

constexpr size_t kDatasetsMax = 256;  // of one figure

}  // namespace

Result<EvaluationRequest> ParseEvaluationRequest(std::string_view line) {
  DURE_ASSIGN(const nlohmann::json object,
              transport::ParseJsonObject(line, "the evaluation request"));
  const auto asked = object.find("evaluate");
  if (asked == object.end() || !asked->is_object()) {
    return Fail(ErrorCode::kInvalid, "the line asks for no evaluation");
  }
  EvaluationRequest request;
  request.id = transport::CountField(*asked, "id");
  DURE_ASSIGN(const Bytes manifest, FromBase64(transport::TextField(*asked, "manifest")));
  DURE_ASSIGN(request.manifest, round::RunManifest::Parse(manifest));
  DURE_ASSIGN(request.model, Digest::FromHex(transport::TextField(*asked, "model")));
  request.run = request.manifest.run;
  request.decides = transport::FlagField(*asked, "decides");
  return request;
}

Result<MeasuringDecided> ParseMeasuringDecided(std::string_view text) {
  DURE_ASSIGN(const nlohmann::json object, transport::ParseJsonObject(text, "the decision"));
  MeasuringDecided decided;
  decided.known = transport::FlagField(object, "known");
  if (!decided.known) return decided;
  const auto list = object.find("decided");
  if (list == object.end() || !list->is_array() || list->size() > kDatasetsMax) {
    return Fail(ErrorCode::kInvalid, "the decision is no list of at most 256 datasets");
  }
  for (const nlohmann::json& item : *list) {
    if (!item.is_object()) return Fail(ErrorCode::kInvalid, "the decision names no dataset");
    MeasuringDecided::One one;
    DURE_ASSIGN(one.used.what.dataset, DatasetId::Parse(transport::TextField(item, "dataset")));
    one.used.what.version = transport::CountField(item, "version");
    one.used.admission = transport::CountField(item, "entry");
    one.admit = transport::FlagField(item, "admit");
    one.reason = transport::TextField(item, "reason");
    decided.decided.push_back(std::move(one));
  }
  return decided;
}

}  // namespace dure::site
