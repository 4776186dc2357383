// What a GPU and a host must hold.
#include <cmath>

#include "planning/quantity.h"
#include "planning/sections.h"

namespace dure::planning {
namespace {

constexpr const char* kStages[] = {"everything on each GPU", "optimizer state split over the GPUs",
                                   "optimizer state and gradients split",
                                   "weights split, too, and gathered layer by layer"};

std::string Verdict(const Question& q, double bytes) {
  if (bytes <= q.gpu_memory_bytes) {
    return "fits in " + BytesText(q.gpu_memory_bytes);
  }
  return "does not fit in " + BytesText(q.gpu_memory_bytes);
}

}  // namespace

Section MemorySection(const Question& q) {
  Section section{"Memory by the textbook, 16 bytes a parameter, whoever trains", {}};
  const double parallel = q.tensor_parallel;
  const double stored =
      ActivationBytes(q.shape, q.tokens_per_micro_step, Recompute::kNothing) / parallel;
  const double least =
      ActivationBytes(q.shape, q.tokens_per_micro_step, Recompute::kEverything) / parallel;
  const std::string tokens = CountText(q.tokens_per_micro_step) + " tokens in flight";
  for (int stage = 0; stage <= 3; ++stage) {
    const double fixed = StaticBytesPerGpu(stage, q.parameters / parallel, q.gpus / parallel);
    const std::string number = std::to_string(stage);
    AddBytes(section, "zero" + number + "_bytes", fixed + least,
             "a GPU with ZeRO-" + number + " (" + kStages[stage] + "): " + BytesText(fixed) +
                 " of weights, gradients and optimizer state and " + BytesText(least) +
                 " of activations, all recomputed; it " + Verdict(q, fixed + least));
  }
  AddBytes(section, "activations_stored_bytes", stored,
           "activations of " + tokens +
               " if nothing is recomputed: " + std::to_string(q.shape.layers) +
               " layers of width " + std::to_string(q.shape.width));
  AddBytes(section, "activations_recomputed_bytes", least,
           "activations of " + tokens + " if each layer keeps its input alone");
  const double traffic = ZeroThreeBytes(q.parameters, parallel) / q.gpu_link_bytes_s;
  const double step = StepSecondsOf(q);
  AddSeconds(section, "zero3_traffic_seconds", traffic,
             "ZeRO-3 moves three times the weights a micro-step, at " +
                 BytesText(q.gpu_link_bytes_s) + " a second; a whole step computes " +
                 SecondsText(step) +
                 (traffic > step ? ": the GPUs would wait; a trainer that shares "
                                   "layers within a node (--tensor-parallel 8) would not, and "
                                   "Dure's own does not share them"
                                 : ""));
  AddBytes(
      section, "site_state_bytes", 12 * q.parameters,
      "kept by a site between rounds, in memory or on its disk: the model, the outer momentum and "
      "what rounding left over, fp32");
  AddBytes(
      section, "checkpoint_bytes", 16 * q.parameters,
      "a checkpoint from which training goes on: fp32 weights, two moments and the bf16 copy and "
      "gradients' place; for serving, bf16 alone, " +
          BytesText(2 * q.parameters));
  AddSeconds(section, "join_seconds", 64 * q.parameters / LinkRateOf(q),
             "for a new site to fetch the model and the outer momentum over its link");
  return section;
}

}  // namespace dure::planning
