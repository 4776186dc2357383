#include "policy/ledger/policy_events.h"

#include <array>

namespace dure::ledger {
namespace {

constexpr std::array<std::string_view, kHouses> kHouseNames = {"public", "private", "academic",
                                                               "small-firm"};
constexpr std::array<std::string_view, 5> kProposalNames = {"replace", "formula", "emergency",
                                                            "suspend", "reinstate"};
constexpr std::array<std::string_view, 3> kChoiceNames = {"yes", "no", "abstain"};
constexpr std::array<std::string_view, 4> kScopeNames = {"future-rounds", "restart", "retrain",
                                                         "retire-models"};
constexpr std::array<std::string_view, 3> kUseNames = {"export", "serve", "share"};
constexpr std::array<std::string_view, 6> kIncidentNames = {
    "dissent", "rollback", "key-compromised", "data-exposed", "model-harm", "other"};
constexpr std::array<std::string_view, 2> kCoalitionNames = {"leave-one-out", "group-shapley"};

template <typename Enum, size_t N>
Result<Enum> ParseName(const std::array<std::string_view, N>& names, std::string_view kind,
                       std::string_view text) {
  std::string known;
  for (size_t i = 0; i < N; ++i) {
    if (names[i] == text) return static_cast<Enum>(i);
    known += (known.empty() ? "" : ", ") + std::string(names[i]);
  }
  return Fail(ErrorCode::kInvalid, "\"" + std::string(text.substr(0, 32)) + "\" is no " +
                                       std::string(kind) + "; it is one of " + known);
}

}  // namespace

std::string_view Name(House house) { return kHouseNames[static_cast<size_t>(house)]; }
std::string_view Name(ProposalKind kind) { return kProposalNames[static_cast<size_t>(kind)]; }
std::string_view Name(Choice choice) { return kChoiceNames[static_cast<size_t>(choice)]; }
std::string_view Name(WithdrawalScope scope) { return kScopeNames[static_cast<size_t>(scope)]; }
std::string_view Name(UseKind kind) { return kUseNames[static_cast<size_t>(kind)]; }
std::string_view Name(IncidentKind kind) { return kIncidentNames[static_cast<size_t>(kind)]; }
std::string_view Name(CoalitionKind kind) { return kCoalitionNames[static_cast<size_t>(kind)]; }

Result<House> ParseHouse(std::string_view text) {
  return ParseName<House>(kHouseNames, "house", text);
}
Result<ProposalKind> ParseProposalKind(std::string_view text) {
  return ParseName<ProposalKind>(kProposalNames, "kind of proposal", text);
}
Result<Choice> ParseChoice(std::string_view text) {
  return ParseName<Choice>(kChoiceNames, "vote", text);
}
Result<WithdrawalScope> ParseWithdrawalScope(std::string_view text) {
  return ParseName<WithdrawalScope>(kScopeNames, "scope of a withdrawal", text);
}
Result<UseKind> ParseUseKind(std::string_view text) {
  return ParseName<UseKind>(kUseNames, "use of a model", text);
}
Result<IncidentKind> ParseIncidentKind(std::string_view text) {
  return ParseName<IncidentKind>(kIncidentNames, "kind of incident", text);
}
Result<CoalitionKind> ParseCoalitionKind(std::string_view text) {
  return ParseName<CoalitionKind>(kCoalitionNames, "way of valuing", text);
}

}  // namespace dure::ledger
