#include "cli/share_text.h"

#include <gmock/gmock.h>

namespace dure::cli {
namespace {

using ::testing::HasSubstr;

const MemberId kKt = MemberId::Parse("kt").value();
const MemberId kSnu = MemberId::Parse("snu").value();

// Under masking nobody's tokens are told: what is left of the formula is scaled to the whole.
TEST(ShareText, ExplainsHowThePartsComeToAShare) {
  const std::map<MemberId, standing::ShareInput> inputs{{kKt, {0, 0, 3, 1}}, {kSnu, {0, 0, 1, 1}}};
  const std::vector<standing::SharePart> parts{
      {"tokens", 50, {}},
      {"rounds", 20, {{kKt, 750'000}, {kSnu, 250'000}}},
      {"evaluations", 10, {{kKt, 500'000}, {kSnu, 500'000}}}};
  const std::string english = ShareTexts{false}.Explained(inputs, parts, {});
  EXPECT_THAT(english, HasSubstr("3 rounds, 1 evaluation\n"));
  EXPECT_THAT(english, HasSubstr("  75.00 % of all rounds, which count 20 of 100: 15.00 %\n"));
  EXPECT_THAT(english, HasSubstr("  together 20.00 % of the 30.00 % that all have: "
                                 "a share of 66.67 %\n"));
  EXPECT_THAT(ShareTexts{true}.Explained(inputs, parts, {}),
              HasSubstr("  합해서 10.00 %, 모두의 합 30.00 % 가운데 몫 33.33 %\n"));
}

TEST(ShareText, OfNothingThereIsNoShare) {
  const std::string text = ShareTexts{false}.Explained({{kKt, {}}}, {{"tokens", 50, {}}}, {});
  EXPECT_THAT(text, ::testing::Not(HasSubstr("a share of ")));
}

}  // namespace
}  // namespace dure::cli
