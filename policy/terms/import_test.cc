// Files of others: what was not understood narrows or asks the owner, and is listed.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "policy/terms/odrl.h"
#include "policy/terms/testing.h"

namespace dure::terms {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

Result<Imported> Read(const std::string& text) {
  SeededRandom random(3);
  return ImportTerms(text, random);
}

constexpr const char* kTrain = R"({"action":"dure:train"})";

std::string Policy(const std::string& inner) {
  return R"({"@context":"http://www.w3.org/ns/odrl.jsonld","@type":"Set","uid":"u:1",)" + inner +
         "}";
}

std::string Permission1(const std::string& inner) {
  return Policy(R"("permission":[{"action":"dure:train",)" + inner + "}]");
}

std::string Constraint(const std::string& left, const std::string& op, const std::string& right) {
  return R"({"leftOperand":")" + left + R"(","operator":")" + op + R"(","rightOperand":)" + right +
         "}";
}

// A dataset whose one offer allows training, with `inner` beside it.
std::string Dataset(const std::string& inner, const std::string& usage = "") {
  return R"({"@type":"sc:Dataset","name":"reviews","url":"urn:x",)" + inner +
         R"("usageInfo":[{"@type":"odrl:Offer","permission":[)" + std::string(kTrain) + "]}" +
         usage + "]}";
}

struct Case {
  const char* what;
  std::string file;
  Permission train;
};

void Expect(const std::vector<Case>& cases) {
  for (const Case& one : cases) {
    const auto imported = Read(one.file);
    ASSERT_TRUE(imported.has_value()) << one.what << ": " << imported.error().message;
    EXPECT_EQ(Word(imported->draft.terms.Of(Action::kTrain)), Word(one.train)) << one.what;
    EXPECT_THAT(imported->remarks, Not(IsEmpty())) << one.what;
    EXPECT_THAT(Check(imported->draft.terms), IsEmpty()) << one.what;
  }
}

TEST(Import, AllowsWhatIsUnderstoodWhole) {
  for (const std::string& file :
       {Policy(R"("permission":[{"action":"dure:train"}])"), Dataset(""),
        Dataset(R"("license":"MIT","keywords":["a"],"isAccessibleForFree":true,)")}) {
    const auto imported = Read(file);
    ASSERT_TRUE(imported.has_value()) << imported.error().message;
    EXPECT_EQ(imported->draft.terms.Of(Action::kTrain), Permission::kAllow) << file;
    EXPECT_TRUE(imported->understood);
  }
}

TEST(Import, OfConstraintsAndDutiesFromTheWildNeverAllowsWhatItDidNotUnderstand) {
  using enum Permission;
  const std::string purpose = Constraint("purpose", "isAnyOf", R"(["dure:benchmark"])");
  Expect({
      {"a duty elsewhere", Permission1(R"("duty":"http://x/duty")"), kAsk},
      {"a duty without an action", Permission1(R"("duty":[{"@id":"http://x/duty"}])"), kAsk},
      {"consent with a condition",
       Permission1(R"("duty":[{"action":"obtainConsent","constraint":[]}])"), kAsk},
      {"a constraint elsewhere", Permission1(R"("constraint":"http://x/c")"), kAsk},
      {"xone", Permission1(R"("constraint":{"xone":{"@list":[)" + purpose + "]}}"), kAsk},
      {"or", Permission1(R"("constraint":{"or":[)" + purpose + "]}"), kAsk},
      {"andSequence", Permission1(R"("constraint":{"andSequence":[)" + purpose + "]}"), kAsk},
      {"or within and",
       Permission1(R"("constraint":{"and":[)" + purpose + R"(,{"or":[)" + purpose + "]}]}"), kAsk},
      {"isAllOf", Permission1(R"("constraint":)" + Constraint("purpose", "isAllOf", "[]")), kAsk},
      {"a purpose of another vocabulary",
       Permission1(R"("constraint":)" + Constraint("purpose", "eq", R"("ex:benchmark")")), kAsk},
      {"a state that is no country",
       Permission1(R"("constraint":)" + Constraint("spatial", "eq", R"("iso3166-2:US-CA")")), kAsk},
      {"a left side of another vocabulary",
       Permission1(R"("constraint":)" + Constraint("ex:spatial", "eq", R"("KR")")), kAsk},
      {"an end for the use of a model",
       Policy(R"("permission":[{"action":["dure:train","dure:serve"],"constraint":)" +
              Constraint("dateTime", "lteq", R"("2027-01-01")") + "}]"),
       kAsk},
      {"a value elsewhere",
       Permission1(R"("constraint":{"leftOperand":"purpose","operator":"eq",)"
                   R"("rightOperandReference":"http://x"})"),
       kAsk},
      {"a unit",
       Permission1(R"("constraint":{"leftOperand":"dateTime","operator":"lteq",)"
                   R"("rightOperand":"2027-01-01","unit":"x"})"),
       kAsk},
  });
}

TEST(Import, OfRulesOfAnotherKindNeverAllowsWhatItDidNotUnderstand) {
  using enum Permission;
  Expect({
      {"a refined action",
       Policy(R"("permission":[{"action":{"rdf:value":{"@id":"dure:train"},"refinement":[]}}])"),
       kAsk},
      {"an action of another vocabulary", Policy(R"("permission":[{"action":"ex:train"}])"),
       kUnknown},
      {"a part of the data", Permission1(R"("target":{"@id":"urn:a","refinement":[]})"), kAsk},
      {"a profile", Policy(R"("profile":"http://x/p","permission":[{"action":"dure:train"}])"),
       kAsk},
      {"a parent", Policy(R"("inheritFrom":"u:0","permission":[{"action":"dure:train"}])"), kAsk},
      {"an obligation",
       Policy(R"("permission":[{"action":"dure:train"}],)"
              R"("obligation":[{"action":"compensate"}])"),
       kAsk},
      {"an obligation elsewhere",
       Policy(R"("permission":[{"action":"dure:train"}],"obligation":["http://x/o"])"), kAsk},
      {"a permission elsewhere", Policy(R"("permission":["http://x/p"])"), kUnknown},
      {"a prohibition elsewhere",
       Policy(R"("permission":[{"action":"dure:train"}],"prohibition":["http://x/p"])"), kAsk},
      {"a prohibition of something else",
       Policy(R"("permission":[{"action":"dure:train"}],"prohibition":[{"action":"derive"}])"),
       kAsk},
      {"another meaning of the prefix",
       R"({"@context":{"dure":"http://x/"},"@type":"Set","permission":[)" + std::string(kTrain) +
           "]}",
       kAsk},
      {"another meaning of a word",
       R"({"@context":{"permission":"odrl:prohibition"},"@type":"Set","permission":[)" +
           std::string(kTrain) + "]}",
       kAsk},
      {"a prohibition in the other spelling",
       Policy(R"("conflict":"prohibit","permission":[{"action":"dure:train"}],"prohibition":[],)"
              R"("odrl:prohibition":[{"action":"dure:train","remedy":[]}])"),
       kDeny},
      {"one action for all rules",
       Policy(R"("action":"dure:train","prohibition":[{"target":"urn:a","assignee":"u:2"}])"),
       kDeny},
  });
}

TEST(Import, OfCroissantFromTheWildNeverAllowsWhatItDidNotUnderstand) {
  using enum Permission;
  Expect({
      {"a use elsewhere", Dataset("", R"(,"https://x/terms")"), kAsk},
      {"a use as a work", Dataset("", R"(,{"@type":"CreativeWork","url":"https://x/terms"})"),
       kAsk},
      {"a use that is a list of numbers", Dataset("", ",[[7]]"), kAsk},
      {"a term of another set",
       Dataset("", R"(,{"@type":"DefinedTerm","termCode":"4","inDefinedTermSet":"https://x"})"),
       kAsk},
      {"a term with two meanings",
       Dataset("", R"(,{"@type":"DefinedTerm","termCode":"DUO:0000004",)"
                   R"("@id":"http://purl.obolibrary.org/obo/DUO_0000046"})"),
       kAsk},
      {"countries that are not said",
       Dataset("", R"(,{"@type":"DefinedTerm","termCode":"DUO:0000022"})"), kAsk},
      {"a licence that SPDX does not list", Dataset(R"("license":"openrail",)"), kAsk},
      {"one of two licences", Dataset(R"("license":["MIT","https://x/own"],)"), kAsk},
      {"a licence with more to say",
       Dataset(R"("license":{"@type":"CreativeWork","name":"MIT","description":"no training"},)"),
       kAsk},
      {"a condition of access", Dataset(R"("conditionsOfAccess":"members only",)"), kAsk},
      {"a note of copyright", Dataset(R"("sc:copyrightNotice":"all rights reserved",)"), kAsk},
      {"what it is not for", Dataset(R"("rai:dataUseCases":"not for training",)"), kAsk},
      {"a file with its own licence",
       Dataset(R"("distribution":[{"@type":"cr:FileObject","license":"https://x"}],)"), kAsk},
      {"a policy beside the offer",
       Dataset(R"("odrl:hasPolicy":[{"@type":"Set","prohibition":[{"action":"dure:train"}]}],)"),
       kDeny},
      {"two offers, the first forbids",
       R"({"@type":"Dataset","name":"reviews","usageInfo":[)"
       R"({"@type":"odrl:Offer","prohibition":[{"action":"dure:train"}]},)"
       R"({"@type":"odrl:Offer","permission":[{"action":"dure:train"}]}]})",
       kDeny},
      {"two offers, the first asks",
       R"({"@type":"Dataset","name":"reviews","usageInfo":[)"
       R"({"@type":"odrl:Offer","permission":[{"action":"dure:train",)"
       R"("duty":[{"action":"obtainConsent"}]}]},)"
       R"({"@type":"odrl:Offer","permission":[{"action":"dure:train"}]}]})",
       kAsk},
      {"an offer of another dataset",
       R"({"@type":"Dataset","name":"reviews","@id":"urn:a","usageInfo":{"@type":"Offer",)"
       R"("target":"urn:b","permission":[{"action":"dure:train"}]}})",
       kUnknown},
  });
}

TEST(Import, TakesAListOfLicencesAndHoldsThemTogether) {
  const auto one =
      Read(Dataset(R"("license":["https://creativecommons.org/licenses/by-nc/4.0/"],)"));
  EXPECT_EQ(one->draft.terms.licence.data, "CC-BY-NC-4.0");
  EXPECT_TRUE(one->understood);
  const auto two =
      Read(Dataset(R"("license":["https://choosealicense.com/licenses/mit/",)"
                   R"({"@type":"sc:CreativeWork","name":"CC BY-NC-SA 4.0",)"
                   R"("url":"https://creativecommons.org/licenses/by-nc-sa/4.0/"}],)"));
  EXPECT_EQ(two->draft.terms.licence.data, "CC-BY-NC-SA-4.0 AND MIT");
  EXPECT_THAT(two->remarks, Contains(HasSubstr("all of them hold together")));
}

// A target tells for which of two datasets a permission is.
TEST(Import, LeavesOutWhatIsForAnotherDataset) {
  const std::string other = R"({"target":"urn:b","action":"dure:train"})";
  const auto of = [](const std::string& inner) {
    const auto imported = Read(Policy(inner));
    return imported->draft.terms.Of(Action::kTrain);
  };
  EXPECT_EQ(of(R"("target":"urn:a","permission":[)" + other + "]"), Permission::kUnknown);
  EXPECT_EQ(of(R"("target":"urn:b","permission":[)" + other + "]"), Permission::kAllow);
  EXPECT_EQ(of(R"("permission":[)" + other + "]"), Permission::kAllow);
  EXPECT_EQ(of(R"("permission":[)" + other + R"(,{"target":"urn:a","action":"dure:serve"}])"),
            Permission::kUnknown);
  // Nobody here knows that the other dataset is not behind this one: a prohibition stays.
  EXPECT_EQ(of(R"("target":"urn:a","prohibition":[)" + other + "]"), Permission::kDeny);
}

TEST(Import, TakesADayThatIsExcludedAsOver) {
  const auto times = [](const std::string& action, const std::string& op, const std::string& day) {
    return Read(Policy(R"("permission":[{"action":"dure:)" + action + R"(","constraint":[)" +
                       Constraint("dateTime", op, "\"" + day + "\"") + "]}]"))
        ->draft.terms.time;
  };
  const auto text = [](const std::optional<Instant>& time) {
    return time ? FormatInstant(*time) : "";
  };
  EXPECT_EQ(text(times("train", "lt", "2026-12-31").valid_until), "2026-12-30T23:59:59Z");
  EXPECT_EQ(text(times("train", "lteq", "2026-12-31").valid_until), "2026-12-31T23:59:59Z");
  EXPECT_EQ(text(times("train", "lt", "2026-12-31T10:00:00Z").valid_until), "2026-12-31T09:59:59Z");
  EXPECT_EQ(text(times("train", "gt", "2027-06-30").valid_from), "2027-07-01T00:00:00Z");
  EXPECT_EQ(text(times("train", "gteq", "2027-06-30").valid_from), "2027-06-30T00:00:00Z");
  EXPECT_EQ(text(times("serve", "gt", "2027-06-30").embargo_until), "2027-06-30T23:59:59Z");
}

TEST(Import, HoldsAllConstraintsOfAPermissionTogether) {
  const std::string both =
      Constraint("purpose", "isAnyOf", R"(["dure:statistics","dure:scientific-research"])") + "," +
      Constraint("purpose", "isAnyOf", R"(["dure:scientific-research","dure:benchmark"])");
  for (const std::string& constraint : {"[" + both + "]", R"({"and":{"@list":[)" + both + "]}}"}) {
    const auto imported = Read(Permission1(R"("constraint":)" + constraint));
    EXPECT_EQ(imported->draft.terms.purposes, std::set<Purpose>{Purpose::kScientificResearch});
    EXPECT_EQ(imported->draft.terms.Of(Action::kTrain), Permission::kAllow);
  }
}

TEST(Import, CutsALongTextBetweenTwoLettersAndSaysSo) {
  std::string description;
  for (size_t i = 0; i <= kAttachmentBytesMax / 3; ++i) description += "가";
  std::string title = "xy";
  for (size_t i = 0; i < 400; ++i) title += "가";
  const auto imported = Read(R"({"@type":"Dataset","name":")" + title + R"(","description":")" +
                             description + R"("})");
  ASSERT_TRUE(imported.has_value());
  ASSERT_THAT(imported->draft.attachments, SizeIs(2));
  EXPECT_EQ(imported->draft.attachments[0].text, title.substr(0, 1022));
  EXPECT_EQ(imported->draft.attachments[1].text,
            description.substr(0, kAttachmentBytesMax / 3 * 3));
  EXPECT_THAT(imported->remarks, Contains(HasSubstr("the name was cut after 1022 of 1202 bytes")));
  EXPECT_THAT(imported->remarks, Contains(HasSubstr("the description was cut")));
}

TEST(Import, TakesTheLanguagesThatHaveACode) {
  const std::vector<std::pair<std::string, std::set<std::string>>> cases = {
      {R"("ko")", {"ko"}},
      {R"(["ko","en-GB","two words"])", {"ko", "en-GB"}},
      {R"({"@type":"Language","name":"Korean","alternateName":"ko"})", {"ko"}},
      {R"({"@type":"Language","name":"Korean language"})", {}}};
  for (const auto& [languages, codes] : cases) {
    const auto imported = Read(R"({"@type":"Dataset","name":"a","inLanguage":)" + languages + "}");
    ASSERT_TRUE(imported.has_value()) << imported.error().message;
    EXPECT_EQ(imported->draft.passport.languages, codes) << languages;
  }
}

TEST(Import, RefusesWhatNobodyCouldReadTheSame) {
  const std::string twice = Policy(R"("prohibition":[],"prohibition":[{"action":"dure:train"}])");
  EXPECT_THAT(Read(twice).error().message, HasSubstr("a name twice"));
  const std::string deep(500'000, '[');
  EXPECT_EQ(Read(R"({"@type":"Set","permission":)" + deep).error().code, ErrorCode::kInvalid);
  std::string inside = "1";
  for (int i = 0; i < 100; ++i) inside = R"({"@id":)" + inside + "}";
  EXPECT_THAT(Read(R"({"@type":)" + inside + "}").error().message, HasSubstr("nested too deep"));
}

// The list has an end, and says so; what is not listed still asks.
TEST(Import, ListsWhereTheListEnds) {
  std::string inner;
  for (int i = 0; i < 1000; ++i) inner += R"("x:)" + std::to_string(i) + R"(":1,)";
  const auto imported = Read(Dataset(inner));
  EXPECT_THAT(imported->remarks, SizeIs(257));
  EXPECT_THAT(imported->remarks.back(), HasSubstr("more was not understood than is listed"));
}

}  // namespace
}  // namespace dure::terms
