// Croissant and ODRL: what goes out is in their form, and comes back as the same terms.
#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <nlohmann/json.hpp>

#include "policy/terms/croissant.h"
#include "policy/terms/odrl.h"
#include "policy/terms/random_terms.h"
#include "policy/terms/testing.h"

namespace dure::terms {
namespace {

using nlohmann::json;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Result<Imported> Import(const std::string& text) {
  SeededRandom random(3);
  return ImportTerms(text, random);
}

TEST(Odrl, AnOfferComesBackAsTheSameTerms) {
  for (const Terms& terms : {testing::OpenTerms(), testing::AttributedTerms("MIT"),
                             testing::ResearchTerms(), testing::FullTerms()}) {
    const std::string offer = ToOdrlOffer(terms, "reviews", "portal-a");
    const auto back = Import(offer);
    ASSERT_TRUE(back.has_value()) << back.error().message << offer;
    EXPECT_EQ(back->format, "ODRL");
    EXPECT_EQ(ToCanonical(back->draft.terms), ToCanonical(terms)) << offer;
    EXPECT_THAT(back->remarks, IsEmpty());
  }
}

// Unknown and denied are both a no; which of the two is lost when no permission carries the
// purposes.
Permission Effective(Permission permission) {
  return permission == Permission::kUnknown ? Permission::kDeny : permission;
}

RC_GTEST_PROP(Odrl, NeverComesBackWider, ()) {
  const Terms terms = testing::AnyTerms();
  RC_PRE(Check(terms).empty());
  const auto back = Import(ToOdrlOffer(terms, "d", "m"));
  RC_ASSERT(back.has_value());
  const ModelTerms before = TermsOf({"d", 1}, terms);
  const ModelTerms after = TermsOf({"d", 1}, back->draft.terms);
  for (int i = 0; i < 20; ++i) {
    const Use use = testing::AnyUse();
    RC_ASSERT(Effective(Allows(after, use).outcome) >= Effective(Allows(before, use).outcome));
  }
}

// A name that JSON-LD can make an IRI of: a prefixed name of a known prefix, or a whole one without
// what an IRI cannot have.
bool IsIri(const json& value) {
  if (!value.is_string()) return false;
  const std::string& text = value.get_ref<const std::string&>();
  const size_t colon = text.find(':');
  return colon != text.npos && colon > 0 && colon + 1 < text.size() &&
         text.find_first_of(" <>\"{}|^`\\") == text.npos;
}

bool IsTime(const json& value) {
  return value.is_string() &&
         FormatInstant(
             ParseInstant(value.get<std::string>(), DayPart::kFirstSecond).value_or(Instant{})) ==
             value;
}

void CheckConstraint(const json& constraint) {
  const std::set<std::string> left = {"purpose", "spatial", "dateTime"};
  const std::set<std::string> operators = {"isAnyOf", "isNoneOf", "gteq", "gt", "lteq"};
  EXPECT_TRUE(left.contains(constraint.value("leftOperand", ""))) << constraint;
  EXPECT_TRUE(operators.contains(constraint.value("operator", ""))) << constraint;
  ASSERT_TRUE(constraint.contains("rightOperand")) << constraint;
  const json& right = constraint["rightOperand"];
  if (constraint["leftOperand"] == "dateTime") {
    EXPECT_EQ(right["@type"], "xsd:dateTime") << constraint;
    EXPECT_TRUE(IsTime(right["@value"])) << constraint;
    return;
  }
  ASSERT_TRUE(right.is_array() && !right.empty()) << constraint;
  for (const json& item : right) EXPECT_TRUE(item.is_string() || IsIri(item["@id"])) << constraint;
}

// ODRL 2.2 information model: a policy has a uid, a type and at least one rule; an Offer one
// assigner, an Agreement an assignee too, a Set needs neither; actions beyond ODRL's own need a
// profile; a rule has an action, a permission and a prohibition a target; a constraint its three
// parts, each of its type; a duty an action.
void CheckOdrl(const json& policy) {
  const std::set<std::string> actions = {"use",    "attribute",  "inform",
                                         "delete", "compensate", "obtainConsent"};
  const std::set<std::string> types = {"Set", "Offer", "Agreement"};
  std::string type = policy.value("@type", "");
  if (type.starts_with("odrl:")) type = type.substr(5);
  EXPECT_TRUE(types.contains(type)) << type;
  EXPECT_TRUE(IsIri(policy["uid"]) && IsIri(policy["profile"]) && IsIri(policy["target"]));
  EXPECT_EQ(policy["conflict"], "prohibit");
  EXPECT_EQ(policy.contains("assigner"), type != "Set") << policy;
  EXPECT_EQ(policy.contains("assignee"), type == "Agreement") << policy;
  for (const char* party : {"assigner", "assignee"})
    EXPECT_TRUE(!policy.contains(party) || IsIri(policy[party])) << policy;
  size_t rules = 0;
  for (const char* kind : {"permission", "prohibition", "obligation"}) {
    const json list = policy.value(kind, json::array());
    EXPECT_TRUE(list.is_array());
    rules += list.size();
    for (const json& rule : list) {
      const std::string action = rule.value("action", "");
      EXPECT_TRUE(actions.contains(action) || action.starts_with("dure:")) << rule;
      EXPECT_TRUE(IsIri(rule["target"])) << rule;
      for (const json& constraint : rule.value("constraint", json::array()))
        CheckConstraint(constraint);
      for (const json& duty : rule.value("duty", json::array()))
        EXPECT_TRUE(actions.contains(duty.value("action", ""))) << duty;
    }
  }
  EXPECT_GE(rules, 1u) << policy;
}

TEST(Odrl, HasWhatTheInformationModelAsksFor) {
  const json offer = json::parse(ToOdrlOffer(testing::FullTerms(), "reviews", "portal-a"));
  EXPECT_EQ(offer["@context"][0], "http://www.w3.org/ns/odrl.jsonld");
  EXPECT_EQ(offer["@type"], "Offer");
  CheckOdrl(offer);
  for (const char* kind : {"permission", "prohibition", "obligation"})
    EXPECT_FALSE(offer[kind].empty()) << kind;
  const json agreement = json::parse(ToOdrlAgreement(Terms(), "d", "a", "b"));
  EXPECT_EQ(agreement["@type"], "Agreement");
  EXPECT_EQ(agreement["assignee"], "urn:dure:party:b");
  CheckOdrl(agreement);
}

// The salts of a file's texts are drawn anew each time it is read: it is the same policy all the
// same, and another where it says something else.
TEST(Odrl, OfOneVersionHasOneUid) {
  const auto uid = [](const Terms& terms) {
    return json::parse(ToOdrlOffer(terms, "reviews", "portal-a"))["uid"].get<std::string>();
  };
  Terms terms = testing::FullTerms();
  const std::string before = uid(terms);
  const auto salted = [](const char* text) { return Sha256(AsBytes(std::string("salt") + text)); };
  terms.licence.copyright = salted("c");
  terms.personal.assessment = salted("a");
  std::erase_if(terms.duties, [](const Duty& duty) { return duty.text.has_value(); });
  terms.duties.insert({.kind = DutyKind::kAttribute, .text = salted("line")});
  EXPECT_EQ(uid(terms), before);
  terms.limits.max_runs = 3;
  EXPECT_NE(uid(terms), before);
}

// Nothing said, nobody named: still a policy, and one that allows nothing.
TEST(Odrl, OfTermsThatSayNothingIsAPolicyThatAllowsNothing) {
  const json policy = json::parse(ToOdrlOffer(Terms(), "", ""));
  CheckOdrl(policy);
  EXPECT_EQ(policy["@type"], "Set");
  EXPECT_EQ(policy["prohibition"][0]["action"], "use");
  const auto back = Import(policy.dump());
  ASSERT_TRUE(back.has_value()) << back.error().message;
  for (const Permission permission : back->draft.terms.actions)
    EXPECT_EQ(permission, Permission::kDeny);
}

std::string Policy(const std::string& inner) {
  return R"({"@context":"http://www.w3.org/ns/odrl.jsonld","@type":"Set","uid":"u:1",)" + inner +
         "}";
}

TEST(Odrl, WhatIsNotUnderstoodAsksTheOwnerAndNeverAllows) {
  const auto of = [](const std::string& inner) {
    const auto imported = Import(Policy(inner));
    EXPECT_TRUE(imported.has_value()) << imported.error().message;
    EXPECT_THAT(imported->remarks, Not(IsEmpty())) << inner;
    return imported->draft.terms.Of(Action::kTrain);
  };
  EXPECT_EQ(of(R"("permission":[{"action":"use"}])"), Permission::kAsk);
  EXPECT_EQ(of(R"("permission":{"action":"play"})"), Permission::kUnknown);
  EXPECT_EQ(of(R"("permission":[{"action":"dure:train","constraint":[{"leftOperand":"industry",)"
               R"("operator":"eq","rightOperand":"x"}]}])"),
            Permission::kAsk);
  EXPECT_EQ(of(R"("permission":[{"action":"dure:train","duty":[{"action":"compensate"}]}])"),
            Permission::kAsk);
  EXPECT_EQ(of(R"("permission":[{"action":"dure:train","assignee":"u:2"}])"), Permission::kAsk);
  EXPECT_EQ(of(R"("assignee":"u:2","permission":[{"action":"dure:train"}])"), Permission::kAsk);
  EXPECT_EQ(of(R"("prohibition":[{"action":"dure:train","constraint":[]}])"), Permission::kDeny);
  EXPECT_EQ(of(R"("conflict":"perm","permission":[{"action":"dure:train"}],)"
               R"("prohibition":[{"action":"dure:train"}])"),
            Permission::kDeny);
}

TEST(Odrl, AContradictionWithoutAStrategyVoidsThePolicy) {
  const std::string both = R"("permission":[{"action":"dure:serve"}],)"
                           R"("prohibition":[{"action":"dure:serve"}])";
  EXPECT_THAT(Import(Policy(both)).error().message, HasSubstr("both permits and prohibits serve"));
  EXPECT_EQ(Import(Policy(R"("conflict":"prohibit",)" + both))->draft.terms.Of(Action::kServe),
            Permission::kDeny);
}

TEST(Odrl, PermissionsForDifferentCountriesLeaveOnlyWhatTheyShare) {
  const auto place = [](const std::string& country) {
    return R"({"action":"dure:train","constraint":[{"leftOperand":"spatial","operator":"isAnyOf",)"
           R"("rightOperand":[")" +
           country + R"("]}]})";
  };
  const auto imported = Import(
      Policy(R"("permission":[)" + place("KR") + "," + place("JP") + "," + place("JP") + "]"));
  EXPECT_TRUE(imported->draft.terms.territories.processing.unknown());
}

