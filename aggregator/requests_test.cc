#include "aggregator/requests.h"

#include <gmock/gmock.h>

#include "federation/round/testing.h"

namespace dure::aggregator {
namespace {

using testing::HasSubstr;

std::string StartText(const std::string& invited) {
  return R"({"manifest":")" + ToBase64(round::TestManifest().Canonical()) + R"(","invited":)" +
         invited + "}";
}

TEST(Requests, AStartCarriesTheManifestAndWhoIsInvitedInOrder) {
  const auto request = ParseStart(StartText(R"(["snu","kt"])"));
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->manifest, round::TestManifest());
  EXPECT_THAT(request->invited,
              testing::ElementsAre(round::TestSite("kt"), round::TestSite("snu")));
}

TEST(Requests, AStartWithAnythingElseInItsPlacesIsRefused) {
  for (const char* invited : {"5", "{}", "[1]", R"(["UPPER"])", R"([["kt"]])", "null"}) {
    EXPECT_FALSE(ParseStart(StartText(invited))) << invited;
  }
  for (const char* text :
       {"", "[]", "{}", R"({"manifest":1})", R"({"manifest":"*"})", R"({"manifest":"AAAA"})"}) {
    const auto request = ParseStart(text);
    ASSERT_FALSE(request) << text;
    EXPECT_EQ(request.error().code, ErrorCode::kInvalid) << text;
  }
}

// Each of these once threw on the aggregator's loop: one request by any member ended the daemon.
TEST(Requests, AFieldOfTheWrongTypeIsAnAnswerAndNotTheEndOfTheDaemon) {
  EXPECT_EQ(ParseEvaluationId(R"({"id":"seven"})").value(), 0u);
  EXPECT_EQ(ParseEvaluationId(R"({"id":-7})").value(), 0u);
  EXPECT_FALSE(ParseReport(R"({"id":1,"envelope":7})"));
  EXPECT_FALSE(ParseRun(R"({"run":"r","after_round":"yes"})").value().after_round);
  EXPECT_FALSE(ParseWatch(R"({"evaluations":1,"run":7})").evaluations);
  EXPECT_EQ(ParseWatch(R"({"evaluations":1,"run":7})").run, "");
}

TEST(Requests, ARunIsNamedAndMayBeStoppedAfterItsRound) {
  const auto request = ParseRun(R"({"run":"r","after_round":true})");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->run, "r");
  EXPECT_TRUE(request->after_round);
  const auto nameless = ParseRun("{}");
  ASSERT_FALSE(nameless);
  EXPECT_THAT(nameless.error().message, HasSubstr("\"run\""));
}

TEST(Requests, AnEvaluationAsksForTheNewestModelUnlessItNamesOne) {
  EXPECT_FALSE(ParseEvaluate(R"({"run":"r"})").value().model);
  const Digest model = Sha256(AsBytes("model"));
  const auto named = ParseEvaluate(R"({"run":"r","model":")" + model.Hex() + R"("})");
  ASSERT_TRUE(named);
  EXPECT_EQ(named->model, model);
  EXPECT_FALSE(ParseEvaluate(R"({"run":"r","model":"12"})"));
  EXPECT_FALSE(ParseEvaluate(R"({"run":"r","model":12})"));
  EXPECT_FALSE(ParseEvaluate(R"({"run":"r","sites":"kt"})"));
}

TEST(Requests, AReportIsAnEnvelopeOrAReason) {
  const auto signed_report = ParseReport(R"({"id":3,"envelope":"AAEC"})");
  ASSERT_TRUE(signed_report);
  EXPECT_EQ(signed_report->id, 3u);
  EXPECT_EQ(signed_report->envelope, (Bytes{0, 1, 2}));
  EXPECT_FALSE(signed_report->error);

  EXPECT_EQ(ParseReport(R"({"id":3,"error":"no disk"})").value().error, "no disk");
  EXPECT_FALSE(ParseReport(R"({"id":3})"));
  EXPECT_FALSE(ParseReport(R"({"envelope":"AAEC"})"));
}

TEST(Requests, OnWhatASiteWouldMeasureIsAListOfDatasetsEachOnce) {
  const auto asked = ParseMeasuring(
      R"({"id":3,"datasets":[{"dataset":"notes","version":2},{"dataset":"reviews","version":1}]})");
  ASSERT_TRUE(asked) << asked.error().message;
  EXPECT_EQ(asked->id, 3u);
  ASSERT_EQ(asked->datasets.size(), 2u);
  EXPECT_EQ(asked->datasets[0].dataset.str(), "notes");
  EXPECT_EQ(asked->datasets[0].version, 2u);
  const std::string one = R"({"dataset":"notes","version":1})";
  for (const std::string& list :
       {std::string("7"), std::string("[7]"), std::string("[{}]"), "[" + one + "," + one + "]"}) {
    EXPECT_FALSE(ParseMeasuring(R"({"id":3,"datasets":)" + list + "}")) << list;
  }
  std::string many = "[";
  for (int i = 0; i < 257; ++i) many += (i == 0 ? "" : ",") + one;
  EXPECT_FALSE(ParseMeasuring(R"({"id":3,"datasets":)" + many + "]}"));
}

TEST(Requests, AReasonIsBoundedAndNeverEmpty) {
  const std::string error(10'000, 'x');
  EXPECT_EQ(ParseReport(R"({"id":1,"error":")" + error + R"("})").value().error->size(), 500u);
  EXPECT_FALSE(ParseReport(R"({"id":1,"error":""})").value().error->empty());
}

TEST(Requests, ARevocationCarriesItsOrder) {
  EXPECT_EQ(ParseRevocation(R"({"order":"AAEC"})").value(), (Bytes{0, 1, 2}));
  EXPECT_FALSE(ParseRevocation(R"({"order":[]})"));
  EXPECT_FALSE(ParseRevocation("AAEC"));
}

TEST(Requests, TextThatIsNoRequestWatchesNothing) {
  const WatchRequest request = ParseWatch("]");
  EXPECT_EQ(request.run, "");
  EXPECT_FALSE(request.evaluations);
}

}  // namespace
}  // namespace dure::aggregator
