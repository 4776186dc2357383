// Incidents, what decisions oblige somebody to, and the models of parts of a round.
#include <algorithm>
#include <set>

#include "policy/rules/agreement.h"
#include "policy/standing/fold.h"
#include "policy/standing/valuation.h"

namespace dure::standing {
namespace {

// Calendars differ; a count of days does not.
constexpr int64_t kDay = 24 * 3600;
constexpr uint32_t kWordsWithDutyNames = 2;
constexpr size_t kObligationsMax = 64;  // datasets that owe something in turn

int64_t SecondsOf(const rules::Obligation& duty) {
  const auto count = static_cast<int64_t>(duty.count);
  switch (duty.unit) {
    case rules::Unit::kHours:
      return count * 3600;
    case rules::Unit::kDays:
      return count * kDay;
    case rules::Unit::kMonths:
      return count * 30 * kDay;
    case rules::Unit::kYears:
      return count * 365 * kDay;
  }
  return 0;
}

bool MayClose(const State& state, const Incident& incident, const Said& said) {
  if (said.member == incident.reporter) return true;
  const auto reporter = state.members.find(incident.reporter);
  const bool gone = reporter == state.members.end() || reporter->second.keys == 0;
  return gone && said.role == ledger::Role::kOfficer;
}

}  // namespace

MaybeBreach HoldsIn(const Standing&, const Said& said, const ledger::IncidentReported& e) {
  if (e.entries.empty() || e.entries.back() < said.index) return std::nullopt;
  return Breach{"as-of", "entries after itself are said to show it"};
}

MaybeBreach HoldsIn(const Standing& now, const Said& said, const ledger::IncidentClosed& e) {
  const auto found = now.state().incidents.find(e.incident);
  if (found == now.state().incidents.end() || found->second.closed) {
    return Breach{"no-such-incident",
                  "entry " + std::to_string(e.incident) + " reports no incident that is open"};
  }
  const Incident& incident = found->second;
  if (!MayClose(now.state(), incident, said)) {
    return Breach{"foreign-incident", incident.reporter.str() + " reported it, and closes it"};
  }
  const bool after = std::ranges::all_of(
      e.evidence, [&](uint64_t index) { return index > e.incident && index < said.index; });
  if (!after) return Breach{"no-evidence", "the evidence is not of the time since"};
  if (e.cause != "fixed") return std::nullopt;
  if (e.evidence.empty())
    return Breach{"no-evidence", "it is said to be mended, and nothing shows"};
  const bool needs_revocation = incident.reported.kind == ledger::IncidentKind::kKeyCompromised;
  const bool revoked = std::ranges::any_of(
      e.evidence, [&](uint64_t index) { return now.state().revocations.contains(index); });
  if (!needs_revocation || revoked) return std::nullopt;
  return Breach{"no-evidence", "no key was revoked since"};
}

MaybeBreach HoldsIn(const Standing& now, const Said& said, const ledger::DutyFulfilled& e) {
  const auto found = now.state().duties.find({e.decision, e.duty});
  if (found == now.state().duties.end()) {
    return Breach{"no-such-duty", "entry " + std::to_string(e.decision) + " began no duty " +
                                      std::to_string(e.duty)};
  }
  if (found->second.debtor != said.member) {
    return Breach{"foreign-duty", found->second.debtor.str() + " owes it"};
  }
  if (!found->second.done) return std::nullopt;
  return Breach{"done-twice", "entry " + std::to_string(*found->second.done) + " says it is done"};
}

MaybeBreach HoldsIn(const Standing& now, const Said&, const ledger::CoalitionsMade& e) {
  const auto closing = now.state().closings.find(e.closing);
  if (closing == now.state().closings.end()) {
    return Breach{"no-such-round", "entry " + std::to_string(e.closing) + " closes no round"};
  }
  const Run& run = now.state().runs.at(closing->second.run);
  if (const auto refusal = RefusalOf(run, e.kind)) return Breach{refusal->code, refusal->text};
  const auto made = now.state().coalitions.find(e.closing);
  const bool twice =
      made != now.state().coalitions.end() &&
      std::ranges::find(made->second, e.kind, &ledger::CoalitionsMade::kind) != made->second.end();
  if (twice) return Breach{"made-twice", "they are on record already"};
  std::vector<std::vector<std::string>> named;
  for (const ledger::Coalition& one : e.coalitions) named.push_back(one.of);
  std::ranges::sort(named);
  if (named == CoalitionsDue(now.state(), closing->second, e.kind)) return std::nullopt;
  return Breach{"coalitions", "they are not those that the round's contributions make"};
}

void Fold::Do(const Said& said, const ledger::IncidentReported& e) {
  state_.incidents[said.index] = {said.index, said.member, said.at, e, {}};
  Decisive();
}

void Fold::Do(const Said& said, const ledger::IncidentClosed& e) {
  state_.incidents[e.incident].closed = said.index;
  Decisive();
}

void Fold::Do(const Said& said, const ledger::DutyFulfilled& e) {
  Duty& duty = state_.duties[{e.decision, e.duty}];
  duty.done = said.index;
  if (duty.due) {
    std::multiset<rules::Instant>& dues = state_.dues.at(duty.debtor);
    dues.erase(dues.find(*duty.due));
  }
  Decisive();
}

void Fold::Do(const Said&, const ledger::CoalitionsMade& e) {
  state_.coalitions[e.closing].push_back(e);
}

// REQUIRES: the decision holds, and is therefore in its one encoding.
const std::vector<Owing>& Fold::ObligationsIn(const std::string& decision) {
  // Keys are in order, and within a text there is no quote without a backslash.
  const size_t end = decision.find("],\"outcome\":\"");
  std::string written = decision.substr(0, end);
  const auto known = standing_.obligations_.find(written);
  if (known != standing_.obligations_.end()) return known->second;
  auto read = rules::DecisionFromJson(decision);
  if (standing_.obligations_.size() >= kObligationsMax) standing_.obligations_.clear();
  auto& kept = standing_.obligations_[std::move(written)];
  if (!read) return kept;
  for (rules::Obligation& one : read->obligations) {
    std::string clause = rules::CodesOf(one);
    kept.push_back({std::move(one), std::move(clause)});
  }
  return kept;
}

// Decisions in the words of a build that told duties by their sentences are folded as it did.
bool Fold::IsOwed(const DutyName& name, const rules::Obligation& obligation, uint32_t words) const {
  if (words >= kWordsWithDutyNames) return state_.duty_names.contains(name);
  return std::ranges::any_of(state_.duties, [&](const auto& item) {
    const Duty& duty = item.second;
    return duty.debtor == name.debtor && duty.about == name.about && duty.obligation == obligation;
  });
}

// `owed` lacks its clause.
void Fold::OpenDuties(const Said& said, const std::string& decision, const DutyName& owed) {
  if (decision.find("\"obligations\":[]") != std::string::npos) return;
  const uint32_t words = rules::WordsOf(decision).value_or(0);
  const std::vector<Owing>& obligations = ObligationsIn(decision);
  std::map<std::string_view, uint64_t> of_clause;
  for (size_t i = 0; i < obligations.size(); ++i) {
    const auto& [obligation, clause] = obligations[i];
    DutyName name = owed;
    name.clause = clause;
    name.of_clause = of_clause[clause]++;
    if (IsOwed(name, obligation, words)) continue;
    Duty& duty = state_.duties[{said.index, i}];
    duty = {said.index, i, name.debtor, name.about, name.what, obligation, said.at, {}, {}};
    state_.duty_names.insert(std::move(name));
    if (obligation.limit == rules::Duty::Limit::kWithin) {
      duty.due = rules::Instant{said.at.seconds + SecondsOf(obligation)};
      state_.dues[duty.debtor].insert(*duty.due);
    }
  }
}

}  // namespace dure::standing
