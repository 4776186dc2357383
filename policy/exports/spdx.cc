// SPDX 3.0.1 with the AI and Dataset profiles. A profile is claimed only if the record has every
// property that the profile makes mandatory.
#include <nlohmann/json.hpp>

#include "policy/exports/parts.h"

namespace dure::exports {
namespace {

using nlohmann::ordered_json;
using terms::PersonalClass;
using terms::Tristate;

const char* Presence(Tristate value) {
  return value == Tristate::kYes ? "yes" : value == Tristate::kNo ? "no" : "noAssertion";
}

const char* DatasetType(terms::Modality modality) {
  switch (modality) {
    case terms::Modality::kText:
      return "text";
    case terms::Modality::kCode:
      return "syntactic";
    case terms::Modality::kImage:
      return "image";
    case terms::Modality::kAudio:
      return "audio";
    case terms::Modality::kVideo:
      return "video";
    case terms::Modality::kTable:
      return "structured";
    case terms::Modality::kTimeSeries:
      return "timeseries";
    case terms::Modality::kOther:
      return "other";
  }
  return "noAssertion";
}

class Spdx {
 public:
  explicit Spdx(const Dossier& dossier)
      : dossier_(dossier), base_("urn:dure:spdx:" + dossier.root.Hex() + ":") {}

  ordered_json Take() {
    const std::string model = AddModel();
    for (const Dataset& dataset : dossier_.datasets) AddDataset(model, dataset);
    ordered_json profiles = ordered_json::array({"core", "software", "simpleLicensing"});
    if (ai_complete_) profiles.push_back("ai");
    if (data_complete_ && !dossier_.datasets.empty()) profiles.push_back("dataset");
    const ordered_json creation = {{"type", "CreationInfo"},
                                   {"@id", "_:creation"},
                                   {"specVersion", "3.0.1"},
                                   {"created", terms::FormatInstant(dossier_.made_at)},
                                   {"createdBy", {Organization(dossier_.model.provider)}}};
    std::string comment = "Template " + TemplateVersion(Format::kSpdx) + "; made from " +
                          std::to_string(dossier_.as_of) + " entries of " + dossier_.federation +
                          ", root " + dossier_.root.Hex() + ". It does not prove:";
    for (const std::string& caveat : DoesNotProve(Format::kSpdx, terms::Language::kEnglish))
      comment += " " + caveat;
    ordered_json elements = ordered_json::array();
    for (const ordered_json& element : graph_) elements.push_back(element["spdxId"]);
    ordered_json graph = ordered_json::array({creation});
    graph.push_back({{"type", "SpdxDocument"},
                     {"spdxId", base_ + "document"},
                     {"creationInfo", "_:creation"},
                     {"name", dossier_.model.name + " and the data behind it"},
                     {"comment", comment},
                     {"profileConformance", profiles},
                     {"rootElement", {model}},
                     {"element", elements}});
    for (ordered_json& element : graph_) graph.push_back(std::move(element));
    return {{"@context", "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"}, {"@graph", graph}};
  }

 private:
  std::string Add(const char* type, const std::string& name, const ordered_json& properties) {
    ordered_json element = {
        {"type", type}, {"spdxId", base_ + name}, {"creationInfo", "_:creation"}};
    element.update(properties);
    graph_.push_back(std::move(element));
    return base_ + name;
  }

  std::string Organization(const std::string& id) {
    const std::string name = id.empty() ? kNotRecorded : id;
    const std::string spdx_id = base_ + "organization-" + (id.empty() ? "unknown" : id);
    for (const ordered_json& element : graph_) {
      if (element["spdxId"] == spdx_id) return spdx_id;
    }
    return Add("Organization", spdx_id.substr(base_.size()), {{"name", name}});
  }

  void Relate(const char* type, const std::string& from, const std::string& to) {
    Add("Relationship", "relationship-" + std::to_string(++relations_),
        {{"relationshipType", type}, {"from", from}, {"to", {to}}});
  }

  // Both profiles ask for exactly one of each; of what nobody said SPDX has a word of its own.
  void Licences(const std::string& of, const std::string& declared, const std::string& concluded) {
    Relate("hasDeclaredLicense", of, Licence(declared));
    Relate("hasConcludedLicense", of, Licence(concluded));
  }

  std::string Licence(const std::string& expression) {
    if (expression.empty()) return "expandedlicensing_NoAssertionLicense";
    const std::string name = "licence-" + Sha256(AsBytes(expression)).Hex().substr(0, 16);
    for (const ordered_json& element : graph_) {
      if (element["spdxId"] == base_ + name) return base_ + name;
    }
    return Add("simplelicensing_LicenseExpression", name,
               {{"simplelicensing_licenseExpression", expression}});
  }

  static ordered_json Entry(const std::string& key, const std::string& value) {
    return {{"type", "DictionaryEntry"}, {"key", key}, {"value", value}};
  }

