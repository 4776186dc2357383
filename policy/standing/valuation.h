// What a contribution was worth, by measurement: the round's model beside the models that it would
// have come to without some of its contributions. Only for runs that are unmasked and declared it
// when they were proposed; their aggregator makes the coalitions' models, and sites measure them.
//
// A model's loss is nats a byte in millionths, averaged over the sites that measured every model of
// the round; what a member or a house brings is what the loss would be higher without it. All in
// whole numbers: every copy comes to the same. The coalitions' models are the aggregator's word:
// no site sees the others' updates. Pure; any thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "policy/standing/state.h"

namespace dure::standing {

using ledger::CoalitionKind;

struct ValuationRefusal {
  std::string code;  // "masked", "robust", "not-declared", "not-measured", "no-gain"
  std::string text;
  std::string text_ko;
};
// Why this run cannot be valued so, whatever is measured; nullopt: it can.
std::optional<ValuationRefusal> RefusalOf(const Run& run, CoalitionKind kind);

// Whose models are due of a closed round: all but one counted member, for each; or every part of
// the houses counted but none and all. Ascending. Empty: one alone contributed.
std::vector<std::vector<std::string>> CoalitionsDue(const State& state, const RoundAttempt& at,
                                                    CoalitionKind kind);

// Every model that a valuation of the run compares and that not every measuring site has measured
// yet, each once: of parts, of closed rounds with parts, and for houses the round's base.
std::vector<Digest> ModelsToMeasure(const State& state, const RunId& run);

// Names the sum of a valuation's method, as share-computed does with a formula.
Digest DigestOf(CoalitionKind kind);

// What was measured of one round. Losses and gains are nats a byte in billionths.
struct RoundWorth {
  struct Part {
    std::vector<std::string> of;  // members or houses; empty: the round's base
    Digest model;
    int64_t loss = 0;
  };
  RoundAttempt at;
  std::vector<SiteId> sites;             // that measured all of its models
  std::vector<Part> parts;               // ascending by `of`
  std::map<std::string, int64_t> gains;  // by member or house
};

struct Valued {
  std::vector<ledger::ShareOfMember> shares;  // ascending by member; they sum to a million
  std::vector<RoundWorth> rounds;             // that were measured
};
// The interval spans what comes out when one measuring site is left out. A house's part is divided
// evenly among its members that contributed. Fails with what RefusalOf says, or not-measured, or
// no-gain, as the code of a sentence.
struct Valuation {
  std::optional<ValuationRefusal> refusal;
  Valued valued;
};
Valuation ValueRun(const State& state, const RunId& run, CoalitionKind kind);

}  // namespace dure::standing
