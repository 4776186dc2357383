#include "site/evaluation_request.h"

#include <gmock/gmock.h>

#include "federation/round/testing.h"
#include "site/local_rules.h"

namespace dure::site {
namespace {

std::string Line(const std::string& id, const std::string& model, const std::string& manifest) {
  return R"({"evaluate":{"id":)" + id + R"(,"model":)" + model + R"(,"manifest":)" + manifest +
         "}}";
}
std::string Quoted(const std::string& text) { return "\"" + text + "\""; }
const std::string kModel = Quoted(Sha256(AsBytes("model")).Hex());
std::string Manifest() { return Quoted(ToBase64(round::TestManifest().Canonical())); }

TEST(EvaluationRequest, IsReadFromTheLineOfTheWatchStream) {
  const auto request = ParseEvaluationRequest(Line("7", kModel, Manifest()));
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->id, 7u);
  EXPECT_EQ(request->model, Sha256(AsBytes("model")));
  EXPECT_EQ(request->manifest, round::TestManifest());
  EXPECT_EQ(request->run, round::TestManifest().run);
}

// Each of these once threw on the site's loop: one line of the aggregator ended the daemon.
TEST(EvaluationRequest, AFieldOfTheWrongTypeIsRefusedAndNotThrown) {
  EXPECT_FALSE(ParseEvaluationRequest(Line("7", "7", Manifest())));
  EXPECT_FALSE(ParseEvaluationRequest(Line("7", kModel, "{}")));
  EXPECT_EQ(ParseEvaluationRequest(Line("\"7\"", kModel, Manifest())).value().id, 0u);
}

TEST(EvaluationRequest, AnyOtherLineIsRefused) {
  for (const std::string& line :
       {std::string(), std::string("{}"), std::string(R"({"evaluate":[]})"),
        std::string(R"({"kind":"progress"})"), Line("7", Quoted("12"), Manifest()),
        Line("7", kModel, Quoted("AAAA"))}) {
    const auto request = ParseEvaluationRequest(line);
    ASSERT_FALSE(request) << line;
    EXPECT_EQ(request.error().code, ErrorCode::kInvalid) << line;
  }
}

TEST(EvaluationRequest, SaysWhetherTheAggregatorDecidesWhatIsMeasuredOn) {
  const std::string line = Line("7", kModel, Manifest());
  EXPECT_FALSE(ParseEvaluationRequest(line)->decides) << "an older one does not";
  EXPECT_TRUE(
      ParseEvaluationRequest(line.substr(0, line.size() - 2) + R"(,"decides":true}})")->decides);
}

TEST(MeasuringDecided, NamesEachDatasetAndWhyNot) {
  const auto decided = ParseMeasuringDecided(
      R"({"known":true,"decided":[)"
      R"({"dataset":"notes","version":2,"admit":true,"entry":9,"reason":""},)"
      R"({"dataset":"reviews","version":1,"admit":false,"entry":10,"reason":"P1.1: no"}]})");
  ASSERT_TRUE(decided) << decided.error().message;
  ASSERT_EQ(decided->decided.size(), 2u);
  EXPECT_EQ(decided->decided[0].used, (ledger::DatasetUsed{{*DatasetId::Parse("notes"), 2}, 9}));
  EXPECT_TRUE(decided->decided[0].admit);
  EXPECT_FALSE(decided->decided[1].admit);
  EXPECT_EQ(decided->decided[1].reason, "P1.1: no");
  EXPECT_FALSE(ParseMeasuringDecided(R"({"known":false})")->known);
}

TEST(MeasuringDecided, AnyOtherTextIsRefused) {
  for (const char* text : {"", "[]", R"({"known":true})", R"({"known":true,"decided":{}})",
                           R"({"known":true,"decided":[7]})", R"({"known":true,"decided":[{}]})"}) {
    const auto decided = ParseMeasuringDecided(text);
    ASSERT_FALSE(decided) << text;
    EXPECT_EQ(decided.error().code, ErrorCode::kInvalid) << text;
  }
}

TEST(LocalRules, ASiteThatAcceptsAllTakesPart) {
  EXPECT_EQ(Objection({}, round::TestManifest(), {1'000'000}, 1'000'000'000), "");
}

TEST(LocalRules, ARunThatIsNotOnTheListIsNotTrained) {
  LocalRules rules;
  rules.accept_all = false;
  EXPECT_EQ(Objection(rules, round::TestManifest(), {0}, 1), "run-not-accepted");
  rules.accept.insert(round::TestManifest().run);
  EXPECT_EQ(Objection(rules, round::TestManifest(), {0}, 1), "");
}

TEST(LocalRules, BoundsHoldAtTheirExactValue) {
  LocalRules rules;
  rules.rounds_max = 3;
  rules.parameters_max = 100;
  EXPECT_EQ(Objection(rules, round::TestManifest(), {2}, 100), "");
  EXPECT_EQ(Objection(rules, round::TestManifest(), {3}, 100), "too-many-rounds");
  EXPECT_EQ(Objection(rules, round::TestManifest(), {2}, 101), "model-too-large");
}

}  // namespace
}  // namespace dure::site
