// Contribution credit: each member's share of a run, by a formula that the members voted.
//
// Inputs are what the record holds of every counted contribution. All arithmetic is in integers, so
// every site comes to the same parts of a million; the interval says how much the share hangs on
// which rounds there happened to be. A share is credit by a formula, not ownership, and not what a
// contribution was worth: valuation.h measures that (docs/reference/shares.md). Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "policy/ledger/ledger.h"
#include "policy/standing/state.h"

namespace dure::standing {

// Percentages that sum to 100. `cap`: no member gets more than this of the tokens' part.
struct ShareFormula {
  uint64_t tokens = 50;
  uint64_t steps = 20;
  uint64_t rounds = 20;
  uint64_t evaluations = 10;
  uint64_t cap = 60;
  // "share formula: tokens 50, steps 20, rounds 20, evaluations 10, cap 60"
  std::string Text() const;
  Digest digest() const { return Sha256(AsBytes(Text())); }
  bool operator==(const ShareFormula&) const = default;
  // kInvalid: not exactly such a text.
  static Result<ShareFormula> Parse(std::string_view text);
};

struct ShareInput {
  uint64_t tokens = 0;
  uint64_t steps = 0;
  uint64_t rounds = 0;
  uint64_t evaluations = 0;
  uint64_t accelerator_seconds = 0;  // credited for nothing: nobody but their sites can check them
};
// What the record holds of a run, by member.
std::map<MemberId, ShareInput> ShareInputs(const State& state, const RunId& run);

// What each part of the formula came to for one member, in parts of a million of that part.
struct SharePart {
  std::string name;  // "tokens", "steps", "rounds", "evaluations"
  uint64_t percent = 0;
  std::map<MemberId, uint64_t> parts;  // empty: nobody has any
};
std::vector<SharePart> ShareParts(const State& state, const RunId& run,
                                  const ShareFormula& formula);

// The formula in force.
ShareFormula FormulaOf(const State& state);
// The seed that nobody chose: from the leaf hash of the run's last closing entry. 0: none closed.
uint64_t SeedOf(const ledger::LogReader& log, const State& state, const RunId& run);

// Of the entries that `state` folded. The interval spans 90 of 100 draws of the run's rounds, drawn
// by `seed`. Empty: no closed round.
std::vector<ledger::ShareOfMember> ComputeShares(const State& state, const RunId& run,
                                                 const ShareFormula& formula, uint64_t seed);

}  // namespace dure::standing
