#include "policy/standing/shares.h"

#include <algorithm>
#include <array>
#include <set>

#include "federation/canonical.h"
#include "policy/standing/admission.h"

namespace dure::standing {
namespace {

constexpr uint64_t kMillion = 1'000'000;
constexpr size_t kDraws = 200;
constexpr size_t kTail = kDraws / 20;  // 5 of 100 on each side

using Inputs = std::map<MemberId, ShareInput>;
using Shares = std::map<MemberId, uint64_t>;

Inputs OfRound(const Round& round) {
  Inputs inputs;
  for (const uint64_t index : round.counted) {
    const Submission& submission = round.submissions.at(index);
    ShareInput& input = inputs[submission.member];
    input.tokens += submission.tokens;
    input.steps += submission.steps;
    input.rounds = 1;
    input.accelerator_seconds += submission.accelerator_seconds;
  }
  return inputs;
}

std::vector<Inputs> ClosedRounds(const State& state, const RunId& run) {
  std::vector<Inputs> rounds;
  for (const auto& [index, at] : state.closings) {
    if (at.run == run) rounds.push_back(OfRound(state.rounds.at(at)));
  }
  return rounds;
}

// How many models of the run each member measured. From this version of the words on: before, a
// figure said again counted again.
constexpr uint32_t kModelsAreCountedSince = 5;

Inputs Evaluated(const State& state, const RunId& run) {
  Inputs inputs;
  std::set<std::pair<Digest, MemberId>> counted;
  const bool once = NewestWords(state) >= kModelsAreCountedSince;
  for (const Evaluation& one : state.evaluations) {
    const auto made = state.models.find(one.reported.model);
    const auto site = state.sites.find(one.reported.site);
    const bool of_run = made != state.models.end() && made->second.back().run == run;
    if (!of_run || site == state.sites.end()) continue;
    if (once && !counted.emplace(one.reported.model, site->second).second) continue;
    ++inputs[site->second].evaluations;
  }
  return inputs;
}

void Add(Inputs& sum, const Inputs& more) {
  for (const auto& [member, input] : more) {
    ShareInput& to = sum[member];
    to.tokens += input.tokens;
    to.steps += input.steps;
    to.rounds += input.rounds;
    to.evaluations += input.evaluations;
    to.accelerator_seconds += input.accelerator_seconds;
  }
}

// Parts of a million of one component; empty where nobody has any.
Shares PartsOf(const Inputs& inputs, uint64_t ShareInput::*component) {
  __uint128_t total = 0;
  for (const auto& [member, input] : inputs) total += input.*component;
  Shares parts;
  if (total == 0) return parts;
  for (const auto& [member, input] : inputs) {
    parts[member] = static_cast<uint64_t>(__uint128_t{input.*component} * kMillion / total);
  }
  return parts;
}

void Cap(Shares& parts, uint64_t percent) {
  for (auto& [member, part] : parts) part = std::min(part, percent * (kMillion / 100));
}

// To parts of a million that sum to a million: what is lost to rounding goes to the largest
// remainders, and among equals to the first member.
Shares Normalised(const std::map<MemberId, __uint128_t>& weights) {
  __uint128_t total = 0;
  for (const auto& [member, weight] : weights) total += weight;
  Shares shares;
  if (total == 0) return shares;
  std::vector<std::pair<__uint128_t, MemberId>> remainders;
  uint64_t given = 0;
  for (const auto& [member, weight] : weights) {
    const __uint128_t scaled = weight * kMillion;
    shares[member] = static_cast<uint64_t>(scaled / total);
    given += shares[member];
    remainders.emplace_back(scaled % total, member);
  }
  std::ranges::sort(remainders, [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  for (size_t i = 0; given < kMillion; ++i, ++given) ++shares[remainders[i].second];
  return shares;
}

struct Component {
  const char* name;
  uint64_t ShareInput::*value;
  uint64_t percent;
};
std::array<Component, 4> ComponentsOf(const ShareFormula& formula) {
  return {{{"tokens", &ShareInput::tokens, formula.tokens},
           {"steps", &ShareInput::steps, formula.steps},
           {"rounds", &ShareInput::rounds, formula.rounds},
           {"evaluations", &ShareInput::evaluations, formula.evaluations}}};
}

Shares PartsOf(const Inputs& inputs, const Component& component, const ShareFormula& formula) {
  Shares parts = PartsOf(inputs, component.value);
  if (component.value == &ShareInput::tokens) Cap(parts, formula.cap);
  return parts;
}

Shares Apply(const ShareFormula& formula, const Inputs& inputs) {
  std::map<MemberId, __uint128_t> weights;
  for (const auto& [member, input] : inputs) weights[member] = 0;
  for (const Component& component : ComponentsOf(formula)) {
    for (const auto& [member, part] : PartsOf(inputs, component, formula)) {
      weights[member] += __uint128_t{part} * component.percent;
    }
  }
  return Normalised(weights);
}

// A fair index below `bound` from a counter: the same on every machine.
size_t Draw(uint64_t seed, uint64_t draw, uint64_t place, size_t bound) {
  const Digest digest =
      Sha256(CanonicalWriter().Text("dure-share-draw-1").U64(seed).U64(draw).U64(place).Take());
  uint64_t value = 0;
  for (size_t i = 0; i < 8; ++i) value = value << 8 | digest.bytes[i];
  return static_cast<size_t>(__uint128_t{value} * bound >> 64);
}

}  // namespace

std::string ShareFormula::Text() const {
  return "share formula: tokens " + std::to_string(tokens) + ", steps " + std::to_string(steps) +
         ", rounds " + std::to_string(rounds) + ", evaluations " + std::to_string(evaluations) +
         ", cap " + std::to_string(cap);
}

Result<ShareFormula> ShareFormula::Parse(std::string_view text) {
  ShareFormula formula;
  constexpr std::string_view kBegin = "share formula: ";
  const std::array<std::pair<std::string_view, uint64_t*>, 5> fields = {
      {{"tokens ", &formula.tokens},
       {"steps ", &formula.steps},
       {"rounds ", &formula.rounds},
       {"evaluations ", &formula.evaluations},
       {"cap ", &formula.cap}}};
  size_t at = text.starts_with(kBegin) ? kBegin.size() : text.size();
  for (const auto& [name, value] : fields) {
    if (text.substr(at).starts_with(name)) at += name.size();
    *value = 0;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9' && *value <= 100; ++at) {
      *value = *value * 10 + static_cast<uint64_t>(text[at] - '0');
    }
    if (text.substr(at).starts_with(", ")) at += 2;
  }
  const uint64_t sum = formula.tokens + formula.steps + formula.rounds + formula.evaluations;
  if (formula.Text() == text && sum == 100 && formula.cap >= 1 && formula.cap <= 100) {
    return formula;
  }
  return Fail(ErrorCode::kInvalid, "a share formula reads \"" + ShareFormula().Text() +
                                       "\"; the first four sum to 100, the cap is 1 to 100");
}

std::map<MemberId, ShareInput> ShareInputs(const State& state, const RunId& run) {
  Inputs inputs = Evaluated(state, run);
  for (const Inputs& round : ClosedRounds(state, run)) Add(inputs, round);
  return inputs;
}

std::vector<SharePart> ShareParts(const State& state, const RunId& run,
                                  const ShareFormula& formula) {
  const Inputs inputs = ShareInputs(state, run);
  std::vector<SharePart> parts;
  for (const Component& component : ComponentsOf(formula)) {
    parts.push_back({component.name, component.percent, PartsOf(inputs, component, formula)});
  }
  return parts;
}

ShareFormula FormulaOf(const State& state) {
  return state.share_formula.empty() ? ShareFormula() : *ShareFormula::Parse(state.share_formula);
}

uint64_t SeedOf(const ledger::LogReader& log, const State& state, const RunId& run) {
  uint64_t seed = 0;
  for (const auto& [index, at] : state.closings) {
    if (at.run != run) continue;
    const Digest leaf = log.Leaf(index);
    seed = 0;
    // 53 bits: JSON readers keep no more.
    for (size_t i = 0; i < 8; ++i) seed = seed << 8 | leaf.bytes[i];
    seed >>= 11;
  }
  return seed;
}

std::vector<ledger::ShareOfMember> ComputeShares(const State& state, const RunId& run,
                                                 const ShareFormula& formula, uint64_t seed) {
  const std::vector<Inputs> rounds = ClosedRounds(state, run);
  if (rounds.empty()) return {};
  const Inputs evaluated = Evaluated(state, run);
  const Shares shares = Apply(formula, ShareInputs(state, run));
  std::map<MemberId, std::vector<uint64_t>> drawn;
  for (size_t draw = 0; draw < kDraws; ++draw) {
    Inputs inputs = evaluated;
    for (size_t place = 0; place < rounds.size(); ++place) {
      Add(inputs, rounds[Draw(seed, draw, place, rounds.size())]);
    }
    const Shares once = Apply(formula, inputs);
    for (const auto& [member, share] : shares) {
      const auto found = once.find(member);
      drawn[member].push_back(found == once.end() ? 0 : found->second);
    }
  }
  std::vector<ledger::ShareOfMember> result;
  for (const auto& [member, share] : shares) {
    std::vector<uint64_t>& values = drawn[member];
    std::ranges::sort(values);
    result.push_back({member, share, std::min(share, values[kTail]),
                      std::max(share, values[kDraws - 1 - kTail])});
  }
  return result;
}

}  // namespace dure::standing
