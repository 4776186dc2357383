#include "cli/withdraw_scope.h"

#include <istream>
#include <ostream>

#include "cli/counted.h"
#include "cli/language.h"

namespace dure::cli {
namespace {

constexpr int kAsked = 5;  // whoever writes something else as often does not mean to file it

std::string Describe(const lineage::WithdrawalOption& option, bool masked) {
  using ledger::WithdrawalScope;
  const std::string rounds = Counted(option.rounds_again, "round");
  const std::string tokens = "(" + std::string(masked ? "at most " : "") +
                             std::to_string(option.tokens_again) + " tokens of others)";
  const std::string models = Counted(option.models_retired, "model");
  const std::string grants = Counted(option.grants_ended, "grant");
  switch (option.scope) {
    case WithdrawalScope::kFutureRounds:
      return "no later round uses it; the models that are there stay as they are";
    case WithdrawalScope::kRestart:
      return "go back to the last models without it and train " + rounds + " again " + tokens +
             "; " + models + " and " + grants + " end";
    case WithdrawalScope::kRetrain:
      return "begin the runs it reached again without it: " + rounds + " " + tokens + "; " +
             models + " and " + grants + " end";
    case WithdrawalScope::kRetireModels:
      return "no more use of " + models + " and of " + grants;
  }
  return "";
}

std::string DescribeKo(const lineage::WithdrawalOption& option, bool masked) {
  using ledger::WithdrawalScope;
  const std::string rounds = "라운드 " + std::to_string(option.rounds_again) + "개";
  const std::string tokens = "(다른 기관의 토큰 " + std::string(masked ? "최대 " : "") +
                             std::to_string(option.tokens_again) + "개)";
  const std::string ended = "모델 " + std::to_string(option.models_retired) + "개와 이용 허가 " +
                            std::to_string(option.grants_ended) + "건";
  switch (option.scope) {
    case WithdrawalScope::kFutureRounds:
      return "이후 라운드는 쓰지 않음. 이미 있는 모델은 그대로 둠";
    case WithdrawalScope::kRestart:
      return "이 데이터가 들어가지 않은 마지막 모델로 돌아가 " + rounds + "를 다시 학습 " + tokens +
             ". " + ended + "은 더는 쓸 수 없음";
    case WithdrawalScope::kRetrain:
      return "이 데이터가 쓰인 학습을 처음부터 다시: " + rounds + " " + tokens + ". " + ended +
             "은 더는 쓸 수 없음";
    case WithdrawalScope::kRetireModels:
      return ended + "을 더는 쓰지 않음";
  }
  return "";
}

}  // namespace

std::string ScopesText(const lineage::WithdrawalPlan& plan, bool korean) {
  std::string text;
  for (const lineage::WithdrawalOption& option : plan.options) {
    text += "  " + std::string(Name(option.scope)) + ": " +
            (korean ? DescribeKo(option, plan.masked) : Describe(option, plan.masked)) + "\n";
  }
  return text;
}

Error NoScope(const lineage::WithdrawalPlan& plan, bool korean) {
  std::string said =
      Pick(korean,
           "say what is asked for with --scope; a dataset is withdrawn once, and the "
           "scope cannot be changed afterwards\n",
           "--scope로 철회 범위를 지정하십시오. 철회는 한 번만 할 수 있고 범위는 "
           "나중에 바꿀 수 없습니다\n") +
      ScopesText(plan, korean);
  said.pop_back();
  return {ErrorCode::kInvalid, said};
}

Result<ledger::WithdrawalScope> AskForScope(const lineage::WithdrawalPlan& plan, std::istream& in,
                                            std::ostream& out, bool korean) {
  for (int asked = 0; asked < kAsked; ++asked) {
    out << Pick(korean,
                "\nA dataset is withdrawn once; the scope cannot be changed afterwards.\n"
                "Type the scope to file it, or nothing to leave it: ",
                "\n철회는 한 번만 할 수 있고 범위는 나중에 바꿀 수 없습니다.\n"
                "철회하려면 범위를 입력하고, 그만두려면 그냥 Enter를 누르십시오: ")
        << std::flush;
    std::string line;
    if (!std::getline(in, line) || line.empty()) break;
    for (const lineage::WithdrawalOption& option : plan.options) {
      if (line == Name(option.scope)) return option.scope;
    }
    out << Pick(korean, "That is none of them:\n", "다음 가운데 하나가 아닙니다:\n")
        << ScopesText(plan, korean);
  }
  return Fail(ErrorCode::kFailedPrecondition,
              Pick(korean, "nothing was filed", "철회하지 않았습니다"));
}

}  // namespace dure::cli
