#include "site/evaluation_request.h"

#include <nlohmann/json.hpp>

#include "federation/transport/json_fields.h"

namespace dure::site {

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
  return request;
}

}  // namespace dure::site
