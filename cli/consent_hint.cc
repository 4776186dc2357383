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

}  // namespace

std::string ConsentHint(const rules::Decision& decision, const GrantAsk& ask,
                        const std::string& grantee,
                        const std::map<std::string, DatasetOwner>& owners, bool korean) {
  std::set<std::string> asked;
  std::set<std::string> closed;
  bool only_asks = true;
  for (const rules::Reason& reason : decision.reasons) {
    const std::string dataset = DatasetOf(reason);
    const bool asks = !dataset.empty() && Asks(reason);
    only_asks = only_asks && asks;
    if (asks) asked.insert(dataset);
    if (!dataset.empty() && !asks && !IsWithdrawn(dataset, reason, owners)) closed.insert(dataset);
  }
  std::string text;
  if (only_asks) {
    for (const std::string& dataset : asked) {
      text += (text.empty() ? "" : "\n") + Agrees(dataset, ask, grantee, owners, korean);
    }
    return text;
  }
  std::string names;
  for (const std::string& dataset : closed) names += (names.empty() ? "" : ", ") + dataset;
  if (names.empty()) return {};
  return Pick(korean,
              "Consent does not help: the terms of " + names +
                  " do not allow it; only a new version of " +
                  (closed.size() == 1 ? "its" : "their") + " terms would.",
              "동의로는 해결되지 않습니다. " + names +
                  "의 이용조건이 허용하지 않으며, 이용조건을 새 버전으로 바꾸어야 가능합니다.");
}

}  // namespace dure::cli