Draft ReviewsDraft() {
  Draft draft;
  draft.terms = testing::FullTerms();
  draft.terms.licence = Licence();
  draft.terms.licence.data = "CC-BY-NC-4.0";
  draft.has_passport = true;
  draft.passport.dataset = "reviews";
  draft.passport.rights_holder = "portal-a";
  draft.passport.languages = {"ko"};
  draft.attachments.push_back({.field = "dataset.title", .salt = {}, .text = "Film reviews"});
  return draft;
}

bool IsUrlOrWork(const json& value) {
  if (value.is_string()) return value.get<std::string>().starts_with("http") && IsIri(value);
  return value["@type"] == "sc:CreativeWork" && value["name"].is_string();
}

// An offer as a reader of JSON-LD finds it in a Croissant description: a name without a prefix is
// schema.org's there (@vocab) and none of ODRL's, and a term is an address.
json OdrlIn(const json& node) {
  if (node.is_array()) {
    json list = json::array();
    for (const json& item : node) list.push_back(OdrlIn(item));
    return list;
  }
  if (!node.is_object() || node.contains("@value")) return node;
  if (node.size() == 1 && node.contains("@id")) {
    const std::string address = node["@id"];
    return address.starts_with("odrl:") ? json(address.substr(5)) : json(address);
  }
  json out = json::object();
  for (const auto& [name, value] : node.items()) {
    EXPECT_TRUE(name.starts_with('@') || name.find(':') != name.npos) << name << " in " << node;
    if (name == "@id") out["uid"] = value;
    if (name == "@type") out[name] = value.back();
    if (name == "odrl:rightOperand") out["rightOperand"] = value;
    if (name.starts_with("odrl:") && name != "odrl:rightOperand")
      out[name.substr(5)] = OdrlIn(value);
    if (name.starts_with("dct:") || name.starts_with("dure:")) out[name] = value;
  }
  return out;
}

