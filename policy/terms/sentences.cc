#include "policy/terms/sentences.h"

#include <algorithm>

#include "policy/terms/decimal.h"

namespace dure::terms {
namespace {

// How many columns a terminal gives a text: two for a Hangul syllable and its like.
size_t Columns(const std::string& text) {
  size_t columns = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0xE1) {
      columns += 2;
    } else if (byte < 0x80 || byte >= 0xC0) {
      columns += 1;
    }
  }
  return columns;
}

std::string Joined(const std::set<std::string>& items) {
  std::string text;
  for (const std::string& item : items) text += (text.empty() ? "" : ", ") + item;
  return text;
}

class Teller {
 public:
  Teller(const std::vector<Attachment>& attachments, Language language)
      : attachments_(attachments), language_(language) {}

  std::string Pick(const char* en, const char* ko) const {
    return language_ == Language::kKorean ? ko : en;
  }
  void Say(const char* en, const char* ko, const std::string& text) {
    if (!text.empty()) lines.push_back({Pick(en, ko), text});
  }
  template <typename E>
  void SayAll(const char* en, const char* ko, const std::set<E>& values) {
    std::string text;
    for (const E value : values) text += (text.empty() ? "" : ", ") + PlainWord(value, language_);
    Say(en, ko, text);
  }
  void SayPlaces(const char* en, const char* ko, const Places& places) {
    Say(en, ko,
        places.unknown()  ? Pick("not said, therefore nowhere", "정하지 않음(허용 안 됨)")
        : places.anywhere ? Pick("anywhere", "어디서나")
                          : Joined(places.countries));
  }
  void SayTime(const char* en, const char* ko, const std::optional<Instant>& time) {
    if (time) Say(en, ko, FormatInstant(*time));
  }
  void SayCount(const char* en, const char* ko, const std::optional<uint64_t>& count) {
    if (count) Say(en, ko, std::to_string(*count));
  }
  void SayText(const char* en, const char* ko, const std::optional<Digest>& commitment) {
    if (commitment) Say(en, ko, TextOf(*commitment));
  }
  // The text itself if it is at hand, else that there is one.
  std::string TextOf(const Digest& commitment) const {
    for (const Attachment& attachment : attachments_) {
      if (attachment.commitment() == commitment) return "\"" + attachment.text + "\"";
    }
    return Pick("(a text that is kept outside the record, ", "(기록 밖에 보관된 문구, ") +
           commitment.Hex().substr(0, 12) + "…)";
  }
  Language language() const { return language_; }

  std::vector<TextLine> lines;

 private:
  const std::vector<Attachment>& attachments_;
  Language language_;
};

std::string DutyText(const Teller& teller, const Duty& duty) {
  std::string text = PlainWord(duty.kind, teller.language());
  if (duty.text) text += ": " + teller.TextOf(*duty.text);
  if (duty.by) text += teller.Pick(" by ", ", 기한 ") + FormatInstant(*duty.by);
  if (duty.every_days)
    text += teller.Pick(" every ", ", ") + std::to_string(*duty.every_days) +
            teller.Pick(" days", "일마다");
  if (duty.within_hours)
    text += teller.Pick(" within ", ", ") + std::to_string(*duty.within_hours) +
            teller.Pick(" hours", "시간 안에");
  if (!duty.formula.empty()) text += teller.Pick(" after formula ", ", 산식 ") + duty.formula;
  return text;
}

void TellPlacesAndTimes(Teller& t, const Terms& terms) {
  t.SayPlaces("Computed with in", "처리 국가", terms.territories.processing);
  t.Say("Never computed with in", "처리 금지 국가", Joined(terms.territories.processing_excluded));
  t.SayPlaces("Stored in", "저장 국가", terms.territories.storage);
  t.Say("Never stored in", "저장 금지 국가", Joined(terms.territories.storage_forbidden));
  t.SayPlaces("Models may go to", "모델 반출 국가", terms.territories.exports);
  t.SayTime("From", "시작", terms.time.valid_from);
  t.SayTime("Until", "종료", terms.time.valid_until);
  t.SayTime("Nothing gets out until", "공개 유예", terms.time.embargo_until);
  t.SayTime("Deleted by", "삭제 기한", terms.time.delete_after);
  t.SayCount("Rounds at most", "최대 라운드", terms.limits.max_rounds);
  t.SayCount("Runs at most", "최대 학습 횟수", terms.limits.max_runs);
  t.SayCount("Members in a round, at least", "라운드 최소 참여 기관",
             terms.limits.min_participants);
  t.SayCount("Sites in a round, at least", "라운드 최소 사이트", terms.limits.min_cohort);
  if (terms.limits.epsilon_max_micro)
    t.Say("Privacy loss at most (epsilon)", "최대 개인정보 손실(엡실론)",
          FormatMillionths(*terms.limits.epsilon_max_micro));
}

