#include "cli/consent_hint.h"

#include <algorithm>
#include <set>

#include "cli/language.h"

namespace dure::cli {
namespace {

// "terms:reviews#actions.export-weights", "terms:reviews:v2#use": of the owner of reviews.
std::string DatasetOf(const rules::Reason& reason) {
  if (reason.policy.layer != rules::Layer::kTerms || !reason.rule.starts_with("terms:")) return {};
  const std::string rest = reason.rule.substr(6);
  return rest.substr(0, rest.find_first_of(":#"));
}

// The owner asks to be asked, and has not agreed.
bool Asks(const rules::Reason& reason) {
  return std::ranges::any_of(
      reason.facts, [](const rules::FactSeen& fact) { return fact.path == "run.ownersAgreed"; });
}

// As this folder's copy has it, or as the reason says where the copy is older than the answer.
bool IsWithdrawn(const std::string& dataset, const rules::Reason& reason,
                 const std::map<std::string, DatasetOwner>& owners) {
  const auto owner = owners.find(dataset);
  return (owner != owners.end() && owner->second.withdrawn) ||
         reason.because.en.starts_with("Dataset " + dataset + " was withdrawn at entry ");
}

std::string Agrees(const std::string& dataset, const GrantAsk& ask, const std::string& grantee,
                   const std::map<std::string, DatasetOwner>& owners, bool korean) {
  const auto owner = owners.find(dataset);
  const std::string command = "dure grant consent " + dataset + " --kind " + ask.kind +
                              " --purpose " + ask.purpose + " --to " + grantee + " --dir DESK";
  const bool known = owner != owners.end();
  return Pick(
      korean,
      (known ? "An officer of " + owner->second.member : std::string("Its owner's officer")) +
          " agrees with: " + command,
      (known ? owner->second.member + "의 정책 담당자가" : std::string("권리자 쪽 정책 담당자가")) +
          " 동의하려면: " + command);
}

bool IsUnmeasured(const rules::Reason& reason) {
  return std::ranges::any_of(reason.facts, [](const rules::FactSeen& fact) {
    return fact.path == "model.evaluation" && fact.holds == false;
  });
}

std::string Joined(const std::set<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

// Of models with withdrawn data in them no terms make good use; another model may do.
std::string NothingHelps(const std::set<std::string>& closed,
                         const std::set<std::string>& withdrawn, bool korean) {
  std::string text = Pick(korean, "Consent does not help: ", "동의로는 해결되지 않습니다. ");
  if (!withdrawn.empty()) {
    const std::string names = Joined(withdrawn);
    return text + Pick(korean,
                       names + (withdrawn.size() == 1 ? " was" : " were") +
                           " withdrawn, with the models made of it; the last models without it: "
                           "dure withdraw plan " +
                           *withdrawn.begin(),
                       names +
                           "을(를) 쓴 모델은 데이터와 함께 철회되었습니다. 쓰기 전의 마지막 모델: "
                           "dure withdraw plan " +
                           *withdrawn.begin());
  }
  const std::string names = Joined(closed);
  return text + Pick(korean,
                     "the terms of " + names + " do not allow it; only a new version of " +
                         (closed.size() == 1 ? "its" : "their") + " terms would.",
                     names +
                         "의 이용조건이 허용하지 않으며, 이용조건을 새 버전으로 바꾸어야 "
                         "가능합니다.");
}

}  // namespace

std::string ConsentHint(const rules::Decision& decision, const GrantAsk& ask,
                        const std::string& grantee,
                        const std::map<std::string, DatasetOwner>& owners, bool korean) {
  std::set<std::string> asked;
  std::set<std::string> closed;
  std::set<std::string> withdrawn;
  bool unmeasured = false;
  bool only_asks = true;
  for (const rules::Reason& reason : decision.reasons) {
    const std::string dataset = DatasetOf(reason);
    const bool asks = !dataset.empty() && Asks(reason);
    unmeasured = unmeasured || IsUnmeasured(reason);
    only_asks = only_asks && asks;
    if (dataset.empty()) continue;
    (asks ? asked : IsWithdrawn(dataset, reason, owners) ? withdrawn : closed).insert(dataset);
  }
  std::string text;
  if (only_asks) {
    for (const std::string& dataset : asked) {
      text += (text.empty() ? "" : "\n") + Agrees(dataset, ask, grantee, owners, korean);
    }
    return text;
  }
  if (!closed.empty() || !withdrawn.empty()) return NothingHelps(closed, withdrawn, korean);
  if (!unmeasured) return {};
  return Pick(korean,
              "An operator has it measured with: dure model evaluate --dir OPERATOR --run RUN",
              "운영자가 측정하려면: dure model evaluate --dir OPERATOR --run 학습");
}

}  // namespace dure::cli
