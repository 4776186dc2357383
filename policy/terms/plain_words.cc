// Each table stands in the order of its enumeration in vocabulary.h.
#include "policy/terms/sentences.h"

namespace dure::terms {
namespace {

struct Both {
  const char* en;
  const char* ko;
};

template <typename E, size_t kCount>
std::string Say(const Both (&words)[kCount], E value, Language language) {
  static_assert(kCount == kWordCount<E>, "a word for every value");
  const Both& both = words[static_cast<size_t>(value)];
  return language == Language::kKorean ? both.ko : both.en;
}

constexpr Both kUses[] = {{"not said", "정하지 않음"},
                          {"any use by anybody", "누구나 자유롭게 이용"},
                          {"commercial use too", "상업적 이용도 허용"},
                          {"non-commercial use only", "비상업적 이용만"},
                          {"use by non-profit organisations only", "비영리 기관의 이용만"},
                          {"research only", "연구 목적만"}};
constexpr Both kPurposes[] = {{"statistics", "통계 작성"},
                              {"scientific research", "과학적 연구"},
                              {"archiving in the public interest", "공익적 기록 보존"},
                              {"public service", "공공 서비스"},
                              {"product development", "제품 개발"},
                              {"commercial service", "상업 서비스"},
                              {"safety evaluation", "안전성 평가"},
                              {"benchmarks", "성능 비교 평가"}};
constexpr Both kActions[] = {{"train a model", "모델 학습"},
                             {"adapt an existing model", "기존 모델 미세조정"},
                             {"measure a model", "모델 평가"},
                             {"train another model from the model's answers", "모델 증류"},
                             {"make data with the model", "합성 데이터 생성"},
                             {"take the model's weights away", "모델 가중치 반출"},
                             {"answer calls with the model", "모델 서비스 제공"},
                             {"publish what was measured", "평가 결과 공개"},
                             {"link it with other institutions' records", "다른 기관 자료와 결합"}};
constexpr Both kPermissions[] = {{"allowed", "허용"},
                                 {"ask the owner first", "권리자에게 먼저 문의"},
                                 {"not said, therefore not allowed", "정하지 않음(허용 안 됨)"},
                                 {"not allowed", "금지"}};
constexpr Both kBeneficiaries[] = {{"a public body", "공공기관"},
                                   {"a non-profit organisation", "비영리 기관"},
                                   {"a company", "영리 기업"}};
constexpr Both kClasses[] = {{"no personal data", "개인정보 없음"},
                             {"anonymous", "익명정보"},
                             {"pseudonymised", "가명정보"},
                             {"people can be identified", "개인 식별 가능"},
                             {"not known", "알 수 없음"}};
constexpr Both kBases[] = {{"not said", "정하지 않음"},
                           {"none is needed", "필요 없음"},
                           {"consent", "정보주체의 동의"},
                           {"a contract", "계약의 이행"},
                           {"a legal obligation", "법령상 의무"},
                           {"vital interests", "급박한 생명·신체·재산의 이익"},
                           {"a public task", "공공기관의 소관 업무"},
                           {"legitimate interests", "정당한 이익"},
                           {"statistics, research or archiving with pseudonymised data (PIPA 28-2)",
                            "가명정보의 통계·연구·기록보존 특례(개인정보 보호법 제28조의2)"}};
constexpr Both kConsents[] = {{"each training run", "학습 실행마다"},
                              {"taking a model away", "모델 반출"},
                              {"serving a model commercially", "모델의 상업 서비스"},
                              {"another purpose than agreed", "합의한 목적의 변경"}};
constexpr Both kDuties[] = {{"name the source", "출처 표시"},
                            {"share the results", "결과 공유"},
                            {"give back what was made from it", "파생 결과물 반환"},
                            {"report", "정기 보고"},
                            {"prove the deletion", "삭제 증빙"},
                            {"tell about an incident", "사고 통지"},
                            {"pay a share", "수익 배분"}};
constexpr Both kScopes[] = {{"no more use in future rounds", "이후 라운드에서 제외"},
                            {"go on from the last model without it", "포함되기 전 모델에서 재시작"},
                            {"train again without it", "제외하고 다시 학습"},
                            {"stop using the models", "모델 이용 중지"}};
constexpr Both kModalities[] = {{"text", "글"},
                                {"program code", "프로그램 코드"},
                                {"images", "그림"},
                                {"sound", "소리"},
                                {"video", "영상"},
                                {"tables", "표"},
                                {"time series", "시계열"},
                                {"other", "그 밖"}};
constexpr Both kOrigins[] = {{"not known", "알 수 없음"},
                             {"a public dataset", "공개 데이터셋"},
                             {"licensed from rights holders", "권리자와 계약한 데이터"},
                             {"from a third party", "제3자에게서 받은 데이터"},
                             {"crawled from the web", "웹 수집 데이터"},
                             {"from users", "이용자 데이터"},
                             {"synthetic", "합성 데이터"},
                             {"the custodian's own", "직접 만든 데이터"}};
// The traffic lights, with the light's own word behind: it is what others write.
constexpr Both kClassifications[] = {{"for anybody (clear)", "누구에게나 공개(clear)"},
                                     {"within the community (green)", "공동체 안에서만(green)"},
                                     {"within the organisation (amber)", "기관 안에서만(amber)"},
                                     {"for those named only (red)", "지정된 사람만(red)"}};
constexpr Both kTristates[] = {{"not known", "알 수 없음"}, {"no", "아니요"}, {"yes", "예"}};

}  // namespace

std::string PlainWord(UseClass v, Language l) { return Say(kUses, v, l); }
std::string PlainWord(Purpose v, Language l) { return Say(kPurposes, v, l); }
std::string PlainWord(Action v, Language l) { return Say(kActions, v, l); }
std::string PlainWord(Permission v, Language l) { return Say(kPermissions, v, l); }
std::string PlainWord(Beneficiary v, Language l) { return Say(kBeneficiaries, v, l); }
std::string PlainWord(PersonalClass v, Language l) { return Say(kClasses, v, l); }
std::string PlainWord(Basis v, Language l) { return Say(kBases, v, l); }
std::string PlainWord(ConsentDuty v, Language l) { return Say(kConsents, v, l); }
std::string PlainWord(DutyKind v, Language l) { return Say(kDuties, v, l); }
std::string PlainWord(WithdrawalScope v, Language l) { return Say(kScopes, v, l); }
std::string PlainWord(Modality v, Language l) { return Say(kModalities, v, l); }
std::string PlainWord(Origin v, Language l) { return Say(kOrigins, v, l); }
std::string PlainWord(Classification v, Language l) { return Say(kClassifications, v, l); }
std::string PlainWord(Tristate v, Language l) { return Say(kTristates, v, l); }

}  // namespace dure::terms
