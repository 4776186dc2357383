// The backward pass, last layer first.
#include "model/cuda/decoder.h"
#include "model/cuda/norm.h"
#include "model/cuda/products.h"

namespace dure::model::cuda {

template <typename T>
void Decoder<T>::NormBackward(const NormGradient& g) {
  cuda::NormBackward<T>(device_,
                        {g.x, g.w, g.inverse, a_.dnormal, g.skip, g.dx, a_.norm_parts, rows_,
                         config_.dim, a_.norm_blocks},
                        g.dw);
}

template <typename T>
void Decoder<T>::Backward(uint32_t pass, const cpu::Weights<const T>& weights,
                          const cpu::Weights<float>& gradients, cpu::PassHooks* hooks) {
  const uint32_t layers = config_.layers;
  // The last norm has no residual beside it.
  NormBackward({a_.last, weights.norm, a_.last_inverse, nullptr, dstream(layers), gradients.norm});
  for (uint32_t i = layers; i-- > 0;) {
    if (hooks != nullptr) hooks->BeforeBackward(i);
    const LayerBuffers<T>& b = a_.layers[i];
    MakeAgain(weights.layers[i], b);
    BackwardMlp(weights.layers[i], b, gradients.layers[i], i);
    BackwardAttention(weights.layers[i], b, gradients.layers[i], i);
    if (hooks == nullptr) continue;
    if (i + 1 == layers) hooks->GradientDone(layers + 1);
    hooks->GradientDone(i + 1);
  }
  if (rows_ > 0) {
    device_.Launch<EmbedBackward<T>>({TokensAt(pass, places_.order_tokens()),
                                      TokensAt(pass, places_.order_starts()),
                                      TokensAt(pass, places_.order_rows()), dstream(0),
                                      gradients.embedding, distinct_[pass], config_.dim});
  }
  if (hooks != nullptr) hooks->GradientDone(0);
}

template <typename T>
void Decoder<T>::MakeAgain(const LayerW& w, const LayerBuffers<T>& b) {
  if (shape_.recompute == Recompute::kLayers) return ForwardLayer(w, b, nullptr);
  if (shape_.recompute == Recompute::kNothing) return;
  Norm(b.stream, w.attention_norm, b.attention_inverse, b.normal, true);
  Norm(b.middle, w.mlp_norm, b.mlp_inverse, b.mlp_normal, true);
}

template <typename T>
void Decoder<T>::BackwardMlp(const LayerW& w, const LayerBuffers<T>& b,
                             const cpu::LayerWeights<float>& dw, uint32_t layer) {
  if (rows_ == 0) return;
  const uint32_t dim = config_.dim;
  const uint32_t ffn = config_.ffn_dim;
  const T* const dnext = dstream(layer + 1);
  const Linear down{rows_, dim, ffn};
  const Linear up{rows_, 2 * ffn, dim};
  T* const again = shape_.recompute == Recompute::kNothing ? nullptr : b.activated;
  InputGradient(device_, down, dnext, w.down, a_.dwide);
  device_.Launch<SwiGluBackward<T>>({b.gate_up, a_.dwide, again, b.gate_up, rows_, ffn});
  AddWeightGradient(device_, down, dnext, b.activated, dw.down);
  AddWeightGradient(device_, up, b.gate_up, b.mlp_normal, dw.gate_up);
  InputGradient(device_, up, b.gate_up, w.gate_up, a_.dnormal);
  NormBackward({b.middle, w.mlp_norm, b.mlp_inverse, dnext, a_.dmiddle, dw.mlp_norm});
}

template <typename T>
void Decoder<T>::BackwardAttention(const LayerW& w, const LayerBuffers<T>& b,
                                   const cpu::LayerWeights<float>& dw, uint32_t layer) {
  if (rows_ == 0) return;
  const uint32_t dim = config_.dim;
  const uint32_t kv_dim = config_.kv_dim();
  const Linear out{rows_, dim, dim};
  const Linear qkv{rows_, qkv_dim(), dim};
  T* const dattended = a_.dwide;
  InputGradient(device_, out, a_.dmiddle, w.out, dattended);
  AddWeightGradient(device_, out, a_.dmiddle, b.attended, dw.out);
  attention_.Backward({b.qkv, b.qkv + dim, b.qkv + dim + kv_dim, dattended, a_.dqkv, a_.dqkv + dim,
                       a_.dqkv + dim + kv_dim},
                      b.attended, b.log_sum, a_.delta);
  Turn(a_.dqkv, -1.0F);
  AddWeightGradient(device_, qkv, a_.dqkv, b.normal, dw.qkv);
  InputGradient(device_, qkv, a_.dqkv, w.qkv, a_.dnormal);
  NormBackward({b.stream, w.attention_norm, b.attention_inverse, a_.dmiddle, dstream(layer),
                dw.attention_norm});
}

template class Decoder<float>;
template class Decoder<Bf16>;

}  // namespace dure::model::cuda
