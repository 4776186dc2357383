#include "policy/rules/format.h"

#include <gmock/gmock.h>

#include "policy/rules/parse.h"

namespace dure::rules {
namespace {

std::string Formatted(const std::string& text) {
  const auto document = ReadPolicy(text, "p.policy");
  return document ? Format(document->policy) : document.error().message;
}

TEST(Layout, IsOneForEveryWayOfWriting) {
  EXPECT_EQ(
      Formatted("policy \"P\" version 1 effective 2026-09-01 rule P1 forbid serve,train "
                "basis \"B\" because \"E\" ko \"K\" when (a.b is \"x\") and (c.d at most 0.80 "
                "or not e.f is one of {z,y}) title \"T\" end"),
      "policy \"P\" version 1 effective 2026-09-01\n"
      "\n"
      "rule P1 forbid train, serve\n"
      "  title \"T\"\n"
      "  when a.b is x and (c.d at most 0.8 or not (e.f is one of {y, z}))\n"
      "  because \"E\"\n"
      "       ko \"K\"\n"
      "  basis \"B\"\n"
      "end\n");
}

TEST(Layout, KeepsEveryCommentAtItsPart) {
  const std::string text =
      "# above the policy\n"
      "policy \"P\" version 1 effective 2026-09-01  # behind the header\n"
      "\n"
      "# above the rule\n"
      "#\n"
      "#   indented\n"
      "rule P1 oblige train  # behind its head\n"
      "  # above the condition\n"
      "  when a.b exists  # behind the condition\n"
      "  # above a duty\n"
      "  duty keep \"x\"\n"
      "  # above the next duty\n"
      "  duty label \"y\" for 2 days  # behind it\n"
      "  # before the end\n"
      "end  # behind the end\n"
      "\n"
      "situation \"s\"\n"
      "  # facts\n"
      "  given a.b is 1\n"
      "end\n"
      "\n"
      "# a case\n"
      "case \"c\" asks train in \"s\"\n"
      "  without a.b  # unknown again\n"
      "  expect no refusal owing P1  # it binds\n"
      "end\n"
      "\n"
      "# the last word\n";
  EXPECT_EQ(Formatted(text), text);
}

TEST(Layout, MovesACommentInsideAConditionAboveIt) {
  const std::string text = Formatted(
      "policy \"P\" version 1 effective 2026-09-01\n"
      "rule P1 forbid train\n"
      "  when a.b exists  # first\n"
      "   and c.d exists  # second\n"
      "end\n");
  EXPECT_EQ(text,
            "policy \"P\" version 1 effective 2026-09-01\n"
            "\n"
            "rule P1 forbid train\n"
            "  # first\n"
            "  when a.b exists and c.d exists  # second\n"
            "end\n");
  EXPECT_EQ(Formatted(text), text);
}

TEST(Layout, BreaksALongConditionAtItsTopLevel) {
  const std::string text =
      "policy \"P\" version 1 effective 2026-09-01\n"
      "\n"
      "rule P1 require train\n"
      "  that dataset.personalData is one of {anonymous, none}\n"
      "    or dataset.terms.epsilonMax does not exist\n"
      "    or privacy.epsilonAfter at most dataset.terms.epsilonMax\n"
      "end\n";
  EXPECT_EQ(Formatted(text), text);
}

Policy TermsOfOneDataset() {
  Policy policy;
  policy.layer = Layer::kTerms;
  policy.name = {"terms:ds-7", "ds-7 이용조건"};
  policy.version = 3;
  policy.effective = *Instant::Parse("2026-09-01");
  Rule rule;
  rule.id = "terms:ds-7#purposes";
  rule.effect = Effect::kRequire;
  rule.actions = {Action::kTrain, Action::kServe};
  rule.title = {"Only these purposes", "이 목적으로만"};
  rule.condition = Compare("run.purpose", Op::kIsOneOf, Value::TextSet({"statistics"}));
  rule.because = {"Dataset ds-7 allows statistics; this is {run.purpose}.", "목적: {run.purpose}"};
  policy.rules.push_back(rule);
  return policy;
}

TEST(APolicyMadeByCode, HasATextThatSaysTheSame) {
  const auto document = MakeDocument(TermsOfOneDataset());
  ASSERT_TRUE(document.has_value()) << document.error().message;
  const std::string text = Format(document->policy);
  const auto read = ReadPolicy(text, "terms");
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(read->policy, document->policy);
  EXPECT_EQ(read->digest, document->digest);
}

TEST(APolicyMadeByCode, IsRefusedWhereNoTextCouldSayIt) {
  const auto refused = [](auto change) {
    Policy policy = TermsOfOneDataset();
    change(policy);
    return !MakeDocument(policy).has_value();
  };
  EXPECT_TRUE(refused([](Policy& p) { p.rules[0].effect = Effect::kPermit; }));
  EXPECT_TRUE(refused([](Policy& p) { p.rules[0].id = "two words"; }));
  EXPECT_TRUE(refused([](Policy& p) { p.rules[0].actions = {}; }));
  EXPECT_TRUE(refused([](Policy& p) { p.rules[0].actions = {Action::kServe, Action::kTrain}; }));
  EXPECT_TRUE(refused([](Policy& p) { p.rules.push_back(p.rules[0]); }));
  EXPECT_TRUE(refused([](Policy& p) { p.rules[0].because.en = "a\tb"; }));
  EXPECT_TRUE(refused([](Policy& p) { p.rules[0].because.en = "\xff"; }));
  EXPECT_TRUE(refused([](Policy& p) { p.rules[0].duties.push_back({}); }));
  EXPECT_TRUE(refused([](Policy& p) { p.rules[0].condition.form = Condition::Form::kAnd; }));
  EXPECT_TRUE(refused([](Policy& p) { p.version = 0; }));
}

}  // namespace
}  // namespace dure::rules
