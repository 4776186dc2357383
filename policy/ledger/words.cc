#include "policy/ledger/words.h"

namespace dure::ledger {
namespace {

struct Row {
  std::string_view code;
  std::string_view en;
  std::string_view ko;
};

// Why a contribution was refused, a site left out, an attempt given up.
constexpr Row kRounds[] = {
    {"late", "it came too late", "늦게 도착함"},
    {"no-submission", "nothing came in time", "제때 도착한 기여가 없음"},
    {"not-in-cohort", "the site is not of this round", "이 라운드의 참여 사이트가 아님"},
    {"blob-missing", "the upload is not there", "올린 파일이 없음"},
    {"blob-corrupt", "the upload is damaged", "올린 파일이 손상됨"},
    {"refused-often", "what it submitted was not signed by it, again and again",
     "서명이 맞지 않는 제출을 되풀이함"},
    {"not-signed", "the signature does not hold", "서명이 유효하지 않음"},
    {"not-recorded", "it is not in the record", "기록에 없음"},
    {"other-base", "it starts from another model", "다른 모델에서 출발함"},
    {"not-admitted", "its data was not admitted", "데이터가 승인되지 않음"},
    {"excluded", "the site was left out", "사이트가 제외됨"},
    {"not-allowed", "the rules do not allow it", "규칙이 허용하지 않음"},
    {"not-countable", "the rules do not allow to count it", "규칙상 합산할 수 없음"},
    {"set-apart", "counting it would show one site's update",
     "합산하면 한 사이트의 갱신이 드러나므로 따로 둠"},
    {"left", "the site left", "사이트가 빠져나감"},
    {"revoked", "its key was revoked", "키가 폐기됨"},
    {"barred", "the site is barred from this round", "이 라운드에서 배제됨"},
    {"declined", "the site declined", "사이트가 거절함"},
    {"no-answer", "the site did not answer", "사이트의 응답이 없음"},
    {"not-connected", "the site is not connected", "사이트가 연결되어 있지 않음"},
    {"no-dataset", "no dataset was offered", "내놓은 데이터셋이 없음"},
    {"no-datasets", "no dataset was offered", "내놓은 데이터셋이 없음"},
    {"not-offered", "its data was not offered", "데이터를 내놓지 않음"},
    {"dataset-withdrawn", "its data was withdrawn", "데이터가 철회됨"},
    {"policy", "the policy refuses it", "정책이 거부함"},
    {"own-policy", "the site's own rules refuse it", "사이트 자체 규칙이 거부함"},
    {"model-too-large", "the model is too large for the site", "사이트가 감당하기에 모델이 큼"},
    {"too-many-rounds", "the run is longer than the site allows",
     "사이트가 허용한 라운드 수를 넘음"},
    {"run-not-accepted", "the site does not take this run", "사이트가 받지 않는 학습임"},
    {"run-not-as-recorded", "the run is not what the record says", "학습 내용이 기록과 다름"},
    {"not-permitted", "the site itself decides that its data may not be used so",
     "사이트가 스스로 판단해 데이터 사용을 허락하지 않음"},
    {"round-not-opened", "the record does not open the round with this site",
     "기록에 이 사이트가 참여하는 라운드가 열려 있지 않음"},
    {"record-refused", "the site refuses the record that it was shown",
     "사이트가 자기에게 보인 기록을 받아들이지 않음"},
    {"void", "the record would not let it count, so nothing was signed",
     "기록에서 효력이 없을 기여라 서명하지 않음"},
    {"base-not-as-recorded", "it does not start from what the record's last closing left",
     "시작 모델이 기록에서 마지막으로 완료된 라운드의 것이 아님"},
    {"code-not-approved", "the trainer is not the approved code", "승인된 학습 코드가 아님"},
    {"no-tokens", "there is too little text to train on", "학습할 텍스트가 부족함"},
    {"no-result", "the training gave no result", "학습 결과가 없음"},
    {"trainer-unavailable", "the site's trainer does not run",
     "사이트의 학습 프로그램이 실행되지 않음"},
    {"trainer-invalid", "the site's trainer refuses the task",
     "사이트의 학습 프로그램이 주어진 작업을 받지 않음"},
    {"trainer-exhausted", "the site has no room to train", "학습에 필요한 공간이 사이트에 부족함"},
    {"data-invalid", "the site's data cannot be used", "사이트의 데이터를 쓸 수 없음"},
    {"data-gone", "the data is no longer there", "데이터가 더 이상 없음"},
    {"not-private", "the update was not protected as the run asks",
     "학습이 요구한 보호를 갖추지 않음"},
    {"privacy-none", "the run does not protect privacy as the site asks",
     "사이트가 요구하는 개인정보 보호가 없음"},
    {"privacy-account", "the site's privacy account could not be charged",
     "개인정보 손실 장부에 적을 수 없음"},
    {"privacy-budget", "the privacy budget is spent", "개인정보 손실 한도를 다 씀"},
    {"saturation-limit", "more was cut at its bounds than the run takes",
     "한계값에서 잘린 값이 학습이 정한 비율보다 많음"},
    {"no-quorum", "too few contributions came", "기여가 정족수에 못 미침"},
    {"attempts-exhausted", "every attempt at the round failed", "라운드를 시도할 때마다 실패함"},
    {"waiting-for-vote", "it waits for the members' vote", "회원들의 투표를 기다림"},
    {"too-few-sites", "too few sites are there", "참여 사이트가 부족함"},
    {"admission", "too few sites had a dataset admitted", "데이터가 승인된 사이트가 부족함"},
    {"cases-fail", "a case of the policy does not come out as it is written",
     "정책의 사례가 적힌 대로 나오지 않음"},
    {"stopped", "an operator stopped it", "운영자가 멈춤"},
    {"complete", "all its rounds are done", "모든 라운드를 마침"},
    {"restored-backup", "the aggregator came back from an older backup",
     "집계 서버가 이전 백업에서 복구됨"},
    {"state-unreadable", "what was kept of the run cannot be read",
     "저장된 학습 상태를 읽을 수 없음"},
    {"rejected", "the vote rejected it", "투표에서 부결됨"},
    {"withdrawn", "the data behind it was withdrawn", "바탕이 된 데이터가 철회됨"},
    {"masking", "the masking did not come to a sum", "보안 합산을 마치지 못함"},
};

// How a masked attempt broke off: rules of docs/reference/masking.md.
constexpr Row kMasking[] = {
    {"masking-cohort", "the sites for masking could not be fixed",
     "보안 합산에 참여할 사이트를 정하지 못함"},
    {"masking-survivors", "too few sites stayed to the end of the masking",
     "보안 합산 끝까지 남은 사이트가 부족함"},
    {"masking-unverified", "the sum could not be verified", "합산 결과를 확인하지 못함"},
    {"refuse-membership", "somebody of the sums before is missing",
     "이전 합산에 참여한 사이트가 빠짐"},
    {"refuse-cohort", "the sites named do not fit the rules", "참여 사이트가 규칙에 맞지 않음"},
    {"refuse-key", "a key of the masking does not hold", "보안 합산의 키가 유효하지 않음"},
    {"refuse-identity", "a member is not who it claims to be", "참여자의 신원이 확인되지 않음"},
    {"refuse-bad-signature", "a signature does not hold", "서명이 유효하지 않음"},
    {"refuse-transcript", "the sites were told different things", "사이트마다 다른 내용이 전달됨"},
    {"refuse-survivor-set", "the list of those who stayed was changed",
     "끝까지 남은 사이트의 목록이 바뀜"},
    {"refuse-threshold", "too few would have to agree", "필요한 동의 수가 규칙보다 적음"},
    {"refuse-min-fraction", "too many sites dropped out", "빠진 사이트가 너무 많음"},
    {"refuse-stale", "an old message came again", "지난 메시지가 다시 옴"},
    {"refuse-already-released", "this sum was released before", "이미 공개된 합산임"},
    {"refuse-aggregate", "the sum is not what the sites sent", "합산 결과가 보낸 것과 다름"},
    {"refuse-saturation", "more of the sum was cut at its bounds than the run takes",
     "합산에서 한계값에 잘린 값이 학습이 정한 비율보다 많음"},
    {"refuse-policy-hash", "the rules are not those agreed on", "합의한 규칙과 다름"},
    {"refuse-ctx-mismatch", "the round is not the one agreed on", "합의한 라운드와 다름"},
    {"refuse-model-chain", "the model is not the one before", "이전 모델에서 이어지지 않음"},
};

// Votes, keys, withdrawals, incidents, members.
constexpr Row kMembers[] = {
    {"quorum", "too few members voted", "투표한 회원이 정족수에 못 미침"},
    {"house", "a house did not agree", "찬성하지 않은 구분이 있음"},
    {"window", "the time to vote was over", "투표 기간이 끝남"},
    {"revoked-by-operator", "an operator revoked it", "운영자가 폐기함"},
    {"re-enrolled", "its seat was enrolled anew, with other keys",
     "새 키로 다시 등록되어 더 이상 쓰이지 않음"},
    {"disowned", "its member says that it is none of its own", "소속 기관이 자기 키가 아니라고 함"},
    {"lost-key", "the key was lost", "키를 잃어버림"},
    {"compromised", "somebody else may have the key", "키가 유출되었을 수 있음"},
    {"consent", "a consent was taken back", "동의 철회"},
    {"contract-end", "the contract ended", "계약 종료"},
    {"court", "a court ordered it", "법원 명령"},
    {"quality", "the data is not good enough", "데이터 품질 문제"},
    {"owner", "the owner wishes it", "권리자의 뜻"},
    {"fixed", "it was fixed", "조치를 마침"},
    {"false-alarm", "it was a false alarm", "오인 신고"},
    {"accepted", "it was accepted as it is", "그대로 두기로 함"},
    {"public", "public bodies", "공공"},
    {"private", "private firms", "민간"},
    {"academic", "academia", "학계"},
    {"small-firm", "small firms", "중소기업"},
    {"aggregator", "aggregator", "집계 서버"},
    {"site", "site", "사이트"},
    {"officer", "policy officer", "정책 담당자"},
    {"researcher", "researcher", "연구자"},
    {"operator", "operator", "운영자"},
    {"yes", "yes", "찬성"},
    {"no", "no", "반대"},
    {"abstain", "abstained", "기권"},
    {"future-rounds", "no more use in future rounds", "이후 라운드에서 제외"},
    {"restart", "go on from the last model without it", "포함되기 전 모델에서 재시작"},
    {"retrain", "train again without it", "제외하고 다시 학습"},
    {"retire-models", "stop using the models", "모델 이용 중지"},
    {"export", "take away", "반출"},
    {"serve", "serve", "서비스 제공"},
    {"share", "share", "공유"},
    {"dissent", "a decision of the record does not hold", "기록의 결정이 맞지 않음"},
    {"rollback", "the aggregator came back with an older record",
     "집계 서버가 이전 기록으로 돌아감"},
    {"key-compromised", "somebody else may speak under a key", "다른 사람이 키를 쓸 수 있음"},
    {"data-exposed", "data left where it should have stayed", "데이터가 밖으로 나감"},
    {"model-harm", "a model does what it must not", "모델이 해서는 안 되는 일을 함"},
    {"other", "something else", "기타"},
    {"leave-one-out", "leaving one out", "하나씩 빼기"},
    {"group-shapley", "groups (Shapley)", "집단별 샤플리 값"},
    {"statistics", "statistics", "통계 작성"},
    {"scientific-research", "scientific research", "과학적 연구"},
    {"public-archiving", "archiving in the public interest", "공익적 기록 보존"},
    {"public-service", "public service", "공공 서비스"},
    {"product-development", "product development", "제품 개발"},
    {"commercial-service", "commercial service", "상업 서비스"},
    {"safety-evaluation", "safety evaluation", "안전성 평가"},
    {"benchmark", "benchmarks", "성능 비교 평가"},
};

// Kinds of files that are exported.
constexpr Row kExports[] = {
    {"prov", "provenance", "출처 기록"},
    {"spdx", "bill of materials", "구성 명세"},
    {"cyclonedx", "bill of materials", "구성 명세"},
    {"model-card", "model card", "모델 카드"},
    {"eu-summary", "summary for the EU", "유럽 학습 데이터 요약"},
    {"kr-overview", "overview for Korea", "한국 개요"},
    {"odrl", "offers of the data", "데이터 이용 제안"},
    {"croissant", "descriptions of the data", "데이터 설명"},
    {"csv", "tables", "표"},
    // For whom a file was made.
    {"authority", "an authority", "감독 기관"},
    {"auditor", "an auditor", "감사인"},
    {"partner", "a partner", "협력 기관"},
    {"publication", "the public", "일반 공개"},
};

// Kinds of entries.
constexpr Row kEvents[] = {
    {"consortium-genesis", "foundings", "컨소시엄 설립"},
    {"member-admitted", "admissions of a member's key", "회원 키 등록"},
    {"key-revoked", "revocations of a key", "키 폐기"},
    {"run-proposed", "proposals of a run", "학습 제안"},
    {"round-opened", "openings of a round", "라운드 시작"},
    {"contribution-submitted", "contributions", "기여 제출"},
    {"contribution-receipted", "receipts for a contribution", "기여 접수"},
    {"round-closed", "closings of a round", "라운드 완료"},
    {"round-abandoned", "attempts given up", "라운드 중단"},
    {"evaluation-reported", "measurements of a model", "모델 평가"},
    {"member-described", "descriptions of a member", "회원 소개"},
    {"cosigner-announced", "keys to co-sign with", "공동 서명 키"},
    {"charter-declared", "charters", "규약"},
    {"policy-declared", "policies of the founding", "설립 당시 정책"},
    {"policy-proposed", "proposals of a policy", "정책 제안"},
    {"vote-cast", "votes", "투표"},
    {"policy-adopted", "adoptions by vote", "가결"},
    {"policy-rejected", "rejections by vote", "부결"},
    {"run-approved", "approvals of a run", "학습 승인"},
    {"run-halted", "ends of a run", "학습 종료"},
    {"dataset-registered", "registrations of a dataset", "데이터셋 등록"},
    {"dataset-withdrawn", "withdrawals of a dataset", "데이터셋 철회"},
    {"withdrawal-closed", "withdrawals carried out", "철회 처리 완료"},
    {"admission-decided", "decisions about data", "데이터 이용 결정"},
    {"grant-decided", "decisions about the use of a model", "모델 이용 결정"},
    {"grant-revoked", "grants taken back", "모델 이용 허가 취소"},
    {"share-computed", "computations of shares", "몫 계산"},
    {"disclosure-exported", "exports of evidence", "증빙 내보내기"},
    {"consent-given", "consents of an owner", "권리자 동의"},
    {"incident-reported", "reports of an incident", "사고 신고"},
    {"incident-closed", "incidents closed", "사고 종결"},
    {"duty-fulfilled", "duties done", "의무 이행"},
    {"coalitions-made", "models of parts of a round", "일부 기여만의 모델"},
    {"evaluation-decided", "decisions about measuring", "모델 평가 허용 여부 결정"},
};

// Which rule of the record an entry would break.
constexpr Row kBreaches[] = {
    {"approved-twice", "it was approved before", "이미 승인됨"},
    {"charter-twice", "there is a charter already", "규약이 이미 있음"},
    {"coalitions", "they are not those of the round's contributions",
     "라운드의 기여로 만든 것이 아님"},
    {"described-twice", "the member is described already", "회원 소개가 이미 있음"},
    {"done-twice", "it is done already", "이미 이행한 의무임"},
    {"emergency-permits", "an emergency rule may only forbid", "긴급 규칙은 금지만 할 수 있음"},
    {"foreign-dataset", "the dataset is another member's", "다른 회원의 데이터셋임"},
    {"foreign-duty", "the duty is another member's", "다른 회원의 의무임"},
    {"foreign-grant", "none of your data is in that model", "소속 기관의 데이터가 없는 모델임"},
    {"foreign-incident", "the incident was reported by another member",
     "다른 회원이 신고한 사고임"},
    {"foreign-site", "the site is another member's", "다른 회원의 사이트임"},
    {"formula-malformed", "the formula cannot be read", "산식을 읽을 수 없음"},
    {"founding-over", "the founding is over", "설립이 이미 끝남"},
    {"key-reused", "the key is another site's", "다른 사이트의 키임"},
    {"made-twice", "they are on record already", "이미 기록되어 있음"},
    {"no-change", "it would change nothing", "바뀌는 것이 없음"},
    {"no-charter", "there is no charter yet", "아직 규약이 없음"},
    {"no-evidence", "the entries do not show it done", "처리했음을 보여 주는 항목이 아님"},
    {"no-house", "the member stands in no house", "구분이 정해지지 않은 회원임"},
    {"no-such-case", "no withdrawal is open there", "처리 중인 철회가 아님"},
    {"no-such-duty", "there is no such duty", "그런 의무가 없음"},
    {"no-such-grant", "no grant stands there", "유효한 이용 허가가 아님"},
    {"no-such-incident", "no incident is open there", "처리 중인 사고가 아님"},
    {"no-such-member", "there is no such member", "그런 회원이 없음"},
    {"other-formula", "another formula is in force", "시행 중인 산식이 아님"},
    {"other-proposal", "the vote is on another text", "다른 안건에 대한 표임"},
    {"names-no-data", "it does not say on which data", "어떤 데이터로 쟀는지 적지 않음"},
    {"measured-withdrawn", "it is of data that was withdrawn", "철회된 데이터로 잰 값임"},
    {"measuring-refused", "the terms or the rules forbid to measure on that data",
     "이용조건이나 규칙이 그 데이터로 평가하는 것을 금지함"},
    {"own-suspension", "a member has no voice in its own suspension",
     "자기 기관의 자격 정지에는 투표하지 못함"},
    {"passport-malformed", "the passport cannot be read", "데이터셋 소개를 읽을 수 없음"},
    {"passport-of-another", "the passport names another dataset or custodian",
     "데이터셋 소개의 이름이나 관리 기관이 다름"},
    {"policy-layer", "only a policy of the consortium is voted on",
     "컨소시엄 정책만 투표에 부칠 수 있음"},
    {"policy-malformed", "the policy cannot be read", "정책을 읽을 수 없음"},
    {"rule-taken", "another text has a rule of the same name",
     "다른 정책에 이름이 같은 규칙이 있음"},
    {"stale", "the record has changed meanwhile", "그사이 기록이 바뀜"},
    {"superseded", "other policies are in force by now", "이미 다른 정책이 시행 중임"},
    {"too-many-proposals", "too many proposals of the member are voted on already",
     "이 회원이 올린 안건이 이미 너무 많이 투표 중임"},
    {"terms-malformed", "the terms cannot be read", "이용조건을 읽을 수 없음"},
    {"version", "it is not the next version", "다음 버전이 아님"},
    {"vote-over", "the vote has ended", "투표가 이미 끝남"},
    {"voted-twice", "the member has voted already", "이미 투표한 회원임"},
    {"weight", "it does not weigh what it should", "가중치가 맞지 않음"},
    {"withdrawal-not-allowed", "its terms allow no withdrawal", "이용조건이 철회를 허용하지 않음"},
    {"withdrawal-notice", "its terms give others more time", "이용조건의 예고 기간보다 이름"},
    {"withdrawal-scope", "its terms let its owner ask for other scopes",
     "이용조건에 없는 철회 범위임"},
    {"withdrawn-twice", "it was withdrawn before", "이미 철회된 데이터셋임"},
    {"admission-over", "what was admitted would not be now",
     "승인된 뒤 사정이 바뀌어 더는 허용되지 않음"},
    {"unknown-model", "the record knows no such model", "기록에 없는 모델임"},
};

// What a replay or a mirror found.
constexpr Row kFindings[] = {
    {"words-went-back", "a decision says that it is in older words than those before it",
     "이전 결정보다 오래된 문구로 되어 있다는 결정"},
    {"decision-differs", "the decision does not follow from rules and facts",
     "규칙과 사실에서 나오는 결정이 아님"},
    {"tally-differs", "the votes do not add up to this", "표를 세어 보면 결과가 다름"},
    {"shares-differ", "the shares come out otherwise", "몫을 계산해 보면 결과가 다름"},
    {"round-number", "it is not the next round of its run", "학습의 다음 라운드가 아님"},
    {"other-base", "it starts from another model than the round before left",
     "직전 라운드가 남긴 모델에서 시작하지 않음"},
    {"below-quorum", "it counts fewer contributions than the run's quorum",
     "학습의 정족수보다 적은 기여를 셈"},
    {"other-masking", "it is masked, or is not, against what the run was proposed with",
     "제안된 가림 방식과 다름"},
    {"weight-sum", "its sites do not weigh that much together",
     "사이트들의 가중치 합이 그렇게 될 수 없음"},
    {"counts-void", "it counts what must not be counted", "세면 안 되는 기여를 셈"},
    {"counts-twice", "it is another site's contribution, and one counts once",
     "다른 사이트의 기여와 똑같고, 같은 기여는 한 번만 셈"},
    {"counts-withdrawn", "it counts data that was withdrawn", "철회된 데이터를 셈"},
    {"cohort", "it does not name each site once", "사이트를 한 번씩 적지 않음"},
    {"backdated", "it carries an earlier time than the entry before",
     "앞 항목보다 이른 시각이 적힘"},
    {"clock", "it carries a time that is none", "맞지 않는 시각이 적힘"},
    {"other-policies", "it was decided under other policies", "다른 정책으로 결정함"},
    {"other-policy", "it adopts another text than was voted on", "표결한 것과 다른 글임"},
    {"as-of", "it was decided from entries after itself", "자신보다 뒤의 항목으로 결정함"},
    {"run-not-approved", "the run was not approved", "승인되지 않은 학습임"},
    {"run-halted", "the run has ended", "끝난 학습임"},
    {"vote-goes-on", "the vote is not over", "투표가 끝나지 않음"},
    {"not-decidable", "it could not be decided", "결정할 수 없음"},
    {"outcome-overdue", "a vote has ended, and its outcome is held back",
     "끝난 투표의 결과를 기록하지 않고 있음"},
    {"outcome-order", "another vote ended before, and its outcome is held back",
     "먼저 끝난 투표의 결과보다 앞서 기록함"},
    {"not-invited", "the run was proposed for other sites", "학습 제안에 적히지 않은 사이트임"},
    {"no-such-run", "there is no such run", "그런 학습이 없음"},
    {"no-such-round", "there is no such round", "그런 라운드가 없음"},
    {"no-such-proposal", "there is no such proposal", "그런 제안이 없음"},
    {"malformed-head", "it is no tree head of this log", "이 기록의 트리 헤드가 아님"},
    {"foreign-key", "the tree head is not signed with the log's key",
     "트리 헤드가 기록의 키로 서명되지 않음"},
    {"fork", "two records that cannot both be true", "함께 참일 수 없는 두 기록"},
    {"truncated", "entries are missing", "항목이 빠짐"},
    {"rewritten", "the entries do not hash to the signed root", "항목이 서명된 루트와 맞지 않음"},
    {"malformed-entry", "it is no entry this version knows", "알 수 없는 항목임"},
    {"bad-signature", "the entry is not signed with the key it names",
     "적힌 키로 서명되지 않은 항목임"},
    {"key-not-admitted", "the key may not say this", "이 말을 할 수 없는 키임"},
    {"actor-chain-broken", "somebody's entries are not whole or in order",
     "한 참여자의 항목이 빠지거나 순서가 바뀜"},
    {"anchor-mismatch", "its signer saw another record", "서명자가 본 기록과 다름"},
    {"rule-broken", "it breaks a rule of the record", "기록의 규칙을 어김"},
};

const Row* Find(std::string_view code) {
  const auto in = [code](const auto& rows) -> const Row* {
    for (const Row& row : rows) {
      if (row.code == code) return &row;
    }
    return nullptr;
  };
  const Row* found = in(kRounds);
  if (found == nullptr) found = in(kMembers);
  if (found == nullptr) found = in(kMasking);
  if (found == nullptr) found = in(kEvents);
  if (found == nullptr) found = in(kBreaches);
  if (found == nullptr) found = in(kFindings);
  if (found == nullptr) found = in(kExports);
  // With the rule's name behind it: "policy-p2-1".
  static constexpr Row kRule{"", "a rule of the policy refuses it", "정책의 규칙이 거부함"};
  if (found == nullptr && code.starts_with("policy-")) found = &kRule;
  return found;
}

}  // namespace

std::string Words(std::string_view code, Language language) {
  const Row* row = Find(code);
  if (row == nullptr) return std::string(code);
  return std::string(language == Language::kKorean ? row->ko : row->en);
}

std::string WordsAndCode(std::string_view code, Language language) {
  const Row* row = Find(code);
  if (row == nullptr || code.empty()) return std::string(code);
  const std::string words = Words(code, language);
  if (words == code) return words;
  return words + (language == Language::kKorean ? "(" : " (") + std::string(code) + ")";
}

std::string KindAndCode(std::string_view kind, Language language) {
  for (const Row& row : kEvents) {
    if (row.code != kind) continue;
    const bool korean = language == Language::kKorean;
    return std::string(korean ? row.ko : row.en) + (korean ? "(" : " (") + std::string(kind) + ")";
  }
  return std::string(kind);
}

}  // namespace dure::ledger
