// CycloneDX 1.6: the model as machine-learning-model with its card, each dataset as data.
#include <nlohmann/json.hpp>

#include "policy/exports/parts.h"

namespace dure::exports {
namespace {

using nlohmann::ordered_json;

// A UUID from a digest (RFC 9562 version 8), so that equal dossiers have the same number.
std::string UuidOf(const Dossier& dossier) {
  Digest digest = Sha256Hasher()
                      .Update(dossier.root.View())
                      .Update(dossier.model.digest.View())
                      .Update(terms::FormatInstant(dossier.made_at))
                      .Finish();
  digest.bytes[6] = static_cast<uint8_t>((digest.bytes[6] & 0x0F) | 0x80);
  digest.bytes[8] = static_cast<uint8_t>((digest.bytes[8] & 0x3F) | 0x80);
  const std::string hex = digest.Hex();
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" +
         hex.substr(16, 4) + "-" + hex.substr(20, 12);
}

ordered_json Property(const std::string& name, const std::string& value) {
  return {{"name", "dure:" + name}, {"value", value}};
}

ordered_json Party(const std::string& name) {
  return ordered_json::array({{{"organization", {{"name", name.empty() ? kNotRecorded : name}}}}});
}

ordered_json DataComponent(const Dataset& dataset) {
  const terms::Passport& passport = dataset.passport;
  ordered_json sensitive = ordered_json::array();
  if (dataset.terms.personal.data_class != terms::PersonalClass::kNone)
    sensitive.push_back("personal data: " +
                        std::string(terms::Word(dataset.terms.personal.data_class)));
  ordered_json content = {
      {"type", "dataset"},
      {"name", passport.dataset},
      {"classification", std::string(terms::Word(passport.classification))},
      {"governance",
       {{"custodians", Party(passport.custodian)}, {"owners", Party(passport.rights_holder)}}}};
  if (!sensitive.empty()) content["sensitiveData"] = sensitive;
  ordered_json component = {
      {"type", "data"},
      {"bom-ref", "dataset-" + NameOf(dataset)},
      {"name", passport.dataset},
      {"version", std::to_string(passport.version)},
      {"data", {content}},
      {"properties",
       {Property("saltedDigest", passport.data.Hex()),
        Property("termsDigest", terms::DigestOf(dataset.terms).Hex()),
        Property("tokens", CountOrAbsent(passport.tokens)),
        Property("ledgerIndex", std::to_string(dataset.place.index)),
        Property("leafHash", dataset.place.leaf.Hex()),
        Property("withdrawnAt", dataset.withdrawal ? TimeOrAbsent(dataset.withdrawn_at) : "no")}}};
  const std::string& licence = dataset.terms.licence.data;
  if (!licence.empty()) component["licenses"] = ordered_json::array({{{"expression", licence}}});
  return component;
}

ordered_json ModelCardOf(const Dossier& dossier) {
  const Model& model = dossier.model;
  ordered_json parameters = {{"approach", {{"type", "self-supervised"}}},
                             {"task", OrAbsent(model.task)},
                             {"architectureFamily", OrAbsent(model.architecture)}};
  ordered_json datasets = ordered_json::array();
  for (const Dataset& dataset : dossier.datasets)
    datasets.push_back({{"ref", "dataset-" + NameOf(dataset)}});
  if (!datasets.empty()) parameters["datasets"] = datasets;
  ordered_json card = {{"modelParameters", parameters}};
  ordered_json metrics = ordered_json::array();
  for (const Evaluation& evaluation : dossier.evaluations) {
    metrics.push_back({{"type", "perplexity"},
                       {"value", NumberText(ScoreOf(evaluation).perplexity)},
                       {"slice", SliceText(evaluation)}});
    const auto interval = PerplexityInterval(evaluation);
    if (!interval) continue;
    metrics.back()["confidenceInterval"] = {{"lowerBound", NumberText(interval->first)},
                                            {"upperBound", NumberText(interval->second)}};
  }
  if (!metrics.empty()) card["quantitativeAnalysis"] = {{"performanceMetrics", metrics}};
  ordered_json limits = ordered_json::array();
  for (const std::string& caveat : DoesNotProve(Format::kCycloneDx, terms::Language::kEnglish))
    limits.push_back("This document does not prove: " + caveat);
  card["considerations"] = {{"technicalLimitations", limits}};
  return card;
}

}  // namespace

std::vector<File> MakeCycloneDx(const Dossier& dossier) {
  const Model& model = dossier.model;
  ordered_json component = {
      {"type", "machine-learning-model"},
      {"bom-ref", "model"},
      {"name", model.name},
      {"version", model.digest.Hex().substr(0, 16)},
      {"supplier", {{"name", model.provider.empty() ? kNotRecorded : model.provider}}},
      {"hashes", {{{"alg", "SHA-256"}, {"content", model.digest.Hex()}}}},
      {"modelCard", ModelCardOf(dossier)}};
  const ModelLicence licence = LicenceOf(dossier);
  if (!licence.expression.empty())
    component["licenses"] =
        ordered_json::array({{{"expression", licence.expression},
                              {"acknowledgement", licence.proposed ? "concluded" : "declared"}}});
  ordered_json components = ordered_json::array({component});
  ordered_json depends = ordered_json::array();
  for (const Dataset& dataset : dossier.datasets) {
    components.push_back(DataComponent(dataset));
    depends.push_back("dataset-" + NameOf(dataset));
  }
  const ordered_json bom = {
      {"$schema", "http://cyclonedx.org/schema/bom-1.6.schema.json"},
      {"bomFormat", "CycloneDX"},
      {"specVersion", "1.6"},
      {"serialNumber", "urn:uuid:" + UuidOf(dossier)},
      {"version", 1},
      {"metadata",
       {{"timestamp", terms::FormatInstant(dossier.made_at)},
        {"properties",
         {Property("templateVersion", TemplateVersion(Format::kCycloneDx)),
          Property("federation", dossier.federation),
          Property("asOf", std::to_string(dossier.as_of)), Property("root", dossier.root.Hex())}}}},
      {"components", components},
      {"dependencies", {{{"ref", "model"}, {"dependsOn", depends}}}}};
  return {{.name = "model.cdx.json",
           .media_type = "application/vnd.cyclonedx+json",
           .text = Dump(bom)}};
}

}  // namespace dure::exports
