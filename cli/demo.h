// The demonstration: a whole federation on this machine, every part of it the real one.
#pragma once

#include <cstdint>
#include <string>

#include "cli/command.h"

namespace dure::cli {

struct DemoOptions {
  std::string data;
  size_t sites = 0;  // 0: three, or as many as --data has
  uint64_t rounds = 6;
  uint64_t steps = 50;
  std::string model = "tiny";
  std::string
      tokenizer;  // "bytes", "train" or a file; empty: train, on the sites' own public sample
  uint32_t vocabulary = 1024;
  uint32_t batch = 8;
  double learning_rate = 3e-3;
  double outer_eta = 0.7;
  uint32_t quorum = 0;  // 0: all sites, or one less with faults
  std::string masking;  // "pairwise" or "none"; empty: pairwise where the quorum is three or more
  bool faults = false;  // one site is killed while it uploads
  std::string keep;
  std::string prompt;
};

Status RunDemo(const DemoOptions& options, Context& context);

}  // namespace dure::cli
