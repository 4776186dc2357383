// For tests: one small training, on the CPU and on a device.
#pragma once

#include <gmock/gmock.h>

#include <cmath>
#include <memory>
#include <vector>

#include "federation/random.h"
#include "model/cpu/train.h"
#include "model/cuda/emulated/contract.h"
#include "model/cuda/train.h"
#include "model/initialize.h"
#include "model/layout.h"

namespace dure::model::cuda {

inline constexpr uint32_t kVocabulary = 41;
inline constexpr uint32_t kSequence = 24;

struct Tokens {
  std::vector<uint32_t> inputs;
  std::vector<uint32_t> targets;
};

// Sequences that count upwards by a step: learnable. Some targets are not predicted.
inline Tokens Counting(uint64_t seed, uint32_t sequences) {
  SeededRandom random(seed);
  Tokens tokens;
  for (uint32_t s = 0; s < sequences; ++s) {
    const uint64_t first = random.Below(kVocabulary);
    const uint64_t stride = 1 + random.Below(3);
    for (uint64_t t = 0; t < kSequence; ++t) {
      tokens.inputs.push_back(static_cast<uint32_t>((first + stride * t) % kVocabulary));
      tokens.targets.push_back(static_cast<uint32_t>((first + stride * (t + 1)) % kVocabulary));
    }
  }
  tokens.targets[3] = cpu::kIgnoredTarget;
  return tokens;
}

inline LlamaConfig SmallModel(bool tied) {
  LlamaConfig config{.vocab = kVocabulary, .dim = 32, .layers = 2, .heads = 2, .kv_heads = 1};
  config.ffn_dim = 40;
  config.context = kSequence;
  config.tie_embeddings = tied;
  return config;
}

inline cpu::TrainOptions SmallOptions() {
  cpu::TrainOptions options;
  options.schedule = {
      .kind = cpu::Schedule::Kind::kCosine, .peak = 1e-2, .warmup_steps = 5, .total_steps = 200};
  options.clip_norm = 0.5;  // acts in many steps
  options.batch = 5;
  options.sequence = kSequence;
  options.accumulation = 2;
  return options;
}

inline std::vector<float> FirstWeights(const LlamaConfig& config) {
  std::vector<float> parameters(LlamaLayout(config).parameter_count());
  Initialize(config, 3, parameters);
  return parameters;
}

// A session with everything that must outlive it.
class OnDevice {
 public:
  OnDevice(const LlamaConfig& config, const cpu::TrainOptions& options, const CudaOptions& cuda)
      : ranks_(collective::MakeSingle()) {
    const DeviceTable* const real = RealTable();
    device_ = std::move(*Device::Open(real ? *real : EmulatedTable(), 0));
    auto made = TrainSession::Create(*device_, config, options, cuda, {*ranks_, nullptr});
    DURE_CHECK(made, made ? "" : made.error().message.c_str());
    session_ = std::move(*made);
    DURE_CHECK(session_->LoadParameters(FirstWeights(config)), "of the layout's size");
  }
  TrainSession& operator*() { return *session_; }
  TrainSession* operator->() { return session_.get(); }

 private:
  std::unique_ptr<collective::Collective> ranks_;
  std::unique_ptr<Device> device_;
  std::unique_ptr<TrainSession> session_;
};

inline std::unique_ptr<cpu::TrainSession> OnCpu(const LlamaConfig& config,
                                                const cpu::TrainOptions& options) {
  auto session = std::move(*cpu::TrainSession::Create(config, options));
  DURE_CHECK(session->LoadParameters(FirstWeights(config)), "of the layout's size");
  return session;
}

}  // namespace dure::model::cuda
