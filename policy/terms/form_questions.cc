#include "policy/terms/form_questions.h"

#include "policy/terms/sentences.h"

namespace dure::terms {
namespace {

using enum QuestionKind;

// The words themselves, where they are plain enough.
template <typename E>
std::vector<Option> WordsOf() {
  std::vector<Option> options;
  for (const std::string_view word : Vocabulary<E>::words) {
    if (word != "unknown")
      options.push_back({std::string(word), std::string(word), std::string(word)});
  }
  return options;
}

constexpr const char* kAboutPeople = "pseudonymised identifiable unknown";

void AddDataset(std::vector<Question>& all) {
  all.push_back({"dataset.dataset",
                 kCode,
                 {"A short name for the dataset", "데이터셋의 짧은 이름"},
                 {"Small letters, digits and -, such as ward-notes. It is public.",
                  "영문 소문자, 숫자, - 만 씁니다. 예: ward-notes. 공개됩니다."}});
  all.push_back({"dataset.custodian",
                 kCode,
                 {"Which member keeps it?", "어느 회원 기관이 보관합니까?"},
                 {"The member's name in the consortium.", "컨소시엄에 등록된 회원 이름입니다."}});
  all.push_back(
      {"dataset.rightsHolder",
       kCode,
       {"Who holds the rights?", "권리자는 누구입니까?"},
       {"A member's name, or public-domain, or various. Never a private person's name.",
        "회원 이름, public-domain(권리 소멸), various(여럿) 중 하나. 개인 이름은 쓰지 않습니다."}});
  all.push_back({"dataset.title",
                 kText,
                 {"Its title, for people", "사람이 읽을 제목"},
                 {"Stays outside the record, which gets a salted digest of it.",
                  "기록에는 들어가지 않고 솔트 다이제스트만 남습니다."}});
  all.push_back({"dataset.modality",
                 kChoice,
                 {"What is it?", "어떤 자료입니까?"},
                 {"The kind of content.", "내용의 종류입니다."},
                 "text",
                 OptionsOf<Modality>()});
  all.push_back({"dataset.origin",
                 kChoice,
                 {"Where does it come from?", "어디에서 온 자료입니까?"},
                 {"The kind of source that the EU's public summary asks for.",
                  "EU 학습 데이터 공개 요약이 묻는 출처 유형입니다."},
                 "own",
                 OptionsOf<Origin>()});
  all.push_back({"dataset.classification",
                 kChoice,
                 {"How confidential is its description?", "설명의 보안 등급은 무엇입니까?"},
                 {"clear may be published, red is for the fewest.",
                  "clear는 공개 가능, red는 최소한의 사람만 볼 수 있습니다."},
                 "amber",
                 OptionsOf<Classification>()});
  all.push_back({"dataset.languages",
                 kCodes,
                 {"In which languages?", "어떤 언어입니까?"},
                 {"Codes such as ko, en.", "ko, en 같은 코드를 씁니다."},
                 "ko"});
  AddMore(MoreQuestions::kDataset, all);
}

void AddUse(std::vector<Question>& all) {
  all.push_back({"use",
                 kChoice,
                 {"Who may use it, on the whole?", "전체적으로 누가 이용할 수 있습니까?"},
                 {"The widest use you would agree to; the next questions narrow it.",
                  "동의할 수 있는 가장 넓은 범위입니다. 다음 질문들이 더 좁힙니다."},
                 "research-only",
                 OptionsOf<UseClass>()});
  all.push_back({"purposes",
                 kChoices,
                 {"For which purposes?", "어떤 목적에 허용합니까?"},
                 {"Several numbers. A purpose that you leave out is not allowed.",
                  "번호를 여러 개 씁니다. 고르지 않은 목적은 허용되지 않습니다."},
                 "scientific-research",
                 OptionsOf<Purpose>()});
  constexpr const char* kFallbacks[] = {"allow", "ask", "allow", "deny", "deny",
                                        "ask",   "ask", "allow", "deny"};
  static const std::vector<std::string> kAskEn = [] {
    std::vector<std::string> asks;
    for (size_t i = 0; i < kWordCount<Action>; ++i)
      asks.push_back("May others " + PlainWord(static_cast<Action>(i), Language::kEnglish) + "?");
    return asks;
  }();
  static const std::vector<std::string> kAskKo = [] {
    std::vector<std::string> asks;
    for (size_t i = 0; i < kWordCount<Action>; ++i)
      asks.push_back(PlainWord(static_cast<Action>(i), Language::kKorean) + ": 허용합니까?");
    return asks;
  }();
  for (size_t i = 0; i < kWordCount<Action>; ++i) {
    all.push_back({"actions." + std::string(Word(static_cast<Action>(i))),
                   kChoice,
                   {kAskEn[i].c_str(), kAskKo[i].c_str()},
                   {"With \"ask\" you are asked each time, unless you agree for good (--standing).",
                    "\"문의\"를 고르면, 계속 동의(--standing)하지 않는 한 매번 물어봅니다."},
                   kFallbacks[i],
                   OptionsOf<Permission>()});
  }
  AddMore(MoreQuestions::kDuo, all);
}

void AddLicence(std::vector<Question>& all) {
  all.push_back({"licence.data",
                 kCode,
                 {"Under which licence is the data?", "데이터의 라이선스는 무엇입니까?"},
                 {"An SPDX name: CC-BY-4.0, CC-BY-SA-4.0, CC0-1.0, MIT. Korea's open government "
                  "licence is LicenseRef-KOGL-1 to -4. Your own contract: LicenseRef-NAME.",
                  "SPDX 이름을 씁니다: CC-BY-4.0, CC-BY-SA-4.0, CC0-1.0, MIT. 공공누리는 "
                  "LicenseRef-KOGL-1 ~ -4, 자체 계약은 LicenseRef-이름(영문)입니다."}});
  all.push_back(
      {"licence.model",
       kCode,
       {"Do you ask for a certain licence of a model?", "모델에 요구하는 라이선스가 있습니까?"},
       {"Empty if not. Several with OR between.", "없으면 비워 둡니다. 여럿이면 OR로 잇습니다."}});
  all.push_back({"licence.copyright",
                 kText,
                 {"A copyright notice to keep with it?", "함께 보존할 저작권 표시가 있습니까?"},
                 {"Stays outside the record.", "기록 밖에 보관됩니다."}});
  AddMore(MoreQuestions::kLicence, all);
}

void AddPlaces(std::vector<Question>& all) {
  all.push_back(
      {"territories.processing",
       kCodes,
       {"In which countries may it be computed with?", "어느 나라에서 처리할 수 있습니까?"},
       {"Country codes such as KR; * means anywhere.", "KR 같은 국가 코드. *는 어디서나."},
       "KR"});
  all.push_back({"territories.storage",
                 kCodes,
                 {"In which countries may it be stored?", "어느 나라에 저장할 수 있습니까?"},
                 {"Country codes, or *.", "국가 코드 또는 *."},
                 "KR"});
  all.push_back({"territories.exports",
                 kCodes,
                 {"To which countries may a model go that learned from it?",
                  "이 데이터로 학습한 모델은 어느 나라로 갈 수 있습니까?"},
                 {"Country codes, or *.", "국가 코드 또는 *."},
                 "KR"});
  AddMore(MoreQuestions::kPlaces, all);
}

void AddTimesAndLimits(std::vector<Question>& all) {
  all.push_back({"time.validFrom",
                 kTime,
                 {"From when?", "언제부터입니까?"},
                 {"A date such as 2026-12-31; empty: at once.", "2026-12-31 형식. 비우면 즉시."}});
  all.push_back({"time.validUntil",
                 kTime,
                 {"Until when may it be used?", "언제까지 이용할 수 있습니까?"},
                 {"That day included; empty: no end.", "그 날을 포함합니다. 비우면 기한 없음."}});
  all.push_back(
      {"time.embargoUntil",
       kTime,
       {"Until when must nothing made from it get out?", "언제까지 결과를 공개하면 안 됩니까?"},
       {"That day included; empty: no embargo.", "그 날을 포함합니다. 비우면 유예 없음."}});
  all.push_back({"limits.maxRounds",
                 kNumber,
                 {"In how many rounds at most?", "최대 몇 라운드까지입니까?"},
                 {"Empty: no limit.", "비우면 제한 없음."}});
  all.push_back(
      {"limits.minParticipants",
       kNumber,
       {"With how many members at least in a round?", "한 라운드에 최소 몇 기관이 있어야 합니까?"},
       {"So that nobody can tell your contribution from the sum. Empty: no minimum.",
        "합계에서 귀 기관의 기여를 구별하지 못하게 합니다. 비우면 제한 없음."},
       "3"});
  AddMore(MoreQuestions::kLimits, all);
}

void AddPeople(std::vector<Question>& all) {
  all.push_back(
      {"personal.class",
       kChoice,
       {"Is there personal data in it?", "개인정보가 들어 있습니까?"},
       {"Left out, it is unknown, and P3.1 keeps the data out of every training: find out "
        "before you lend it.",
        "비워 두면 알 수 없음이 되어 P3.1에 따라 어느 학습에도 쓰이지 않습니다. 제공하기 "
        "전에 확인하십시오."},
       "",
       OptionsOf<PersonalClass>()});
  all.push_back({"personal.special",
                 kChoice,
                 {"Sensitive data (health, beliefs, …)?", "민감정보(건강, 신념 등)가 있습니까?"},
                 {"GDPR art. 9, PIPA art. 23.", "개인정보 보호법 제23조."},
                 "",
                 OptionsOf<Tristate>(),
                 "personal.class",
                 kAboutPeople});
  all.push_back({"personal.basis",
                 kChoice,
                 {"On which legal ground is it processed?", "처리의 법적 근거는 무엇입니까?"},
                 {"Pseudonymised data: only for statistics, scientific research and archiving.",
                  "가명정보는 통계작성, 과학적 연구, 공익적 기록보존에만 쓸 수 있습니다."},
                 "",
                 OptionsOf<Basis>(),
                 "personal.class",
                 kAboutPeople});
}

void AddProtection(std::vector<Question>& all) {
  all.push_back(
      {"personal.assessment",
       kText,
       {"How was the pseudonymisation assessed?", "가명처리의 적정성은 어떻게 검토했습니까?"},
       {"The assessment or where it is kept. Stays outside the record. Empty: not stated.",
        "검토 내용이나 보관한 곳을 적습니다. 기록 밖에 보관됩니다. 비우면 밝히지 않습니다."},
       "",
       {},
       "personal.class",
       kAboutPeople});
  all.push_back({"personal.noReidentification",
                 kFlag,
                 {"Is it forbidden to identify people again?", "재식별을 금지합니까?"},
                 {"For data about people it has to be (PIPA art. 28-5).",
                  "개인에 관한 데이터라면 반드시 금지해야 합니다(개인정보 보호법 제28조의5)."},
                 "yes",
                 YesNo(),
                 "personal.class",
                 kAboutPeople});
  all.push_back(
      {"personal.processingRecordUntil",
       kTime,
       {"Until when is the record of processing kept?", "처리 기록은 언제까지 보관합니까?"},
       {"That day included; empty: not stated.", "그 날을 포함합니다. 비우면 밝히지 않습니다."},
       "",
       {},
       "personal.class",
       kAboutPeople});
  all.push_back(
      {"limits.epsilonMax",
       kNumber,
       {"How much privacy loss (epsilon) at most?", "개인정보 손실(엡실론) 한도는 얼마입니까?"},
       {"A number such as 8; smaller protects better. Empty: no limit stated.",
        "8 같은 수. 작을수록 강하게 보호합니다. 비우면 한도를 두지 않습니다."},
       "8",
       {},
       "personal.class",
       kAboutPeople});
  all.push_back(
      {"consent",
       kChoices,
       {"For what must you be asked each time?", "무엇을 할 때마다 동의를 받아야 합니까?"},
       {"Several numbers; empty: nothing.", "번호를 여러 개 씁니다. 비우면 없음."},
       "",
       OptionsOf<ConsentDuty>()});
}

void AddDuties(std::vector<Question>& all) {
  all.push_back({"duties[attribute].text",
                 kText,
                 {"Which line names the source?", "출처 표시 문구는 무엇입니까?"},
                 {"It is shown with every model. Empty: no attribution.",
                  "모든 모델에 함께 표시됩니다. 비우면 표시 의무 없음."}});
  all.push_back({"duties[report].everyDays",
                 kNumber,
                 {"A report every how many days?", "며칠마다 보고받습니까?"},
                 {"Empty: none.", "비우면 없음."}});
  all.push_back(
      {"duties[notify-incident].withinHours",
       kNumber,
       {"Told of an incident within how many hours?", "사고가 나면 몇 시간 안에 통지받습니까?"},
       {"Empty: as the consortium does it.", "비우면 컨소시엄 규정을 따릅니다."},
       "72"});
  AddMore(MoreQuestions::kDuties, all);
}

void AddRest(std::vector<Question>& all) {
  all.push_back(
      {"tdm.reserved",
       kChoice,
       {"Is it reserved against text and data mining?", "텍스트·데이터 마이닝을 유보했습니까?"},
       {"Directive (EU) 2019/790 art. 4(3).", "EU 지침 2019/790 제4조 제3항."},
       "no",
       OptionsOf<Tristate>()});
  all.push_back({"tdm.evidence",
                 kChoice,
                 {"Where does the reservation stand?", "유보는 어디에 표시되어 있습니까?"},
                 {"So that others can check it.", "다른 기관이 확인할 수 있도록 합니다."},
                 "contract",
                 WordsOf<TdmEvidence>(),
                 "tdm.reserved",
                 "yes"});
  all.push_back({"withdrawal.allowed",
                 kFlag,
                 {"May you take it back?", "나중에 철회할 수 있습니까?"},
                 {"Say no only if a contract binds you to leave it.",
                  "계약 때문에 철회할 수 없을 때만 아니요를 고르십시오."},
                 "yes",
                 YesNo()});
  all.push_back({"withdrawal.noticeDays",
                 kNumber,
                 {"If you withdraw it: how many days do models and grants that are there go on?",
                  "철회하면 이미 있는 모델과 이용 허가는 며칠 더 유지됩니까?"},
                 {"0: they end at once. Rounds to come leave it out at once in any case.",
                  "0이면 바로 끝납니다. 이후 라운드에서는 언제나 바로 빠집니다."},
                 "0",
                 {},
                 "withdrawal.allowed",
                 "yes"});
  all.push_back({"withdrawal.scopes",
                 kChoices,
                 {"And what may you ask for then?", "철회할 때 무엇을 요구할 수 있습니까?"},
                 {"Several numbers.", "번호를 여러 개 씁니다."},
                 "future-rounds",
                 OptionsOf<WithdrawalScope>(),
                 "withdrawal.allowed",
                 "yes"});
}

}  // namespace

const std::vector<Question>& Questions() {
  static const std::vector<Question> all = [] {
    std::vector<Question> made;
    AddDataset(made);
    AddUse(made);
    AddLicence(made);
    AddPlaces(made);
    AddTimesAndLimits(made);
    AddPeople(made);
    AddProtection(made);
    AddDuties(made);
    AddRest(made);
    return made;
  }();
  return all;
}

}  // namespace dure::terms
