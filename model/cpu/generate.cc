#include "model/cpu/generate.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "federation/random.h"
#include "model/cpu/attention.h"
#include "model/cpu/embedding.h"
#include "model/cpu/matmul.h"
#include "model/cpu/memory_plan.h"
#include "model/cpu/rms_norm.h"
#include "model/cpu/rope.h"
#include "model/cpu/sampling.h"
#include "model/cpu/swiglu.h"
#include "model/cpu/tokens.h"
#include "model/cpu/weights.h"
#include "model/cpu/workers.h"
#include "model/layout.h"

namespace dure::model::cpu {
namespace {

// Prompts are read this many tokens at a time, which bounds the memory besides the cache.
constexpr size_t kTokensAtOnce = 64;

struct Buffers {
  std::vector<float*> keys;    // a layer: [context, kv_dim]
  std::vector<float*> values;  // a layer: [context, kv_dim]
  float* stream;               // [kTokensAtOnce, dim]
  float* normal;
  float* inverse;
  float* qkv;
  float* attended;
  float* log_sum;
  float* gate_up;
  float* activated;
  float* scratch;
  float* logits;  // [vocab]
};

AttentionShape ShapeOf(const LlamaConfig& c, size_t queries, size_t keys) {
  return {queries, keys, c.heads, c.kv_heads, c.head_dim()};
}

Buffers PlanBuffers(const LlamaConfig& c, MemoryPlan& plan) {
  Buffers b;
  for (uint32_t i = 0; i < c.layers; ++i) {
    b.keys.push_back(plan.Floats(size_t{c.context} * c.kv_dim()));
    b.values.push_back(plan.Floats(size_t{c.context} * c.kv_dim()));
  }
  b.stream = plan.Floats(kTokensAtOnce * c.dim);
  b.normal = plan.Floats(kTokensAtOnce * c.dim);
  b.inverse = plan.Floats(kTokensAtOnce);
  b.qkv = plan.Floats(kTokensAtOnce * (c.dim + size_t{2} * c.kv_dim()));
  b.attended = plan.Floats(kTokensAtOnce * c.dim);
  b.log_sum = plan.Floats(kTokensAtOnce * c.heads);
  b.gate_up = plan.Floats(kTokensAtOnce * 2 * c.ffn_dim);
  b.activated = plan.Floats(kTokensAtOnce * c.ffn_dim);
  b.scratch = plan.Floats(AttentionScratch(ShapeOf(c, 1, c.context)));
  b.logits = plan.Floats(c.vocab);
  return b;
}

}  // namespace

struct Generator::State {
  State(const LlamaConfig& c, const float* parameters, Arena memory, MemoryPlan plan)
      : config(c),
        weights(WeightsOf(c, parameters)),
        arena(std::move(memory)),
        buffers(PlanBuffers(c, plan)),
        rope(c.context, c.head_dim(), c.rope_theta) {}

  void Read(std::span<const uint32_t> tokens);
  void ReadLayer(uint32_t layer, size_t rows);

