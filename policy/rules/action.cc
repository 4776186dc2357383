#include "policy/rules/action.h"

namespace dure::rules {
namespace {

struct Names {
  std::string_view en;
  std::string_view ko;
};

Names NamesOf(Action action) {
  switch (action) {
    case Action::kTrain:
      return {"train", "학습"};
    case Action::kFinetune:
      return {"finetune", "미세조정"};
    case Action::kEvaluate:
      return {"evaluate", "평가"};
    case Action::kCombine:
      return {"combine", "결합"};
    case Action::kAggregate:
      return {"aggregate", "집계"};
    case Action::kDistil:
      return {"distil", "증류"};
    case Action::kSynthesise:
      return {"synthesise", "데이터 합성"};
    case Action::kExportWeights:
      return {"export-weights", "가중치 반출"};
    case Action::kServe:
      return {"serve", "서비스 제공"};
    case Action::kPublishMetrics:
      return {"publish-metrics", "지표 공개"};
  }
  return {"", ""};
}

}  // namespace

std::string_view Name(Action action) { return NamesOf(action).en; }
std::string_view KoreanName(Action action) { return NamesOf(action).ko; }

std::optional<Action> ActionNamed(std::string_view name) {
  for (const Action action : kActions) {
    if (Name(action) == name) return action;
  }
  return std::nullopt;
}

}  // namespace dure::rules
