// PROV-JSON against the rules of the W3C member submission of 2013.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <regex>

#include "policy/exports/json_testing.h"

namespace dure::exports {
namespace {

using nlohmann::json;
using ::testing::Contains;
using testing::Dossiers;
using ::testing::IsEmpty;
using testing::IsTime;
using testing::Only;
using testing::Problems;

// A value is a text, a number or a typed literal; prov:type is a qualified name, not a text.
void CheckProvValue(const std::string& name, const json& value, Problems& problems) {
  const bool typed = value.is_object() && value.size() == 2 && value.value("$", "") != "" &&
                     value.value("type", "") == "prov:QUALIFIED_NAME";
  const bool plain = value.is_string() || value.is_number() || value.is_boolean();
  if (name == "prov:type" ? !typed : !plain) problems.push_back("bad value of " + name);
}

void CheckProvThing(const std::string& id, const json& attributes, Problems& problems) {
  static const std::regex form("(dure:|_:)[A-Za-z0-9._-]+");
  if (!std::regex_match(id, form) || !attributes.is_object()) problems.push_back("bad " + id);
  for (const auto& [attribute, value] : attributes.items())
    CheckProvValue(attribute, value, problems);
  for (const char* name : {"prov:startTime", "prov:endTime"}) {
    if (attributes.contains(name) && !IsTime(attributes[name]))
      problems.push_back(id + ": bad " + name);
  }
}

// PROV-JSON: sections hold objects of objects; each relation names its two ends under the names of
// the submission, and both exist.
Problems CheckProv(const json& prov) {
  struct Ends {
    const char* first;
    const char* first_kind;
    const char* second;
    const char* second_kind;
  };
  static const std::map<std::string, Ends> kRelations = {
      {"wasGeneratedBy", {"prov:entity", "entity", "prov:activity", "activity"}},
      {"used", {"prov:activity", "activity", "prov:entity", "entity"}},
      {"wasAssociatedWith", {"prov:activity", "activity", "prov:agent", "agent"}},
      {"wasAttributedTo", {"prov:entity", "entity", "prov:agent", "agent"}},
      {"wasDerivedFrom", {"prov:generatedEntity", "entity", "prov:usedEntity", "entity"}},
      {"actedOnBehalfOf", {"prov:delegate", "agent", "prov:responsible", "agent"}}};
  Problems problems;
  for (const auto& [section, items] : prov.items()) {
    if (!items.is_object()) problems.push_back(section + " is no object");
    if (section == "prefix") continue;
    if (section == "entity" || section == "activity" || section == "agent") {
      for (const auto& [id, attributes] : items.items()) CheckProvThing(id, attributes, problems);
      continue;
    }
    const auto ends = kRelations.find(section);
    if (ends == kRelations.end()) {
      problems.push_back("no section of PROV-JSON: " + section);
      continue;
    }
    for (const auto& [id, relation] : items.items()) {
      const Ends& e = ends->second;
      if (!prov[e.first_kind].contains(relation.value(e.first, "")))
        problems.push_back(id + ": " + e.first + " names nothing");
      if (!prov[e.second_kind].contains(relation.value(e.second, "")))
        problems.push_back(id + ": " + e.second + " names nothing");
    }
  }
  return problems;
}

TEST(Prov, KeepsItsFormat) {
  for (const Dossier& dossier : Dossiers())
    EXPECT_THAT(CheckProv(Only(Format::kProv, dossier)), IsEmpty());
  json broken = Only(Format::kProv, testing::FullDossier());
  broken["entity"].erase("dure:dataset-nli-v1");
  EXPECT_THAT(CheckProv(broken), ::testing::Not(IsEmpty())) << "the checker checks";
}

TEST(Prov, LeadsFromTheModelToEveryDatasetBehindIt) {
  const json prov = Only(Format::kProv, testing::FullDossier());
  std::set<std::string> behind = {"dure:model-" +
                                  testing::FullDossier().model.digest.Hex().substr(0, 16)};
  for (size_t before = 0; before != behind.size();) {
    before = behind.size();
    for (const auto& [id, derived] : prov["wasDerivedFrom"].items()) {
      if (behind.contains(derived["prov:generatedEntity"]))
        behind.insert(derived["prov:usedEntity"]);
    }
  }
  for (const char* name : {"movie-reviews", "dialogue", "nli", "shakespeare"})
    EXPECT_THAT(behind, Contains("dure:dataset-" + std::string(name) + "-v1"));
  EXPECT_EQ(prov["entity"]["dure:dataset-nli-v1"]["dure:ledgerIndex"], 12);
}

TEST(Prov, AMeasurementUsedItsData) {
  const json prov = Only(Format::kProv, testing::FullDossier());
  std::set<std::string> used;
  for (const auto& [id, relation] : prov["used"].items()) {
    if (relation["prov:activity"] == "dure:evaluation-54") used.insert(relation["prov:entity"]);
  }
  EXPECT_TRUE(used.contains("dure:dataset-nli-v1"));
  EXPECT_TRUE(used.contains("dure:dataset-held-apart-v2")) << "which is not behind the model";
}

}  // namespace
}  // namespace dure::exports
