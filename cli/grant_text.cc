#include "cli/grant_text.h"

#include "cli/language.h"
#include "policy/ledger/words.h"
#include "policy/rules/sentence.h"

namespace dure::cli {

std::string GrantText(uint64_t index, const ledger::GrantDecided& e, const std::string& status,
                      bool korean) {
  const auto language = korean ? ledger::Language::kKorean : ledger::Language::kEnglish;
  const std::string entry = std::to_string(index);
  const std::string model = e.model.Hex().substr(0, 16);
  const std::string use = ledger::Words(Name(e.kind), language);
  const std::string purpose = ledger::Words(e.purpose, language);
  if (korean) {
    const char* said = status == "refused"   ? "거부"
                       : status == "revoked" ? "취소됨"
                       : status == "ended"   ? "데이터 철회로 종료"
                       : status == "expired" ? "기한이 지남"
                       : status == "stopped" ? "지금은 규칙이 막음"
                                             : "허가";
    return "항목 " + entry + "  " + said + "  " + e.grantee.str() + ", 모델 " + model + " " + use +
           ", 목적 " + purpose + ", 국가 " + e.territory +
           (e.until.empty() ? "" : ", " + e.until + "까지") + "\n";
  }
  return "entry " + entry + "  " + status + "  " + e.grantee.str() + " to " + use + " " + model +
         " for " + purpose + " in " + e.territory + (e.until.empty() ? "" : " until " + e.until) +
         "\n";
}

std::string EndText(const standing::GrantsEnd& end, bool over, bool korean) {
  const std::string entry = std::to_string(end.withdrawal);
  const std::string dataset = end.dataset.str();
  const std::string at = end.at.ToText();
  return Pick(korean,
              "  " + std::string(over ? "ended " : "ends ") + at + ": " + dataset +
                  " was withdrawn at entry " + entry,
              "  " + at + "에 " + (over ? "끝남: " : "끝날 예정: ") +
                  rules::WithParticle(dataset, "이(가)") + " 항목 " + entry + "에서 철회됨") +
         "\n";
}

}  // namespace dure::cli
