// The groups of the form that most owners leave out: one question opens each.
#include "policy/terms/duo.h"
#include "policy/terms/form_questions.h"

namespace dure::terms {
namespace {

using enum QuestionKind;

// Adds the questions of one group, each asked only if the group is.
class Group {
 public:
  Group(const char* name, TwoLanguages ask, TwoLanguages help, std::vector<Question>& all)
      : gate_(kMorePrefix + std::string(name)), all_(all) {
    all_.push_back({gate_, kFlag, ask, help, "no", YesNo()});
  }

  void Ask(const char* field, QuestionKind kind, TwoLanguages ask, TwoLanguages help) {
    all_.push_back({field, kind, ask, help, "", {}, gate_, "yes"});
  }
  void YesOrNo(const char* field, TwoLanguages ask, TwoLanguages help) {
    all_.push_back({field, kFlag, ask, help, "no", YesNo(), gate_, "yes"});
  }
  void Choices(const char* field, TwoLanguages ask, TwoLanguages help,
               std::vector<Option> options) {
    all_.push_back({field, kChoices, ask, help, "", std::move(options), gate_, "yes"});
  }
  // Asked only if `answer` was given to `field`.
  void After(const char* field, const std::string& answer, const std::string& then,
             QuestionKind kind, TwoLanguages ask, TwoLanguages help) {
    all_.push_back({then, kind, ask, help, "", {}, field, answer});
  }

