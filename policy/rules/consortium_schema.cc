// The attributes of the consortium: what the record can say about a request, in the order in which
// a person would ask. One line an attribute:
//   path | kind | values | English name | Korean name
// kind: text, bool, number, time, set (of text); a '?' behind it: the record may say "none".
// values: the only texts that occur, with spaces between; a '-' where any may.
#include <array>
#include <optional>

#include "federation/check.h"
#include "policy/rules/action.h"
#include "policy/rules/schema.h"

namespace dure::rules {
namespace {

constexpr std::string_view kPurposes =
    "statistics scientific-research public-archiving public-service product-development "
    "commercial-service safety-evaluation benchmark";
constexpr std::string_view kHouses = "public private academic small-firm";

struct Row {
  std::string_view path;
  std::string_view kind;
  std::string_view values;
  std::string_view en;
  std::string_view ko;
};

// `request.action` is known to Decide from the action itself; nobody needs to set it.
constexpr auto kRequestRows = std::to_array<Row>({
    {"request.action", "text", "ACTIONS", "requested action", "요청한 행위"},
    {"request.time", "time", "-", "time of the request", "요청 시각"},
    {"request.purpose", "text", kPurposes, "purpose of the request", "요청 목적"},
    {"request.country", "text", "-", "country of the request", "요청 국가"},
    {"member.id", "text", "-", "member", "회원 기관"},
    {"member.status", "text?", "active suspended left", "member's status", "회원 자격 상태"},
    {"member.house", "text", kHouses, "member's house", "회원 구분"},
    {"member.country", "text", "-", "member's country", "회원 소재국"},
    {"member.duties.overdue", "number", "-", "member's overdue duties", "회원의 기한 지난 의무 수"},
    {"site.id", "text", "-", "site", "사이트"},
    {"site.country", "text", "-", "site's country", "사이트 소재국"},
    {"incident.open", "number", "-", "number of open incidents", "처리 중인 사고 수"},
    {"combine.agency.designated", "bool", "-", "designation of the combining agency",
     "결합전문기관 지정 여부"},
    {"combine.releaseApproval", "text?", "-", "approval to take the combined data out",
     "결합 자료 반출 승인"},
    {"admission.outcome", "text", "admit deny", "admission of the contribution", "참여 승인 결과"},
});

constexpr auto kDatasetRows = std::to_array<Row>({
    {"dataset.id", "text", "-", "dataset", "데이터셋"},
    {"dataset.version", "number", "-", "dataset's version", "데이터셋 버전"},
    {"dataset.status", "text", "registered superseded withdrawn", "dataset's status",
     "데이터셋 상태"},
    {"dataset.custodian", "text", "-", "dataset's custodian", "데이터셋 관리 기관"},
    {"dataset.rightsHolder", "text?", "-", "dataset's rights holder", "데이터셋 권리자"},
    {"dataset.personalData", "text", "none anonymous pseudonymised identifiable unknown",
     "dataset's class of personal data", "데이터셋 개인정보 구분"},
    {"dataset.classification", "text", "clear green amber red", "dataset's confidentiality",
     "데이터셋 보안 등급"},
    {"dataset.samplesRegistered", "number", "-", "dataset's registered samples",
     "데이터셋 등록 표본 수"},
    {"dataset.tokensRegistered", "number", "-", "dataset's registered tokens",
     "데이터셋 등록 토큰 수"},
    {"dataset.roundsUsed", "number", "-", "rounds that used the dataset",
     "데이터셋이 쓰인 라운드 수"},
    {"dataset.runsUsed", "number", "-", "runs that used the dataset", "데이터셋이 쓰인 학습 수"},
    {"dataset.withdrawnAt", "time?", "-", "time of the dataset's withdrawal", "데이터셋 철회 시각"},
});

constexpr auto kTermsRows = std::to_array<Row>({
    {"dataset.terms.version", "number", "-", "version of the terms", "이용조건 버전"},
    {"dataset.terms.digest", "text", "-", "digest of the terms", "이용조건 다이제스트"},
    {"dataset.terms.signedBy", "text", "-", "signer of the terms", "이용조건 서명 기관"},
    {"dataset.terms.use", "text",
     "open commercial-allowed non-commercial not-for-profit-org research-only unknown",
     "dataset's use class", "데이터셋 이용 구분"},
    {"dataset.terms.duo", "set", "-", "dataset's DUO codes", "데이터셋 DUO 코드"},
    {"dataset.terms.purposes", "set", kPurposes, "purposes the dataset allows",
     "데이터셋 허용 목적"},
    {"dataset.terms.licence", "text", "-", "dataset's licence", "데이터셋 라이선스"},
    {"dataset.terms.attribution", "text?", "-", "attribution the dataset asks for",
     "데이터셋 출처 표시 문구"},
    {"dataset.terms.processingCountries", "set?", "-", "countries the dataset may be processed in",
     "데이터셋 처리 허용 국가"},
    {"dataset.terms.processingExcluded", "set?", "-",
     "countries the dataset may not be processed in", "데이터셋 처리 금지 국가"},
    {"dataset.terms.exportCountries", "set?", "-", "countries the dataset's results may go to",
     "데이터셋 결과 반출 허용 국가"},
    {"dataset.terms.validFrom", "time?", "-", "start of the terms", "이용조건 시작 시각"},
    {"dataset.terms.validUntil", "time?", "-", "end of the terms", "이용조건 만료 시각"},
    {"dataset.terms.embargoUntil", "time?", "-", "end of the dataset's embargo",
     "데이터셋 공개 유예 종료 시각"},
    {"dataset.terms.deleteAfter", "time?", "-", "time by which the data must be deleted",
     "데이터 삭제 기한"},
    {"dataset.terms.maxRounds", "number?", "-", "most rounds the terms allow",
     "이용조건 최대 라운드 수"},
    {"dataset.terms.maxRuns", "number?", "-", "most runs the terms allow", "이용조건 최대 학습 수"},
    {"dataset.terms.epsilonMax", "number?", "-", "privacy loss the terms allow",
     "이용조건 허용 개인정보 손실(엡실론)"},
    {"dataset.terms.minParticipants", "number?", "-", "fewest participants the terms ask for",
     "이용조건 최소 참여 수"},
    {"dataset.terms.consentFor", "set", "run export commercial-serve purpose-change",
     "cases in which the owner is asked", "권리자 동의가 필요한 경우"},
    {"dataset.terms.tdm", "text", "yes no unknown", "reservation against text and data mining",
     "텍스트·데이터 마이닝 유보"},
    {"privacy.epsilonAfter", "number", "-", "privacy loss after this use",
     "이번 이용 뒤의 개인정보 손실(엡실론)"},
});

constexpr auto kRunRows = std::to_array<Row>({
    {"run.id", "text", "-", "run", "학습"},
    {"run.status", "text", "proposed approved running halted ended", "run's status", "학습 상태"},
    {"run.purpose", "text", kPurposes, "run's purpose", "학습 목적"},
    {"run.beneficiaries", "set", "public-body non-profit for-profit", "run's beneficiaries",
     "학습 수혜자"},
    {"run.sector", "text?", "-", "run's sector", "학습 분야"},
    {"run.termsSnapshot", "number", "-", "terms version the run was approved on",
     "학습 승인 당시 이용조건 버전"},
    {"run.policyDigest", "text", "-", "policy the run was approved under", "학습 승인 당시 정책"},
    {"run.votes.public", "number?", "-", "public members' share of yes votes",
     "공공 회원 찬성 비율"},
    {"run.votes.private", "number?", "-", "private members' share of yes votes",
     "민간 회원 찬성 비율"},
    {"run.votes.academic", "number?", "-", "academic members' share of yes votes",
     "학계 회원 찬성 비율"},
    {"run.votes.small-firm", "number?", "-", "small firms' share of yes votes",
     "중소기업 회원 찬성 비율"},
    {"run.ownersAgreed", "set", "-", "datasets whose owners agreed", "권리자가 동의한 데이터셋"},
    {"run.ownersRefused", "set", "-", "datasets whose owners voted no", "권리자가 반대한 데이터셋"},
    {"run.approvedCode", "set?", "-", "code the run was approved with", "승인된 코드"},
    {"run.validUntil", "time?", "-", "end of the run's approval", "학습 승인 만료 시각"},
    {"run.privacy", "text", "plain secure-aggregation differential-privacy",
     "run's protection of contributions", "기여 보호 방식"},
    {"run.riskClass", "text", "ordinary high-impact", "run's risk class", "학습 위험 등급"},
    {"round.no", "number", "-", "round", "라운드"},
    {"round.baseModel", "text", "-", "round's base model", "라운드 기준 모델"},
    {"round.normBound", "number?", "-", "round's bound on an update's norm",
     "라운드 갱신 노름 상한"},
    {"round.participants", "number", "-", "number of participants in the round",
     "라운드 참여 기관 수"},
    {"round.members", "number", "-", "fewest members that the round counts",
     "라운드에 반영되는 최소 회원 수"},
    {"update.signatureValid", "bool", "-", "validity of the update's signature",
     "갱신 서명의 유효성"},
    {"update.round", "number", "-", "round of the update", "갱신의 라운드"},
    {"update.baseModel", "text", "-", "base model of the update", "갱신의 기준 모델"},
    {"round.stepsMax", "number?", "-", "most steps of the round", "라운드 최대 스텝 수"},
    {"update.norm", "number?", "-", "norm of the update", "갱신의 노름"},
    {"update.steps", "number?", "-", "steps behind the update", "갱신의 스텝 수"},
    {"update.tokens", "number?", "-", "tokens behind the update", "갱신에 쓰인 토큰 수"},
    {"update.tokensMax", "number", "-", "tokens that the update's steps and data can hold",
     "갱신의 스텝과 데이터로 가능한 토큰 수"},
    {"update.codeDigest", "text", "-", "code behind the update", "갱신에 쓰인 코드"},
    {"update.termsVersion", "number", "-", "terms version the update states",
     "갱신이 밝힌 이용조건 버전"},
});

constexpr auto kUseRows = std::to_array<Row>({
    {"model.digest", "text", "-", "model", "모델"},
    {"model.datasets", "set", "-", "datasets behind the model", "모델에 쓰인 데이터셋"},
    {"model.evaluation", "text", "passed failed pending", "model's evaluation", "모델 평가 결과"},
    {"model.embargoUntil", "time?", "-", "end of the model's embargo", "모델 공개 유예 종료 시각"},
    {"model.allowedPurposes", "set", kPurposes, "purposes the model's datasets all allow",
     "모델의 모든 데이터셋이 허용하는 목적"},
    {"model.allowedCountries", "set?", "-", "countries the model's datasets all allow",
     "모델의 모든 데이터셋이 허용하는 국가"},
    {"model.generative", "bool", "-", "model's being generative", "모델의 생성형 여부"},
    {"model.licence", "text?", "-", "model's licence", "모델 라이선스"},
    {"grant.id", "text", "-", "grant", "이용 허가"},
    {"grant.status", "text", "active expired revoked", "grant's status", "이용 허가 상태"},
    {"grant.grantee", "text", "-", "grantee", "이용 허가 대상"},
    {"grant.purposes", "set", kPurposes, "grant's purposes", "이용 허가 목적"},
    {"grant.country", "text", "-", "grant's country", "이용 허가 국가"},
    {"grant.useArea", "text", "general health hiring credit energy education public-service",
     "grant's area of use", "이용 분야"},
    {"grant.validUntil", "time?", "-", "end of the grant", "이용 허가 만료 시각"},
    {"grant.callsPerMonth", "number?", "-", "calls a month the grant allows",
     "이용 허가 월 호출 한도"},
    {"usage.callsThisMonth", "number", "-", "calls of this month", "이번 달 호출 수"},
    {"caller.class", "text", "small-firm large-firm public academic person", "caller's class",
     "호출자 구분"},
    {"capacity.otherUsedShare", "number", "-",
     "share of capacity that others than small firms used", "중소기업 외 호출자가 쓴 용량 비율"},
});

// The words of all enumerations. One not listed is said as it is written, with spaces for hyphens.
struct SpokenRow {
  std::string_view code;
  std::string_view en;
  std::string_view ko;
};
constexpr auto kSpoken = std::to_array<SpokenRow>({
    {"statistics", "", "통계 작성"},
    {"scientific-research", "", "과학적 연구"},
    {"public-archiving", "archiving in the public interest", "공익적 기록 보존"},
    {"public-service", "", "공공 서비스"},
    {"product-development", "", "제품 개발"},
    {"commercial-service", "", "상업 서비스"},
    {"safety-evaluation", "", "안전성 평가"},
    {"benchmark", "benchmarks", "성능 비교 평가"},
    {"active", "", "유효"},
    {"suspended", "", "정지"},
    {"left", "", "탈퇴"},
    {"public", "", "공공"},
    {"private", "", "민간"},
    {"academic", "", "학계"},
    {"small-firm", "", "중소기업"},
    {"large-firm", "", "대기업"},
    {"person", "", "개인"},
    {"admit", "", "승인"},
    {"deny", "", "거부"},
    {"registered", "", "등록"},
    {"superseded", "", "새 버전으로 대체"},
    {"withdrawn", "", "철회"},
    {"none", "", "개인정보 없음"},
    {"anonymous", "", "익명정보"},
    {"pseudonymised", "", "가명정보"},
    {"identifiable", "", "개인 식별 가능"},
    {"unknown", "not known", "알 수 없음"},
    {"open", "open to any use", "누구나 자유롭게 이용"},
    {"commercial-allowed", "open to commercial use", "상업적 이용도 허용"},
    {"non-commercial", "non-commercial", "비상업적 이용만"},
    {"not-for-profit-org", "for non-profit organisations only", "비영리 기관의 이용만"},
    {"research-only", "for research only", "연구 목적만"},
    {"yes", "", "예"},
    {"no", "", "아니요"},
    {"run", "", "학습"},
    {"export", "taking a model away", "모델 반출"},
    {"commercial-serve", "serving commercially", "상업 서비스 제공"},
    {"purpose-change", "a change of purpose", "목적 변경"},
    {"public-body", "public bodies", "공공기관"},
    {"non-profit", "non-profit organisations", "비영리 기관"},
    {"for-profit", "companies", "영리 기업"},
    {"proposed", "", "제안됨"},
    {"approved", "", "승인됨"},
    {"running", "", "진행 중"},
    {"halted", "", "중단됨"},
    {"ended", "", "종료됨"},
    {"plain", "none", "보호 없음"},
    {"secure-aggregation", "", "보안 합산"},
    {"differential-privacy", "", "차등 정보보호"},
    {"ordinary", "", "일반"},
    {"high-impact", "high-impact", "고영향"},
    {"passed", "", "통과"},
    {"failed", "", "불합격"},
    {"pending", "", "진행 중"},
    {"expired", "", "만료"},
    {"revoked", "", "취소"},
    {"general", "", "일반"},
    {"health", "", "보건의료"},
    {"hiring", "", "채용"},
    {"credit", "", "신용평가"},
    {"energy", "", "에너지"},
    {"education", "", "교육"},
    {"clear", "", "공개"},
    {"green", "", "공동체 안"},
    {"amber", "", "관계자만"},
    {"red", "", "받은 사람만"},
});

// What it means that the record says "none"; of others it is said so.
constexpr auto kNone = std::to_array<SpokenRow>({
    {"member.status", "no member", "비회원"},
    {"combine.releaseApproval", "not given", "받지 않음"},
    {"dataset.terms.processingCountries", "any country", "모든 국가"},
    {"dataset.terms.exportCountries", "any country", "모든 국가"},
    {"dataset.terms.maxRounds", "any number", "무제한"},
    {"dataset.terms.maxRuns", "any number", "무제한"},
    {"dataset.terms.epsilonMax", "any amount", "무제한"},
    {"dataset.terms.validUntil", "no set day", "무기한"},
    {"run.approvedCode", "any code", "모든 코드"},
    {"run.validUntil", "no set day", "무기한"},
    {"run.votes.public", "no votes", "표결 없음"},
    {"run.votes.private", "no votes", "표결 없음"},
    {"run.votes.academic", "no votes", "표결 없음"},
    {"run.votes.small-firm", "no votes", "표결 없음"},
    {"round.normBound", "none", "무제한"},
    {"round.stepsMax", "any number", "무제한"},
    {"update.norm", "not shown", "비공개"},
    {"update.steps", "not shown", "비공개"},
    {"update.tokens", "not shown", "비공개"},
    {"model.allowedCountries", "any country", "모든 국가"},
    {"grant.validUntil", "no set day", "무기한"},
    {"grant.callsPerMonth", "any number", "무제한"},
});

PlainWord Spoken(const std::string& code) {
  PlainWord word{code, code, code};
  for (char& c : word.en) c = c == '-' ? ' ' : c;
  if (const auto action = ActionNamed(code)) word.ko = KoreanName(*action);
  for (const SpokenRow& row : kSpoken) {
    if (row.code != code) continue;
    if (!row.en.empty()) word.en = row.en;
    word.ko = row.ko;
  }
  return word;
}

std::vector<std::string> Words(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const size_t space = text.find(' ');
    words.emplace_back(text.substr(0, space));
    text = space == std::string_view::npos ? std::string_view() : text.substr(space + 1);
  }
  return words;
}

Kind KindNamed(std::string_view name) {
  if (name == "text") return Kind::kText;
  if (name == "bool") return Kind::kBool;
  if (name == "number") return Kind::kNumber;
  if (name == "time") return Kind::kTime;
  DURE_CHECK(name == "set", "a row of the schema names one of five kinds");
  return Kind::kSet;
}

Attribute ToAttribute(const Row& row) {
  const bool nullable = row.kind.ends_with('?');
  Attribute attribute;
  attribute.path = row.path;
  attribute.kind = KindNamed(row.kind.substr(0, row.kind.size() - (nullable ? 1 : 0)));
  attribute.item_kind = attribute.kind == Kind::kSet ? Kind::kText : attribute.kind;
  attribute.nullable = nullable;
  attribute.name_en = row.en;
  attribute.name_ko = row.ko;
  if (row.values == "ACTIONS") {
    for (const Action action : kActions) attribute.enumeration.emplace_back(Name(action));
  } else if (row.values != "-") {
    attribute.enumeration = Words(row.values);
  }
  for (const std::string& code : attribute.enumeration) attribute.words.push_back(Spoken(code));
  for (const SpokenRow& none : kNone) {
    if (none.code != row.path) continue;
    attribute.none_en = none.en;
    attribute.none_ko = none.ko;
  }
  return attribute;
}

Schema MakeSchema() {
  std::vector<Attribute> attributes;
  for (const Row& row : kRequestRows) attributes.push_back(ToAttribute(row));
  for (const Row& row : kDatasetRows) attributes.push_back(ToAttribute(row));
  for (const Row& row : kTermsRows) attributes.push_back(ToAttribute(row));
  for (const Row& row : kRunRows) attributes.push_back(ToAttribute(row));
  for (const Row& row : kUseRows) attributes.push_back(ToAttribute(row));
  return Schema(std::move(attributes));
}

}  // namespace

const Schema& ConsortiumSchema() {
  static const Schema schema = MakeSchema();
  return schema;
}

}  // namespace dure::rules
