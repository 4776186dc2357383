// What stands behind a model: the datasets that flowed into it, by way of its rounds.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "policy/rules/versions.h"
#include "policy/standing/state.h"
#include "policy/terms/combine.h"

namespace dure::standing {

// Decisions in the words of earlier versions were made by builds that knew only the last round
// that made a model. They are replayed so: pass their words.
inline constexpr uint32_t kEveryMakerSince = 3;

// The closed rounds that made this model, and those behind what each of them started from, in the
// order of their closings. Several rounds make one model where one changed nothing, or repeats what
// another did: the datasets of all of them are in it.
std::vector<RoundAttempt> RoundsBehind(const State& state, const Digest& model,
                                       uint32_t words = rules::kWordsVersion);

// Each dataset version, and the closed rounds that counted it, oldest first. Empty for a model that
// no round of this log made.
std::map<DatasetVersion, std::vector<RoundAttempt>> DatasetsBehind(
    const State& state, const Digest& model, uint32_t words = rules::kWordsVersion);

// Their terms together: as they were lent and as they are now, so a change narrows and never widens
// what a model that is already trained may be used for. A withdrawal that asks for more than future
// rounds lets it be used for nothing new.
terms::ModelTerms TermsBehind(const State& state, const Digest& model,
                              uint32_t words = rules::kWordsVersion);

// The withdrawal that ended a grant of this model by then, the first of them; nullopt: none did.
// One that asks for more than future rounds does, once the notice that the terms give others is
// over.
std::optional<uint64_t> EndedBy(const State& state, const Digest& model, rules::Instant now);

// The withdrawal that is the first to end grants of this model, and when it does or did.
struct GrantsEnd {
  uint64_t withdrawal = 0;  // its entry
  DatasetId dataset;
  rules::Instant at;
};
std::optional<GrantsEnd> EndOfGrants(const State& state, const Digest& model);

// The purposes of the runs that used each dataset behind the model.
std::map<std::string, std::set<terms::Purpose>> UsedFor(const State& state, const Digest& model,
                                                        uint32_t words = rules::kWordsVersion);
// The same of any runs.
std::set<terms::Purpose> PurposesOf(const State& state, const std::set<RunId>& runs);

}  // namespace dure::standing
