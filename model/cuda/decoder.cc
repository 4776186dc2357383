#include "model/cuda/decoder.h"

#include <algorithm>
#include <cmath>

#include "federation/check.h"
#include "model/cuda/embedding_order.h"
#include "model/cuda/products.h"

namespace dure::model::cuda {

Status CheckModel(const LlamaConfig& config) {
  if (config.head_dim() <= kHeadDimMax) return {};
  return Fail(ErrorCode::kInvalid, "the CUDA engine computes heads of up to " +
                                       std::to_string(kHeadDimMax) + " numbers, these have " +
                                       std::to_string(config.head_dim()) + ": train on the CPU");
}

template <typename T>
Decoder<T>::Decoder(Device& device, const LlamaConfig& config, const PassShape& shape,
                    DevicePlan& plan)
    : device_(device),
      config_(config),
      shape_(shape),
      a_(PlanActivations<T>(config, shape, plan)),
      places_(shape.rows()),
      attention_(device, a_.attention_scratch, a_.attention_scratch_bytes, shape.trains,
                 shape.same_bits) {}

Status CheckBatch(const LlamaConfig& config, uint32_t batch) {
  constexpr uint32_t kGridMax = 65535;  // CUDA's, of its second dimension
  if (uint64_t{batch} * config.heads <= kGridMax) return {};
  return Fail(ErrorCode::kInvalid, "a GPU computes at most " +
                                       std::to_string(kGridMax / config.heads) +
                                       " sequences of this model at once: a smaller batch");
}

RopeTables::RopeTables(const LlamaConfig& config, uint32_t positions) {
  const uint32_t half = config.head_dim() / 2;
  cosine.resize(size_t{positions} * half);
  sine.resize(cosine.size());
  for (uint32_t i = 0; i < half; ++i) {
    const double frequency =
        std::pow(config.rope_theta, -2.0 * static_cast<double>(i) / static_cast<double>(2 * half));
    for (uint32_t position = 0; position < positions; ++position) {
      const double angle = static_cast<double>(position) * frequency;
      cosine[size_t{position} * half + i] = static_cast<float>(std::cos(angle));
      sine[size_t{position} * half + i] = static_cast<float>(std::sin(angle));
    }
  }
}

template <typename T>
void Decoder<T>::Start() {
  const RopeTables tables(config_, shape_.sequence);
  device_.CopyIn(a_.cosine, std::span<const float>(tables.cosine));
  device_.CopyIn(a_.sine, std::span<const float>(tables.sine));
}

template <typename T>
void Decoder<T>::SetTokens(std::span<const uint32_t> inputs, std::span<const uint32_t> targets,
                           uint32_t passes) {
  DURE_CHECK(passes >= 1 && passes <= shape_.passes, "as many passes as were planned");
  rows_ = static_cast<uint32_t>(inputs.size() / passes);
  DURE_CHECK(rows_ <= shape_.rows() && rows_ % shape_.sequence == 0, "whole sequences, as planned");
  attention_.Choose(Shape());
  distinct_.clear();
  staging_.assign(places_.stride() * passes, 0);
  for (uint32_t pass = 0; pass < passes; ++pass) {
    const auto of_pass = [&](std::span<const uint32_t> all) {
      return all.subspan(size_t{pass} * rows_, rows_);
    };
    const auto put = [&](uint64_t place, std::span<const uint32_t> values) {
      std::ranges::copy(values,
                        staging_.begin() + static_cast<int64_t>(pass * places_.stride() + place));
    };
    put(places_.inputs(), of_pass(inputs));
    put(places_.targets(), of_pass(targets));
    if (!shape_.trains) continue;
    const EmbeddingOrder order(of_pass(inputs));
    put(places_.order_tokens(), order.tokens);
    put(places_.order_rows(), order.rows);
    put(places_.order_starts(), order.starts);
    distinct_.push_back(order.count());
  }
  device_.CopyIn(a_.tokens, std::span<const uint32_t>(staging_));
  device_.Clear(a_.losses, uint64_t{shape_.rows()} * shape_.passes);
}

template <typename T>
const uint32_t* Decoder<T>::TokensAt(uint32_t pass, uint64_t place) const {
  return a_.tokens + pass * places_.stride() + place;
}

template <typename T>
AttentionShape Decoder<T>::Shape() const {
  return {.batch = rows_ / shape_.sequence,
          .queries = shape_.sequence,
          .keys = shape_.sequence,
          .heads = config_.heads,
          .kv_heads = config_.kv_heads,
          .dim = config_.head_dim(),
          .q_stride = qkv_dim(),
          .kv_stride = qkv_dim(),
          .scale = 1.0F / std::sqrt(static_cast<float>(config_.head_dim()))};
}

template <typename T>
void Decoder<T>::Loss(uint32_t pass, const cpu::Weights<const T>& weights, cpu::PassHooks* hooks) {
  Forward(pass, weights, hooks);
  Head(pass, weights, 0, nullptr);
}

template <typename T>
void Decoder<T>::LossAndGradient(uint32_t pass, const cpu::Weights<const T>& weights, float scale,
                                 const cpu::Weights<float>& gradients, cpu::PassHooks* hooks) {
  DURE_CHECK(shape_.trains, "only a training plan holds what the backward reads");
  Forward(pass, weights, hooks);
  Head(pass, weights, scale, gradients.head);
  Backward(pass, weights, gradients, hooks);
}

template <typename T>
Result<double> Decoder<T>::SumOfLosses() {
  device_.Launch<Sums>({a_.losses, a_.sums, uint64_t{shape_.rows()} * shape_.passes, false});
  double parts[Sums::kBlocks];
  DURE_TRY(device_.CopyOut(std::span<double>(parts), a_.sums));
  double sum = 0;
  for (const double part : parts) sum += part;
  return sum;
}

template <typename T>
void Decoder<T>::Norm(const T* x, const T* w, float* inverse, T* y, bool again) {
  if (rows_ == 0) return;
  device_.Launch<RmsNorm<T>>(
      {x, w, y, inverse, rows_, config_.dim, static_cast<float>(config_.norm_eps), again});
}

template <typename T>
void Decoder<T>::Turn(T* qkv, float turn) {
  if (rows_ == 0) return;
  device_.Launch<Rope<T>>({qkv, a_.cosine, a_.sine, rows_, qkv_dim(),
                           config_.heads + config_.kv_heads, config_.head_dim() / 2,
                           shape_.sequence, 0, turn});
}

template <typename T>
void Decoder<T>::Forward(uint32_t pass, const cpu::Weights<const T>& weights,
                         cpu::PassHooks* hooks) {
  if (rows_ > 0) {
    device_.Launch<Embed<T>>({TokensAt(pass, places_.inputs()), weights.embedding,
                              a_.layers[0].stream, rows_, config_.dim});
  }
  for (uint32_t i = 0; i < config_.layers; ++i) {
    if (hooks != nullptr) hooks->BeforeForward(i);
    const bool is_last = i + 1 == config_.layers;
    ForwardLayer(weights.layers[i], a_.layers[i], is_last ? a_.last : a_.layers[i + 1].stream);
  }
  Norm(a_.last, weights.norm, a_.last_inverse, a_.last_normal, false);
}

template <typename T>
void Decoder<T>::ForwardLayer(const LayerW& w, const LayerBuffers<T>& b, T* next) {
  if (rows_ == 0) return;
  const uint32_t dim = config_.dim;
  const uint32_t ffn = config_.ffn_dim;
  Norm(b.stream, w.attention_norm, b.attention_inverse, b.normal, false);
  Apply(device_, {rows_, qkv_dim(), dim}, b.normal, w.qkv, b.qkv);
  Turn(b.qkv, 1.0F);
  const T* const k = b.qkv + dim;
  attention_.Forward(b.qkv, k, k + config_.kv_dim(), b.attended, b.log_sum);
  Apply(device_, {rows_, dim, dim}, b.attended, w.out, b.middle, b.stream);
  Norm(b.middle, w.mlp_norm, b.mlp_inverse, b.mlp_normal, false);
  Apply(device_, {rows_, 2 * ffn, dim}, b.mlp_normal, w.gate_up, b.gate_up);
  if (next == nullptr) return;  // made again: the backward has the layer's result already
  device_.Launch<SwiGlu<T>>({b.gate_up, b.activated, rows_, ffn});
  Apply(device_, {rows_, dim, ffn}, b.activated, w.down, next, b.middle);
}

template <typename T>
void Decoder<T>::Head(uint32_t pass, const cpu::Weights<const T>& weights, float scale,
                      float* dhead) {
  const uint32_t dim = config_.dim;
  const uint32_t vocab = config_.vocab;
  for (uint32_t begin = 0; begin < rows_; begin += a_.logit_rows) {
    const uint32_t rows = std::min(a_.logit_rows, rows_ - begin);
    const Linear size{rows, vocab, dim};
    const T* const normal = a_.last_normal + uint64_t{begin} * dim;
    Apply(device_, size, normal, weights.head, a_.logits);
    device_.Launch<CrossEntropy<T>>({a_.logits, TokensAt(pass, places_.targets()) + begin,
                                     a_.losses + uint64_t{pass} * shape_.rows() + begin, rows,
                                     vocab, scale, dhead != nullptr});
    if (dhead == nullptr) continue;
    InputGradient(device_, size, a_.logits, weights.head, a_.dnormal + uint64_t{begin} * dim);
    AddWeightGradient(device_, size, a_.logits, normal, dhead);
  }
}

template class Decoder<float>;
template class Decoder<Bf16>;

}  // namespace dure::model::cuda
