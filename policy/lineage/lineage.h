// Lineage: what stands behind a model, where a dataset went, and what its withdrawal touches.
//
// Questions to a standing, answered from entries alone; each answer names the entries it rests on.
// Pure functions; any thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "policy/standing/state.h"
#include "policy/terms/combine.h"
#include "policy/terms/proposal.h"

namespace dure::lineage {

using ledger::DatasetVersion;
using ledger::RoundAttempt;

struct Contributed {
  SiteId site;
  MemberId member;
  uint64_t submission = 0;  // entry
  uint64_t weight = 0;      // 0: masked, and so are the two below
  uint64_t tokens = 0;
  uint64_t steps = 0;
  std::vector<DatasetVersion> datasets;
  uint64_t accelerator_seconds = 0;  // 0: its site says none
};
struct RoundStory {
  RoundAttempt at;
  uint64_t opened = 0;  // entries
  uint64_t closed = 0;
  Digest base_model;
  Digest model;
  std::vector<Contributed> contributed;
  std::vector<ledger::ExcludedSite> left_out;
  std::optional<ledger::MaskedSums> sums;  // of a masked round: what all of them gave together
};
struct DatasetStory {
  DatasetVersion what;
  MemberId custodian;
  uint64_t registered = 0;  // entry of this version
  std::vector<RoundAttempt> rounds;
  std::optional<uint64_t> withdrawn;  // entry
};
struct ModelLineage {
  Digest model;
  std::vector<RoundStory> rounds;  // oldest first
  std::vector<DatasetStory> datasets;
  std::vector<MemberId> members;  // that contributed, ascending
  std::vector<Digest> policies;   // under which its runs were admitted
  terms::ModelTerms terms;
  terms::LicenceProposal licence;
  std::vector<standing::Evaluation> evaluations;
  std::vector<uint64_t> grants;  // entries
};
// kNotFound: no closed round of this log made the model.
Result<ModelLineage> LineageOf(const standing::State& state, const Digest& model);

// A model made by a round, and the round.
struct Made {
  Digest model;
  RoundAttempt at;
  uint64_t closed = 0;
};
// A model that was made to value a round: what it would have come to with these alone.
struct MadeOfParts {
  Digest model;
  RoundAttempt at;
  ledger::CoalitionKind kind = ledger::CoalitionKind::kLeaveOneOut;
  std::vector<std::string> of;  // members or houses
};
struct DatasetUses {
  DatasetId dataset;
  MemberId custodian;
  std::vector<RoundAttempt> rounds;           // closed rounds that counted it, by entry
  std::vector<Made> models;                   // that have it behind them, by entry
  std::vector<MadeOfParts> parts;             // the same; of a round's parts, by its closing entry
  std::vector<uint64_t> grants;               // of those models, granted and not revoked
  std::vector<standing::Evaluation> figures;  // measured on it, of any model, by entry
  std::map<RunId, Digest> clean;  // of each run it reached: the last model without it; zero where
                                  // it was in the first round
};
// kNotFound: nobody registered it. Figures of older builds name no data, and are nowhere here.
Result<DatasetUses> UsesOf(const standing::State& state, const DatasetId& dataset);

// What an owner can ask for, and what each would cost.
struct WithdrawalOption {
  ledger::WithdrawalScope scope = ledger::WithdrawalScope::kFutureRounds;
  uint64_t rounds_again = 0;  // closed rounds that would have to be trained again
  uint64_t tokens_again = 0;  // and what was trained in them by others; of masked rounds by all
  uint64_t models_retired = 0;
  uint64_t grants_ended = 0;
};
struct WithdrawalPlan {
  DatasetUses uses;
  std::vector<RunId> running;  // approved runs with rounds to come, which may still ask for it
  bool masked = false;  // some of these rounds hide what each gave: the tokens are at most as many
  std::vector<WithdrawalOption> options;
};
Result<WithdrawalPlan> PlanWithdrawal(const standing::State& state, const DatasetId& dataset);

}  // namespace dure::lineage
