#include "model/text/documents.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "model/text/records.h"

namespace dure::text {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Documents : public testing::Test {
 protected:
  Documents()
      : folder_(std::filesystem::path(testing::TempDir()) /
                (std::string("dure_documents_") +
                 testing::UnitTest::GetInstance()->current_test_info()->name())) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~Documents() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& name, std::string_view text) {
    std::filesystem::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  std::vector<std::string> Read(std::vector<std::string> columns = {}) {
    std::vector<std::string> documents;
    const auto read = ReadDocuments({folder_, std::move(columns)}, [&](std::string_view text) {
      documents.emplace_back(text);
      return true;
    });
    if (read) report_ = *read;
    error_ = read ? Error{} : read.error();
    return documents;
  }

  std::filesystem::path folder_;
  ReadReport report_;
  Error error_;
};

TEST_F(Documents, ReadsTextFilesInPathOrderAndLeavesOutHiddenAndBinaryOnes) {
  Write("b.txt", "second");
  Write("a/deep.md", "first");
  Write(".git/config", "hidden");
  Write("image.png", std::string_view("\x89PNG\0\0", 6));
  Write("empty.txt", " \n");
  EXPECT_THAT(Read(), ElementsAre("first", "second"));
  EXPECT_EQ(report_.files_left_out, 2u);
  EXPECT_THAT(report_.notes, ElementsAre("empty.txt is empty", "image.png is not UTF-8 text"));
}

TEST_F(Documents, RowsWithoutTextAreCountedToo) {
  Write("a.csv", "id,text\n1,\n2,here\n");
  Write("b.jsonl", "{\"text\":\"there\"}\n{\"id\":2}\n{\"text\":\" \"}\n");
  Write("c.json", R"([7, {"text":"and here"}, {"id":3}])");
  EXPECT_THAT(Read(), ElementsAre("here", "there", "and here"));
  EXPECT_EQ(report_.bad_rows, 5u);
  EXPECT_THAT(report_.notes, Contains("a.csv row 2: has no text"));
  EXPECT_THAT(report_.notes, Contains("b.jsonl row 2: has no text"));
  EXPECT_THAT(report_.notes, Contains("c.json row 3: has no text"));
}

TEST_F(Documents, GuessesTheNamedTextColumnOfATsv) {
  Write("r.tsv", "rating\ttext\n10\t미치도록 재밌어 여\n1\t\"별로\n");
  EXPECT_THAT(Read(), ElementsAre("미치도록 재밌어 여", "\"별로"));
}

TEST_F(Documents, JoinsQuestionAndAnswerOfADialogueAndReadsQuotes) {
  Write("d.csv",
        "Q,A,label\n12시 땡!,하루가 또 가네요.,0\r\n\"좋아, \"\"정말\"\"\n그래\",여행은 언제나 "
        "좋죠.,1\n");
  EXPECT_THAT(Read(), ElementsAre("12시 땡!\n하루가 또 가네요.",
                                  "좋아, \"정말\"\n그래\n여행은 언제나 좋죠."));
}

TEST_F(Documents, TakesNamedColumnsInTheOrderAsked) {
  Write("d.csv", "Q,A,label\nquestion one,answer one,0\n");
  EXPECT_THAT(Read({"A", "Q"}), ElementsAre("answer one\nquestion one"));
}

TEST_F(Documents, CountsBadRowsAndGoesOn) {
  Write("d.csv", "id,text\n1,good\n2,too,many\n\"open,never closed\n4,\"x\"y\n5,good again\n");
  EXPECT_THAT(Read(), ElementsAre("good", "good again"));
  EXPECT_EQ(report_.bad_rows, 3u);
  EXPECT_THAT(report_.notes, Contains("d.csv row 3: 3 columns, not 2"));
}

TEST_F(Documents, ReadsATableWithoutAHeader) {
  Write("d.csv", "a first sentence here,0\nanother sentence here,1\n");
  EXPECT_THAT(Read(), ElementsAre("a first sentence here", "another sentence here"));
}

TEST_F(Documents, ReadsJsonLinesArraysAndWrappedArrays) {
  Write("1.jsonl", "{\"id\":1,\"text\":\"one\"}\nnot json\n\n{\"text\":\"two\"}\n[1]\n");
  Write(
      "2.json",
      R"([{"guid":"klue-1","premise":"흡연이 가능합니다.","hypothesis":"흡연은 금지됩니다.","label":"x"}, 7])");
  Write("3.json", R"({"version":1,"data":[{"body":"three"}]})");
  EXPECT_THAT(Read(), ElementsAre("one", "two", "흡연이 가능합니다.\n흡연은 금지됩니다.", "three"));
  EXPECT_EQ(report_.bad_rows, 3u);
}

TEST_F(Documents, AJsonFileMayBeOneDocument) {
  Write("1.json", R"({"id":7,"text":"the first text","spans":[{"note":"no text of its own"}]})");
  Write("2.json", R"({"url":"x","abstract":"a text under a name that is not usual"})");
  Write("3.JSON", R"({"message":"ok","data":[{"body":"three"}]})");
  EXPECT_THAT(Read(),
              ElementsAre("the first text", "a text under a name that is not usual", "three"));
  Write("4.json", "7");
  Write("5.json", R"({"id":7})");
  Read();
  EXPECT_EQ(report_.files_left_out, 2u);
}

TEST_F(Documents, TheTermsBesideATextAreNoText) {
  Write("terms.toml", "use = \"research-only\"\n");
  Write("a.txt", "text");
  Write("deep/terms.toml", "this one is the data's own");
  EXPECT_THAT(Read(), ElementsAre("text", "this one is the data's own"));
  EXPECT_EQ(report_.files, 2u);
}

TEST_F(Documents, SaysClearlyWhenThereIsNothingToRead) {
  Write("numbers.csv", "a,b\n1,2\n");
  EXPECT_TRUE(Read().empty());
  EXPECT_EQ(error_.code, ErrorCode::kInvalid);
  EXPECT_THAT(error_.message,
              HasSubstr("numbers.csv has no column that reads like text; it has a, b"));
  const auto missing = ReadDocuments({folder_ / "absent", {}}, [](auto) { return true; });
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
}

TEST_F(Documents, SaysWhichColumnsWereMeantAndWhichAreThere) {
  Write("a.csv", "id,review\n1,some words of text\n");
  Write("b.jsonl", R"({"id": "1", "review": "some words of text"})");
  EXPECT_TRUE(Read({"body"}).empty());
  EXPECT_THAT(report_.notes, testing::IsEmpty());
  EXPECT_THAT(error_.message, HasSubstr("a.csv lacks the text column body; it has id, review"));
  EXPECT_THAT(error_.message, HasSubstr("b.jsonl row 1: lacks the text field body; it has id, "));
}

TEST_F(Documents, WhatLooksLikeNoColumnsNameIsNotShown) {
  Write("a.csv", "1,a secret sentence\n2,another one\n");
  EXPECT_TRUE(Read({"body"}).empty());
  EXPECT_THAT(error_.message, HasSubstr("it has 1, ..."));
  EXPECT_THAT(error_.message, testing::Not(HasSubstr("secret")));
}

TEST_F(Documents, ARowThatIsTooLongIsSaidToBe) {
  Write("a.csv", "text\nshort enough\n" + std::string(kRecordBytesMax + 1, 'x') + "\n");
  EXPECT_THAT(Read(), ElementsAre("short enough"));
  EXPECT_THAT(report_.notes, ElementsAre("a.csv row 3: is longer than 16 MiB"));
}

TEST_F(Documents, LinksAreLeftOutAndSaid) {
  Write("data/a.txt", "one");
  Write("other.txt", "two");
  std::filesystem::create_symlink("../other.txt", folder_ / "data" / "b.txt");
  std::vector<std::string> read;
  const auto report = ReadDocuments({folder_ / "data", {}}, [&](std::string_view text) {
    read.emplace_back(text);
    return true;
  });
  EXPECT_THAT(read, ElementsAre("one"));
  EXPECT_THAT(report->notes, ElementsAre("b.txt is a link, which is not followed"));
  EXPECT_EQ(report->files_left_out, 1u);
}

TEST_F(Documents, ANameWithALineEndMakesNoLineOfItsOwn) {
  Write("a\nb.txt", " ");
  Write("c.txt", "one");
  EXPECT_THAT(Read(), ElementsAre("one"));
  EXPECT_THAT(report_.notes, ElementsAre("a?b.txt is empty"));
}

TEST_F(Documents, NotesNeverHoldText) {
  Write("d.csv", "id,text\n2,a secret sentence,many\n");
  Write("x.jsonl", "secret\n");
  Read();
  for (const std::string& note : report_.notes)
    EXPECT_THAT(note, testing::Not(HasSubstr("secret")));
  EXPECT_THAT(error_.message, testing::Not(HasSubstr("secret")));
}

TEST_F(Documents, ManyBadRowsOfOneFileLeaveRoomForTheReasonsOfOthers) {
  std::string rows = "id,text\n0,a sentence that is read\n";
  for (int i = 0; i < 100; ++i) rows += "1,2,3\n";
  Write("a.csv", rows);
  Write("z.bin", std::string(100, '\0'));
  Read();
  EXPECT_EQ(report_.bad_rows, 100u);
  EXPECT_THAT(report_.notes, Contains(HasSubstr("z.bin is not UTF-8 text")));
}

// "한글 말뭉치" in CP949, as older Korean programs and spreadsheets write it.
constexpr std::string_view kCp949 = "\xc7\xd1\xb1\xdb \xb8\xbb\xb9\xb6\xc4\xa1";

TEST_F(Documents, TextOfAnotherEncodingIsLeftOutAndSaysHowToConvertIt) {
  Write("a.txt", std::string(kCp949));
  Write("b.csv", "id,text\n1," + std::string(kCp949) + "\n2,한글 말뭉치\n");
  Write("c.jsonl", "{\"text\":\"" + std::string(kCp949) + "\"}\n{\"text\":\"한글\"}\n");
  EXPECT_THAT(Read(), ElementsAre("한글 말뭉치", "한글"));
  EXPECT_EQ(report_.files_left_out, 1u);
  EXPECT_EQ(report_.bad_rows, 2u);
  EXPECT_THAT(report_.notes, Contains(HasSubstr("a.txt is not UTF-8 text (Korean of older")));
  EXPECT_THAT(report_.notes, Contains(HasSubstr("b.csv row 2: is not UTF-8 text")));
}

TEST_F(Documents, HowToConvertIsSaidOnceAFileAndOfUtf16Too) {
  const std::string cp949(kCp949);
  Write("a.csv", "id,text\n1," + cp949 + "\n2," + cp949 + "\n3,한글\n");
  Write("b.csv", std::string("\xff\xfei\0d\0", 6));
  EXPECT_THAT(Read(), ElementsAre("한글"));
  EXPECT_THAT(report_.notes,
              ElementsAre(HasSubstr("a.csv row 2: is not UTF-8 text (Korean of older"),
                          "a.csv row 3: is not UTF-8 text", HasSubstr("iconv -f UTF-16")));
}

TEST_F(Documents, ASlipInALongTextCostsNobodyTheText) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "the quick brown fox jumps over the lazy dog\n";
  Write("a.txt", text + "caf\xe9\n");
  EXPECT_EQ(Read().size(), 1u);
}

