#include "policy/standing/behind.h"

#include <algorithm>

namespace dure::standing {

std::vector<RoundAttempt> RoundsBehind(const State& state, const Digest& model) {
  std::vector<RoundAttempt> rounds;
  std::set<Digest> seen;
  Digest at = model;
  for (;;) {
    const auto made = state.models.find(at);
    // A round that changed nothing makes the model it started from; nothing older is behind it.
    if (made == state.models.end() || !seen.insert(at).second) break;
    rounds.push_back(made->second);
    at = state.rounds.at(made->second).base_model;
  }
  std::ranges::reverse(rounds);
  return rounds;
}

std::map<DatasetVersion, std::vector<RoundAttempt>> DatasetsBehind(const State& state,
                                                                   const Digest& model) {
  std::map<DatasetVersion, std::vector<RoundAttempt>> behind;
  for (const RoundAttempt& at : RoundsBehind(state, model)) {
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

terms::ModelTerms TermsBehind(const State& state, const Digest& model) {
  terms::ModelTerms joined;
  for (const auto& [what, rounds] : DatasetsBehind(state, model)) {
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
