#include "cli/decisions_text.h"

#include <nlohmann/json.hpp>

#include "cli/language.h"
#include "cli/phrases.h"
#include "policy/rules/versions.h"

namespace dure::cli {

using nlohmann::json;
using rules::kWordsVersion;

std::string DecisionsJson(const standing::Auditor& auditor) {
  json other = json::array();
  uint64_t held = 0;
  for (const auto& [words, count] : auditor.standing().state().words) {
    held += count;
    if (words == kWordsVersion) continue;
    other.push_back({{"words", words}, {"decisions", count}, {"older", words < kWordsVersion}});
  }
  json found = {{"held", held}, {"words", kWordsVersion}, {"in_other_words", std::move(other)}};
  found["dissent"] = nullptr;
  if (const auto& dissent = auditor.dissent()) {
    found["dissent"] = {{"entry", dissent->index},
                        {"type", Name(dissent->type)},
                        {"rule", dissent->rule},
                        {"text", dissent->text}};
  }
  return found.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string WordsText(uint32_t words, bool korean) {
  const std::string version = std::to_string(words);
  const std::string own = std::to_string(kWordsVersion);
  const bool older = words < kWordsVersion;
  return Pick(korean,
              "words of version " + version + ", " + (older ? "older" : "newer") +
                  " than this build's, which is " + own,
              "이 프로그램(버전 " + own + ")보다 " + (older ? "오래된" : "새로운") + " 문구(버전 " +
                  version + ")");
}

std::string DecisionsText(const standing::Auditor& auditor, bool korean) {
  uint64_t held = 0;
  std::string other;
  bool newer = false;
  for (const auto& [words, count] : auditor.standing().state().words) {
    held += count;
    if (words == kWordsVersion) continue;
    newer = newer || words > kWordsVersion;
    const std::string number = std::to_string(count);
    other += Pick(korean,
                  "  " + number + " of them in " + WordsText(words, false) +
                      ": codes and facts are the same, the sentences were not judged\n",
                  "  그중 " + number + "건은 " + WordsText(words, true) +
                      "로 적혀 있어 코드와 사실만 대조하였고, 문장은 대조하지 않았습니다.\n");
  }
  if (newer) {
    other += Pick(korean, "  This build is older than the record; a newer one judges these too.\n",
                  "  이 프로그램은 기록보다 오래되었습니다. 새 버전에서는 문장까지 대조합니다.\n");
  }
  const std::string number = std::to_string(held);
  return Pick(korean,
              "\nDecisions\n  " + number + (held == 1 ? " follows" : " follow") +
                  " from the rules and facts before, decided"
                  " again\n",
              "\n결정\n  " + number +
                  "건을 그 시점의 규칙과 사실로 다시 결정하여 같은 결과를 얻었습니다.\n") +
         other;
}

std::string FindingText(const standing::Finding& finding, bool korean) {
  const std::string entry = std::to_string(finding.index);
  const std::string why = ledger::WordsAndCode(
      finding.rule, korean ? ledger::Language::kKorean : ledger::Language::kEnglish);
  return Pick(korean,
              "entry " + entry + " (" + std::string(Name(finding.type)) +
                  ") does not hold: " + why + ". " + finding.text,
              "항목 " + entry + "(" + ledger::Words(Name(finding.type), ledger::Language::kKorean) +
                  "): 기록과 맞지 않습니다. " + why + ". " + InKorean(finding.text));
}

}  // namespace dure::cli
