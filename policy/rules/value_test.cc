#include "policy/rules/value.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "policy/rules/action.h"
#include "policy/rules/facts.h"
#include "policy/rules/schema.h"

namespace dure::rules {
namespace {

using ::testing::HasSubstr;

TEST(Number, IsExactAndHasOneText) {
  for (const char* text : {"0", "12", "-3", "0.5", "-0.5", "-3.25", "0.000000001",
                           "999999999999999999.999999999", "-999999999999999999.000000001"}) {
    const auto number = Decimal::Parse(text);
    ASSERT_TRUE(number.has_value()) << text;
    EXPECT_EQ(number->ToText(), text);
  }
  EXPECT_EQ(Decimal::Parse("0.80")->ToText(), "0.8");
  EXPECT_EQ(Decimal::Parse("-0")->ToText(), "0");
  EXPECT_EQ((Decimal{INT64_MIN, 0}).ToText(), "-9223372036854775808");
}

TEST(Number, OrdersAcrossZero) {
  const auto at = [](const char* text) { return *Decimal::Parse(text); };
  EXPECT_LT(at("-1"), at("-0.5"));
  EXPECT_LT(at("-0.5"), at("-0.4"));
  EXPECT_LT(at("-0.1"), at("0"));
  EXPECT_LT(at("0.1"), at("0.11"));
  EXPECT_EQ(*Decimal::OfDouble(0.1), at("0.1"));
  EXPECT_EQ(*Decimal::OfDouble(-2.75), at("-2.75"));
  EXPECT_EQ(*Decimal::OfDouble(0.9999999999), at("1"));
}

TEST(Number, RefusesWhatIsNone) {
  for (const char* text : {"", "-", ".5", "5.", "1e3", "+1", "1 ", "0.0000000001",
                           "1000000000000000000", "1.2.3", "--1"})
    EXPECT_FALSE(Decimal::Parse(text).has_value()) << text;
  EXPECT_FALSE(Decimal::OfDouble(std::nan("")).has_value());
  EXPECT_FALSE(Decimal::OfDouble(std::numeric_limits<double>::infinity()).has_value());
  EXPECT_FALSE(Decimal::OfDouble(1e19).has_value());
}

TEST(Time, HasOneTextAndRefusesDaysThatDoNotExist) {
  for (const char* text : {"2026-09-01", "2024-02-29", "1969-12-31T23:59:59Z", "0001-01-01",
                           "9999-12-31T23:59:59Z", "2026-09-01T12:30:00Z"}) {
    const auto time = Instant::Parse(text);
    ASSERT_TRUE(time.has_value()) << text;
    EXPECT_EQ(time->ToText(), text);
  }
  EXPECT_EQ(Instant::Parse("2026-09-01T00:00:00Z")->ToText(), "2026-09-01");
  for (const char* text :
       {"", "2026-02-29", "2026-13-01", "2026-09-01T24:00:00Z", "2026-9-1", "2026-09-01T12:30:00",
        "2026-09-01 12:30:00Z", "0000-01-01", "2026-09-01T12:30:00+09:00"})
    EXPECT_FALSE(Instant::Parse(text).has_value()) << text;
}

TEST(ValueText, QuotesWhatTheGrammarWouldReadAsSomethingElse) {
  EXPECT_EQ(Value::Text("research-only").ToText(), "research-only");
  EXPECT_EQ(Value::Text("absent").ToText(), "\"absent\"");
  EXPECT_EQ(Value::Text("Apache-2.0").ToText(), "\"Apache-2.0\"");
  EXPECT_EQ(Value::Text("a \"b\"\n\\").ToText(), "\"a \\\"b\\\"\\n\\\\\"");
  EXPECT_EQ(Value::Text("12").ToText(), "\"12\"");
  EXPECT_EQ(Value::TextSet({"KR", "JP", "KR"}).ToText(), "{JP, KR}");
  EXPECT_EQ(Value::TextSet({"KR", "JP"}).ToPlain(), "JP, KR");
}

TEST(FactSet, HasOneDigestInWhateverOrderItWasFilled) {
  Facts a;
  a.Set("run.id", Value::Text("run-3"))
      .SetAbsent("dataset.withdrawnAt")
      .Set("round.no", Value::Number(4));
  Facts b;
  b.Set("round.no", Value::Number(5)).Set("round.no", Value::Number(4));
  b.SetAbsent("dataset.withdrawnAt").Set("site.id", Value::Text("x")).Forget("site.id");
  EXPECT_NE(a.ToDigest(), b.ToDigest());
  b.Set("run.id", Value::Text("run-3"));
  EXPECT_EQ(a, b);
  EXPECT_EQ(a.ToDigest(), b.ToDigest());
  EXPECT_EQ(a.ToDigest().Hex(), "ada75ae7906e03136633d9445c1de412e3632ece79d0749b657ecd4ed91c166f");
}

TEST(FactSet, TellsAbsentFromUnknown) {
  Facts facts;
  facts.SetAbsent("dataset.withdrawnAt");
  EXPECT_EQ(facts.At("dataset.withdrawnAt").presence, Presence::kAbsent);
  EXPECT_EQ(facts.At("dataset.id").presence, Presence::kUnknown);
  Facts none;
  EXPECT_NE(facts.ToDigest(), none.ToDigest());
}

TEST(FactSet, ComesBackFromItsBytesAndFromNoOthers) {
  Facts facts;
  facts.Set("a.text", Value::Text("말")).Set("a.flag", Value::Bool(true)).SetAbsent("a.none");
  facts.Set("a.number", Value::Number(*Decimal::Parse("-0.25")));
  facts.Set("a.time", Value::Time(*Instant::Parse("2026-09-01")));
  facts.Set("a.set", Value::Set({Value::Text("x"), Value::Number(1), Value::Bool(false)}));
  const Bytes bytes = facts.ToBytes();
  const auto back = Facts::FromBytes(bytes);
  ASSERT_TRUE(back.has_value()) << back.error().message;
  EXPECT_EQ(*back, facts);
  for (size_t length = 0; length < bytes.size(); ++length)
    EXPECT_FALSE(Facts::FromBytes(ByteView(bytes).first(length)).has_value()) << length;
  for (size_t at = 0; at < bytes.size(); ++at) {
    Bytes changed = bytes;
    changed[at] ^= 0x80;
    const auto other = Facts::FromBytes(changed);
    EXPECT_TRUE(!other || other->ToBytes() == changed) << "one encoding, byte " << at;
  }
}

TEST(Paths, AreNamesWithPoints) {
  for (const char* path : {"run.id", "dataset.terms.use", "run.votes.small-firm", "a.b2"})
    EXPECT_TRUE(IsPath(path)) << path;
  for (const char* path :
       {"", "run", "run.", ".id", "run..id", "Run.id", "run.Id", "run.2", "a b.c"})
    EXPECT_FALSE(IsPath(path)) << path;
}

TEST(SchemaOfTheConsortium, NamesEveryAttributeInTwoLanguages) {
  EXPECT_GT(ConsortiumSchema().attributes().size(), 80u);
  for (const Attribute& attribute : ConsortiumSchema().attributes()) {
    EXPECT_TRUE(IsPath(attribute.path)) << attribute.path;
    EXPECT_FALSE(attribute.name_en.empty()) << attribute.path;
    EXPECT_FALSE(attribute.name_ko.empty()) << attribute.path;
    EXPECT_EQ(ConsortiumSchema().Find(attribute.path), &attribute);
    for (const std::string& item : attribute.enumeration)
      EXPECT_TRUE(IsSymbol(item)) << attribute.path << " " << item;
  }
  for (const Action action : kActions) {
    EXPECT_EQ(ActionNamed(Name(action)), action);
    EXPECT_FALSE(KoreanName(action).empty());
  }
}

TEST(SchemaOfTheConsortium, SaysWhatAMistypedPathMeant) {
  const Schema& schema = ConsortiumSchema();
  EXPECT_EQ(schema.Nearest("dataset.term.use"), "dataset.terms.use");
  EXPECT_EQ(schema.Nearest("run.personalData"), "dataset.personalData");
  EXPECT_EQ(schema.Nearest("nothing.alike"), "");
  EXPECT_THAT(schema.Find("dataset.terms.use")->KindText(), HasSubstr("research-only"));
}

TEST(SchemaOfTheConsortium, KnowsWhichValuesMayStand) {
  const Attribute& use = *ConsortiumSchema().Find("dataset.terms.use");
  EXPECT_TRUE(use.Admits(Value::Text("open")));
  EXPECT_FALSE(use.Admits(Value::Text("opne")));
  EXPECT_FALSE(use.Admits(Value::Bool(true)));
  const Attribute& purposes = *ConsortiumSchema().Find("dataset.terms.purposes");
  EXPECT_TRUE(purposes.Admits(Value::TextSet({"statistics", "benchmark"})));
  EXPECT_FALSE(purposes.Admits(Value::TextSet({"statistics", "profit"})));
}

}  // namespace
}  // namespace dure::rules
