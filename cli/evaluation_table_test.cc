#include "cli/evaluation_table.h"

#include <gmock/gmock.h>

#include <sstream>

#include "cli/columns.h"

namespace dure::cli {
namespace {

using testing::HasSubstr;

constexpr const char* kAnswer =
    R"({"id":1,"results":[{"site":"kt","nats":693.0,"bytes":1000,"tokens":300},)"
    R"({"site":"snu","error":"no disk"}]})";

TEST(Evaluation, IsReadSiteBySite) {
  const auto measured = ParseEvaluation(kAnswer);
  ASSERT_TRUE(measured) << measured.error().message;
  ASSERT_EQ(measured->size(), 2u);
  EXPECT_EQ((*measured)[0].site, "kt");
  EXPECT_DOUBLE_EQ((*measured)[0].NatsPerByte(), 0.693);
  EXPECT_EQ((*measured)[1].error, "no disk");
}

TEST(Evaluation, AnythingElseIsRefusedOrReadAsEmptyAndNeverThrown) {
  for (const char* text : {"", "[]", "{}", "7"}) {
    EXPECT_EQ(ParseEvaluation(text).error().code, ErrorCode::kInvalid) << text;
  }
  EXPECT_TRUE(ParseEvaluation(R"({"results":7})").value().empty());
  const auto odd = ParseEvaluation(R"({"results":[7,{"site":7,"nats":"x","bytes":-1}]})");
  ASSERT_TRUE(odd);
  ASSERT_EQ(odd->size(), 2u);
  EXPECT_EQ((*odd)[1].NatsPerByte(), 0);
}

TEST(Evaluation, SaysOnWhatItWasMeasuredAndHowSureItIs) {
  const auto measured = ParseEvaluation(
      R"({"results":[{"site":"kt","nats":500.0,"bytes":1000,"tokens":300,"index":57,"low":0.48,)"
      R"("high":0.52,"datasets":[{"dataset":"reviews","version":2},)"
      R"({"dataset":"notes","version":1}]},{"site":"snu","nats":1,"bytes":2,"tokens":1,"index":58,)"
      R"("datasets":[{"dataset":"a","version":1}]},)"
      R"({"site":"etri","nats":1,"bytes":2,"tokens":1}]})");
  ASSERT_TRUE(measured);
  EXPECT_EQ(IntervalsText(*measured),
            "  kt: reviews v2, notes v1, 95 %: 0.480 to 0.520, entry 57\n"
            "  snu: a v1, entry 58\n");
  EXPECT_EQ(IntervalsText(*measured, true),
            "  kt: reviews v2, notes v1, 95 % 구간 0.480~0.520, 항목 57\n"
            "  snu: a v1, 항목 58\n");
}

TEST(Evaluation, TheTableComparesModelsOnEverySitesText) {
  const std::string better =
      R"({"results":[{"site":"kt","nats":500.0,"bytes":1000,"tokens":300}]})";
  const std::string table = EvaluationTable({{"start", kAnswer}, {"SHARED", better}});
  EXPECT_THAT(table, HasSubstr("0.693 (2.00)"));
  EXPECT_THAT(table, HasSubstr("0.500 (1.65)"));
  EXPECT_THAT(table, HasSubstr("failed"));
  EXPECT_THAT(table, HasSubstr("–")) << "snu did not measure SHARED";
}

// Every line as wide as the first, and none beyond `room`.
void ExpectWidth(const std::string& table, size_t room) {
  std::istringstream lines(table);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(WidthOf(line), room) << table;
}

std::string AnswerOf(const std::vector<std::pair<std::string, double>>& sites) {
  std::string results;
  for (const auto& [site, nats] : sites) {
    results += (results.empty() ? "" : ",") + std::string("{\"site\":\"") + site +
               "\",\"nats\":" + std::to_string(nats) + ",\"bytes\":1000}";
  }
  return "{\"results\":[" + results + "]}";
}

using Columns = std::vector<std::pair<std::string, std::string>>;

TEST(Evaluation, LongNamesAreCutInTheMiddleAndStandOverTheirColumns) {
  const std::string one = AnswerOf({{"movie-reviews-ko-of-2015", 500}});
  const std::string table = EvaluationTable(
      {{"start", one}, {"movie-reviews-ko-2015 alone", one}, {"shakespeare-en alone", one}});
  EXPECT_EQ(table,
            "                                              movie-rev…o-2015    shakespeare-en\n"
            "  held-out text of                     start             alone             alone\n"
            "  movie-reviews-ko-of-2015      0.500 (1.65)      0.500 (1.65)      0.500 (1.65)\n"
            "  all sites                     0.500 (1.65)      0.500 (1.65)      0.500 (1.65)\n"
            "  nats per byte (perplexity per byte); smaller is better");
}

TEST(Evaluation, TheTableOfADemonstrationFitsAnOrdinaryTerminal) {
  const std::string bad = AnswerOf({{"kt", 3115}});
  const Columns columns = {{"start", bad},
                           {"docs alone", kAnswer},
                           {"code alone", bad},
                           {"legal alone", bad},
                           {"SHARED", kAnswer}};
  for (const size_t room : {79U, 90U, 108U, 200U}) {
    const std::string table = EvaluationTable(columns, room);
    ExpectWidth(table, room);
    EXPECT_THAT(table, HasSubstr(room == 79 ? "3.115 (22.5)" : "3.115 (22.53)"));
    EXPECT_THAT(table, HasSubstr("legal alone"));
  }
}

TEST(Evaluation, WhatHasNoRoomGoesIntoATableBelowAndNoFigureIsCut) {
  const std::string worst = AnswerOf({{"a", 6033}, {"b", 6033}, {"c", 12000}, {"d", 3115}});
  const Columns columns = {{"start", worst},     {"naver alone", worst}, {"kt-seoul alone", worst},
                           {"snu alone", worst}, {"etri alone", worst},  {"SHARED", worst}};
  for (const bool korean : {false, true}) {
    for (const size_t room : {50U, 79U, 100U, 200U}) {
      const std::string table = EvaluationTable(columns, room, korean);
      ExpectWidth(table, std::max<size_t>(room, 70));  // the last line explains
      size_t whole = 0;
      for (size_t at = 0; (at = table.find("6.033 (416", at)) != std::string::npos; ++at) ++whole;
      EXPECT_EQ(whole, 2 * columns.size()) << table;
      EXPECT_THAT(table, HasSubstr("12.000 (162754.79)")) << table;
      EXPECT_THAT(table, testing::Not(HasSubstr("…")));
      EXPECT_THAT(table, HasSubstr("kt-seoul"));
    }
  }
}

TEST(Columns, AreCutInTheMiddleAndCountedAsTheyAreDrawn) {
  EXPECT_EQ(Elided("dialogue-ko", 16), "dialogue-ko");
  EXPECT_EQ(Elided("abcdefghij", 6), "abc…ij");
  EXPECT_EQ(Elided("가나다라마바사", 9), "가나…사");
  EXPECT_EQ(RightAligned("가나", 6), "  가나");
  EXPECT_EQ(LeftAligned("가나", 6), "가나  ");
  EXPECT_EQ(Clipped("두레는 함께", 8), "두레는 …");
  EXPECT_EQ(WidthOf("한글 漢字 ABC █░–·"), 18u);
  EXPECT_EQ(WidthOf("\u1112\u1161\u11ab"), 2u) << "one syllable of three letters";
  EXPECT_EQ(WidthOf("\xff\xb0x"), 2u) << "no UTF-8";
}

TEST(Evaluation, ASiteThatFailedDoesNotCountForAllSites) {
  const std::string table = EvaluationTable({{"start", kAnswer}});
  const size_t some = table.find("1 of 2 sites");
  ASSERT_NE(some, std::string::npos) << table;
  EXPECT_THAT(table.substr(some), HasSubstr("0.693"));
  EXPECT_THAT(EvaluationTable({{"모델", kAnswer}}, kTableRoom, true), HasSubstr("2곳 중 1곳"));
  // Nor does one that has not answered.
  const std::string waits =
      R"({"pending":["snu"],"results":[{"site":"kt","nats":500.0,"bytes":1000}]})";
  EXPECT_THAT(EvaluationTable({{"start", waits}}), HasSubstr("1 of 2 sites"));
  const std::string whole = R"({"results":[{"site":"kt","nats":500.0,"bytes":1000}]})";
  EXPECT_THAT(EvaluationTable({{"start", whole}}), HasSubstr("all sites"));
  EXPECT_THAT(EvaluationTable({{"start", whole}, {"SHARED", kAnswer}}), HasSubstr("1 of 2 sites"));
}

}  // namespace
}  // namespace dure::cli