TEST_F(Documents, ATableOfManyColumnsIsReadInOnePass) {
  constexpr int kColumns = 60'000;  // a search for each column took minutes
  std::string header;
  std::string row;
  for (int i = 0; i < kColumns; ++i) {
    header += (i == 0 ? "" : ",") + std::string("c") + std::to_string(i);
    row += i == 0 ? "words of text" : ",more words";
  }
  Write("wide.csv", header + "\n" + row + "\n");
  ASSERT_EQ(Read().size(), 1u);
  EXPECT_EQ(report_.bytes, std::string("words of text").size() + (kColumns - 1) * 11u);
}

TEST_F(Documents, IdentityFollowsContentNamesAndColumns) {
  Write("a.txt", "one");
  const Digest first = IdentifySource({folder_, {}})->digest;
  EXPECT_EQ(IdentifySource({folder_, {}})->digest, first);
  EXPECT_NE(IdentifySource({folder_, {"text"}})->digest, first);
  Write("a.txt", "two");
  EXPECT_NE(IdentifySource({folder_, {}})->digest, first);
}

TEST_F(Documents, IdentityIsMadeAsLongAsItIsWanted) {
  Write("a.txt", "one");
  Write("b.txt", "");
  int asked = 0;
  const auto goes_on = [&asked] { return ++asked > 0; };
  EXPECT_EQ(IdentifySource({folder_, {}}, goes_on)->digest, IdentifySource({folder_, {}})->digest);
  EXPECT_EQ(asked, 2) << "once a file";
  const auto stopped = IdentifySource({folder_, {}}, [] { return false; });
  ASSERT_FALSE(stopped.has_value());
  EXPECT_EQ(stopped.error().code, ErrorCode::kCancelled);
}

TEST_F(Documents, APipeInTheFolderDoesNotHoldTheReader) {
  Write("a.txt", "one");
  ASSERT_EQ(std::system(("mkfifo '" + (folder_ / "pipe.txt").string() + "'").c_str()), 0);
  EXPECT_THAT(Read(), ElementsAre("one"));
}

TEST(TableReader, IsLinearWhenEveryLineOpensAQuote) {
  std::string text;
  for (int i = 0; i < 200000; ++i) text += "\"open\n";
  TableReader reader(text, ',', TableReader::Quoting::kDoubleQuotes);
  Row row;
  size_t bad = 0;
  for (auto step = reader.Next(&row); step != TableReader::Step::kEnd; step = reader.Next(&row))
    ++bad;
  EXPECT_GE(bad, 100000u);
}

}  // namespace
}  // namespace dure::text