  std::string AddModel() {
    const Model& model = dossier_.model;
    const std::optional<Round> last =
        dossier_.rounds.empty() ? std::nullopt : std::optional(dossier_.rounds.back());
    ordered_json package = {
        {"name", model.name},
        {"suppliedBy", Organization(model.provider)},
        {"software_packageVersion", model.digest.Hex().substr(0, 16)},
        {"software_downloadLocation",
         last ? PlaceUrn(dossier_, last->closed) : "urn:dure:model:" + model.digest.Hex()},
        {"software_primaryPurpose", "model"},
        {"verifiedUsing",
         {{{"type", "Hash"}, {"algorithm", "sha256"}, {"hashValue", model.digest.Hex()}}}}};
    if (model.released_at) package["releaseTime"] = terms::FormatInstant(*model.released_at);
    if (last && last->closed_at) package["builtTime"] = terms::FormatInstant(*last->closed_at);
    ai_complete_ = model.released_at.has_value() && !model.provider.empty();
    package["ai_typeOfModel"] = {OrAbsent(model.architecture)};
    package["ai_informationAboutTraining"] =
        "Trained together by institutions in " + std::to_string(dossier_.rounds.size()) +
        " rounds on " + std::to_string(dossier_.datasets.size()) +
        " recorded datasets; tokens trained on: " + CountOrAbsent(TrainedTokens(dossier_)) + ".";
    const terms::Summary summary = terms::Summarise(CombinedTerms(dossier_));
    package["ai_useSensitivePersonalInformation"] = Presence(summary.special);
    package["ai_limitation"] =
        "Evaluated only by language-model loss on held-out text of the "
        "members; other evaluations: not recorded.";
    for (const auto& [key, value] : model.hyperparameters)
      package["ai_hyperparameter"].push_back(Entry(key, value));
    if (const auto score = ScoreOf(dossier_))
      package["ai_metric"].push_back(Entry("perplexity", NumberText(score->perplexity)));
    std::string comment = model.released_at ? "" : "releaseTime: not recorded.";
    for (const Dataset& dataset : dossier_.datasets) comment += WithdrawnText(dossier_, dataset);
    if (!comment.empty()) package["comment"] = comment;
    const std::string id = Add("ai_AIPackage", "model", package);
    const ModelLicence licence = LicenceOf(dossier_);
    Licences(id, licence.proposed ? "" : licence.expression,
             licence.proposed ? licence.expression : "");
    return id;
  }

  void AddDataset(const std::string& model, const Dataset& dataset) {
    const terms::Passport& passport = dataset.passport;
    ordered_json package = {
        {"name", passport.dataset},
        {"originatedBy", {Organization(passport.rights_holder)}},
        {"suppliedBy", Organization(passport.custodian)},
        {"software_packageVersion", std::to_string(passport.version)},
        {"software_downloadLocation", PlaceUrn(dossier_, dataset.place)},
        {"software_primaryPurpose", "data"},
        {"dataset_datasetType", {DatasetType(passport.modality)}},
        {"dataset_datasetSize", passport.bytes},
        {"dataset_confidentialityLevel", std::string(terms::Word(passport.classification))},
        {"dataset_hasSensitivePersonalInformation", Presence(dataset.terms.personal.special)}};
    if (passport.collected_until)
      package["builtTime"] = terms::FormatInstant(*passport.collected_until);
    if (dataset.registered_at)
      package["releaseTime"] = terms::FormatInstant(*dataset.registered_at);
    data_complete_ &= passport.collected_until.has_value() && dataset.registered_at.has_value();
    if (dataset.terms.personal.data_class == PersonalClass::kPseudonymised)
      package["dataset_anonymizationMethodUsed"] = {"pseudonymisation, method: not recorded"};
    std::string purposes;
    for (const terms::Purpose purpose : dataset.terms.purposes)
      purposes += (purposes.empty() ? "" : ", ") + std::string(terms::Word(purpose));
    package["dataset_intendedUse"] = purposes.empty() ? kNotRecorded : purposes;
    package["comment"] = "Salted digest " + passport.data.Hex() +
                         "; the salt stays with the owner. " + PlaceText(dossier_, dataset.place) +
                         ". builtTime: " + TimeOrAbsent(passport.collected_until) +
                         "; releaseTime: " + TimeOrAbsent(dataset.registered_at) + "." +
                         WithdrawnText(dossier_, dataset);
    const std::string id = Add("dataset_DatasetPackage", "dataset-" + NameOf(dataset), package);
    Relate("trainedOn", model, id);
    Licences(id, dataset.terms.licence.data, "");
  }

  const Dossier& dossier_;
  const std::string base_;
  std::vector<ordered_json> graph_;
  uint64_t relations_ = 0;
  bool ai_complete_ = false;
  bool data_complete_ = true;
};

}  // namespace

std::vector<File> MakeSpdx(const Dossier& dossier) {
  return {{.name = "model.spdx.json",
           .media_type = "application/spdx+json",
           .text = Dump(Spdx(dossier).Take())}};
}

}  // namespace dure::exports
