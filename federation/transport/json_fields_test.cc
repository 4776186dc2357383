#include "federation/transport/json_fields.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

namespace dure::transport {
namespace {

using nlohmann::json;

json Parsed(std::string_view text) {
  auto object = ParseJsonObject(text, "the text");
  EXPECT_TRUE(object) << text;
  return object.value_or(json::object());
}

TEST(JsonFields, AFieldOfAnotherTypeReadsAsAbsent) {
  const json object = Parsed(R"({"text": 1, "count": "2", "number": [], "flag": 1, "list": {}})");
  EXPECT_EQ(TextField(object, "text"), "");
  EXPECT_EQ(CountField(object, "count"), 0u);
  EXPECT_EQ(NumberField(object, "number"), 0);
  EXPECT_FALSE(OptionalNumber(object, "number"));
  EXPECT_FALSE(FlagField(object, "flag"));
  EXPECT_TRUE(ListField(object, "list").empty());
}

TEST(JsonFields, AFieldOfItsTypeIsRead) {
  const json object =
      Parsed(R"({"text": "a", "count": 2, "number": 2.5, "flag": true, "list": [1, 2]})");
  EXPECT_EQ(TextField(object, "text"), "a");
  EXPECT_EQ(CountField(object, "count"), 2u);
  EXPECT_EQ(NumberField(object, "number"), 2.5);
  EXPECT_EQ(OptionalNumber(object, "number"), 2.5);
  EXPECT_TRUE(FlagField(object, "flag"));
  EXPECT_EQ(ListField(object, "list").size(), 2u);
}

TEST(JsonFields, ANegativeOrBrokenCountIsNoCount) {
  EXPECT_EQ(CountField(Parsed(R"({"n": -1})"), "n"), 0u);
  EXPECT_EQ(CountField(Parsed(R"({"n": 1.5})"), "n"), 0u);
}

TEST(JsonFields, WhatIsNoObjectHasNoFields) {
  EXPECT_EQ(TextField(json(5), "text"), "");
  EXPECT_EQ(CountField(json("n"), "n"), 0u);
  EXPECT_TRUE(ListField(json(), "list").empty());
}

TEST(JsonFields, TextThatIsNoObjectIsRefusedByItsName) {
  for (const char* text : {"", "1", "[]", "{", "null", "{\"a\":}", "\xff"}) {
    const auto parsed = ParseJsonObject(text, "the request");
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::kInvalid);
    EXPECT_THAT(parsed.error().message, testing::HasSubstr("the request"));
  }
}

TEST(JsonFields, NestingBeyondTheBoundIsRefusedBeforeAnybodyRecurses) {
  const auto nested = [](size_t depth) {
    return "{\"a\":" + std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  EXPECT_TRUE(ParseJsonObject(nested(kJsonDepthMax - 1), "the text"));
  EXPECT_FALSE(ParseJsonObject(nested(kJsonDepthMax + 1), "the text"));
  EXPECT_FALSE(ParseJsonObject(nested(1'000'000), "the text"));
}

TEST(JsonFields, TextThatIsNotUtf8IsWrittenAndNotThrown) {
  EXPECT_NO_THROW(EXPECT_FALSE(JsonLine({{"run", "\xff\xfe"}}).empty()));
}

}  // namespace
}  // namespace dure::transport
