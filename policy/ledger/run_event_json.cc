// A run's proposal: what its manifest says, for readers and for whoever checks contributions.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "policy/ledger/event_fields.h"
#include "policy/ledger/policy_event_json.h"

namespace dure::ledger {
namespace {

using nlohmann::json;

constexpr size_t kRunFieldsMax = 64;
constexpr size_t kRunFieldBytesMax = 512;
constexpr size_t kCodesMax = 16;  // of trainers that a run approves

void Write(const RunBounds& bounds, json& out) {
  out["code"] = json::array();
  for (const Digest& digest : bounds.code) out["code"].push_back(digest.Hex());
  if (bounds.norm) out["norm"] = *bounds.norm;
  out["steps"] = bounds.steps;
  out["stepTokens"] = bounds.step_tokens;
  out["passes"] = bounds.passes;
  out["referenceTokens"] = bounds.reference_tokens;
}
RunBounds ReadBounds(FieldReader& in) {
  FieldReader of(in.Object("bounds"), "bounds");
  RunBounds bounds;
  for (const JsonNode& item : of.Array("code", kCodesMax)) {
    const Result<Digest> digest = Digest::FromHex(item.text);
    if (!digest) of.Blame("code", "holds something that is no digest");
    if (digest) bounds.code.push_back(*digest);
  }
  if (of.Has("norm")) bounds.norm = of.Finite("norm");
  bounds.steps = of.Count("steps");
  bounds.step_tokens = of.Count("stepTokens");
  bounds.passes = of.Count("passes");
  bounds.reference_tokens = of.Count("referenceTokens");
  in.Join(of.error());
  return bounds;
}

}  // namespace

void Write(const RunProposed& e, json& out) {
  out["run"] = e.run.str();
  out["manifest"] = e.manifest.Hex();
  out["fields"] = e.fields;
  out["invited"] = json::array();
  for (const SiteId& site : e.invited) out["invited"].push_back(site.str());
  if (e.bounds) Write(*e.bounds, out["bounds"]);
}
void Read(RunProposed& e, FieldReader& in) {
  e.run = in.Named<RunId>("run");
  e.manifest = in.Hash("manifest");
  const JsonNode& fields = in.Object("fields");
  if (fields.items > kRunFieldsMax) in.Blame("fields", "has too many fields");
  for (const JsonNode& item : JsonItems(fields)) {
    if (!in.error()) break;
    if (item.kind != JsonKind::kText || item.text.size() > kRunFieldBytesMax) {
      in.Blame("fields", "holds something that is no text, or is too long");
    }
    e.fields.emplace(item.name, item.text);
  }
  e.invited = ReadSites(in, "invited");
  if (in.Has("bounds")) e.bounds = ReadBounds(in);
}

Status FormOf(const RunProposed& e) {
  if (std::ranges::adjacent_find(e.invited, std::greater_equal<>()) != e.invited.end()) {
    return Fail(ErrorCode::kInvalid, "the invited sites are not ascending, each once");
  }
  if (!e.bounds) return {};
  const RunBounds& bounds = *e.bounds;
  const bool sound =
      std::ranges::adjacent_find(bounds.code, std::greater_equal<>()) == bounds.code.end() &&
      bounds.code.size() <= kCodesMax && (!bounds.norm || *bounds.norm > 0);
  if (sound) return {};
  return Fail(ErrorCode::kInvalid,
              "a run's bounds name 16 codes at most, ascending, and a norm above 0");
}
Subject About(const std::string&, const RunProposed& e) {
  return {"run/" + e.run.str(), e.manifest};
}

}  // namespace dure::ledger
