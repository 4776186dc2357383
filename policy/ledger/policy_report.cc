#include "policy/ledger/policy_report.h"

#include <cstdio>

namespace dure::ledger {
namespace {

std::string Short(const Digest& digest) { return digest.Hex().substr(0, 12); }
std::string Short(const std::string& text) { return Short(Sha256(AsBytes(text))); }
std::string Text(const DatasetVersion& what, Language l) {
  return what.dataset.str() + (Ko(l) ? " 버전 " : " version ") + std::to_string(what.version);
}
std::string Entry(uint64_t index, Language l) {
  return (Ko(l) ? "항목 " : "entry ") + std::to_string(index);
}
std::string Text(const Tally& tally, Language l) {
  std::string text;
  for (const HouseTally& house : tally.houses) {
    const std::string of = std::to_string(house.members);
    const std::string yes = std::to_string(house.yes);
    const std::string no = std::to_string(house.no);
    const std::string abstain = std::to_string(house.abstain);
    text += (text.empty() ? "" : "; ") + Words(Name(house.house), l) + " ";
    text += Ko(l) ? of + "곳 중 찬성 " + yes + ", 반대 " + no + ", 기권 " + abstain
                  : yes + " yes, " + no + " no, " + abstain + " abstained of " + of;
  }
  if (!text.empty()) return text;
  return Ko(l) ? "투표가 필요 없음" : "no vote needed";
}
std::string Percent(uint64_t ppm) {
  char text[16];
  std::snprintf(text, sizeof text, "%.1f %%", static_cast<double>(ppm) / 10000.0);
  return text;
}

}  // namespace

std::string Say(const MemberDescribed& e, Language l) {
  const std::string house = Words(Name(e.house), l);
  if (Ko(l)) return e.member.str() + "의 구분은 " + house + ", 소재국은 " + e.country;
  return e.member.str() + " votes with the " + house + ", and is in " + e.country;
}
std::string Say(const CosignerAnnounced& e, Language l) {
  return e.site.str() + (Ko(l) ? "의 공동 서명 키: " : " co-signs as ") + e.vkey;
}
std::string Say(const CharterDeclared& e, Language l) {
  const std::string quorum = std::to_string(e.voting.quorum_percent);
  const std::string house = std::to_string(e.voting.house_percent);
  if (Ko(l))
    return "규약 선언: 정족수 회원의 " + quorum + " %, 각 구분에서 " + house + " % 초과 찬성";
  return "declared the charter: quorum " + quorum + " % of members, more than " + house +
         " % of each house";
}
std::string Say(const PolicyDeclared& e, Language l) {
  return (Ko(l) ? "설립 당시 정책 " : "declared policy ") + Short(e.policy);
}
std::string Say(const PolicyProposed& e, Language l) {
  const bool ko = Ko(l);
  if (e.kind == ProposalKind::kSuspend) {
    return ko ? e.policy + "의 자격 정지를 제안" : "proposed to suspend " + e.policy;
  }
  if (e.kind == ProposalKind::kReinstate) {
    return ko ? e.policy + "의 자격 회복을 제안" : "proposed to reinstate " + e.policy;
  }
  const bool emergency = e.kind == ProposalKind::kEmergency;
  const bool formula = e.kind == ProposalKind::kFormula;
  if (ko) {
    const char* what = emergency ? "긴급 규칙 " : formula ? "몫 산식 " : "정책 ";
    return what + Short(e.policy) + " 제안(현행 " + Short(e.supersedes) + ")";
  }
  const char* what = emergency ? "an emergency rule " : formula ? "a share formula " : "a policy ";
  return std::string("proposed ") + what + Short(e.policy) + " over " + Short(e.supersedes);
}
std::string Say(const VoteCast& e, Language l) {
  const std::string choice = Words(Name(e.choice), l);
  const std::string reason = e.reason.IsZero() ? "" : Short(e.reason);
  if (Ko(l)) {
    return Entry(e.proposal, l) + "에 " + choice + (reason.empty() ? "" : ", 사유서 " + reason);
  }
  return "voted " + std::string(Name(e.choice)) + " on " + Entry(e.proposal, l) +
         (reason.empty() ? "" : ", for reasons that it keeps, " + reason);
}
std::string Say(const PolicyAdopted& e, Language l) {
  const std::string tally = Text(e.tally, l);
  if (Ko(l)) return Entry(e.proposal, l) + "의 " + Short(e.policy) + " 가결: " + tally;
  return "adopted policy " + Short(e.policy) + " of " + Entry(e.proposal, l) + ": " + tally;
}
std::string Say(const PolicyRejected& e, Language l) {
  const std::string why = WordsAndCode(e.reason, l);
  if (Ko(l)) return Entry(e.proposal, l) + " 부결, " + why + ": " + Text(e.tally, l);
  return "rejected " + Entry(e.proposal, l) + ", " + why + ": " + Text(e.tally, l);
}
std::string Say(const RunApproved& e, Language l) {
  const std::string tally = Text(e.tally, l);
  if (Ko(l)) return "학습 " + e.run.str() + " 승인, 적용 정책 " + Short(e.policies) + ": " + tally;
  return "approved " + e.run.str() + " under policies " + Short(e.policies) + ": " + tally;
}
std::string Say(const RunHalted& e, Language l) {
  const std::string why = WordsAndCode(e.reason, l);
  return Ko(l) ? "학습 " + e.run.str() + " 끝냄: " + why : "halted " + e.run.str() + ": " + why;
}
std::string Say(const DatasetRegistered& e, Language l) {
  const std::string what = Text(e.what, l);
  if (Ko(l)) return e.site.str() + "의 " + what + " 등록, 이용조건 " + Short(e.terms);
  return "registered " + what + " at " + e.site.str() + ", terms " + Short(e.terms);
}
std::string Say(const DatasetWithdrawn& e, Language l) {
  const std::string why = WordsAndCode(e.ground, l);
  const std::string scope = WordsAndCode(Name(e.scope), l);
  const std::string shown = e.reference.IsZero() ? "" : Short(e.reference);
  if (Ko(l)) {
    return e.dataset.str() + " 철회, 사유 " + why + "; " + scope + ", 기한 " + e.deadline +
           (shown.empty() ? "" : ", 근거 문서 " + shown);
  }
  return "withdrew " + e.dataset.str() + ", because " + why + "; " + scope + ", by " + e.deadline +
         (shown.empty() ? "" : ", after a document " + shown);
}
std::string Say(const WithdrawalClosed& e, Language l) {
  const std::string count = std::to_string(e.evidence.size());
  if (Ko(l)) return Entry(e.withdrawal, l) + "의 철회 처리 완료, 증빙 항목 " + count + "개";
  return "closed the withdrawal of " + Entry(e.withdrawal, l) + " with " + count +
         " entries of evidence";
}
std::string Say(const AdmissionDecided& e, Language l) {
  const std::string round = std::to_string(e.round.value);
  if (Ko(l)) {
    return "학습 " + e.run.str() + " 라운드 " + round + "에 " + e.site.str() + "의 " +
           Text(e.what, l) + (e.admit ? " 이용 승인" : " 이용 거부") + ", 적용 정책 " +
           Short(e.policies);
  }
  return std::string(e.admit ? "admitted " : "refused ") + Text(e.what, l) + " of " + e.site.str() +
         " to " + e.run.str() + " round " + round + " under policies " + Short(e.policies);
}
std::string Say(const GrantDecided& e, Language l) {
  const std::string use = Words(Name(e.kind), l);
  const std::string purpose = Words(e.purpose, l);
  if (Ko(l)) {
    return e.grantee.str() + "의 모델 " + Short(e.model) + " " + use +
           (e.granted ? " 허가" : " 거부") + ", 목적 " + purpose + ", 국가 " + e.territory;
  }
  return std::string(e.granted ? "granted " : "refused ") + e.grantee.str() + " to " + use +
         " model " + Short(e.model) + " for " + purpose + " in " + e.territory;
}
std::string Say(const GrantRevoked& e, Language l) {
  const std::string why = WordsAndCode(e.reason, l);
  if (Ko(l)) return Entry(e.grant, l) + "의 이용 허가 취소: " + why;
  return "revoked the grant of " + Entry(e.grant, l) + ": " + why;
}
std::string Say(const ShareComputed& e, Language l) {
  std::string shares;
  for (const ShareOfMember& share : e.shares) {
    shares += (shares.empty() ? "" : ", ") + share.member.str() + " " + Percent(share.share_ppm);
  }
  if (Ko(l)) return "학습 " + e.run.str() + "의 몫 계산: " + shares;
  return "computed the shares of " + e.run.str() + ": " + shares;
}
std::string Say(const DisclosureExported& e, Language l) {
  const std::string file = Short(e.file);
  const std::string what = WordsAndCode(e.kind, l);
  const std::string count = std::to_string(e.as_of);
  const std::string to = e.recipient.empty() ? "" : WordsAndCode(e.recipient, l);
  if (Ko(l)) {
    return Short(e.subject) + "에 관한 " + what + " 내보냄, 처음 항목 " + count +
           "개로 만든 파일 " + file + (to.empty() ? "" : ", 받는 곳 " + to);
  }
  return "exported " + what + " about " + Short(e.subject) + ", from the first " + count +
         (e.as_of == 1 ? " entry, file " : " entries, file ") + file +
         (to.empty() ? "" : ", for " + to);
}

std::string Say(const ConsentGiven& e, Language l) {
  if (!e.run.empty()) {
    return Ko(l) ? "학습 " + e.run.str() + "의 " + e.dataset.str() + " 이용에 동의"
                 : "agreed that " + e.run.str() + " uses " + e.dataset.str();
  }
  const std::string use = Words(Name(e.kind), l);
  const std::string purpose = Words(e.purpose, l);
  const std::string model =
      (e.model.IsZero() ? "" : (Ko(l) ? ", 모델 " : ", model ") + Short(e.model)) +
      (e.grantee.empty() ? "" : (Ko(l) ? ", 대상 " : ", by ") + e.grantee.str()) +
      (e.standing ? (Ko(l) ? ", 계속 유효" : ", for good") : "");
  if (Ko(l)) {
    return e.dataset.str() + " 데이터가 담긴 모델의 " + use + "에 동의, 목적 " + purpose + model;
  }
  return "agreed to " + use + " models with " + e.dataset.str() + " for " + purpose + model;
}

std::string Say(const IncidentReported& e, Language l) {
  const std::string what = WordsAndCode(Name(e.kind), l);
  const std::string about = e.subject.empty() ? "" : (Ko(l) ? ", 대상 " : ", about ") + e.subject;
  return (Ko(l) ? "사고 신고: " : "reported an incident: ") + what + about;
}
std::string Say(const IncidentClosed& e, Language l) {
  const std::string why = WordsAndCode(e.cause, l);
  if (Ko(l)) return Entry(e.incident, l) + "의 사고 종결: " + why;
  return "closed the incident of " + Entry(e.incident, l) + ": " + why;
}
std::string Say(const DutyFulfilled& e, Language l) {
  const std::string duty = std::to_string(e.duty);
  if (Ko(l)) return Entry(e.decision, l) + "의 의무 " + duty + "번 이행";
  return "did duty " + duty + " of " + Entry(e.decision, l);
}
std::string Say(const CoalitionsMade& e, Language l) {
  const std::string count = std::to_string(e.coalitions.size());
  const std::string kind = WordsAndCode(Name(e.kind), l);
  if (Ko(l)) {
    return Entry(e.closing, l) + "에서 완료된 라운드의 일부 기여로 모델 " + count +
           "개 생성, 방식 " + kind;
  }
  return "made " + count + " models of parts of the round that " + Entry(e.closing, l) +
         " closed, for " + kind;
}
std::string Say(const EvaluationDecided& e, Language l) {
  const std::string model = Short(e.model);
  if (Ko(l)) {
    return "학습 " + e.run.str() + "의 목적으로 " + e.site.str() + "의 " + Text(e.what, l) +
           "에서 모델 " + model + (e.admit ? " 평가 승인" : " 평가 거부") + ", 적용 정책 " +
           Short(e.policies);
  }
  return std::string(e.admit ? "let" : "did not let") + " model " + model + " be measured on " +
         Text(e.what, l) + " of " + e.site.str() + " for the purpose of " + e.run.str() +
         ", under policies " + Short(e.policies);
}

}  // namespace dure::ledger
