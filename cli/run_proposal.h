// A run as an operator types it, made into what the aggregator takes: the manifest and its blobs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "federation/blob/store.h"
#include "federation/result.h"
#include "federation/round/plan.h"

namespace dure::cli {

struct RunOptions {
  std::string name;
  std::string purpose = "scientific-research";
  std::vector<std::string> beneficiaries = {"public-body", "non-profit"};
  std::string sector;  // empty: no particular one
  std::string valuation = "none";
  std::string risk = "ordinary";
  std::string model = "tiny";       // preset or config.json
  std::string tokenizer = "bytes";  // "bytes", tokenizer.json or its folder
  std::string from;                 // safetensors to start from; empty: new weights from the seed
  std::vector<std::string> sites;   // invited; empty: every site there is
  uint64_t rounds = 10;
  uint64_t steps = 50;
  double seconds = 0;
  uint32_t batch = 16;
  uint32_t sequence = 0;  // 0: the model's context
  uint32_t accumulation = 1;
  double learning_rate = 2e-3;
  uint64_t warmup = 0;         // 0: a twentieth of all steps
  std::string schedule;        // empty: cosine, or constant where the seconds alone decide
  std::string lane;            // int4, int8, int16; empty: int8, or int16 with noise
  std::string merge = "mean";  // as round::MergeRule::Parse takes it
  std::string weighting;       // empty: by tokens under the mean, else equal, also with noise
  std::string masking;  // "pairwise" or "none"; empty: pairwise if three sites or more may come
  uint32_t members_min = 3;
  uint32_t batch_members = 1;
  double survivors_min = 0.667;  // of the sites that shared masks
  bool allow_differences = false;
  std::string noise;           // "none", "discrete-gaussian" or "skellam"; empty: none
  double noise_clip = 1;       // L2 norm of an update
  double coordinate_clip = 0;  // 0: a fourth of the clip, or all of it without rotation
  double noise_multiplier = 1;
  bool rotate = true;
  std::string dp_sgd;  // "clip=1,noise=1.1,rate=0.01"; empty: none
  double delta = 1e-6;
  double outer_eta = 0.7;
  double outer_mu = 0.9;
  uint32_t quorum = 0;  // 0: all invited sites, at least one
  uint32_t cohort_max = 256;
  double join_seconds = 30;
  double deadline_seconds = 3600;
  double lost_seconds = 120;
  uint64_t reference_tokens = 0;  // 0: what the step budget holds
  std::vector<std::string> code;  // trainers approved: digests, or their files; empty: any
  double norm_max = 0;            // of an update; 0: none is set
  double saturation_limit = 0;    // 0: none is set
  uint64_t passes_max = 0;        // over the registered data in a round; 0: as many as come
  std::optional<uint64_t> seed;   // none: SeedOf(name)
  // How long an aggregator that falls silent is waited for while the first weights travel.
  uint32_t patience_seconds = 60;  // enough for one that is being restarted
};

// A seed of the run's own, unless one is typed: the updates of two runs that begin alike would show
// in the difference of their sums. The same for the same command, said again after a lost answer.
uint64_t SeedOf(const RunOptions& options);

struct Proposal {
  round::RunManifest manifest;
  std::vector<Digest>
      blobs;  // in the store: the initial model, and the tokenizer if it is no "bytes"
  uint64_t parameter_count = 0;
};

// Makes the initial model and puts it and the tokenizer into `store`. `scratch` is an existing
// folder on the store's file system. kInvalid, kNotFound name the option.
Result<Proposal> MakeProposal(const RunOptions& options, blob::BlobStore& store,
                              const std::filesystem::path& scratch);

}  // namespace dure::cli
