#include "policy/rules/agreement.h"

#include <gmock/gmock.h>

namespace dure::rules {
namespace {

TEST(TheWordsOfADecision, AreReadAtItsEnd) {
  Decision decision;
  decision.permissions = {{"P1", {}, {"a", "b"}}};
  decision.outcome = Outcome::kAdmit;
  for (const uint32_t words : {0u, 1u, 7u, UINT32_MAX}) {
    decision.words = words;
    const std::string json = ToJson(decision);
    EXPECT_EQ(WordsOf(json), words);
    const auto back = DecisionFromJson(json);
    ASSERT_TRUE(back.has_value()) << back.error().message;
    EXPECT_EQ(*back, decision);
  }
}

TEST(TheWordsOfADecision, AreNoneInWhatIsNoDecision) {
  for (const char* text :
       {"", "}", "{}", "1}", "],\"words\":}", "],\"words\":4294967296}", "],\"words\":-1}",
        "],\"words\":12345678901}", "\"words\":1}", "],\"words\":1} "}) {
    EXPECT_EQ(WordsOf(text), std::nullopt) << text;
  }
  EXPECT_EQ(WordsOf(std::string(kDecisionBytesMax, ' ') + "]}"), std::nullopt);
}

// An aggregator may record any bytes.
TEST(Agreement, WithWhatIsNoDecisionIsNone) {
  const Decision due;
  for (const char* text : {"", "{}", "],\"words\":0}", "{\"engine\":2}", "\xff\xff"}) {
    EXPECT_EQ(AgreementOf(due, text), Agreement::kDiffers) << text;
  }
}

}  // namespace
}  // namespace dure::rules
