// An officer chooses how far a withdrawal goes; nobody's choice is guessed.
#include "cli/withdraw_scope.h"

#include <gmock/gmock.h>

#include <sstream>

namespace dure::cli {
namespace {

using ledger::WithdrawalScope;
using ::testing::AllOf;
using ::testing::HasSubstr;

lineage::WithdrawalPlan PlanOfAll() {
  lineage::WithdrawalPlan plan;
  plan.options = {{WithdrawalScope::kFutureRounds, 0, 0, 0, 0},
                  {WithdrawalScope::kRestart, 2, 900, 1, 1},
                  {WithdrawalScope::kRetrain, 3, 1200, 2, 1},
                  {WithdrawalScope::kRetireModels, 0, 0, 2, 1}};
  return plan;
}

TEST(WithdrawScope, IsTheOneThatWasWrittenOut) {
  std::istringstream in("retir\nretire-models\n");
  std::ostringstream out;
  const auto scope = AskForScope(PlanOfAll(), in, out, false);
  ASSERT_TRUE(scope.has_value()) << scope.error().message;
  EXPECT_EQ(*scope, WithdrawalScope::kRetireModels);
  EXPECT_THAT(out.str(), AllOf(HasSubstr("cannot be changed afterwards"),
                               HasSubstr("That is none of them:\n  future-rounds: ")));
}

TEST(WithdrawScope, NothingIsFiledByWhoLeavesWithoutAnswer) {
  for (const std::string answer : {"", "\n", "yes\n", "y\nn\ny\nn\ny\nretrain\n"}) {
    std::istringstream in(answer);
    std::ostringstream out;
    EXPECT_EQ(AskForScope(PlanOfAll(), in, out, true).error().message, "철회하지 않았습니다");
  }
}

TEST(WithdrawScope, WhoCannotBeAskedIsToldTheChoicesAndTheirCost) {
  const Error english = NoScope(PlanOfAll(), false);
  EXPECT_EQ(english.code, ErrorCode::kInvalid);
  EXPECT_THAT(english.message,
              AllOf(HasSubstr("--scope"), HasSubstr("\n  future-rounds: no later round uses it"),
                    HasSubstr("train 2 rounds again (900 tokens of others)"),
                    HasSubstr("retrain: begin the runs it reached again"),
                    HasSubstr("retire-models: no more use of 2 models and of 1 grant")));
  EXPECT_THAT(NoScope(PlanOfAll(), true).message,
              AllOf(HasSubstr("철회 범위를 지정하십시오"), HasSubstr("라운드 3개")));
}

}  // namespace
}  // namespace dure::cli
