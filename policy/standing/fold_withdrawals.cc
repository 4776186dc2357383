// Withdrawals: what the terms let their owner ask for, what ends, and what shows it done.
#include <algorithm>

#include "policy/standing/admission.h"
#include "policy/standing/behind.h"
#include "policy/standing/fold.h"

namespace dure::standing {
namespace {

// From this version of the words on (rules/versions.h) everyone holds a withdrawal to the terms,
// and its evidence to the dataset and the scope. Records of builds that did not look are replayed.
constexpr uint32_t kWithdrawalsHoldSince = 4;
constexpr int64_t kDaySeconds = 24 * 3600;

// What people agreed among themselves takes no right away that the law gives: a person's consent
// that was taken back, a court's order.
bool IsOfLaw(const std::string& ground) { return ground == "consent" || ground == "court"; }

std::string Asked(const std::set<terms::WithdrawalScope>& scopes) {
  std::string text;
  for (const auto scope : scopes) text += (text.empty() ? "" : ", ") + std::string(Word(scope));
  return text;
}

bool IsRelated(const Dataset& dataset, const State& state, const RunId& run, const DatasetId& id) {
  if (dataset.runs.contains(run)) return true;
  return std::ranges::any_of(state.rounds, [&](const auto& item) {
    return item.first.run == run &&
           std::ranges::any_of(item.second.admissions,
                               [&](const Admission& one) { return one.what.dataset == id; });
  });
}

bool IsBehind(const State& state, const Digest& model, const DatasetId& id) {
  return std::ranges::any_of(DatasetsBehind(state, model),
                             [&](const auto& item) { return item.first.dataset == id; });
}

std::string ProposedAs(const Run& run, const std::string& name) {
  const auto found = run.fields.find(name);
  return found == run.fields.end() ? std::string() : found->second;
}

// Whether a run does again, without the dataset, what one that used it did: it starts from what
// that one started from or made, or trains the same model for the same purpose.
bool DoesAgain(const State& state, const Run& run, const Dataset& dataset) {
  const std::string first = ProposedAs(run, "initialModel");
  return std::ranges::any_of(dataset.runs, [&](const RunId& id) {
    const Run& before = state.runs.at(id);
    if (!first.empty() && first == ProposedAs(before, "initialModel")) return true;
    const auto model = Digest::FromHex(first);
    const auto made = model ? state.models.find(*model) : state.models.end();
    const bool made_there =
        made != state.models.end() &&
        std::ranges::any_of(made->second, [&](const RoundAttempt& at) { return at.run == id; });
    const std::string config = ProposedAs(run, "modelConfig");
    return made_there || (!config.empty() && config == ProposedAs(before, "modelConfig") &&
                          ProposedAs(run, "purpose") == ProposedAs(before, "purpose"));
  });
}

// A round closed since: of a run that went on without the dataset, where no more was asked for;
// else of one that was begun since, does again what the dataset was in, and has none of it.
bool ClosingShows(const State& state, const DatasetId& id, const RoundAttempt& at) {
  const Dataset& dataset = state.datasets.at(id);
  const WithdrawalCase& open = *dataset.withdrawn;
  const Run& run = state.runs.at(at.run);
  switch (open.scope) {
    case ledger::WithdrawalScope::kFutureRounds:
      return IsRelated(dataset, state, at.run, id);
    case ledger::WithdrawalScope::kRestart:
    case ledger::WithdrawalScope::kRetrain:
      return run.proposed > open.index && !IsBehind(state, state.rounds.at(at).model, id) &&
             DoesAgain(state, run, dataset);
    case ledger::WithdrawalScope::kRetireModels:
      break;
  }
  return false;
}

// No round of it is to come.
bool IsOver(const Run& run, uint64_t by) {
  const auto rounds = rules::Decimal::Parse(ProposedAs(run, "rounds"));
  return (run.halted && *run.halted < by) ||
         (rounds && !(rules::Decimal::OfCount(run.rounds) < *rounds));
}

// Whether there is nothing that could show it done: any entry will do then.
bool NothingIsLeft(const State& state, const DatasetId& id) {
  const Dataset& dataset = state.datasets.at(id);
  const WithdrawalCase& open = *dataset.withdrawn;
  const bool again = open.scope == ledger::WithdrawalScope::kRestart ||
                     open.scope == ledger::WithdrawalScope::kRetrain;
  if (again && !dataset.runs.empty()) return false;
  const bool runs = std::ranges::any_of(state.runs, [&](const auto& item) {
    return !IsOver(item.second, open.index) && IsRelated(dataset, state, item.first, id);
  });
  const bool grants = std::ranges::any_of(state.grants, [&](const auto& item) {
    const Grant& grant = item.second;
    return grant.decided.granted && (!grant.revoked || *grant.revoked > open.index) &&
           IsBehind(state, grant.decided.model, id);
  });
  return !runs && (!grants || open.scope == ledger::WithdrawalScope::kFutureRounds);
}

bool IsEvidence(const State& state, uint64_t index) {
  const bool revoked = std::ranges::any_of(
      state.grants, [index](const auto& grant) { return grant.second.revoked == index; });
  return revoked || state.closings.contains(index) || state.halts.contains(index);
}

bool Shows(const State& state, const DatasetId& id, uint64_t index) {
  const Dataset& dataset = state.datasets.at(id);
  const auto closing = state.closings.find(index);
  if (closing != state.closings.end()) return ClosingShows(state, id, closing->second);
  for (const auto& [run, one] : state.runs) {
    if (one.halted == index) return IsRelated(dataset, state, run, id);
  }
  const bool wide = dataset.withdrawn->scope != ledger::WithdrawalScope::kFutureRounds;
  return wide && std::ranges::any_of(state.grants, [&](const auto& item) {
           return item.second.revoked == index && IsBehind(state, item.second.decided.model, id);
         });
}

}  // namespace

MaybeBreach TermsAllow(const Standing& now, const Said& said, const ledger::DatasetWithdrawn& e) {
  const auto known = now.state().datasets.find(e.dataset);
  if (known == now.state().datasets.end() || IsOfLaw(e.ground)) return std::nullopt;
  const auto scope = terms::FromWord<terms::WithdrawalScope>(Name(e.scope));
  const auto deadline = rules::Instant::Parse(e.deadline);
  for (const auto& [version, entry] : known->second.versions) {
    const terms::Withdrawal& terms = entry.terms.withdrawal;
    const std::string who = e.dataset.str() + " v" + std::to_string(version);
    if (!terms.allowed) {
      return Breach{"withdrawal-not-allowed",
                    "the terms of " + who +
                        " say withdrawal.allowed = false: only the grounds consent and court end "
                        "its use"};
    }
    if (!terms.scopes.empty() && (!scope || !terms.scopes.contains(*scope))) {
      return Breach{"withdrawal-scope", "the terms of " + who + " let its owner ask for " +
                                            Asked(terms.scopes) + " (withdrawal.scopes), not " +
                                            std::string(Name(e.scope))};
    }
    // A day more or less is the clocks' and the way's.
    const auto days = static_cast<int64_t>(terms.notice_days);
    if (!deadline || deadline->seconds + kDaySeconds < said.at.seconds + days * kDaySeconds) {
      return Breach{"withdrawal-notice", "the terms of " + who + " give others " +
                                             std::to_string(days) +
                                             " days (withdrawal.noticeDays), and the deadline is "
                                             "earlier"};
    }
  }
  return std::nullopt;
}

MaybeBreach HoldsIn(const Standing& now, const Said& said, const ledger::DatasetWithdrawn& e) {
  const auto known = now.state().datasets.find(e.dataset);
  if (known == now.state().datasets.end() || known->second.custodian != said.member) {
    return Breach{"foreign-dataset", e.dataset.str() + " is not " + said.member.str() + "'s"};
  }
  if (known->second.withdrawn) {
    return Breach{"withdrawn-twice", e.dataset.str() + " was withdrawn before"};
  }
  if (NewestWords(now.state()) < kWithdrawalsHoldSince) return std::nullopt;
  return TermsAllow(now, said, e);
}

MaybeBreach HoldsIn(const Standing& now, const Said&, const ledger::WithdrawalClosed& e) {
  const auto& datasets = now.state().datasets;
  const auto open = std::ranges::find_if(datasets, [&](const auto& item) {
    return item.second.withdrawn && item.second.withdrawn->index == e.withdrawal;
  });
  if (open == datasets.end() || open->second.withdrawn->closed) {
    return Breach{"no-such-case", "no withdrawal is open there"};
  }
  const State& state = now.state();
  const bool any = NewestWords(state) < kWithdrawalsHoldSince || NothingIsLeft(state, open->first);
  for (const uint64_t index : e.evidence) {
    const bool since = index > e.withdrawal && IsEvidence(state, index);
    if (since && (any || Shows(state, open->first, index))) continue;
    if (since) {
      return Breach{"no-evidence", "entry " + std::to_string(index) + " does not show that " +
                                       open->first.str() + " is out, as the withdrawal asks (" +
                                       std::string(Name(open->second.withdrawn->scope)) + ")"};
    }
    return Breach{"no-evidence", "entry " + std::to_string(index) +
                                     " closes no round, run or grant after the withdrawal"};
  }
  if (!e.evidence.empty()) return std::nullopt;
  return Breach{"no-evidence", "a case is closed by entries that show it done"};
}

void Fold::Do(const Said& said, const ledger::DatasetWithdrawn& e) {
  WithdrawalCase& opened = state_.datasets.at(e.dataset).withdrawn.emplace();
  opened.index = said.index;
  opened.ground = e.ground;
  opened.scope = e.scope;
  opened.at = said.at;
  opened.ends_grants = said.at;
  if (!IsOfLaw(e.ground)) {
    for (const auto& [version, entry] : state_.datasets.at(e.dataset).versions) {
      const auto days = static_cast<int64_t>(entry.terms.withdrawal.notice_days);
      const rules::Instant end{said.at.seconds + days * kDaySeconds};
      opened.ends_grants = std::max(opened.ends_grants, end);
    }
  }
  if (const auto deadline = rules::Instant::Parse(e.deadline)) opened.deadline = *deadline;
  Decisive();
}

void Fold::Do(const Said& said, const ledger::WithdrawalClosed& e) {
  for (auto& [id, dataset] : state_.datasets) {
    if (dataset.withdrawn && dataset.withdrawn->index == e.withdrawal) {
      dataset.withdrawn->closed = said.index;
    }
  }
}

}  // namespace dure::standing
