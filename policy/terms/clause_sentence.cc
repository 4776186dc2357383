// A clause as a sentence: what the owner said, what was asked, and what follows.
#include "policy/rules/sentence.h"
#include "policy/terms/answer.h"
#include "policy/terms/sentences.h"

namespace dure::terms {
namespace {

constexpr std::string_view kActionField = "actions.";
constexpr std::string_view kNot = "not ";
constexpr std::string_view kNoCountryKo = "국가를 알 수 없";  // its ending follows

std::string Pick(bool korean, std::string_view en, std::string_view ko) {
  return std::string(korean ? ko : en);
}

template <typename E>
std::string WordOr(const std::string& value, Language language) {
  const std::optional<E> word = FromWord<E>(value);
  return word ? PlainWord(*word, language) : value;
}

// What the field says, in words; a list of countries, a time or a licence's name says itself.
std::string PlainValue(const std::string& field, const std::string& value, Language language) {
  const bool korean = language == Language::kKorean;
  if (field == "use") return WordOr<UseClass>(value, language);
  if (field == "consent") return WordOr<ConsentDuty>(value, language);
  if (field.starts_with(kActionField)) return WordOr<Permission>(value, language);
  if (value.starts_with(kNot)) {
    const std::string refused = WordOr<Purpose>(value.substr(kNot.size()), language);
    return korean ? refused + " 제외" : "not " + refused;
  }
  return value == "unknown" ? Pick(korean, "not said", "정하지 않음") : value;
}

bool IsOfTime(const std::string& field) { return field.starts_with("time."); }

std::string UsedFor(const std::string& dataset, const Use& use, Language language) {
  std::string text;
  const auto before = use.used_for.find(dataset);
  if (before == use.used_for.end()) return text;
  for (const Purpose purpose : before->second) {
    text += (text.empty() ? "" : ", ") + PlainWord(purpose, language);
  }
  return text;
}

// What of the use the field was compared with.
std::string Compared(const Clause& clause, const Use& use, Language language) {
  const auto& [dataset, version, field] = clause.cause;
  const bool korean = language == Language::kKorean;
  if (field.starts_with("territories.")) {
    if (use.country.empty()) return Pick(korean, "the country is not known", kNoCountryKo);
    return Pick(korean, "the country is ", "국가는 ") + use.country;
  }
  if (IsOfTime(field)) {
    return Pick(korean, "the time is ", "시점은 ") + FormatInstant(use.at);
  }
  if (field == "consent" && clause.value == Word(ConsentDuty::kPurposeChange)) {
    const std::string before = UsedFor(dataset, use, language);
    return Pick(korean, "it was used for " + before + ", and the purpose is now ",
                "지금까지의 목적은 " + before + ", 이번 목적은 ") +
           PlainWord(use.purpose, language);
  }
  if (field.starts_with(kActionField) || field == "consent") {
    return Pick(korean, "the request is to ", "요청한 행위는 ") + PlainWord(use.action, language);
  }
  return Pick(korean, "the purpose is ", "목적은 ") + PlainWord(use.purpose, language) +
         Pick(korean, ", for the benefit of ", ", 수혜자는 ") +
         PlainWord(use.beneficiary, language);
}

// And what follows from it: a Korean clause ends with its noun or with its verb.
std::string Therefore(const std::string& compared) {
  return compared + (compared == kNoCountryKo ? "으므로 " : "이므로 ");
}

std::string WithdrawnSentence(const Clause& clause, Language language) {
  const std::string entry = std::to_string(*clause.withdrawn_at);
  if (language == Language::kKorean) {
    return rules::WithParticle("데이터셋 " + clause.cause.dataset, "은(는)") + " 항목 " + entry +
           "에서 철회되었습니다.";
  }
  return "Dataset " + clause.cause.dataset + " was withdrawn at entry " + entry + ".";
}

}  // namespace

bool TellsTime(const Clause& clause) { return IsOfTime(clause.cause.field); }

std::string PlainField(const std::string& field, Language language) {
  const bool korean = language == Language::kKorean;
  if (field.starts_with(kActionField)) {
    const std::string action = WordOr<Action>(field.substr(kActionField.size()), language);
    return korean ? action : "whether one may " + action;
  }
  struct Row {
    std::string_view field;
    std::string_view en;
    std::string_view ko;
  };
  constexpr Row kFields[] = {
      {"use", "the kind of use", "이용 구분"},
      {"purposes", "the purposes", "이용 목적"},
      {"duo", "the conditions of use (DUO)", "이용 제한(DUO)"},
      {"consent", "when its owner is asked", "권리자에게 묻는 경우"},
      {"licence.data", "the licence", "라이선스"},
      {"licence.model", "the licence of models", "모델 라이선스"},
      {"territories.processing", "where it is computed with", "처리 국가"},
      {"territories.processingExcluded", "where it is not computed with", "처리 금지 국가"},
      {"territories.storage", "where it is stored", "저장 국가"},
      {"territories.storageForbidden", "where it is not stored", "저장 금지 국가"},
      {"territories.exports", "where models may go", "모델 반출 국가"},
      {"time.validFrom", "when its terms begin", "이용 시작"},
      {"time.validUntil", "when its terms end", "이용 종료"},
      {"time.embargoUntil", "until when nothing gets out", "공개 유예"},
      {"time.deleteAfter", "by when it is deleted", "삭제 기한"},
  };
  for (const Row& row : kFields) {
    if (row.field == field) return Pick(korean, row.en, row.ko);
  }
  return field;
}

std::string Sentence(const Clause& clause, const Use& use, Language language) {
  if (clause.withdrawn_at) return WithdrawnSentence(clause, language);
  const std::string& field = clause.cause.field;
  const std::string who = clause.cause.dataset + " v" + std::to_string(clause.cause.version);
  const std::string said = PlainValue(field, clause.value, language);
  const std::string compared = Compared(clause, use, language);
  const size_t outcome = static_cast<size_t>(clause.outcome);
  if (language == Language::kKorean) {
    constexpr const char* kWhat[] = {"허용됩니다", "권리자에게 물어야 합니다",
                                     "알 수 없어 허용되지 않습니다", "허용되지 않습니다"};
    return "데이터셋 " + who + "의 " + PlainField(field, language) + " 조건은 '" + said + "'이고 " +
           Therefore(compared) + kWhat[outcome] + ".";
  }
  constexpr const char* kWhat[] = {"it is allowed", "the owner has to be asked",
                                   "it is not known and therefore not allowed",
                                   "it is not allowed"};
  return "Dataset " + who + " says of " + PlainField(field, language) + ": " + said + "; " +
         compared + ": " + kWhat[outcome] + ".";
}

}  // namespace dure::terms