void TellPeople(Teller& t, const Terms& terms) {
  t.Say("Personal data", "개인정보", PlainWord(terms.personal.data_class, t.language()));
  if (terms.personal.data_class != PersonalClass::kNone) {
    t.Say("Sensitive", "민감정보", PlainWord(terms.personal.special, t.language()));
    t.Say("Legal ground", "처리 근거", PlainWord(terms.personal.basis, t.language()));
    t.SayText("Assessment", "적정성 평가", terms.personal.assessment);
    t.SayTime("Processing records until", "처리 기록 보존", terms.personal.processing_record_until);
  }
  t.SayAll("The owner is asked before", "권리자 동의가 필요한 경우", terms.consent);
  for (const Duty& duty : terms.duties) t.Say("In return", "의무", DutyText(t, duty));
  t.Say("Reserved against text mining", "텍스트·데이터 마이닝 유보",
        PlainWord(terms.tdm.reserved, t.language()));
  if (!terms.withdrawal.allowed) {
    t.Say("Withdrawal", "철회", t.Pick("not possible", "불가"));
    return;
  }
  t.Say("Withdrawal", "철회",
        t.Pick("at any time, after ", "언제든지, 통지 기간 ") +
            std::to_string(terms.withdrawal.notice_days) + t.Pick(" days", "일"));
  t.SayAll("On withdrawal", "철회 시 조치", terms.withdrawal.scopes);
}

}  // namespace

std::vector<TextLine> PlainLines(const Terms& terms, const std::vector<Attachment>& attachments,
                                 Language language) {
  Teller t(attachments, language);
  t.Say("Terms", "이용조건", t.Pick("version ", "버전 ") + std::to_string(terms.version));
  t.Say("Use", "이용 구분", PlainWord(terms.use, language));
  if (terms.purposes.empty())
    t.Say("Purposes", "목적", t.Pick("not said, therefore none", "정하지 않음(허용 안 됨)"));
  t.SayAll("Purposes", "목적", terms.purposes);
  for (size_t p = 0; p < kWordCount<Permission>; ++p) {
    std::set<Action> actions;
    for (size_t a = 0; a < kWordCount<Action>; ++a) {
      if (terms.actions[a] == static_cast<Permission>(p)) actions.insert(static_cast<Action>(a));
    }
    std::string text;
    for (const Action action : actions)
      text += (text.empty() ? "" : ", ") + PlainWord(action, language);
    if (!text.empty()) t.lines.push_back({PlainWord(static_cast<Permission>(p), language), text});
  }
  for (const DuoCode& code : terms.duo) {
    const DuoMeaning* meaning = FindDuo(code.number);
    std::string text = FormatDuo(code.number);
    if (meaning != nullptr) {
      const bool korean = language == Language::kKorean;
      text += " " + std::string(korean ? meaning->title_ko : meaning->title);
    }
    for (const std::string& value : code.values) text += " " + value;
    t.Say("DUO", "DUO", text);
  }
  t.Say("Licence", "라이선스",
        terms.licence.data.empty() ? t.Pick("not known", "알 수 없음") : terms.licence.data);
  t.Say("Licence asked of a model", "모델에 요구하는 라이선스", terms.licence.model);
  t.SayText("Copyright", "저작권 표시", terms.licence.copyright);
  t.SayText("Patents", "특허", terms.licence.patent);
  t.SayText("Trademarks", "상표", terms.licence.trademark);
  TellPlacesAndTimes(t, terms);
  TellPeople(t, terms);
  return std::move(t.lines);
}

std::vector<TextLine> PlainLines(const Passport& passport,
                                 const std::vector<Attachment>& attachments, Language language) {
  Teller t(attachments, language);
  t.Say("Dataset", "데이터셋",
        passport.dataset + t.Pick(" version ", " 버전 ") + std::to_string(passport.version));
  t.SayText("Title", "제목", passport.title);
  t.SayText("Description", "설명", passport.description);
  t.Say("Kept by", "관리 기관", passport.custodian);
  t.Say("Rights holder", "권리자", passport.rights_holder);
  t.Say("Kind", "종류", PlainWord(passport.modality, language));
  t.Say("Source", "출처 유형", PlainWord(passport.origin, language));
  t.Say("Confidentiality", "보안 등급", PlainWord(passport.classification, language));
  t.Say("Languages", "언어", Joined(passport.languages));
  t.SayTime("Collected from", "수집 시작", passport.collected_from);
  t.SayTime("Collected until", "수집 종료", passport.collected_until);
  t.Say("Size", "크기",
        std::to_string(passport.bytes) + t.Pick(" bytes in ", "바이트, 파일 ") +
            std::to_string(passport.files) +
            t.Pick(passport.files == 1 ? " file, " : " files, ", "개, ") +
            std::to_string(passport.lines) +
            t.Pick(passport.lines == 1 ? " line" : " lines", "줄"));
  t.SayCount("Records", "기록 수", passport.records);
  t.SayCount("Tokens", "토큰 수", passport.tokens);
  t.Say("Salted digest", "솔트 다이제스트", passport.data.Hex());
  return std::move(t.lines);
}

std::string ToText(const std::vector<TextLine>& lines) {
  size_t width = 0;
  for (const TextLine& line : lines) width = std::max(width, Columns(line.label));
  std::string text;
  for (const TextLine& line : lines)
    text += line.label + std::string(width - Columns(line.label) + 2, ' ') + line.text + "\n";
  return text;
}

}  // namespace dure::terms
