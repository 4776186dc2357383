#include "policy/ledger/json_tree.h"

#include <gmock/gmock.h>

#include "federation/random.h"

namespace dure::ledger {
namespace {

// Statements, and spellings of the same that the usual reader leaves to the library.
const std::vector<std::string> kObjects = {
    R"({})",
    R"({"a":1})",
    R"({"a":[1,2,[]],"b":{"c":"d","e":null},"f":true,"g":false})",
    R"({"z":1,"a":2})",
    R"( {"a" : 1 } )",
    R"({"count":0,"big":18446744073709551615,"beyond":18446744073709551616})",
    R"({"a":9999999999999999999,"b":-0,"c":-7,"d":-99999999999999999999})",
    R"({"a":0.1,"b":-2.5e-3,"c":1E+2,"d":1e-400,"e":4.9e-324,"f":0.0,"g":-0.0})",
    R"({"text":"a \"quoted\" \\ \/ \b\f\n\r\t","u":"\u00e9\ud55c\ud83d\ude00"})",
    "{\"\xEB\xA7\x90\":\"\xED\x95\x9C\xEA\xB5\xAD\xEC\x96\xB4\",\"del\":\"\x7F\"}",
    "\xEF\xBB\xBF{\"a\":1}",
    R"([[[[[[[[1]]]]]]]])",
    R"({"a":[[[[[[[1]]]]]]]})",
};
const std::vector<std::string> kRefused = {
    "",
    "null",
    "[1]",
    "\"a\"",
    R"({"a":1,"a":1})",
    R"({"b":{"a":1,"c":2,"a":3}})",
    R"({"\u0061":1,"a":2})",
    R"({"a":1}x)",
    R"({"a":1,})",
    R"({"a":01})",
    R"({"a":1.})",
    R"({"a":.5})",
    R"({"a":+1})",
    R"({"a":1e999})",
    R"({"a":"\x"})",
    R"({"a":"\u12"})",
    R"({"a":"\ud800"})",
    R"({"a":[[[[[[[[1]]]]]]]]})",
    R"({"a":nul})",
    R"({"a)",
    "{\"a\":\"\n\"}",
    "{\"a\":\"\xFF\"}",
    "{\"a\":\"\xC0\xAF\"}",
    "{\"a\":\"\xED\xA0\x80\"}",
    "{\"a\":\"\xF4\x90\x80\x80\"}",
    std::string("{\"a\":\"\0\"}", 9),
};

// Texts are read eight bytes at a time: each byte, at each place of such a step and around it.
TEST(JsonTree, BothReadersFindTheSameWhereverAByteStands) {
  for (size_t at = 0; at < 20; ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string text = "{\"a\":\"abcdefghijklmnopqrs\"}";
      text[6 + at] = static_cast<char>(byte);
      EXPECT_TRUE(ParseStrictJson(text) == ParseAnyJson(text)) << text;
    }
  }
}

TEST(JsonTree, BothReadersFindTheSameInAnySpelling) {
  for (const std::string& text : kObjects) {
    const auto usual = ParseStrictJson(text);
    EXPECT_TRUE(usual.has_value() || text.front() == '[') << text;
    EXPECT_TRUE(usual == ParseAnyJson(text)) << text;
  }
}

TEST(JsonTree, BothReadersRefuseWhatIsNoObjectOrSaysAKeyTwice) {
  for (const std::string& text : kRefused) {
    EXPECT_FALSE(ParseStrictJson(text).has_value()) << text;
    EXPECT_FALSE(ParseAnyJson(text).has_value()) << text;
  }
}

TEST(JsonTree, BothReadersAgreeOnEveryChangeOfAFewBytes) {
  SeededRandom random(7);
  constexpr std::string_view kBytes = "{}[]\",:\\/0123456789.eE+-tfnaul \x01\x7F\xC3\xA9\xED";
  for (int i = 0; i < 40000; ++i) {
    std::string text = kObjects[random.Below(kObjects.size())];
    for (size_t changes = random.Below(3) + 1; changes > 0; --changes) {
      const char byte = kBytes[random.Below(kBytes.size())];
      const size_t at = random.Below(text.size() + 1);
      if (random.Below(2) == 0 || at == text.size()) {
        text.insert(at, 1, byte);
      } else {
        text[at] = byte;
      }
    }
    ASSERT_TRUE(ParseStrictJson(text) == ParseAnyJson(text)) << text;
  }
}

TEST(JsonTree, IsWhatTheTextSays) {
  const std::string text = R"({"a":[7,-7,0.5],"b":{"c":"x\ny"},"d":null})";
  const auto tree = ParseStrictJson(text);
  ASSERT_TRUE(tree.has_value());
  const JsonNode* list = FindMember(tree->root(), "a");
  ASSERT_NE(list, nullptr);
  std::vector<double> numbers;
  for (const JsonNode& item : JsonItems(*list)) numbers.push_back(item.number);
  EXPECT_THAT(numbers, ::testing::ElementsAre(7, -7, 0.5));
  EXPECT_EQ(FindMember(*FindMember(tree->root(), "b"), "c")->text, "x\ny");
  EXPECT_EQ(FindMember(tree->root(), "d")->kind, JsonKind::kNull);
  EXPECT_EQ(FindMember(tree->root(), "c"), nullptr);
}

TEST(JsonTree, TextsStayInPlaceWhenTheTreeMoves) {
  const std::string text = R"({"a":"\"short\"","b":"\\"})";
  auto tree = ParseStrictJson(text);
  ASSERT_TRUE(tree.has_value());
  const JsonTree moved = std::move(*tree);
  tree.reset();
  EXPECT_EQ(FindMember(moved.root(), "a")->text, "\"short\"");
  EXPECT_EQ(FindMember(moved.root(), "b")->text, "\\");
}

}  // namespace
}  // namespace dure::ledger
