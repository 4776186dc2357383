#include "policy/standing/behind.h"

#include <algorithm>

namespace dure::standing {

namespace {

std::vector<RoundAttempt> LastMakersBehind(const State& state, const Digest& model) {
  std::vector<RoundAttempt> rounds;
  std::set<Digest> seen;
  Digest at = model;
  for (;;) {
    const auto made = state.models.find(at);
    if (made == state.models.end() || !seen.insert(at).second) break;
    rounds.push_back(made->second.back());
    at = state.rounds.at(made->second.back()).base_model;
  }
  std::ranges::reverse(rounds);
  return rounds;
}

// By dataset.
std::vector<GrantsEnd> EndsOfGrants(const State& state, const Digest& model) {
  std::vector<GrantsEnd> ends;
  for (const auto& [what, rounds] : DatasetsBehind(state, model)) {
    const auto dataset = state.datasets.find(what.dataset);
    if (dataset == state.datasets.end()) continue;
    const auto& gone = dataset->second.withdrawn;
    if (!gone || gone->scope == ledger::WithdrawalScope::kFutureRounds) continue;
    ends.push_back({gone->index, what.dataset, gone->ends_grants});
  }
  return ends;
}

}  // namespace

std::vector<RoundAttempt> RoundsBehind(const State& state, const Digest& model, uint32_t words) {
  if (words < kEveryMakerSince) return LastMakersBehind(state, model);
  std::map<uint64_t, RoundAttempt> rounds;  // by the closing
  std::set<Digest> seen;  // a round that changed nothing starts from its own model
  std::vector<Digest> open = {model};
  while (!open.empty()) {
    const Digest at = open.back();
    open.pop_back();
    const auto made = state.models.find(at);
    if (made == state.models.end() || !seen.insert(at).second) continue;
    for (const RoundAttempt& by : made->second) {
      const Round& round = state.rounds.at(by);
      rounds.emplace(*round.closed, by);
      open.push_back(round.base_model);
    }
  }
  std::vector<RoundAttempt> ordered;
  for (const auto& [closing, at] : rounds) ordered.push_back(at);
  return ordered;
}

std::map<DatasetVersion, std::vector<RoundAttempt>> DatasetsBehind(const State& state,
                                                                   const Digest& model,
                                                                   uint32_t words) {
  std::map<DatasetVersion, std::vector<RoundAttempt>> behind;
  for (const RoundAttempt& at : RoundsBehind(state, model, words)) {
    const Round& round = state.rounds.at(at);
    for (const uint64_t index : round.counted) {
      for (const ledger::DatasetUsed& used : round.submissions.at(index).datasets) {
        std::vector<RoundAttempt>& rounds = behind[used.what];
        if (rounds.empty() || rounds.back() != at) rounds.push_back(at);
      }
    }
  }
  return behind;
}

std::optional<uint64_t> EndedBy(const State& state, const Digest& model, rules::Instant now) {
  std::optional<uint64_t> first;
  for (const GrantsEnd& end : EndsOfGrants(state, model)) {
    if (now < end.at) continue;
    if (!first || end.withdrawal < *first) first = end.withdrawal;
  }
  return first;
}

std::optional<GrantsEnd> EndOfGrants(const State& state, const Digest& model) {
  const auto ends = EndsOfGrants(state, model);
  const auto first = std::ranges::min_element(ends, {}, &GrantsEnd::at);
  return first == ends.end() ? std::nullopt : std::optional(*first);
}

std::set<terms::Purpose> PurposesOf(const State& state, const std::set<RunId>& runs) {
  std::set<terms::Purpose> purposes;
  for (const RunId& id : runs) {
    const auto& fields = state.runs.at(id).fields;
    const auto field = fields.find("purpose");
    if (field == fields.end()) continue;
    if (const auto purpose = terms::FromWord<terms::Purpose>(field->second)) {
      purposes.insert(*purpose);
    }
  }
  return purposes;
}

std::map<std::string, std::set<terms::Purpose>> UsedFor(const State& state, const Digest& model,
                                                        uint32_t words) {
  std::map<std::string, std::set<terms::Purpose>> used_for;
  for (const auto& [what, rounds] : DatasetsBehind(state, model, words)) {
    std::set<RunId> runs;
    for (const RoundAttempt& at : rounds) runs.insert(at.run);
    used_for[what.dataset.str()].merge(PurposesOf(state, runs));
  }
  return used_for;
}

namespace {

// Whoever withdraws with a wider scope than future rounds lets no model with the data in it go
// anywhere from then on; what was granted before stands until it is revoked.
terms::Terms Withdrawn(terms::Terms terms) {
  for (const auto action : {terms::Action::kExportWeights, terms::Action::kServe,
                            terms::Action::kDistil, terms::Action::kSynthesise}) {
    terms.Of(action) = terms::Permission::kDeny;
  }
  return terms;
}

}  // namespace

terms::ModelTerms TermsBehind(const State& state, const Digest& model, uint32_t words) {
  terms::ModelTerms joined;
  for (const auto& [what, rounds] : DatasetsBehind(state, model, words)) {
    const auto dataset = state.datasets.find(what.dataset);
    if (dataset == state.datasets.end()) continue;
    // The terms under which it was lent, and those in force now: a change may narrow, never widen.
    for (const uint64_t version : {what.version, dataset->second.version()}) {
      const auto entry = dataset->second.versions.find(version);
      if (entry == dataset->second.versions.end()) continue;
      const terms::Source source{what.dataset.str(), version};
      joined = terms::Join(joined, terms::TermsOf(source, entry->second.terms));
    }
    const auto& gone = dataset->second.withdrawn;
    if (gone && gone->scope != ledger::WithdrawalScope::kFutureRounds) {
      const terms::Source source{what.dataset.str(), dataset->second.version()};
      const terms::Terms now = Withdrawn(dataset->second.newest().terms);
      joined = terms::Join(joined, terms::TermsOf(source, now));
      joined.withdrawn_at.emplace(what.dataset.str(), gone->index);
    }
  }
  return joined;
}

}  // namespace dure::standing