// Croissant 1.1: the required properties of a Dataset, each of its type. What is not there is named
// in dure:notRecorded.
void CheckCroissant(const json& out) {
  EXPECT_EQ(out["@type"], "sc:Dataset");
  EXPECT_TRUE(out["@context"].is_object());
  EXPECT_THAT(out["conformsTo"], Contains("http://mlcommons.org/croissant/1.1"));
  for (const char* name : {"name", "description"})
    EXPECT_TRUE(out[name].is_string() && !out[name].get<std::string>().empty()) << name;
  EXPECT_TRUE(IsIri(out["url"])) << out["url"];
  EXPECT_TRUE(IsUrlOrWork(out["license"])) << out["license"];
  EXPECT_EQ(out["creator"]["@type"], "sc:Organization");
  EXPECT_TRUE(out["creator"]["name"].is_string());
  const json absent = out.value("dure:notRecorded", json::array());
  const bool dated = std::find(absent.begin(), absent.end(), "datePublished") == absent.end();
  EXPECT_EQ(out.contains("datePublished"), dated);
  EXPECT_TRUE(!dated || IsTime(out["datePublished"]));
  EXPECT_EQ(out["version"].get<std::string>().find_first_not_of("0123456789."), std::string::npos);
  for (const json& language : out.value("inLanguage", json::array()))
    EXPECT_TRUE(language.is_string());
  EXPECT_FALSE(out.contains("distribution"));
  EXPECT_THAT(absent, Contains("distribution"));
  for (const json& info : out["usageInfo"]) {
    if (info["@type"] != "DefinedTerm") {
      EXPECT_EQ(out["@context"]["odrl"], "http://www.w3.org/ns/odrl/2/");
      CheckOdrl(OdrlIn(info));
      continue;
    }
    EXPECT_TRUE(IsIri(info["@id"]) && IsIri(info["inDefinedTermSet"])) << info;
    EXPECT_TRUE(info["termCode"].is_string() && info["name"].is_string()) << info;
  }
}

