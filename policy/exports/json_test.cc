// The JSON exports against the rules of their own formats: required properties, types, enumerations
// and references, written down here from the specifications and not from the code that writes.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <regex>

#include "policy/exports/json_testing.h"

namespace dure::exports {

namespace testing {

json Only(Format format, const Dossier& dossier) {
  const Export made = Make(format, dossier);
  EXPECT_EQ(made.files.size(), 1u);
  return json::parse(made.files.at(0).text);
}

std::vector<Dossier> Dossiers() { return {FullDossier(), BareDossier()}; }

bool IsTime(const json& value) {
  static const std::regex form("\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}Z");
  return value.is_string() && std::regex_match(value.get<std::string>(), form);
}

bool IsIri(const json& value) {
  static const std::regex form("[a-z][a-z0-9+.-]*:[A-Za-z0-9._~:/?#@!$&'()*+,;=%-]+");
  return value.is_string() && std::regex_match(value.get<std::string>(), form);
}

}  // namespace testing

namespace {

using testing::Dossiers;
using testing::IsIri;
using testing::IsTime;
using testing::Only;
using testing::Problems;

using nlohmann::json;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Words = std::set<std::string>;

std::vector<json> SpdxGraph(const Dossier& dossier) {
  const json bom = Only(Format::kSpdx, dossier);
  return {bom["@graph"].begin(), bom["@graph"].end()};
}

// SPDX 3.0.1: mandatory properties of each class by its profile, and enumerations.
struct SpdxClass {
  Words required;
  Words required_by_profile;  // where profileConformance claims it
};
const std::map<std::string, SpdxClass>& SpdxClasses() {
  static const std::map<std::string, SpdxClass> classes = {
      {"Organization", {{"name"}, {}}},
      {"SpdxDocument", {{"rootElement", "profileConformance"}, {}}},
      {"Relationship", {{"from", "to", "relationshipType"}, {}}},
      {"simplelicensing_LicenseExpression", {{"simplelicensing_licenseExpression"}, {}}},
      {"ai_AIPackage",
       {{"name", "suppliedBy", "software_downloadLocation", "software_packageVersion",
         "software_primaryPurpose"},
        {"releaseTime"}}},
      {"dataset_DatasetPackage",
       {{"name", "originatedBy", "software_downloadLocation", "software_primaryPurpose",
         "dataset_datasetType"},
        {"builtTime", "releaseTime"}}}};
  return classes;
}

void CheckSpdxHashes(const json& hashes, Problems& problems) {
  static const std::regex hex("[0-9a-f]{64}");
  for (const json& hash : hashes) {
    if (hash["type"] != "Hash" || hash["algorithm"] != "sha256" ||
        !std::regex_match(hash.value("hashValue", ""), hex))
      problems.push_back("no hash: " + hash.dump());
  }
}

void CheckSpdxDictionary(const json& entries, Problems& problems) {
  for (const json& entry : entries) {
    if (entry["type"] != "DictionaryEntry" || !entry["key"].is_string() ||
        !entry["value"].is_string())
      problems.push_back("no entry of a dictionary: " + entry.dump());
  }
}

void CheckSpdxWords(const json& element, Problems& problems) {
  static const std::map<std::string, Words> kWords = {
      {"software_primaryPurpose", {"model", "data"}},
      {"dataset_datasetType",
       {"audio", "categorical", "graph", "image", "noAssertion", "numeric", "other", "sensor",
        "structured", "syntactic", "text", "timeseries", "timestamp", "video"}},
      {"dataset_confidentialityLevel", {"red", "amber", "green", "clear"}},
      {"ai_useSensitivePersonalInformation", {"yes", "no", "noAssertion"}},
      {"dataset_hasSensitivePersonalInformation", {"yes", "no", "noAssertion"}},
      {"relationshipType",
       {"trainedOn", "testedOn", "hasDeclaredLicense", "hasConcludedLicense", "hasEvidence"}},
      {"profileConformance",
       {"core", "software", "simpleLicensing", "expandedLicensing", "security", "build", "ai",
        "dataset", "extension", "lite"}},
      {"algorithm", {"sha256"}}};
  static const Words kLists = {"dataset_datasetType",
                               "ai_typeOfModel",
                               "ai_hyperparameter",
                               "ai_metric",
                               "originatedBy",
                               "to",
                               "rootElement",
                               "element",
                               "verifiedUsing",
                               "profileConformance",
                               "dataset_anonymizationMethodUsed"};
  for (const auto& [name, value] : element.items()) {
    if (kLists.contains(name) != value.is_array()) problems.push_back(name + ": list or not");
    if (name.ends_with("Time") && !IsTime(value)) problems.push_back(name + ": no time");
    static const Words kTexts = {"name",
                                 "comment",
                                 "software_packageVersion",
                                 "ai_limitation",
                                 "ai_informationAboutTraining",
                                 "dataset_intendedUse"};
    if (kTexts.contains(name) && !value.is_string()) problems.push_back(name + " is no text");
    if ((name == "spdxId" || name == "software_downloadLocation") && !IsIri(value))
      problems.push_back(name + " is no address");
    if (name == "verifiedUsing") CheckSpdxHashes(value, problems);
    if (name == "ai_hyperparameter" || name == "ai_metric") CheckSpdxDictionary(value, problems);
    if (name == "dataset_datasetSize" && !value.is_number_unsigned())
      problems.push_back("dataset_datasetSize is no count");
    const auto words = kWords.find(name);
    if (words == kWords.end()) continue;
    for (const json& item : value.is_array() ? value : json::array({value})) {
      if (!words->second.contains(item)) problems.push_back(name + ": " + item.dump());
    }
  }
}

constexpr const char* kNoAssertion = "expandedlicensing_NoAssertionLicense";

// What the AI and the Dataset profile ask of each package: exactly one declared licence and exactly
// one concluded, of which "nobody says" is one.
void CheckSpdxLicences(const json& graph, Problems& problems) {
  for (const json& package : graph) {
    if (package["type"] != "ai_AIPackage" && package["type"] != "dataset_DatasetPackage") continue;
    for (const char* kind : {"hasDeclaredLicense", "hasConcludedLicense"}) {
      size_t count = 0;
      for (const json& element : graph) {
        if (element.value("relationshipType", "") != kind || element["from"] != package["spdxId"])
          continue;
        count++;
        if (element["to"].size() != 1) problems.push_back("not one licence: " + element.dump());
      }
      if (count != 1) problems.push_back(package["spdxId"].dump() + " has not one " + kind);
    }
  }
}

Problems CheckSpdx(const json& bom) {
  Problems problems;
  CheckSpdxLicences(bom["@graph"], problems);
  if (bom["@context"] != "https://spdx.org/rdf/3.0.1/spdx-context.jsonld")
    problems.push_back("@context");
  Words ids, profiles;
  size_t documents = 0;
  for (const json& element : bom["@graph"]) {
    if (element["type"] == "CreationInfo") {
      if (element["specVersion"] != "3.0.1" || !IsTime(element["created"]) ||
          !element["createdBy"].is_array())
        problems.push_back("CreationInfo");
      continue;
    }
    if (!ids.insert(element.value("spdxId", "")).second) problems.push_back("spdxId twice");
    if (element["type"] != "SpdxDocument") continue;
    documents++;
    for (const json& profile : element["profileConformance"]) profiles.insert(profile);
  }
  if (documents != 1) problems.push_back("not one SpdxDocument");
  const auto known = [&](const json& id) {
    if (!ids.contains(id) && id != kNoAssertion) problems.push_back("names nothing: " + id.dump());
  };
  for (const json& element : bom["@graph"]) {
    const std::string type = element["type"];
    if (type == "CreationInfo") {
      for (const json& id : element["createdBy"]) known(id);
      continue;
    }
    const auto described = SpdxClasses().find(type);
    if (described == SpdxClasses().end()) {
      problems.push_back("unknown class " + type);
      continue;
    }
    for (const std::string& name : described->second.required) {
      if (!element.contains(name)) problems.push_back(type + " lacks " + name);
    }
    const std::string profile = type.substr(0, type.find('_'));
    for (const std::string& name : described->second.required_by_profile) {
      if (profiles.contains(profile) && !element.contains(name))
        problems.push_back(type + " claims its profile and lacks " + name);
    }
    CheckSpdxWords(element, problems);
    for (const char* name : {"from", "suppliedBy"}) {
      if (element.contains(name)) known(element[name]);
    }
    for (const char* name : {"to", "originatedBy", "rootElement", "element"}) {
      for (const json& id : element.value(name, json::array())) known(id);
    }
    if (element.contains("originatedBy") && element["originatedBy"].size() != 1)
      problems.push_back("originatedBy is exactly one");
  }
  return problems;
}

TEST(Spdx, KeepsItsFormatAndClaimsAProfileOnlyWhereItHolds) {
  for (const Dossier& dossier : Dossiers())
    EXPECT_THAT(CheckSpdx(Only(Format::kSpdx, dossier)), IsEmpty());
  const auto profiles = [](const Dossier& dossier) {
    for (const json& element : SpdxGraph(dossier)) {
      if (element["type"] == "SpdxDocument") return element["profileConformance"];
    }
    return json();
  };
  EXPECT_THAT(profiles(testing::FullDossier()), Contains("ai"));
  EXPECT_THAT(profiles(testing::FullDossier()), Contains("dataset"));
  EXPECT_THAT(profiles(testing::BareDossier()), ::testing::Not(Contains("ai")));
  json broken = Only(Format::kSpdx, testing::FullDossier());
  broken["@graph"][2].erase("name");
  EXPECT_THAT(CheckSpdx(broken), ::testing::Not(IsEmpty())) << "the checker checks";
}

// CycloneDX 1.6 JSON schema: the parts that these documents use.
Problems CheckCycloneDx(const json& bom) {
  Problems problems;
  const auto want = [&](bool holds, const std::string& what) {
    if (!holds) problems.push_back(what);
  };
  static const std::regex serial(
      "^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$");
  want(bom["bomFormat"] == "CycloneDX" && bom["specVersion"] == "1.6", "bomFormat, specVersion");
  want(std::regex_match(bom["serialNumber"].get<std::string>(), serial), "serialNumber");
  want(bom["version"].is_number_integer() && bom["version"] >= 1, "version");
  want(IsTime(bom["metadata"]["timestamp"]), "timestamp");
  Words refs;
  for (const json& component : bom["components"]) {
    const Words types = {"machine-learning-model", "data"};
    want(types.contains(component["type"]) && component["name"].is_string(), "type, name");
    want(refs.insert(component["bom-ref"]).second, "bom-ref twice");
    for (const json& hash : component.value("hashes", json::array()))
      want(hash["alg"] == "SHA-256" && hash["content"].get<std::string>().size() == 64, "hash");
    const json licenses = component.value("licenses", json::array());
    want(licenses.size() <= 1, "one licence expression");
    for (const json& licence : licenses) {
      want(licence["expression"].is_string(), "expression");
      want(Words{"declared", "concluded"}.contains(licence.value("acknowledgement", "declared")),
           "acknowledgement");
    }
    for (const json& property : component.value("properties", json::array()))
      want(property["name"].is_string() && property["value"].is_string(), "property");
    for (const json& data : component.value("data", json::array())) {
      want(Words{"source-code", "configuration", "dataset", "definition", "other"}.contains(
               data["type"]),
           "data type");
      for (const char* role : {"custodians", "owners"}) {
        for (const json& party : data["governance"][role])
          want(party["organization"]["name"].is_string(), "party");
      }
    }
    if (!component.contains("modelCard")) continue;
    const json& parameters = component["modelCard"]["modelParameters"];
    want(Words{"supervised", "unsupervised", "reinforcement-learning", "semi-supervised",
               "self-supervised"}
             .contains(parameters["approach"]["type"]),
         "approach");
    for (const json& metric : component["modelCard"].value(
             "/quantitativeAnalysis/performanceMetrics"_json_pointer, json::array()))
      want(metric["type"].is_string() && metric["value"].is_string() &&
               (!metric.contains("confidenceInterval") ||
                (metric["confidenceInterval"]["lowerBound"].is_string() &&
                 metric["confidenceInterval"]["upperBound"].is_string())),
           "metric");
  }
  for (const json& dependency : bom["dependencies"]) {
    want(refs.contains(dependency["ref"]), "dependency of nothing");
    for (const json& on : dependency["dependsOn"]) want(refs.contains(on), "dependency on nothing");
  }
  for (const json& component : bom["components"]) {
    if (!component.contains("modelCard")) continue;
    for (const json& dataset :
         component["modelCard"]["modelParameters"].value("datasets", json::array()))
      want(refs.contains(dataset["ref"]), "a dataset that is no component");
  }
  return problems;
}

// Of perplexity, as the figure itself: exp(nats a byte x bytes a token).
TEST(CycloneDx, TellsHowSureAFigureIs) {
  const json bom = Only(Format::kCycloneDx, testing::FullDossier());
  std::vector<json> metrics;
  for (const json& component : bom["components"]) {
    if (!component.contains("modelCard")) continue;
    for (const json& one : component["modelCard"]["quantitativeAnalysis"]["performanceMetrics"])
      metrics.push_back(one);
  }
  ASSERT_EQ(metrics.size(), 2u);
  EXPECT_FALSE(metrics[0].contains("confidenceInterval"));
  EXPECT_EQ(metrics[1]["slice"], "held-out text of institute-c-1: nli v1, held-apart v2");
  EXPECT_EQ(metrics[1]["confidenceInterval"]["lowerBound"], "6.04965");
  EXPECT_EQ(metrics[1]["value"], "7.38906");
  EXPECT_EQ(metrics[1]["confidenceInterval"]["upperBound"], "9.02501");
}

TEST(CycloneDx, KeepsItsFormat) {
  for (const Dossier& dossier : Dossiers())
    EXPECT_THAT(CheckCycloneDx(Only(Format::kCycloneDx, dossier)), IsEmpty());
  json broken = Only(Format::kCycloneDx, testing::FullDossier());
  broken["components"][1]["data"][0]["type"] = "texts";
  EXPECT_THAT(CheckCycloneDx(broken), ::testing::Not(IsEmpty())) << "the checker checks";
}

// What policy/terms/interchange_test.cc checks of the formats themselves holds here too; the day
// of the registration is the day on which the consortium was told.
TEST(Interchange, HasADateAndALicenceOfTheirTypes) {
  Dossier dossier = testing::FullDossier();
  dossier.datasets[1].terms.licence.data.clear();
  dossier.datasets[1].registered_at.reset();
  const Export made = Make(Format::kCroissant, dossier);
  const json dated = json::parse(made.files[0].text);
  EXPECT_TRUE(IsTime(dated["datePublished"])) << dated["datePublished"];
  const json bare = json::parse(made.files[1].text);
  EXPECT_FALSE(bare.contains("datePublished"));
  EXPECT_TRUE(IsIri(bare["license"])) << bare["license"];
  EXPECT_EQ(bare["dure:notRecorded"], (json{"distribution", "datePublished", "license"}));
}

TEST(Interchange, IsOneFileADatasetWithItsPlaceInTheRecord) {
  for (const Format format : {Format::kOdrl, Format::kCroissant}) {
    const Export made = Make(format, testing::FullDossier());
    ASSERT_EQ(made.files.size(), 4u);
    const json nli = json::parse(made.files[2].text);
    EXPECT_THAT(made.files[2].name, HasSubstr("nli-v1."));
    EXPECT_EQ(nli["dure:record"]["@value"]["ledgerIndex"], 12);
    EXPECT_EQ(nli["dure:record"]["@value"]["withdrawnAt"], "2026-11-10T00:00:00Z");
    EXPECT_FALSE(nli["dure:record"]["@value"]["doesNotProve"].empty());
    EXPECT_TRUE(nli.contains("@context"));
    Dossier none = testing::FullDossier();
    none.datasets.clear();
    EXPECT_EQ(Make(format, none).files.size(), 1u);
  }
}

TEST(Licences, GoFromTheDataToTheModel) {
  std::string licence;
  for (const json& element : SpdxGraph(testing::FullDossier())) {
    if (element.value("relationshipType", "") == "hasConcludedLicense" &&
        element["from"].get<std::string>().ends_with(":model"))
      licence = element["to"][0];
  }
  for (const json& element : SpdxGraph(testing::FullDossier())) {
    if (element.value("spdxId", "") == licence) {
      EXPECT_EQ(element["simplelicensing_licenseExpression"], "CC-BY-SA-4.0");
    }
  }
  EXPECT_EQ(Only(Format::kCycloneDx, testing::FullDossier())["components"][0]["licenses"][0],
            (json{{"expression", "CC-BY-SA-4.0"}, {"acknowledgement", "concluded"}}));
  Dossier decided = testing::FullDossier();
  decided.model.licence = "GPL-3.0-only";
  EXPECT_EQ(Only(Format::kCycloneDx, decided)["components"][0]["licenses"][0]["acknowledgement"],
            "declared");
}

}  // namespace
}  // namespace dure::exports
