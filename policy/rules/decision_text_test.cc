// The writer of decisions against the JSON library whose text it must give.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "policy/rules/decision.h"

namespace dure::rules {
namespace {

using nlohmann::json;

// Whatever a fact of a hostile record may hold.
const std::vector<std::string> kTexts = {"",
                                         "plain",
                                         "한국어와 日本語",
                                         "\"quoted\" and back\\slashed",
                                         "line\nfeed\ttab\r\b\f",
                                         std::string("\x01\x1f\0zero", 7),
                                         "\x7f",
                                         "cut \xed\x95",
                                         "\xc3\x28 two",
                                         "\xc0\xaf overlong",
                                         "\xe0\x80\x80 overlong",
                                         "\xf0\x80\x80\x80 overlong",
                                         "\xed\xa0\x80 surrogate",
                                         "\xf4\x90\x80\x80 beyond",
                                         "\xf0\x9f\x8c\xbe four",
                                         "\xff\xfe",
                                         "\x80 alone"};

std::string Dump(const json& object) {
  return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

PolicyRef RefNamed(const std::string& name) {
  return {Layer::kConsortium, name, 7, Sha256(AsBytes(name))};
}
json Json(const PolicyRef& policy) {
  return {{"digest", policy.digest.Hex()},
          {"layer", Name(policy.layer)},
          {"name", policy.name},
          {"version", policy.version}};
}

TEST(DecisionText, IsWhatALibraryWritesForAnyText) {
  for (const std::string& text : kTexts) {
    Decision decision;
    decision.words = 3;
    const PolicyRef policy = RefNamed(text);
    FactSeen fact{text, text, text, text, text, true};
    decision.reasons.push_back({text,
                                policy,
                                ReasonClass::kUnknownFact,
                                {fact, {text, text, "", "", text, {}}},
                                {},
                                text});
    decision.reasons[0].because = {text, text};
    const json because = {{"en", text}, {"ko", text}};
    const json facts = {{{"actual", text},
                         {"expected", text},
                         {"expectedPath", text},
                         {"holds", true},
                         {"op", text},
                         {"path", text}},
                        {{"actual", text}, {"holds", nullptr}, {"op", text}, {"path", text}}};
    json told_facts = facts;
    if (text.empty()) {
      told_facts[0].erase("expected");
      told_facts[0].erase("expectedPath");
    }
    const json expected = {{"action", "train"},
                           {"engine", kEngineVersion},
                           {"obligations", json::array()},
                           {"outcome", "deny"},
                           {"permissions", json::array()},
                           {"reasons",
                            {{{"because", because},
                              {"basis", text},
                              {"class", "unknown-fact"},
                              {"facts", told_facts},
                              {"policy", Json(policy)},
                              {"rule", text}}}},
                           {"words", 3}};
    EXPECT_EQ(ToJson(decision), Dump(expected));
  }
}

TEST(DecisionText, OfAnAdmitHoldsWhatIsOwedAndUntilWhen) {
  Decision decision;
  decision.outcome = Outcome::kAdmit;
  decision.words = 0;
  const PolicyRef policy = RefNamed("P2");
  decision.permissions.push_back({"P1.1", policy, {"It may.", "됩니다."}});
  const auto owing = [&](Duty::Limit limit) {
    const bool limited = limit != Duty::Limit::kNone;
    return Obligation{"P2.4",
                      policy,
                      "keep",
                      {"Keep it.", "보관."},
                      limit,
                      limited ? 3u : 0u,
                      limited ? Unit::kYears : Unit::kDays,
                      "art."};
  };
  decision.obligations = {owing(Duty::Limit::kNone), owing(Duty::Limit::kFor),
                          owing(Duty::Limit::kWithin)};
  json owed = {{"basis", "art."},
               {"kind", "keep"},
               {"policy", Json(policy)},
               {"rule", "P2.4"},
               {"text", {{"en", "Keep it."}, {"ko", "보관."}}}};
  const json years = {{"count", 3}, {"unit", "years"}};
  json kept = owed;
  kept["for"] = years;
  json within = owed;
  within["within"] = years;
  const json expected = {{"action", "train"},
                         {"engine", kEngineVersion},
                         {"obligations", {owed, kept, within}},
                         {"outcome", "admit"},
                         {"permissions",
                          {{{"because", {{"en", "It may."}, {"ko", "됩니다."}}},
                            {"policy", Json(policy)},
                            {"rule", "P1.1"}}}},
                         {"reasons", json::array()}};
  EXPECT_EQ(ToJson(decision), Dump(expected));
  const auto read = DecisionFromJson(ToJson(decision));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(*read, decision);
}

}  // namespace
}  // namespace dure::rules