TEST(Croissant, HasItsRequiredPropertiesAndStatesWhatIsAbsent) {
  const Instant published = *ParseInstant("2026-11-01", DayPart::kFirstSecond);
  const json out = json::parse(ToCroissant(ReviewsDraft(), published));
  CheckCroissant(out);
  EXPECT_EQ(out["datePublished"], "2026-11-01T00:00:00Z");
  EXPECT_EQ(out["dure:notRecorded"], json{"distribution"});
  EXPECT_EQ(out["license"], "https://spdx.org/licenses/CC-BY-NC-4.0.html");
  EXPECT_EQ(out["description"], "not recorded");
  EXPECT_EQ(out["alternateName"], "Film reviews");
  std::set<std::string> types;
  for (const json& info : out["usageInfo"])
    types.insert(info["@type"].is_array() ? info["@type"].back() : info["@type"]);
  EXPECT_EQ(types, (std::set<std::string>{"DefinedTerm", "odrl:Offer"}));
  Draft draft = ReviewsDraft();
  draft.terms.licence.data = "CC-BY-NC-4.0 OR LicenseRef-portal-a";
  CheckCroissant(json::parse(ToCroissant(draft, published)));
}

TEST(Croissant, OfAnEmptyDraftKeepsItsTypesAndNamesWhatIsNotRecorded) {
  const std::string text = ToCroissant(Draft(), std::nullopt);
  const json out = json::parse(text);
  CheckCroissant(out);
  EXPECT_EQ(out["dure:notRecorded"], (json{"distribution", "datePublished", "license"}));
  EXPECT_EQ(out["license"], "http://spdx.org/rdf/terms#noassertion");
  const auto back = Import(text);
  ASSERT_TRUE(back.has_value()) << back.error().message;
  EXPECT_TRUE(back->understood);
  EXPECT_EQ(back->draft.terms.licence.data, "");
}

TEST(Croissant, ComesBackAsTheSameTerms) {
  const auto back = Import(ToCroissant(ReviewsDraft(), std::nullopt));
  ASSERT_TRUE(back.has_value()) << back.error().message;
  EXPECT_EQ(back->format, "Croissant");
  EXPECT_EQ(ToCanonical(back->draft.terms), ToCanonical(ReviewsDraft().terms));
  EXPECT_EQ(back->draft.passport.dataset, "reviews");
  ASSERT_EQ(back->draft.attachments.size(), 1u);
  EXPECT_EQ(back->draft.attachments[0].text, "Film reviews");
}

TEST(Croissant, OfOthersIsReadAsFarAsThereAreWords) {
  const auto imported = Import(R"({"@type":"sc:Dataset","name":"Some Reviews",
    "license":{"url":"https://creativecommons.org/licenses/by-sa/4.0/deed.en"},
    "usageInfo":{"@type":"DefinedTerm","url":"http://purl.obolibrary.org/obo/DUO_0000046"}})");
  ASSERT_TRUE(imported.has_value()) << imported.error().message;
  EXPECT_EQ(imported->draft.terms.licence.data, "CC-BY-SA-4.0");
  EXPECT_EQ(imported->draft.terms.duo, (std::set<DuoCode>{{.number = 46}}));
  EXPECT_EQ(imported->draft.terms.use, UseClass::kUnknown);
  EXPECT_EQ(imported->draft.attachments[0].text, "Some Reviews");
  const auto other = Import(R"({"@type":"Dataset","license":"see website"})");
  EXPECT_EQ(other->draft.terms.licence.data, "");
  EXPECT_THAT(other->remarks, Contains(HasSubstr("the licence 'see website' is not one")));
  EXPECT_THAT(Import(R"({"@type":"Person"})").error().message, HasSubstr("neither a Croissant"));
  EXPECT_EQ(Import("[").error().code, ErrorCode::kInvalid);
}

}  // namespace
}  // namespace dure::terms
