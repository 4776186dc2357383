#include "cli/trying.h"

#include <algorithm>

#include "policy/standing/admission.h"
#include "policy/standing/behind.h"
#include "policy/terms/answer.h"
#include "policy/terms/duo.h"
#include "policy/terms/owed.h"

namespace dure::cli {
namespace {

// By a consent to the run, or by its vote on it.
bool OwnerAgreed(const standing::State& state, const RunId& id, const standing::Run& run,
                 const std::string& dataset) {
  const auto name = DatasetId::Parse(dataset);
  const auto lent = name ? state.datasets.find(*name) : state.datasets.end();
  if (lent == state.datasets.end()) return false;
  const bool consented = std::ranges::any_of(
      lent->second.consents, [&](const standing::Consent& one) { return one.run == id; });
  const auto proposal = state.proposals.find(run.proposed);
  if (consented || proposal == state.proposals.end()) return consented;
  const auto vote = proposal->second.votes.find(lent->second.custodian);
  return vote != proposal->second.votes.end() && !vote->second.disowned &&
         vote->second.choice == ledger::Choice::kYes;
}

// Where data may be, and until when: none of it is read.
bool IsOfTheDataItself(const terms::Clause& clause) {
  const std::string& field = clause.cause.field;
  if (field.starts_with("territories.") || field.starts_with("time.")) return true;
  constexpr uint32_t kGeographical = 22;
  return field == "duo" && clause.value == terms::FormatDuo(kGeographical);
}

}  // namespace

std::vector<std::string> WhatForbidsTrying(const standing::State& state, const RunId& run,
                                           const Digest& model, rules::Instant now,
                                           terms::Language language) {
  const auto found = state.runs.find(run);
  const std::string said = found == state.runs.end() ? "" : found->second.Field("purpose");
  const auto purpose = terms::FromWord<terms::Purpose>(said);
  if (!purpose) {
    return {language == terms::Language::kKorean
                ? "학습 " + run.str() + "의 목적이 기록에 없습니다."
                : "The record has no purpose of " + run.str() + "."};
  }
  terms::Use use;
  use.action = terms::Action::kEvaluate;
  use.purpose = *purpose;
  use.beneficiary = standing::StrictestOf(found->second.Field("beneficiaries"));
  use.at = {now.seconds};
  const terms::ModelTerms behind = standing::TermsBehind(state, model);
  std::vector<terms::Clause> clauses = terms::Allows(behind, use).clauses;
  // A new use of a model that its owners let be used for nothing new.
  for (const auto& [dataset, entry] : behind.withdrawn_at) {
    const uint64_t version = state.datasets.at(*DatasetId::Parse(dataset)).version();
    clauses.push_back({terms::Permission::kDeny,
                       {dataset, version, "actions.evaluate"},
                       std::string(terms::Word(terms::Permission::kDeny)),
                       entry});
  }
  std::vector<std::string> lines;
  for (const terms::Clause& clause : clauses) {
    if (IsOfTheDataItself(clause)) continue;
    const bool asks = clause.outcome == terms::Permission::kAsk;
    if (asks && OwnerAgreed(state, run, found->second, clause.cause.dataset)) continue;
    lines.push_back(terms::RuleId(clause.cause, false) + "  " +
                    terms::Sentence(clause, use, language));
  }
  return lines;
}

}  // namespace dure::cli
