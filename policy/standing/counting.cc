#include "policy/standing/counting.h"

#include <algorithm>
#include <limits>
#include <map>

#include "federation/codec/encode.h"
#include "federation/codec/scales.h"
#include "policy/standing/admission.h"
#include "policy/standing/fold.h"
#include "policy/standing/lent.h"
#include "policy/standing/still_admitted.h"

namespace dure::standing {
namespace {

using rules::Facts;
using rules::Value;

uint64_t Times(uint64_t a, uint64_t b) {
  uint64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? std::numeric_limits<uint64_t>::max() : product;
}
uint64_t Plus(uint64_t a, uint64_t b) {
  uint64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<uint64_t>::max() : sum;
}

// What its steps could read, and what is there to be read.
uint64_t TokensMax(const State& state, const ledger::RunBounds& bounds,
                   const ledger::ContributionSubmitted& said) {
  uint64_t most = Times(said.steps, bounds.step_tokens);
  if (bounds.passes == 0) return most;
  uint64_t registered = 0;
  for (const ledger::DatasetUsed& used : said.datasets) {
    const DatasetEntry* data = FindVersion(state, used.what);
    // Nothing keeps a policy from admitting what is not on record.
    if (data != nullptr) registered = Plus(registered, data->lent->tokens);
  }
  return std::min(most, Times(registered, bounds.passes));
}

std::optional<Value> Known(std::optional<rules::Decimal> number) {
  return number ? std::optional(Value::Number(*number)) : std::nullopt;
}
std::optional<Value> Norm(const std::optional<double>& norm) {
  if (!norm) return std::nullopt;
  const auto decimal = rules::Decimal::OfDouble(*norm);
  return decimal ? Known(*decimal) : std::nullopt;
}

// What is said of the update itself, beside what is said of its data.
Facts FactsOfUpdate(const Standing& standing, const Round& round, const Run& run,
                    const DatasetVersion& what, const ledger::ContributionSubmitted& said) {
  Facts facts;
  facts.Set("admission.outcome", Value::Text("admit"));
  facts.Set("round.baseModel", Value::Text(round.base_model.Hex()));
  facts.Set("round.no", Value::Count(said.at.round.value));
  facts.Set("round.participants", Value::Count(round.cohort.size()));
  facts.Set("update.signatureValid", Value::Bool(true));  // the chronicle checked it
  facts.Set("update.round", Value::Count(said.at.round.value));
  facts.Set("update.baseModel", Value::Text(said.base_model.Hex()));
  facts.Set("update.codeDigest", Value::Text(said.code.Hex()));
  facts.Set("update.termsVersion", Value::Count(what.version));
  if (const auto dataset = standing.state().datasets.find(what.dataset);
      dataset != standing.state().datasets.end()) {
    facts.Set("dataset.terms.version", Value::Count(dataset->second.version()));
  }
  if (said.masked()) {
    return facts.SetAbsent("update.norm").SetAbsent("update.steps").SetAbsent("update.tokens");
  }
  facts.SetOrAbsent("update.norm", Norm(said.norm));
  facts.Set("update.steps", Value::Count(said.steps));
  facts.Set("update.tokens", Value::Count(said.tokens));
  if (run.bounds) {
    facts.Set("update.tokensMax", Value::Count(TokensMax(standing.state(), *run.bounds, said)));
  }
  return facts;
}

// Nearly always it may be counted, and what settles that is in few places.
bool SurelyCounts(const rules::PolicySet& policies, const Standing& standing, const Run& run,
                  const AdmissionRequest& request, const Facts& of_update) {
  if (request.words < kTdmIsYesOrNoSince) return false;
  const DatasetEntry* data = FindVersion(standing.state(), request.what);
  if (data == nullptr) return false;
  const auto member = standing.state().sites.find(request.site);
  if (member == standing.state().sites.end()) return false;
  const Facts of_member = FactsOfMember(standing.state(), member->second, request.now);
  const auto [told, lent] = SettledFacts(run, *data);
  const std::array<const Facts*, 4> facts = {&of_update, &of_member, lent, told};
  return rules::OutcomeBy(policies, rules::Action::kAggregate, facts) == rules::Outcome::kAdmit;
}

bool SpeaksOfCounting(const rules::PolicyDocument& document) {
  return std::ranges::any_of(document.policy.rules, [](const rules::Rule& rule) {
    return std::ranges::find(rule.actions, rules::Action::kAggregate) != rule.actions.end();
  });
}

// Those of the run's policies that speak of it; none do: nothing but the run's own bounds is asked.
std::vector<const rules::PolicyDocument*> PoliciesOfCounting(const Standing& standing,
                                                             const Run& run) {
  const auto edition = standing.state().editions.find(run.policies);
  if (edition == standing.state().editions.end()) return {};
  // The record's own time: a site's clock is the site's.
  auto documents = standing.DecidingTexts(edition->second, standing.latest());
  std::erase_if(documents, [](const auto* document) { return !SpeaksOfCounting(*document); });
  return documents;
}

// The first decision that refuses it; no policy that speaks of counting refuses nothing.
Result<std::optional<rules::Decision>> RefusalBy(
    const std::vector<const rules::PolicyDocument*>& documents, const Standing& standing,
    const Round& round, const ledger::ContributionSubmitted& said) {
  if (documents.empty()) return std::nullopt;
  DURE_ASSIGN(const rules::PolicySet policies, standing.SetOf(documents));
  const Run& run = standing.state().runs.at(said.at.run);
  for (const ledger::DatasetUsed& used : said.datasets) {
    const AdmissionRequest request{said.at, said.site, used.what, standing.latest(),
                                   NewestWords(standing.state())};
    Facts of_update = FactsOfUpdate(standing, round, run, used.what, said);
    if (SurelyCounts(policies, standing, run, request, of_update)) continue;
    Facts facts = FactsOf(standing, request);
    facts.Overlay(std::move(of_update));
    rules::Decision decision = rules::Decide(policies, rules::Action::kAggregate, facts);
    if (decision.outcome != rules::Outcome::kAdmit) return std::optional(std::move(decision));
  }
  return std::nullopt;
}

// What a direction weighs at least, where the run merges by direction and norm: half of the length
// that the lane's scales expect weighs one (federation/merging/direction.h).
std::optional<uint64_t> LeastOfDirection(const State& state, const Run& run) {
  const auto merge = run.fields.find("merge");
  const auto lane = run.fields.find("lane");
  if (NewestWords(state) < kDirectionsCountSince) return std::nullopt;
  if (merge == run.fields.end() || merge->second != "direction-norm") return std::nullopt;
  const auto of =
      lane == run.fields.end() ? codec::LaneFromName("") : codec::LaneFromName(lane->second);
  if (!of) return std::nullopt;
  return codec::kWeightOne / (2 * codec::Headroom(*of));
}

std::optional<CountingBreach> WeightBreach(const State& state, const Run& run,
                                           const ledger::ContributionSubmitted& said) {
  if (said.masked() || !run.bounds) return std::nullopt;
  const ledger::RunBounds& bounds = *run.bounds;
  const auto least = bounds.reference_tokens == 0 ? LeastOfDirection(state, run) : std::nullopt;
  if (least) {
    if (said.weight >= *least && said.weight <= codec::kWeightOne) return std::nullopt;
    return CountingBreach{"weight",
                          "by its direction an update weighs " + std::to_string(*least) + " to " +
                              std::to_string(codec::kWeightOne) + ", not " +
                              std::to_string(said.weight),
                          {}};
  }
  const auto due = bounds.reference_tokens == 0
                       ? Result<uint64_t>(codec::kWeightOne)
                       : codec::WeightOf(said.tokens, bounds.reference_tokens);
  if (due && *due == said.weight) return std::nullopt;
  return CountingBreach{"weight",
                        std::to_string(said.tokens) + " tokens weigh " +
                            std::to_string(due.value_or(0)) + ", not " +
                            std::to_string(said.weight),
                        {}};
}

}  // namespace

const Submission* SameOfAnother(const Round& round, const SiteId& site, const Digest& contribution,
                                uint64_t before) {
  for (const auto& [index, said] : round.submissions) {
    if (index >= before) break;
    if (said.site != site && said.contribution == contribution) return &said;
  }
  return nullptr;
}

const Submission* SameOfAnother(const Round& round, uint64_t submission) {
  const auto found = round.submissions.find(submission);
  if (found == round.submissions.end()) return nullptr;
  return SameOfAnother(round, found->second.site, found->second.contribution, submission);
}

std::optional<SameBytes> CountedTwice(const Round& round,
                                      const std::vector<uint64_t>& submissions) {
  std::map<Digest, const Submission*> counted;
  for (const uint64_t index : submissions) {
    const auto said = round.submissions.find(index);
    if (said == round.submissions.end()) continue;
    const auto [first, is_new] = counted.try_emplace(said->second.contribution, &said->second);
    if (is_new || first->second->site == said->second.site) continue;
    return SameBytes{first->second, &said->second};
  }
  return std::nullopt;
}

std::string_view WhyNotMerged(const State& state, const RoundAttempt& at,
                              const std::vector<uint64_t>& submissions) {
  const auto round = state.rounds.find(at);
  if (round == state.rounds.end()) return {};
  const auto is_withdrawn = [&](uint64_t index) {
    const auto said = round->second.submissions.find(index);
    return said != round->second.submissions.end() &&
           std::ranges::any_of(said->second.datasets, [&](const ledger::DatasetUsed& used) {
             return IsWithdrawn(state, used.what.dataset);
           });
  };
  if (std::ranges::any_of(submissions, is_withdrawn)) return "dataset-withdrawn";
  return CountedTwice(round->second, submissions) ? "counts-twice" : "";
}

std::optional<CountingBreach> WhyNotCounted(const Standing& standing, const Round& round,
                                            const ledger::ContributionSubmitted& said) {
  const Run& run = standing.state().runs.at(said.at.run);
  if (auto breach = WeightBreach(standing.state(), run, said)) return breach;
  const auto refusal = RefusalBy(PoliciesOfCounting(standing, run), standing, round, said);
  if (!refusal) return CountingBreach{"not-countable", refusal.error().message, {}};
  if (!*refusal) return std::nullopt;
  const rules::Reason& first = (*refusal)->reasons.front();
  return CountingBreach{"not-countable", first.rule + ": " + first.because.en,
                        rules::ToJson(**refusal)};
}

Result<std::optional<rules::Decision>> RefusalWith(const Standing& standing, const Round& round,
                                                   const ledger::ContributionSubmitted& said,
                                                   const rules::PolicyDocument& proposal) {
  auto documents = PoliciesOfCounting(standing, standing.state().runs.at(said.at.run));
  std::erase_if(documents, [&](const rules::PolicyDocument* document) {
    return document->policy.name.en == proposal.policy.name.en;
  });
  if (SpeaksOfCounting(proposal)) documents.push_back(&proposal);
  return RefusalBy(documents, standing, round, said);
}

}  // namespace dure::standing
