#include "cli/model_desk.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/columns.h"
#include "cli/site_copy.h"
#include "federation/blob/manifest.h"
#include "federation/random.h"

namespace dure::cli {
namespace {

using testing::HasSubstr;

constexpr const char* kAnswer =
    R"({"id":1,"results":[{"site":"kt","nats":693.0,"bytes":1000,"tokens":300},)"
    R"({"site":"snu","error":"no disk"}]})";

TEST(StoredModel, IsReadThroughBeforeAnybodyIsGivenIt) {
  namespace fs = std::filesystem;
  SystemRandom random;
  const fs::path dir =
      fs::temp_directory_path() / ("dure-model-" + std::to_string(random.Next64()));
  fs::create_directories(dir / "blobs" / "blobs");
  const std::string weights(3000, 'w');
  const Digest model = blob::ManifestOf(AsBytes(weights)).BlobDigest();
  EXPECT_EQ(StoredModel(dir, model).error().code, ErrorCode::kNotFound);
  const fs::path path = dir / "blobs" / "blobs" / model.Hex();
  std::ofstream(path) << weights;
  EXPECT_EQ(*StoredModel(dir, model), path);
  std::string rotted = weights;
  rotted[1500] ^= 1;
  std::ofstream(path) << rotted;
  const auto read = StoredModel(dir, model);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(read.error().message, HasSubstr("has rotted"));
  fs::remove_all(dir);
}

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

TEST(Evaluation, TheTableComparesModelsOnEverySitesText) {
  const std::string better =
      R"({"results":[{"site":"kt","nats":500.0,"bytes":1000,"tokens":300}]})";
  const std::string table = EvaluationTable({{"start", kAnswer}, {"SHARED", better}});
  EXPECT_THAT(table, HasSubstr("0.693 (2.00)"));
  EXPECT_THAT(table, HasSubstr("0.500 (1.65)"));
  EXPECT_THAT(table, HasSubstr("failed"));
  EXPECT_THAT(table, HasSubstr("–")) << "snu did not measure SHARED";
}

TEST(Evaluation, LongNamesAreCutAndColumnsStayApart) {
  const std::string long_names =
      R"({"results":[{"site":"movie-reviews-ko-of-2015","nats":500.0,"bytes":1000}]})";
  const std::string table = EvaluationTable({{"start", long_names},
                                             {"movie-reviews-ko alone", long_names},
                                             {"shakespeare-en alone", long_names}});
  EXPECT_THAT(table, HasSubstr("  movie-rev… alone  shakespea… alone"));
  std::vector<size_t> widths;
  std::istringstream lines(table.substr(0, table.rfind('\n')));
  for (std::string line; std::getline(lines, line);) widths.push_back(WidthOf(line));
  EXPECT_THAT(widths, testing::Each(2 + 16 + 3 * 18));
}

TEST(Evaluation, TheTableOfADemonstrationFitsAnOrdinaryTerminal) {
  const std::string bad = R"({"results":[{"site":"kt","nats":3115.0,"bytes":1000}]})";
  const std::vector<std::pair<std::string, std::string>> columns = {{"start", bad},
                                                                    {"docs alone", kAnswer},
                                                                    {"code alone", bad},
                                                                    {"legal alone", bad},
                                                                    {"SHARED", kAnswer}};
  for (const size_t room : {79U, 90U, 108U, 200U}) {
    const std::string table = EvaluationTable(columns, room);
    std::istringstream lines(table);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(WidthOf(line), room) << line;
    EXPECT_THAT(table, HasSubstr(room == 79 ? "3.115 (22.5)" : "3.115 (22.53)"));
  }
  const std::string narrow = EvaluationTable(columns, 50);
  EXPECT_THAT(narrow, HasSubstr("  3.115"));
  EXPECT_THAT(narrow, testing::Not(HasSubstr("(")));
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
