// A plan: what a training over institutions will cost, before anybody agrees to it.
//
// Question in, figures out; every figure comes with the sentence that says what it means and where
// it comes from. Nothing is measured here: the shares of peak, of the link and of a core that are
// reached are the asker's own, with defaults that were published or measured. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "federation/result.h"
#include "planning/formulas.h"

namespace dure::planning {

struct Question {
  double parameters = 0;
  ModelShape shape;  // zeros: from the number of parameters

  double sites = 4;
  double gpus = 8;             // of one site
  double peak_flops = 989e12;  // H100 and H200, bf16 dense
  double mfu = 0.40;
  double gpu_memory_bytes = 80e9;
  double gpu_link_bytes_s = 50e9;  // of one GPU to the others
  double tensor_parallel = 1;      // GPUs that share each layer
  double tokens_per_step = 524288;
  double tokens_per_micro_step = 8192;  // in flight on one GPU
  double steps = 100;                   // of a round

  double link_bits_s = 1e9;
  double link_efficiency = 0.6;
  double port_bits_s = 10e9;  // of the aggregator
  int lane_bits = 8;          // 4, 8 or 16
  bool masked = true;
  double dropped = 0;
  double fragments = 0;      // of a streaming round; 0: three layers each
  double overlap_steps = 5;  // in which a fragment travels
  double cores = 16;         // for masking, at a site and at the aggregator
  double mask_bytes_core_s = 7e9;

  double utilisation_target = 0.95;
  double tokens_per_parameter = 20;
};

// 1.3B, 13B, 204B and 600B, in any case: shape, GPUs and batch of a site that suits the model.
// kNotFound.
Result<Question> Preset(std::string_view name);

// The shape that the plan counts with: the question's own, or what is usual for its size.
ModelShape ShapeOf(const Question& question);

struct Figure {
  std::string name;  // for programs: "step_seconds"; never changes its meaning
  double value = 0;
  std::string unit;  // "s", "bytes", "bits/s", "share", "steps", "core-s" or ""
  std::string text;  // for people: "12.1 s"
  std::string sentence;
};

struct Section {
  std::string title;
  std::vector<Figure> figures;
};

struct Plan {
  std::vector<Section> sections;
  // Null if there is none of that name.
  const Figure* Find(std::string_view name) const;
};

// kInvalid: a value out of its range, named.
Result<Plan> MakePlan(const Question& question);
// The memory of a GPU and a host alone.
Result<Plan> MakeMemoryPlan(const Question& question);

}  // namespace dure::planning
