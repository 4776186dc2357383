// One pass through the model on a device: forward, loss, backward; the device's counterpart of
// cpu/transformer.h. Work is only queued: nothing here waits but SetTokens and SumOfLosses.
//
// Life: made over a plan, Start once; for each step SetTokens, one Loss or LossAndGradient a pass,
// SumOfLosses. T is what weights, activations and their gradients are stored as.
#pragma once

#include <span>

#include "model/cpu/transformer.h"
#include "model/cpu/weights.h"
#include "model/cuda/activations.h"
#include "model/cuda/attend.h"
#include "model/cuda/device.h"

namespace dure::model::cuda {

// kInvalid: what this engine does not compute.
Status CheckModel(const LlamaConfig& config);
// kInvalid: more sequences at once than a grid of blocks holds.
Status CheckBatch(const LlamaConfig& config, uint32_t batch);

// [positions, head_dim / 2] each.
struct RopeTables {
  RopeTables(const LlamaConfig& config, uint32_t positions);
  std::vector<float> cosine;
  std::vector<float> sine;
};

template <typename T>
class Decoder {
 public:
  // REQUIRES: as PlanActivations; the device outlives it.
  Decoder(Device& device, const LlamaConfig& config, const PassShape& shape, DevicePlan& plan);
  static void Plan(const LlamaConfig& config, const PassShape& shape, DevicePlan& plan) {
    (void)PlanActivations<T>(config, shape, plan);
  }
  // Uploads what no step changes.
  void Start();

  // The tokens of `passes` passes, as many in each. REQUIRES: whole sequences, at most the shape's;
  // checked tokens (cpu/tokens.h).
  void SetTokens(std::span<const uint32_t> inputs, std::span<const uint32_t> targets,
                 uint32_t passes);

  // Queues pass number `pass`: its rows' losses.
  void Loss(uint32_t pass, const cpu::Weights<const T>& weights, cpu::PassHooks* hooks);
  // And adds scale times the gradient of their sum to `gradients`. REQUIRES: shape.trains.
  void LossAndGradient(uint32_t pass, const cpu::Weights<const T>& weights, float scale,
                       const cpu::Weights<float>& gradients, cpu::PassHooks* hooks);
  // Of all passes since SetTokens; waits for them.
  Result<double> SumOfLosses();

 private:
  using LayerW = cpu::LayerWeights<const T>;
  uint32_t qkv_dim() const { return config_.dim + 2 * config_.kv_dim(); }
  AttentionShape Shape() const;
  const uint32_t* TokensAt(uint32_t pass, uint64_t place) const;
  T* dstream(uint32_t place) const { return a_.dstream[place % 2]; }

  void Forward(uint32_t pass, const cpu::Weights<const T>& weights, cpu::PassHooks* hooks);
  void ForwardLayer(const LayerW& w, const LayerBuffers<T>& b, T* next);
  void Norm(const T* x, const T* w, float* inverse, T* y, bool again);
  void Turn(T* qkv, float turn);
  void Head(uint32_t pass, const cpu::Weights<const T>& weights, float scale, float* dhead);
  // decoder_backward.cc
  void Backward(uint32_t pass, const cpu::Weights<const T>& weights,
                const cpu::Weights<float>& gradients, cpu::PassHooks* hooks);
  void MakeAgain(const LayerW& w, const LayerBuffers<T>& b);
  void BackwardMlp(const LayerW& w, const LayerBuffers<T>& b, const cpu::LayerWeights<float>& dw,
                   uint32_t layer);
  void BackwardAttention(const LayerW& w, const LayerBuffers<T>& b,
                         const cpu::LayerWeights<float>& dw, uint32_t layer);
  struct NormGradient {
    const T* x;
    const T* w;
    const float* inverse;
    const T* skip;  // null: zeros
    T* dx;
    float* dw;
  };
  void NormBackward(const NormGradient& g);

  Device& device_;
  const LlamaConfig config_;
  const PassShape shape_;
  const Activations<T> a_;
  const TokenPlaces places_;
  SequenceAttention<T> attention_;
  uint32_t rows_ = 0;               // of each pass, now
  std::vector<uint32_t> distinct_;  // tokens of each pass
  std::vector<uint32_t> staging_;   // as on the device
};

}  // namespace dure::model::cuda
