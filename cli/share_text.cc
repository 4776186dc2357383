#include "cli/share_text.h"

#include <fmt/format.h>

#include "cli/counted.h"
#include "cli/language.h"

namespace dure::cli {
namespace {

std::string Percent(uint64_t ppm) {
  return fmt::format("{:.2f} %", static_cast<double>(ppm) / 1e4);
}

std::string NatsText(int64_t billionths) {
  return fmt::format("{:.6f}", static_cast<double>(billionths) / 1e9);
}

// The parts of a formula as members voted them.
std::string PartName(const std::string& name, bool korean) {
  if (!korean) return name;
  if (name == "tokens") return "토큰";
  if (name == "steps") return "스텝";
  if (name == "rounds") return "라운드";
  return name == "evaluations" ? "평가" : name;
}

std::string Joined(const std::vector<std::string>& names, bool korean) {
  if (names.empty())
    return Pick(korean, "nobody (the round's base)", "아무도 없음(라운드의 출발 모델)");
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::string Round(const standing::RoundWorth& round, bool korean) {
  const std::string number = std::to_string(round.at.round.value);
  std::string sites;
  for (const SiteId& site : round.sites) sites += (sites.empty() ? "" : ", ") + site.str();
  std::string text = Pick(korean, "\nround " + number + ", measured by " + sites + "\n",
                          "\n라운드 " + number + ", 측정한 사이트 " + sites + "\n");
  for (const auto& part : round.parts) {
    const std::string of = Joined(part.of, korean);
    const std::string loss = NatsText(part.loss);
    text +=
        Pick(korean, "  loss " + loss + " with " + of + "\n", "  " + of + ": 손실 " + loss + "\n");
  }
  for (const auto& [name, gain] : round.gains) {
    const std::string brought = NatsText(gain);
    text += Pick(korean, "  " + name + " brought " + brought + "\n",
                 "  " + name + "의 보탬 " + brought + "\n");
  }
  return text;
}

std::string Given(const standing::ShareInput& input, bool korean) {
  if (input.rounds > 0 && input.steps == 0) {
    return Pick(korean, "tokens and steps hidden by masking", "토큰과 스텝은 보안 합산으로 가려짐");
  }
  const std::string given = korean ? fmt::format("토큰 {}개, {}스텝", input.tokens, input.steps)
                                   : fmt::format("{} tokens, {} steps", input.tokens, input.steps);
  const uint64_t seconds = input.accelerator_seconds;
  if (seconds == 0) return given;
  return given + (korean ? fmt::format(", 가속기 사용 {}초(산식에 넣지 않음)", seconds)
                         : fmt::format(", {} accelerator-seconds (which count nothing)", seconds));
}

}  // namespace

std::string ShareTexts::Shares(const std::vector<ledger::ShareOfMember>& shares) const {
  std::string text;
  for (const ledger::ShareOfMember& one : shares) {
    text += fmt::format("  {:<24} {:>8}   ({} {} {})\n", one.member.str(), Percent(one.share_ppm),
                        Percent(one.low_ppm), korean ? "~" : "to", Percent(one.high_ppm));
  }
  return text;
}

std::string ShareTexts::Formula(const standing::ShareFormula& formula) const {
  if (!korean) return formula.Text();
  return fmt::format("몫 산식: 토큰 {}, 스텝 {}, 라운드 {}, 평가 {}, 한 기관의 토큰 상한 {}",
                     formula.tokens, formula.steps, formula.rounds, formula.evaluations,
                     formula.cap);
}

std::string ShareTexts::Explained(const std::map<MemberId, standing::ShareInput>& inputs,
                                  const std::vector<standing::SharePart>& parts,
                                  const standing::ShareFormula& formula) const {
  std::string text = Formula(formula) + "\n";
  std::map<MemberId, uint64_t> points;  // in hundredths of a millionth
  uint64_t all_points = 0;
  for (const standing::SharePart& part : parts) {
    for (const auto& [member, own] : part.parts) {
      points[member] += own * part.percent;
      all_points += own * part.percent;
    }
  }
  for (const auto& [member, input] : inputs) {
    text += "\n" + member.str() + ": " + Given(input, korean) + ", " +
            (korean ? fmt::format("라운드 {}개, 평가 {}회\n", input.rounds, input.evaluations)
                    : Counted(input.rounds, "round") + ", " +
                          Counted(input.evaluations, "evaluation") + "\n");
    for (const standing::SharePart& part : parts) {
      const auto own = part.parts.find(member);
      if (own == part.parts.end() || part.percent == 0) continue;
      const std::string of = Percent(own->second);
      const std::string counts = Percent(own->second * part.percent / 100);
      const std::string name = PartName(part.name, korean);
      text += korean ? fmt::format("  전체 {}의 {}, 100 중 {}으로 쳐서 {}\n", name, of,
                                   part.percent, counts)
                     : fmt::format("  {} of all {}, which count {} of 100: {}\n", of, name,
                                   part.percent, counts);
    }
    if (all_points == 0) continue;
    const std::string own = Percent(points[member] / 100);
    const std::string all = Percent(all_points / 100);
    const std::string share = Percent(points[member] * 1'000'000 / all_points);
    text += korean ? fmt::format("  합해서 {}, 모두의 합 {} 가운데 몫 {}\n", own, all, share)
                   : fmt::format("  together {} of the {} that all have: a share of {}\n", own, all,
                                 share);
  }
  return text +
         (korean
              ? fmt::format("\n한 기관이 받는 토큰 몫은 100 중 {}을 넘지 않습니다. 아무에게도 없는 "
                            "항목은 세지 않고, 나머지를 전체에 맞춥니다.\n",
                            formula.cap)
              : fmt::format("\nNobody gets more than {} of 100 of the tokens' part. What nobody "
                            "has any of counts nothing, and the rest is scaled to the whole.\n",
                            formula.cap)) +
         FormulaCaveat();
}

std::string ShareTexts::Measured(const RunId& run, const std::string& method,
                                 const standing::Valuation& valuation) const {
  std::string text =
      Pick(korean, method + " of " + run.str() + ": losses in nats a byte; smaller is better\n",
           "학습 " + run.str() + "의 " + ledger::WordsAndCode(method, ledger::Language::kKorean) +
               ": 손실(바이트당 내트)은 작을수록 좋음\n");
  for (const standing::RoundWorth& round : valuation.valued.rounds) text += Round(round, korean);
  if (valuation.refusal) return text + "\n" + Refused(method, *valuation.refusal) + "\n";
  return text +
         Pick(korean,
              "\nshares: parts of all that was brought; a house's is divided evenly among its "
              "members\n",
              "\n몫: 전체 보탬에서 차지하는 부분. 구분별 몫은 그 회원들이 똑같이 나눔\n") +
         Shares(valuation.valued.shares);
}

std::string ShareTexts::Refused(const std::string& method,
                                const standing::ValuationRefusal& refusal) const {
  if (!korean) return method + " refused (" + refusal.code + "): " + refusal.text;
  return ledger::WordsAndCode(method, ledger::Language::kKorean) + " 계산을 거부합니다(" +
         refusal.code + "): " + refusal.text_ko;
}

std::string ShareTexts::FormulaCaveat() const {
  return Pick(korean,
              "A share is credit by the voted formula. It is not ownership, and not what the model "
              "gained by a contribution.",
              "몫은 표결로 정한 산식에 따른 기여 인정입니다. 소유권이 아니며, 기여로 모델이 얼마나 "
              "좋아졌는지도 아닙니다.");
}

std::string ShareTexts::MeasuredCaveat() const {
  return Pick(
      korean,
      "A share by measurement is what the model's loss would be higher without a "
      "contribution, on the text that the sites measured on. It is not ownership.",
      "측정에 따른 몫은 그 기여가 없었다면 모델의 손실이 얼마나 컸을지를, 사이트가 측정한 글에 "
      "대해 나타냅니다. 소유권이 아닙니다.");
}

}  // namespace dure::cli
