#include "policy/terms/owed.h"

#include <map>
#include <optional>
#include <set>
#include <utility>

#include "policy/rules/sentence.h"
#include "policy/terms/compile.h"

namespace dure::terms {
namespace {

constexpr uint32_t kPublicationRequired = 19;  // PUB
constexpr uint32_t kReturnToDatabase = 29;     // RTN

rules::Duty Plain(std::string_view kind, std::string en, std::string ko) {
  rules::Duty duty;
  duty.kind = kind;
  duty.text = {std::move(en), std::move(ko)};
  return duty;
}

rules::Duty Returned(const std::string& of) {
  return Plain("return-derived", "Give the owner of " + of + " what was derived from it.",
               of + "에서 파생된 결과물을 권리자에게 돌려주십시오.");
}

rules::Duty Reported(const std::string& of, uint64_t days) {
  const std::string count = std::to_string(days);
  rules::Duty duty =
      Plain("report", "Report to the owner of " + of + " on its use, every " + count + " days.",
            of + "의 이용 현황을 " + count + "일마다 권리자에게 보고하십시오.");
  duty.limit = rules::Duty::Limit::kWithin;  // the first of them
  duty.count = static_cast<uint32_t>(days);
  duty.unit = rules::Unit::kDays;
  return duty;
}

// Who is to be told of an accident owes nothing until there is one: its hours are in the sentence.
rules::Duty Told(const std::string& of, const std::optional<uint64_t>& hours) {
  const std::string count = hours ? std::to_string(*hours) : "";
  return Plain(
      "notify-incident",
      "Tell the owner of " + of + " of an incident that concerns it" +
          (hours ? ", within " + count + " hours." : "."),
      of + "에 관한 사고가 나면 " + (hours ? count + "시간 안에 " : "") + "권리자에게 알리십시오.");
}

rules::Duty DutyOf(const Duty& said, const std::string& of) {
  const std::string by = said.by ? " by " + FormatInstant(*said.by) : "";
  const std::string by_ko = said.by ? FormatInstant(*said.by) + "까지 " : "";
  switch (said.kind) {
    case DutyKind::kAttribute:
      return Plain("attribute", "Name the source of " + of + " in its owner's words.",
                   of + "의 출처를 권리자가 정한 문구로 표시하십시오.");
    case DutyKind::kShareResults:
      return Plain("share-results", "Share the results with the owner of " + of + by + ".",
                   by_ko + of + "의 권리자에게 결과를 공유하십시오.");
    case DutyKind::kReturnDerived:
      return Returned(of);
    case DutyKind::kReport:
      return Reported(of, said.every_days.value_or(1));
    case DutyKind::kDeleteEvidence:
      return Plain("delete-evidence",
                   "Show the owner of " + of + " that its copies were deleted" + by + ".",
                   by_ko + of + "의 사본을 삭제했다는 증빙을 권리자에게 제출하십시오.");
    case DutyKind::kNotifyIncident:
      return Told(of, said.within_hours);
    case DutyKind::kPayShare:
      break;
  }
  return Plain("pay-share",
               "Pay the owner of " + of + " its share by the formula " + said.formula + ".",
               of + "의 권리자에게 산식 " + said.formula + "에 따른 몫을 지급하십시오.");
}

std::optional<rules::Duty> DutyOf(const DuoCode& code, const std::string& of) {
  if (code.number == kReturnToDatabase) return Returned(of);
  if (code.number != kPublicationRequired) return std::nullopt;
  return Plain("publish", "Publish the results of the use of " + of + ".",
               rules::WithParticle(of, "을(를)") + " 이용한 결과를 공표하십시오.");
}

using ByCause = std::map<Cause, std::vector<rules::Duty>>;

ByCause Collect(const ModelTerms& terms, bool training) {
  ByCause owed;
  for (const auto& [duty, causes] : terms.duties) {
    if (training && duty.kind == DutyKind::kAttribute) continue;
    if (!training && duty.kind == DutyKind::kDeleteEvidence) continue;
    for (const Cause& cause : causes) owed[cause].push_back(DutyOf(duty, cause.dataset));
  }
  for (const auto& [code, causes] : terms.duo) {
    for (const Cause& cause : causes) {
      if (auto duty = DutyOf(code, cause.dataset)) owed[cause].push_back(std::move(*duty));
    }
  }
  return owed;
}

rules::Rule RuleOf(const Cause& cause, std::vector<rules::Duty> duties, bool with_version) {
  rules::Rule rule;
  rule.id = RuleId(cause, with_version);
  rule.effect = rules::Effect::kOblige;
  rule.duties = std::move(duties);
  rule.title = {"What the owner of " + cause.dataset + " is owed",
                cause.dataset + " 권리자에 대한 의무"};
  rule.because = {"The owner of " + cause.dataset + " asks for it.",
                  cause.dataset + "의 권리자가 요구합니다."};
  rule.basis = "terms of " + cause.dataset + " v" + std::to_string(cause.version);
  return rule;
}

}  // namespace

std::vector<rules::Rule> OwedForTraining(const ModelTerms& terms) {
  std::vector<rules::Rule> rules;
  for (auto& [cause, duties] : Collect(terms, true)) {
    rules::Rule rule = RuleOf(cause, duties, false);
    rule.actions = {rules::Action::kTrain, rules::Action::kFinetune};
    rule.condition =
        rules::Compare("dataset.id", rules::Op::kIs, rules::Value::Text(cause.dataset));
    rules.push_back(std::move(rule));
  }
  return rules;
}

std::vector<rules::Rule> OwedForModels(const ModelTerms& terms, Action action) {
  std::map<std::string, std::set<uint64_t>> versions;
  for (const Source& source : terms.sources) versions[source.dataset].insert(source.version);
  std::vector<rules::Rule> rules;
  for (auto& [cause, duties] : Collect(terms, false)) {
    rules::Rule rule = RuleOf(cause, duties, versions[cause.dataset].size() > 1);
    // A clause of the same field may stand in the way, under a name of its own.
    rule.id += ".owed";
    rule.actions = {RuleAction(action)};
    rule.condition =
        rules::Compare("model.datasets", rules::Op::kIncludes, rules::Value::Text(cause.dataset));
    rules.push_back(std::move(rule));
  }
  return rules;
}

}  // namespace dure::terms
