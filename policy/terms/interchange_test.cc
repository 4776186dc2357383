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

// ODRL 2.2: a policy has a uid and at least one rule; an Offer an assigner; each rule an action;
// each constraint its three parts; a duty an action.
TEST(Odrl, HasWhatTheInformationModelAsksFor) {
  const json offer = json::parse(ToOdrlOffer(testing::FullTerms(), "reviews", "portal-a"));
  EXPECT_EQ(offer["@context"][0], "http://www.w3.org/ns/odrl.jsonld");
  EXPECT_EQ(offer["@type"], "Offer");
  EXPECT_EQ(offer["conflict"], "prohibit");
  EXPECT_THAT(offer["uid"].get<std::string>(), HasSubstr("urn:dure:terms:"));
  EXPECT_TRUE(offer.contains("assigner"));
  for (const char* kind : {"permission", "prohibition", "obligation"}) {
    ASSERT_TRUE(offer[kind].is_array() && !offer[kind].empty()) << kind;
    for (const json& rule : offer[kind]) {
      EXPECT_TRUE(rule.contains("action") && rule.contains("target")) << rule;
      for (const json& constraint : rule.value("constraint", json::array())) {
        EXPECT_TRUE(constraint.contains("leftOperand") && constraint.contains("operator") &&
                    constraint.contains("rightOperand"))
            << constraint;
      }
    }
  }
  const json agreement = json::parse(ToOdrlAgreement(Terms(), "d", "a", "b"));
  EXPECT_EQ(agreement["@type"], "Agreement");
  EXPECT_EQ(agreement["assignee"], "urn:dure:party:b");
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

// Croissant 1.1: the required properties of a Dataset and its conformsTo.
TEST(Croissant, HasItsRequiredPropertiesAndStatesWhatIsAbsent) {
  const json out = json::parse(ToCroissant(ReviewsDraft()));
  EXPECT_EQ(out["@type"], "sc:Dataset");
  EXPECT_THAT(out["conformsTo"], Contains("http://mlcommons.org/croissant/1.1"));
  for (const char* name : {"@context", "name", "description", "license", "url", "creator",
                           "datePublished", "version"}) {
    EXPECT_TRUE(out.contains(name)) << name;
  }
  EXPECT_EQ(out["license"], "https://spdx.org/licenses/CC-BY-NC-4.0.html");
  EXPECT_EQ(out["description"], "not recorded");
  EXPECT_EQ(out["alternateName"], "Film reviews");
  EXPECT_FALSE(out.contains("distribution"));
  std::set<std::string> types;
  for (const json& info : out["usageInfo"]) types.insert(info["@type"].get<std::string>());
  EXPECT_EQ(types, (std::set<std::string>{"DefinedTerm", "odrl:Offer"}));
}

TEST(Croissant, ComesBackAsTheSameTerms) {
  const auto back = Import(ToCroissant(ReviewsDraft()));
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
