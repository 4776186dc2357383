#include "cli/run_field.h"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "cli/language.h"

namespace dure::cli {
namespace {

struct FieldName {
  std::string_view field;
  std::string_view en;
  std::string_view ko;
};
// Of a proposal's fields, those that no rule can ask for.
constexpr FieldName kFieldNames[] = {
    {"architecture", "architecture of the model", "모델 구조"},
    {"differences", "sums that show, beside others, one member's part",
     "다른 합과의 차이로 한 회원의 몫이 드러나는 합"},
    {"dpSgd", "protection of single records", "개별 기록 보호(DP-SGD)"},
    {"initialModel", "first model", "시작 모델"},
    {"lane", "numbers of an update", "갱신 숫자 형식"},
    {"masking", "masking", "보안 합산"},
    {"merge", "rule of merging", "병합 방식"},
    {"modelConfig", "configuration of the model", "모델 설정"},
    {"noise", "noise", "잡음"},
    {"noiseClip", "bound of noise", "잡음 절단 한도"},
    {"noiseMultiplier", "strength of noise", "잡음 배율"},
    {"noiseToSignal", "noise to signal", "신호 대비 잡음"},
    {"outerEta", "outer step", "외부 학습률"},
    {"outerMu", "outer momentum", "외부 모멘텀"},
    {"parameters", "parameters", "매개변수 수"},
    {"privacyDelta", "delta of the privacy loss", "개인정보 손실의 델타"},
    {"privacyEpsilon", "privacy loss (epsilon)", "개인정보 손실(엡실론)"},
    {"quorum", "fewest contributions of a round", "라운드 최소 기여 수"},
    {"rounds", "rounds", "라운드 수"},
    {"saturationLimit", "largest share of lanes cut at their bounds",
     "한도에서 잘린 숫자의 최대 비율"},
    {"secondsPerRound", "seconds of training a round", "라운드당 학습 시간(초)"},
    {"startsFrom", "starts from", "학습의 출발점"},
    {"stepsPerRound", "steps of training a round", "라운드당 학습 스텝 수"},
    {"task", "task", "용도"},
    {"tokenizer", "tokenizer", "토크나이저"},
    {"valuation", "measurement of contributions", "기여 평가 방식"},
    {"weighting", "weights of contributions", "기여 가중 방식"},
};

struct ValueName {
  std::string_view field;
  std::string_view code;
  std::string_view ko;
};
// Of the same fields; English says the codes as they are.
constexpr ValueName kValueNames[] = {
    {"differences", "allowed", "허용"},
    {"lane", "int4", "4비트 정수"},
    {"lane", "int8", "8비트 정수"},
    {"lane", "int16", "16비트 정수"},
    {"masking", "pairwise", "쌍별 가림"},
    {"masking", "none", "쓰지 않음"},
    {"merge", "mean", "평균"},
    {"merge", "median", "중앙값"},
    {"merge", "geometric-median", "기하 중앙값"},
    {"merge", "trimmed-mean", "절사 평균"},
    {"merge", "krum", "크룸"},
    {"merge", "multi-krum", "다중 크룸"},
    {"merge", "norm-bound", "길이 제한"},
    {"merge", "centered-clipping", "중심 절단"},
    {"merge", "direction-norm", "방향과 길이"},
    {"noise", "none", "넣지 않음"},
    {"noise", "discrete-gaussian", "이산 가우스 잡음"},
    {"noise", "skellam", "스켈람 잡음"},
    {"startsFrom", "model", "이미 있는 모델"},
    {"task", "text-generation", "글 생성"},
    {"valuation", "none", "평가하지 않음"},
    {"valuation", "group", "집단별 평가"},
    {"valuation", "individual", "기여마다 평가"},
    {"weighting", "tokens", "토큰 수에 비례"},
    {"weighting", "equal", "모두 같게"},
};

}  // namespace

std::string RunFieldName(const std::string& field, bool korean) {
  const auto* named = std::ranges::find(kFieldNames, field, &FieldName::field);
  if (named == std::end(kFieldNames)) return {};
  return std::string(korean ? named->ko : named->en);
}

std::string RunValueText(const std::string& name, const std::string& value, bool korean) {
  const bool unlimited = (name == "secondsPerRound" || name == "stepsPerRound") && value == "0";
  if (unlimited) return Pick(korean, "no limit", "제한 없음");
  if (!korean) return value;
  const std::string code = value.substr(0, value.find('='));
  for (const ValueName& known : kValueNames) {
    if (known.field == name && known.code == code) {
      return std::string(known.ko) + "(" + value + ")";
    }
  }
  return value;
}

}  // namespace dure::cli
