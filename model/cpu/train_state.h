// What a training session is made of. For this room's own files.
#pragma once

#include <memory>
#include <vector>

#include "model/cpu/model_memory.h"
#include "model/cpu/optimizer_file.h"
#include "model/cpu/train.h"
#include "model/cpu/transformer.h"
#include "model/layout.h"

namespace dure::model::cpu {

// Workers' shares of the flat vector begin at multiples of this, so that no cache line is shared.
inline constexpr size_t kShareUnit = 1024;

// The flat vector as ranges that are decayed or not.
struct DecayRange {
  size_t begin;
  size_t end;
  bool decays;
};

std::vector<DecayRange> DecayRanges(const Layout& layout);
BatchShape ShapeOf(const TrainOptions& options, uint32_t world);

struct TrainSession::State {
  State(const LlamaConfig& c, const TrainOptions& o, collective::Collective& ranks, Arena mapping,
        MemoryPlan plan)
      : config(c),
        options(o),
        gang(ranks),
        layout(LlamaLayout(c)),
        decay_ranges(DecayRanges(layout)),
        arena(std::move(mapping)),
        memory(c, ranks, o.zero, plan),
        transformer(c, ShapeOf(o, ranks.world()), plan),
        workers(o.threads) {}

  Result<double> ComputeGradient(std::span<const uint32_t> inputs,
                                 std::span<const uint32_t> targets, uint64_t predicted);
  void Update(double learning_rate, double gradient_norm);
  OptimizerPieces Pieces();
  // private_step.cc, in a gang of one: a sequence's gradient, cut, onto `summed`, and its loss;
  // then the noised mean in the gradient's place.
  Result<double> AddRecord(std::span<const uint32_t> inputs, std::span<const uint32_t> targets);
  void NoiseSum(double expected_rows, Random& random);
  // work(share, worker) on every worker, each with its own share of the flat vector.
  template <typename Work>
  void ForShares(const Work& work) {
    workers.Run([&](uint32_t worker) {
      work(ShareOf(layout.parameter_count(), worker, workers.size(), kShareUnit), worker);
    });
  }

  const LlamaConfig config;
  const TrainOptions options;
  std::unique_ptr<collective::Collective> own_gang;  // of a session without others
  collective::Collective& gang;
  const Layout layout;
  const std::vector<DecayRange> decay_ranges;
  const Arena arena;
  ModelMemory memory;
  Transformer transformer;
  Workers workers;
  std::vector<float> summed;  // cut gradients of a private step
  uint64_t step = 0;
  bool is_loaded = false;
};

}  // namespace dure::model::cpu
