// The overview that Korea's AI Basic Act asks for: notice and labelling (art. 31), and the
// explanation with an overview of the training data (art. 34). In Korean.

#include "policy/exports/parts.h"
#include "policy/terms/sentences.h"

namespace dure::exports {
namespace {

using terms::Language;

std::string FieldKo(const std::string& label, const std::string& text) {
  return "- **" + label + "**: " + (text.empty() || text == kNotRecorded ? kNotRecordedKo : text) +
         "\n";
}

std::string TimeKo(const std::optional<terms::Instant>& time) {
  return time ? terms::FormatInstant(*time) : kNotRecordedKo;
}

std::string YesNo(const std::optional<bool>& value) {
  if (!value) return kNotRecordedKo;
  return *value ? "예" : "아니요";
}

// Of the run's proposer, who states it; that anybody checked it is not on record.
std::string RiskClass(const std::optional<bool>& high_impact) {
  if (!high_impact) return kNotRecordedKo;
  return *high_impact ? "고영향" : "일반(고영향 아님)";
}

template <typename E>
std::string Plain(E value) {
  return terms::PlainWord(value, Language::kKorean);
}

std::string ModelSection(const Dossier& dossier) {
  const Model& model = dossier.model;
  std::string text = "## 1. 사업자와 모델\n\n";
  text += FieldKo("인공지능사업자", model.provider) + FieldKo("모델 이름", model.name) +
          FieldKo("가중치 다이제스트(SHA-256)", model.digest.Hex()) +
          FieldKo("구조", OrAbsent(model.architecture)) +
          FieldKo("매개변수 수", CountOrAbsent(model.parameters)) +
          FieldKo("공개일", TimeOrAbsent(model.released_at)) +
          FieldKo("생성형 인공지능 여부", YesNo(model.generative)) +
          FieldKo("학습 제안자가 밝힌 위험 등급", RiskClass(model.high_impact)) +
          FieldKo("고영향 여부 확인(제33조)", "") +
          FieldKo("학습에 쓴 누적 연산량(FLOP)", OrAbsent(model.training_flops));
  return text;
}

std::string NoticeSection(const Dossier& dossier) {
  std::string text = "\n## 2. 투명성 확보(제31조)\n\n";
  if (dossier.model.generative.value_or(true))
    text +=
        "- 이용자에게 미리 알릴 문구: \"이 서비스는 생성형 인공지능을 사용하며, 결과물은 "
        "인공지능이 만든 것입니다.\"\n- 결과물에는 인공지능이 생성했다는 사실을 표시해야 "
        "합니다.\n";
  text += FieldKo("고지와 표시를 실제로 이행했는지", "");
  return text;
}

std::string DataSection(const Dossier& dossier) {
  std::string text = "\n## 3. 학습 데이터 개요(제34조 제1항)\n\n";
  text += FieldKo("데이터셋 수", std::to_string(dossier.datasets.size())) +
          FieldKo("학습한 토큰 수(모든 라운드)", CountOrAbsent(TrainedTokens(dossier)));
  for (const Dataset& dataset : dossier.datasets) {
    const terms::Passport& passport = dataset.passport;
    const terms::Terms& t = dataset.terms;
    const std::string title = TextOf(dataset, "dataset.title");
    text += "\n### " + NameOf(dataset) + (title.empty() ? "" : " — " + title) + "\n\n";
    text += FieldKo("관리 기관", passport.custodian) + FieldKo("권리자", passport.rights_holder) +
            FieldKo("종류", Plain(passport.modality)) +
            FieldKo("출처 유형",
                    passport.origin == terms::Origin::kUnknown ? "" : Plain(passport.origin)) +
            FieldKo("수집 기간",
                    passport.collected_from || passport.collected_until
                        ? TimeKo(passport.collected_from) + " ~ " + TimeKo(passport.collected_until)
                        : "") +
            FieldKo("크기", std::to_string(passport.bytes) + "바이트") +
            FieldKo("토큰 수", CountOrAbsent(passport.tokens)) +
            FieldKo("라이선스", t.licence.data) + FieldKo("이용 구분", Plain(t.use)) +
            FieldKo("개인정보", Plain(t.personal.data_class));
    if (t.personal.data_class != terms::PersonalClass::kNone)
      text += FieldKo("민감정보", Plain(t.personal.special)) +
              FieldKo("처리 근거", Plain(t.personal.basis));
    text += FieldKo("철회", dataset.withdrawal ? "철회됨, " + TimeKo(dataset.withdrawn_at)
                                               : "철회 기록 없음") +
            FieldKo("기록 위치", "항목 " + std::to_string(dataset.place.index) + ", 리프 " +
                                     dataset.place.leaf.Hex());
  }
  return text;
}

std::string SafetySection(const Dossier& dossier) {
  std::string text = "\n## 4. 안전성·신뢰성 조치(제34조)\n\n";
  const auto score = ScoreOf(dossier);
  text +=
      FieldKo("위험관리 방안", "") +
      FieldKo("주요 기준과 원리에 대한 설명 방안", "이용조건과 정책에 따른 결정 " +
                                                       std::to_string(dossier.decisions.size()) +
                                                       "건이 이유와 함께 기록됨") +
      FieldKo("이용자 보호 방안", "") + FieldKo("사람의 관리·감독", "") +
      FieldKo("성능 평가(토큰당 퍼플렉시티)", score ? NumberText(score->perplexity) : "") +
      FieldKo("문서 보관", "기록 " + dossier.federation + "의 항목 " +
                               std::to_string(dossier.as_of) + "개, 루트 " + dossier.root.Hex());
  return text;
}

}  // namespace

std::vector<File> MakeKrOverview(const Dossier& dossier) {
  std::string text =
      "# 인공지능 모델 및 학습 데이터 개요\n\n「인공지능 발전과 신뢰 기반 조성 등에 "
      "관한 기본법」 제31조·제34조 참고 서식. 기록에서 자동으로 만들었으며 "
      "기록에 없는 내용은 \"" +
      std::string(kNotRecordedKo) + "\"으로 적었습니다. 작성 시각 " +
      terms::FormatInstant(dossier.made_at) + ", 서식 " + TemplateVersion(Format::kKrOverview) +
      ".\n\n";
  text += ModelSection(dossier) + NoticeSection(dossier) + DataSection(dossier) +
          SafetySection(dossier);
  text += "\n## 5. 이 문서가 증명하지 않는 것\n\n";
  for (const std::string& caveat : DoesNotProve(Format::kKrOverview, Language::kKorean))
    text += "- " + caveat + "\n";
  // Who hands it on may not read Korean.
  text += "\n## What this overview does not prove\n\n";
  for (const std::string& caveat : DoesNotProve(Format::kKrOverview, Language::kEnglish))
    text += "- " + caveat + "\n";
  return {
      {.name = "kr-overview.ko.md", .media_type = "text/markdown; charset=utf-8", .text = text}};
}

}  // namespace dure::exports
