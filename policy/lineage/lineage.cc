#include "policy/lineage/lineage.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "policy/standing/behind.h"

namespace dure::lineage {
namespace {

using standing::State;

RoundStory StoryOf(const RoundAttempt& at, const standing::Round& round) {
  RoundStory story;
  story.at = at;
  story.opened = round.opened;
  story.closed = round.closed.value_or(0);
  story.base_model = round.base_model;
  story.model = round.model;
  story.left_out = round.excluded;
  story.sums = round.sums;
  for (const uint64_t index : round.counted) {
    const standing::Submission& from = round.submissions.at(index);
    Contributed contributed{from.site,   from.member, index, from.weight,
                            from.tokens, from.steps,  {},    from.accelerator_seconds};
    for (const ledger::DatasetUsed& used : from.datasets) contributed.datasets.push_back(used.what);
    story.contributed.push_back(std::move(contributed));
  }
  return story;
}

bool HasIt(const standing::Submission& submission, const DatasetId& dataset) {
  return std::ranges::any_of(submission.datasets, [&](const ledger::DatasetUsed& used) {
    return used.what.dataset == dataset;
  });
}

bool Counts(const standing::Round& round, const DatasetId& dataset) {
  return std::ranges::any_of(
      round.counted, [&](uint64_t index) { return HasIt(round.submissions.at(index), dataset); });
}

uint64_t TokensOfOthers(const standing::Round& round, const DatasetId& dataset) {
  uint64_t tokens = 0;
  if (round.sums) return round.sums->tokens;
  for (const uint64_t index : round.counted) {
    const standing::Submission& submission = round.submissions.at(index);
    if (!HasIt(submission, dataset)) tokens += submission.tokens;
  }
  return tokens;
}

// It says how many rounds it has, and has not closed them all.
bool HasRoundsToCome(const State& state, const RunId& id, const standing::Run& run) {
  const auto field = run.fields.find("rounds");
  if (field == run.fields.end()) return true;
  uint64_t rounds = 0;
  const char* end = field->second.data() + field->second.size();
  const auto read = std::from_chars(field->second.data(), end, rounds);
  if (read.ec != std::errc() || read.ptr != end) return true;
  uint64_t closed = 0;
  for (const auto& [index, at] : state.closings) closed += at.run == id ? 1 : 0;
  return closed < rounds;
}

// As standing::DatasetsBehind has it: a model is its digest, so what one of its makers counted is
// in it, and in all that began from it, also where that maker changed nothing or came later.
std::set<Digest> ModelsWith(const State& state, const DatasetId& dataset) {
  std::set<Digest> with;
  for (size_t before = SIZE_MAX; before != with.size();) {
    before = with.size();
    for (const auto& [index, at] : state.closings) {
      const standing::Round& round = state.rounds.at(at);
      if (with.contains(round.base_model) || Counts(round, dataset)) with.insert(round.model);
    }
  }
  return with;
}

// Whether a member whose contribution has it is of this part, by itself or by its house.
bool IsOfPart(const State& state, const standing::Round& round, const MadeOfParts& part,
              const DatasetId& dataset) {
  return std::ranges::any_of(round.counted, [&](uint64_t index) {
    const standing::Submission& submission = round.submissions.at(index);
    if (!HasIt(submission, dataset)) return false;
    const bool by_house = part.kind == ledger::CoalitionKind::kGroup;
    const std::string name = by_house ? std::string(Name(state.members.at(submission.member).house))
                                      : submission.member.str();
    return std::ranges::find(part.of, name) != part.of.end();
  });
}

// Nobody is granted one, and no round begins from one: they lie where the round was added up.
std::vector<MadeOfParts> PartsWith(const State& state, const std::set<Digest>& models,
                                   const DatasetId& dataset) {
  std::vector<MadeOfParts> with;
  for (const auto& [closing, all] : state.coalitions) {
    const RoundAttempt& at = state.closings.at(closing);
    const standing::Round& round = state.rounds.at(at);
    const bool in_base = models.contains(round.base_model);
    for (const ledger::CoalitionsMade& made : all) {
      for (const ledger::Coalition& one : made.coalitions) {
        MadeOfParts part{one.model, at, made.kind, one.of};
        if (in_base || IsOfPart(state, round, part, dataset)) with.push_back(std::move(part));
      }
    }
  }
  return with;
}

std::vector<uint64_t> GrantsOf(const State& state, const std::set<Digest>& models,
                               bool only_standing) {
  std::vector<uint64_t> grants;
  for (const auto& [index, grant] : state.grants) {
    if (!models.contains(grant.decided.model)) continue;
    if (only_standing && (!grant.decided.granted || grant.revoked)) continue;
    grants.push_back(index);
  }
  return grants;
}

}  // namespace

Result<ModelLineage> LineageOf(const State& state, const Digest& model) {
  if (!state.models.contains(model)) {
    return Fail(ErrorCode::kNotFound,
                "no closed round of this log made model " + model.Hex().substr(0, 16) + "…");
  }
  ModelLineage lineage;
  lineage.model = model;
  std::set<MemberId> members;
  std::set<Digest> policies;
  for (const RoundAttempt& at : standing::RoundsBehind(state, model)) {
    lineage.rounds.push_back(StoryOf(at, state.rounds.at(at)));
    for (const Contributed& one : lineage.rounds.back().contributed) members.insert(one.member);
    const auto run = state.runs.find(at.run);
    if (run != state.runs.end()) policies.insert(run->second.policies);
  }
  for (const auto& [what, rounds] : standing::DatasetsBehind(state, model)) {
    DatasetStory story{what, {}, 0, rounds, std::nullopt};
    const auto dataset = state.datasets.find(what.dataset);
    if (dataset != state.datasets.end()) {
      story.custodian = dataset->second.custodian;
      const auto version = dataset->second.versions.find(what.version);
      if (version != dataset->second.versions.end()) story.registered = version->second.index;
      if (dataset->second.withdrawn) story.withdrawn = dataset->second.withdrawn->index;
    }
    lineage.datasets.push_back(std::move(story));
  }
  lineage.members.assign(members.begin(), members.end());
  lineage.policies.assign(policies.begin(), policies.end());
  lineage.terms = standing::TermsBehind(state, model);
  lineage.licence = terms::ProposeLicence(lineage.terms);
  for (const standing::Evaluation& one : state.evaluations) {
    if (one.reported.model == model) lineage.evaluations.push_back(one);
  }
  lineage.grants = GrantsOf(state, {model}, false);
  return lineage;
}

Result<DatasetUses> UsesOf(const State& state, const DatasetId& dataset) {
  const auto known = state.datasets.find(dataset);
  if (known == state.datasets.end()) {
    return Fail(ErrorCode::kNotFound, "nobody registered a dataset \"" + dataset.str() +
                                          "\"; dure dataset list shows those that are there");
  }
  DatasetUses uses;
  uses.dataset = dataset;
  uses.custodian = known->second.custodian;
  const std::set<Digest> tainted = ModelsWith(state, dataset);
  std::set<Digest> listed;
  for (const auto& [index, at] : state.closings) {
    const standing::Round& round = state.rounds.at(at);
    if (Counts(round, dataset)) uses.rounds.push_back(at);
    if (!tainted.contains(round.model)) {
      uses.clean[at.run] = round.model;
      continue;
    }
    const bool is_first = listed.insert(round.model).second;
    if (round.model == round.base_model && !is_first) continue;
    uses.models.push_back({round.model, at, index});
    uses.clean.try_emplace(at.run,
                           tainted.contains(round.base_model) ? Digest() : round.base_model);
  }
  // Runs that it never reached have nothing to be cleaned.
  std::set<RunId> reached;
  for (const Made& made : uses.models) reached.insert(made.at.run);
  std::erase_if(uses.clean, [&](const auto& item) { return !reached.contains(item.first); });
  uses.parts = PartsWith(state, tainted, dataset);
  uses.grants = GrantsOf(state, tainted, true);
  for (const standing::Evaluation& one : state.evaluations) {
    const auto& on = one.reported.on;
    const bool is_of_it = on && std::ranges::any_of(on->datasets, [&](const auto& used) {
                            return used.what.dataset == dataset;
                          });
    if (is_of_it) uses.figures.push_back(one);
  }
  return uses;
}

Result<WithdrawalPlan> PlanWithdrawal(const State& state, const DatasetId& dataset) {
  WithdrawalPlan plan;
  DURE_ASSIGN(plan.uses, UsesOf(state, dataset));
  for (const auto& [id, run] : state.runs) {
    const bool open = run.approved && !run.halted && HasRoundsToCome(state, id, run);
    if (open) plan.running.push_back(id);
  }
  uint64_t rounds = 0;
  uint64_t tokens = 0;
  for (const Made& made : plan.uses.models) {
    ++rounds;
    tokens += TokensOfOthers(state.rounds.at(made.at), dataset);
  }
  const uint64_t models = plan.uses.models.size();
  const uint64_t grants = plan.uses.grants.size();
  using ledger::WithdrawalScope;
  uint64_t all = 0;
  uint64_t all_tokens = 0;
  for (const auto& [id, clean] : plan.uses.clean) {
    for (const auto& [at, round] : state.rounds) {
      if (at.run != id || !round.closed) continue;
      ++all;
      all_tokens += TokensOfOthers(round, dataset);
      plan.masked = plan.masked || round.sums.has_value();
    }
  }
  plan.options = {{WithdrawalScope::kFutureRounds, 0, 0, 0, 0},
                  {WithdrawalScope::kRestart, rounds, tokens, models, grants},
                  {WithdrawalScope::kRetrain, all, all_tokens, models, grants},
                  {WithdrawalScope::kRetireModels, 0, 0, models, grants}};
  return plan;
}

}  // namespace dure::lineage
