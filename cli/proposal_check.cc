#include "cli/proposal_check.h"

#include <algorithm>

#include "cli/language.h"
#include "policy/rules/cases.h"
#include "policy/rules/lint.h"
#include "policy/rules/schema.h"
#include "policy/standing/voting.h"

namespace dure::cli {

Status CheckProposal(const rules::PolicyDocument& document, const std::string& file,
                     Context& context) {
  const bool korean = IsKorean(context);
  const auto language = korean ? rules::Language::kKorean : rules::Language::kEnglish;
  for (const rules::Finding& finding : Lint(document, rules::ConsortiumSchema())) {
    if (finding.severity != rules::Severity::kError) {
      context.Say(rules::ToText(finding, file, language));
      continue;
    }
    return Fail(ErrorCode::kInvalid,
                rules::ToText(finding, file, language) +
                    Pick(context, "nothing was proposed (see: dure policy lint " + file + ")",
                         "아무것도 제안하지 않았습니다(dure policy lint " + file + "로 확인)"));
  }
  DURE_ASSIGN(const rules::CaseRun cases, rules::RunCases(document));
  const auto failed = std::ranges::find(cases.results, false, &rules::CaseResult::passed);
  if (failed == cases.results.end()) return {};
  return Fail(
      ErrorCode::kInvalid,
      file + ":" + std::to_string(failed->at.line) + ": " +
          Pick(context,
               "the case \"" + failed->name + "\" expects " + failed->expected + " and finds " +
                   failed->found + "; nothing was proposed (see: dure policy test " + file + ")",
               "사례 \"" + failed->name + "\"의 결과가 적힌 것과 다릅니다(기대 " +
                   failed->expected + ", 결과 " + failed->found +
                   "). 아무것도 제안하지 않았습니다(dure policy test " + file + "로 확인)"));
}

Status CheckRuleNames(const rules::PolicyDocument& document, ledger::ProposalKind kind,
                      const standing::Standing& now, const std::string& file) {
  const auto taken = standing::FindTakenRule(now.state(), kind, document.digest,
                                             standing::NamesOf(document.policy), now.latest());
  if (!taken) return {};
  const auto rule = std::ranges::find(document.policy.rules, taken->rule, &rules::Rule::id);
  return Fail(ErrorCode::kInvalid,
              file + ":" + std::to_string(rule->at.line) + ": " + taken->Text());
}

}  // namespace dure::cli