  const LlamaConfig config;
  const Weights<const float> weights;
  const Arena arena;
  const Buffers buffers;
  const Rope rope;
  Workers workers{1};
  size_t position = 0;
};

Result<std::unique_ptr<Generator>> Generator::Create(const LlamaConfig& config,
                                                     std::span<const float> parameters) {
  DURE_TRY(Validate(config));
  if (parameters.size() != LlamaLayout(config).parameter_count()) {
    return Fail(ErrorCode::kInvalid, "generation: the parameters are not as many as the model has");
  }
  MemoryPlan sum;
  PlanBuffers(config, sum);
  DURE_ASSIGN(Arena arena, Arena::Create(sum.bytes()));
  const MemoryPlan plan(arena);
  auto state = std::make_unique<State>(config, parameters.data(), std::move(arena), plan);
  return std::unique_ptr<Generator>(new Generator(std::move(state)));
}

Generator::Generator(std::unique_ptr<State> state) : state_(std::move(state)) {}
Generator::~Generator() = default;

void Generator::Reset() { state_->position = 0; }

Result<std::span<const float>> Generator::Advance(std::span<const uint32_t> tokens) {
  State& s = *state_;
  if (tokens.empty()) return Fail(ErrorCode::kInvalid, "generation: there is no token to read");
  DURE_TRY(CheckTokens(s.config, tokens, {}));
  if (tokens.size() > s.config.context - s.position) {
    return Fail(ErrorCode::kExhausted, "generation: more tokens than the context of " +
                                           std::to_string(s.config.context) + " holds");
  }
  s.workers.Run([&](uint32_t) {
    for (size_t at = 0; at < tokens.size(); at += kTokensAtOnce) {
      s.Read(tokens.subspan(at, std::min(kTokensAtOnce, tokens.size() - at)));
    }
  });
  return std::span<const float>(s.buffers.logits, s.config.vocab);
}

void Generator::State::Read(std::span<const uint32_t> tokens) {
  const Buffers& b = buffers;
  const size_t dim = config.dim;
  Embed(tokens, dim, weights.embedding, b.stream);
  for (uint32_t i = 0; i < config.layers; ++i) ReadLayer(i, tokens.size());
  position += tokens.size();
  RmsNorm(1, dim, config.norm_eps, b.stream + (tokens.size() - 1) * dim, weights.norm, b.normal,
          b.inverse);
  MatmulTransposed({1, config.vocab, dim}, {b.normal, dim}, {weights.head, dim},
                   {b.logits, config.vocab});
}

void Generator::State::ReadLayer(uint32_t layer, size_t rows) {
  const Buffers& b = buffers;
  const LayerWeights<const float>& w = weights.layers[layer];
  const size_t dim = config.dim;
  const size_t kv_dim = config.kv_dim();
  const size_t qkv_dim = dim + 2 * kv_dim;
  const size_t ffn = config.ffn_dim;
  RmsNorm(rows, dim, config.norm_eps, b.stream, w.attention_norm, b.normal, b.inverse);
  MatmulTransposed({rows, qkv_dim, dim}, {b.normal, dim}, {w.qkv, dim}, {b.qkv, qkv_dim});
  rope.Rotate({b.qkv, rows, qkv_dim, config.heads + config.kv_heads, position});
  for (size_t r = 0; r < rows; ++r) {
    const float* key = b.qkv + r * qkv_dim + dim;
    std::copy_n(key, kv_dim, b.keys[layer] + (position + r) * kv_dim);
    std::copy_n(key + kv_dim, kv_dim, b.values[layer] + (position + r) * kv_dim);
  }
  Attention(ShapeOf(config, rows, position + rows),
            {b.qkv, qkv_dim, b.keys[layer], b.values[layer], kv_dim}, b.attended, b.log_sum,
            b.scratch);
  MatmulTransposed({rows, dim, dim}, {b.attended, dim}, {w.out, dim}, {b.stream, dim},
                   {.beta = 1.0f});
  RmsNorm(rows, dim, config.norm_eps, b.stream, w.mlp_norm, b.normal, b.inverse);
  MatmulTransposed({rows, 2 * ffn, dim}, {b.normal, dim}, {w.gate_up, dim}, {b.gate_up, 2 * ffn});
  SwiGlu(rows, ffn, b.gate_up, b.activated);
  MatmulTransposed({rows, dim, ffn}, {b.activated, ffn}, {w.down, ffn}, {b.stream, dim},
                   {.beta = 1.0f});
}

Result<std::vector<uint32_t>> Generator::Generate(std::span<const uint32_t> prompt,
                                                  const GenerateOptions& options,
                                                  const std::function<bool(uint32_t)>& on_token) {
  Reset();
  return GenerateWith(
      state_->config, [this](std::span<const uint32_t> tokens) { return Advance(tokens); }, prompt,
      options, on_token);
}

Result<std::vector<uint32_t>> GenerateWith(const LlamaConfig& config,
                                           const AdvanceFunction& advance,
                                           std::span<const uint32_t> prompt,
                                           const GenerateOptions& options,
                                           const std::function<bool(uint32_t)>& on_token) {
  if (!(options.temperature >= 0.0 && options.temperature <= 1e3)) {
    return Fail(ErrorCode::kInvalid, "generation: temperature must be 0 to 1000");
  }
  SeededRandom random(options.seed);
  std::vector<uint32_t> made;
  std::vector<uint32_t> next(prompt.begin(), prompt.end());
  size_t position = 0;
  while (made.size() < options.tokens_max) {
    if (!made.empty() && position == config.context) break;
    DURE_ASSIGN(const std::span<const float> logits, advance(next));
    position += next.size();
    if (!std::all_of(logits.begin(), logits.end(), [](float x) { return std::isfinite(x); })) {
      return Fail(ErrorCode::kCorrupt, "generation: the model gives no finite logits");
    }
    const double uniform = static_cast<double>(random.Next64() >> 11) * 0x1p-53;
    const uint32_t token = Sample(logits, {options.temperature, options.top_k, uniform});
    if (options.stop_at_eos && token == config.eos_id) break;
    made.push_back(token);
    if (on_token && !on_token(token)) break;
    next.assign(1, token);
  }
  return made;
}

}  // namespace dure::model::cpu