 private:
  const std::string gate_;
  std::vector<Question>& all_;
};

void AskDataset(std::vector<Question>& all) {
  Group group("dataset",
              {"More about it: a description, when it was collected, how many records?",
               "설명, 수집 기간, 건수도 적겠습니까?"},
              {"No leaves these three out.", "아니요를 고르면 세 가지를 묻지 않습니다."}, all);
  group.Ask("dataset.description", kText, {"What is in it?", "무엇이 들어 있습니까?"},
            {"A few sentences. Stays outside the record, which gets a salted digest of it.",
             "몇 문장이면 됩니다. 기록에는 들어가지 않고 솔트 다이제스트만 남습니다."});
  group.Ask("dataset.collectedFrom", kTime, {"Collected from which day?", "언제부터 수집했습니까?"},
            {"A date such as 2010-01-31; empty: not stated.",
             "2010-01-31 형식. 비우면 밝히지 않습니다."});
  group.Ask("dataset.collectedUntil", kTime, {"And until which day?", "언제까지 수집했습니까?"},
            {"The day of the newest content. The EU's public summary asks for it.",
             "가장 새로운 내용의 날짜입니다. EU 학습 데이터 공개 요약에 필요합니다."});
  group.Ask("dataset.records", kNumber, {"How many records?", "모두 몇 건입니까?"},
            {"A number; empty: not stated. With --tokenizer they are counted.",
             "숫자로 씁니다. 비우면 밝히지 않습니다. --tokenizer를 주면 세어 적습니다."});
}

std::vector<Option> DuoOptions() {
  std::vector<Option> options;
  for (const DuoMeaning& meaning : AllDuo()) {
    const std::string code = std::string(meaning.shorthand) + ", ";
    options.push_back({FormatDuo(meaning.number), code + std::string(meaning.title),
                       code + std::string(meaning.title_ko)});
  }
  return options;
}

TwoLanguages AskValues(DuoValues values) {
  switch (values) {
    case DuoValues::kDiseases:
      return {"For which diseases?", "어떤 질병입니까?"};
    case DuoValues::kCountries:
      return {"In which countries?", "어느 나라입니까?"};
    case DuoValues::kDate:
      return {"Nothing published before which day?", "언제까지 공개하면 안 됩니까?"};
    case DuoValues::kMonths:
      return {"For how many months?", "몇 달 동안입니까?"};
    case DuoValues::kNames:
    case DuoValues::kNone:
      break;
  }
  return {"For whom or what, by name?", "누구 또는 무엇으로 한정합니까?"};
}

TwoLanguages ExplainValues(DuoValues values) {
  switch (values) {
    case DuoValues::kDiseases:
      return {"Codes such as MONDO:0004992.", "MONDO:0004992 같은 코드를 씁니다."};
    case DuoValues::kCountries:
      return {"Country codes such as KR.", "KR 같은 국가 코드를 씁니다."};
    case DuoValues::kDate:
      return {"A date such as 2027-12-31; that day included.",
              "2027-12-31 형식. 그 날을 포함합니다."};
    case DuoValues::kMonths:
      return {"A number from 1 to 1200.", "1부터 1200까지의 수입니다."};
    case DuoValues::kNames:
    case DuoValues::kNone:
      break;
  }
  return {"Codes of projects, institutions or users; never a person's name.",
          "과제, 기관, 이용자의 코드를 씁니다. 개인 이름은 쓰지 않습니다."};
}

void AskDuo(std::vector<Question>& all) {
  Group group("duo",
              {"Does it carry codes of the Data Use Ontology (DUO)?",
               "데이터 이용 온톨로지(DUO) 코드가 붙어 있습니까?"},
              {"Research data often does. No leaves them out.",
               "연구 데이터에 흔히 붙습니다. 아니요를 고르면 묻지 않습니다."},
              all);
  group.Choices("duo", {"Which codes?", "어떤 코드입니까?"},
                {"Several numbers. Each narrows the use.",
                 "번호를 여러 개 씁니다. 고를 때마다 이용 범위가 좁아집니다."},
                DuoOptions());
  for (const DuoMeaning& meaning : AllDuo()) {
    if (meaning.values == DuoValues::kNone) continue;
    const std::string code = FormatDuo(meaning.number);
    group.After("duo", code, "duo[" + code + "]", kCodes, AskValues(meaning.values),
                ExplainValues(meaning.values));
  }
}

void AskLicence(std::vector<Question>& all) {
  Group group(
      "licence",
      {"Are there notices about patents or trademarks?", "특허나 상표에 관한 고지가 있습니까?"},
      {"No leaves both out.", "아니요를 고르면 묻지 않습니다."}, all);
  group.Ask("licence.patent", kText, {"The notice about patents", "특허에 관한 고지"},
            {"Stays outside the record. Empty: none.", "기록 밖에 보관됩니다. 비우면 없음."});
  group.Ask("licence.trademark", kText, {"The notice about trademarks", "상표에 관한 고지"},
            {"Stays outside the record. Empty: none.", "기록 밖에 보관됩니다. 비우면 없음."});
}

void AskPlaces(std::vector<Question>& all) {
  Group group("places",
              {"Are there countries where it must never be?",
               "데이터가 절대 있어서는 안 되는 나라가 있습니까?"},
              {"Whatever the answers before say. No leaves this out.",
               "앞의 답보다 우선합니다. 아니요를 고르면 묻지 않습니다."},
              all);
  group.Ask("territories.processingExcluded", kCodes,
            {"Where must it never be computed with?", "어느 나라에서는 처리하면 안 됩니까?"},
            {"Country codes; empty: nowhere named.", "국가 코드. 비우면 없음."});
  group.Ask("territories.storageForbidden", kCodes,
            {"Where must it never be stored?", "어느 나라에는 저장하면 안 됩니까?"},
            {"Country codes; empty: nowhere named.", "국가 코드. 비우면 없음."});
}

void AskLimits(std::vector<Question>& all) {
  Group group("limits",
              {"More limits: deletion, number of runs, size of a round?",
               "삭제 시점, 학습 횟수, 라운드 규모도 정하겠습니까?"},
              {"No sets none of them.", "아니요를 고르면 정하지 않습니다."}, all);
  group.Ask(
      "time.deleteAfter", kTime, {"When must it be deleted?", "언제 삭제해야 합니까?"},
      {"After that day; empty: not stated.", "그 날이 지나면 삭제합니다. 비우면 정하지 않음."});
  group.Ask("limits.maxRuns", kNumber, {"In how many runs at most?", "최대 몇 번의 학습에 씁니까?"},
            {"Empty: no limit.", "비우면 제한 없음."});
  group.Ask("limits.minCohort", kNumber,
            {"With how many sites at least invited to a round?",
             "한 라운드에 최소 몇 사이트가 편성되어야 합니까?"},
            {"Empty: no minimum.", "비우면 제한 없음."});
}

void AskDuties(std::vector<Question>& all) {
  Group group("duties",
              {"Is anything else owed: results, a copy, proof of deletion, a share?",
               "결과 공유, 결과물 반환, 삭제 증빙, 수익 배분도 요구하겠습니까?"},
              {"No asks for none of them.", "아니요를 고르면 요구하지 않습니다."}, all);
  group.YesOrNo("duties[share-results]",
                {"Must results be shared with you?", "결과를 공유받아야 합니까?"},
                {"What was found out with the data.", "데이터로 알아낸 결과를 말합니다."});
  group.After("duties[share-results]", "yes", "duties[share-results].by", kTime,
              {"By which day?", "언제까지입니까?"},
              {"That day included; empty: no date.", "그 날을 포함합니다. 비우면 기한 없음."});
  group.YesOrNo(
      "duties[return-derived]",
      {"Must what was derived from it be returned to you?", "파생된 데이터를 돌려받아야 합니까?"},
      {"Such as cleaned or labelled copies.", "정제하거나 라벨을 붙인 사본 등입니다."});
  group.YesOrNo("duties[delete-evidence]",
                {"Must deletion be proven to you?", "삭제했다는 증빙을 받아야 합니까?"},
                {"After the end of the use.", "이용이 끝난 뒤를 말합니다."});
  group.After("duties[delete-evidence]", "yes", "duties[delete-evidence].by", kTime,
              {"By which day?", "언제까지입니까?"},
              {"That day included; empty: no date.", "그 날을 포함합니다. 비우면 기한 없음."});
  group.Ask(
      "duties[pay-share].formula", kCode,
      {"By which formula is a share paid to you?", "어떤 계산식으로 수익을 배분받습니까?"},
      {"The code of a formula that was voted; empty: none.", "의결된 계산식의 코드. 비우면 없음."});
}

}  // namespace

std::vector<Option> YesNo() { return {{"yes", "yes", "예"}, {"no", "no", "아니요"}}; }

void AddMore(MoreQuestions group, std::vector<Question>& all) {
  constexpr void (*kGroups[])(std::vector<Question>&) = {AskDataset, AskDuo,    AskLicence,
                                                         AskPlaces,  AskLimits, AskDuties};
  kGroups[static_cast<size_t>(group)](all);
}

}  // namespace dure::terms
