#include "bench/gpu/figures.h"

#include <algorithm>
#include <chrono>
#include <functional>

#include "federation/random.h"
#include "model/cuda/inference.h"
#include "model/cuda/kernels/update_codec.h"
#include "model/initialize.h"
#include "model/layout.h"

namespace dure::bench {

using model::LlamaConfig;
using model::cuda::Bf16;
using model::cuda::Device;
using model::cuda::DeviceArena;
using model::cuda::DevicePlan;
using model::cuda::NumberType;

ModelSize SmallSize() {
  LlamaConfig c{.vocab = 50304, .dim = 768, .layers = 12, .heads = 12, .kv_heads = 12};
  c.ffn_dim = 2048;
  c.context = 1024;
  return {"124 M", c, 64, model::cuda::Recompute::kNothing};
}

ModelSize LargeSize() {
  LlamaConfig c{.vocab = 50304, .dim = 2048, .layers = 24, .heads = 16, .kv_heads = 16};
  c.ffn_dim = 5504;
  c.context = 2048;
  return {"1.3 B", c, 8, model::cuda::Recompute::kNothing};
}

Result<double> SecondsOf(Device& device, double seconds, const std::function<void()>& work) {
  using Clock = std::chrono::steady_clock;
  work();  // chooses algorithms, loads code
  DURE_TRY(device.Synchronize());
  const auto begin = Clock::now();
  const auto since = [begin] {
    return std::chrono::duration<double>(Clock::now() - begin).count();
  };
  uint64_t calls = 0;
  // Twice as many each time, so that waiting for the device costs little.
  for (uint64_t more = 1; calls == 0 || since() < seconds; more *= 2) {
    for (uint64_t i = 0; i < more; ++i) work();
    DURE_TRY(device.Synchronize());
    calls += more;
  }
  return since() / static_cast<double>(calls);
}

void FillByChance(Device& device, uint8_t* memory, uint64_t bytes) {
  SeededRandom random(3);
  std::vector<Bf16> numbers(uint64_t{1} << 20);
  for (Bf16& x : numbers) {
    x = model::cuda::FromFloat<Bf16>(static_cast<float>(random.Below(2001)) / 1000.0F - 1.0F);
  }
  const uint64_t most = numbers.size() * sizeof(Bf16);
  for (uint64_t at = 0; at < bytes; at += most) {
    const uint64_t count = std::min(most, bytes - at);
    if (at == 0) {
      device.CopyIn(memory, std::span(reinterpret_cast<const uint8_t*>(numbers.data()), count));
    } else {
      device.Copy(memory + at, memory, count);
    }
  }
}

Result<Limits> MeasureLimits(Device& device, uint64_t bytes, uint32_t width) {
  DURE_ASSIGN(const DeviceArena arena, DeviceArena::Create(device, 2 * bytes));
  uint8_t* const half = arena.memory() + bytes;
  FillByChance(device, arena.memory(), 2 * bytes);
  Limits limits;
  DURE_ASSIGN(const double copy,
              SecondsOf(device, 0.2, [&] { device.Copy(arena.memory(), half, bytes); }));
  limits.copy_bytes_s = 2 * static_cast<double>(bytes) / copy;
  const uint64_t square = uint64_t{width} * width;
  DURE_ASSIGN(const DeviceArena matrices, DeviceArena::Create(device, 3 * square * sizeof(Bf16)));
  FillByChance(device, matrices.memory(), 3 * square * sizeof(Bf16));
  auto* const a = reinterpret_cast<Bf16*>(matrices.memory());
  const model::cuda::Gemm gemm{
      a, a + square, nullptr,           a + 2 * square,    width, width, width, width, width, width,
      0, 1,          NumberType::kBf16, NumberType::kBf16, 1.0F,  0.0F};
  DURE_ASSIGN(const double product, SecondsOf(device, 0.2, [&] { device.Multiply(gemm); }));
  limits.product_ops_s = 2.0 * static_cast<double>(square) * width / product;
  return limits;
}

namespace {

struct Tokens {
  std::vector<uint32_t> inputs;
  std::vector<uint32_t> targets;
};

Tokens SomeTokens(const ModelSize& size) {
  SeededRandom random(1);
  Tokens tokens;
  for (uint64_t i = 0; i <= uint64_t{size.batch} * size.config.context; ++i) {
    tokens.inputs.push_back(static_cast<uint32_t>(random.Below(size.config.vocab)));
  }
  tokens.targets.assign(tokens.inputs.begin() + 1, tokens.inputs.end());
  tokens.inputs.pop_back();
  return tokens;
}

std::vector<float> SomeWeights(const LlamaConfig& config) {
  std::vector<float> weights(model::LlamaLayout(config).parameter_count());
  model::Initialize(config, 1, weights);
  return weights;
}

}  // namespace

Result<TrainingFigure> MeasureTraining(Device& device, const ModelSize& size, uint32_t steps,
                                       bool same_bits) {
  model::cpu::TrainOptions options;
  options.batch = size.batch;
  options.sequence = size.config.context;
  options.schedule.peak = 1e-4;
  const model::cuda::CudaOptions cuda{.recompute = size.recompute, .same_bits = same_bits};
  const auto alone = model::collective::MakeSingle();
  DURE_ASSIGN(const auto session, model::cuda::TrainSession::Create(device, size.config, options,
                                                                    cuda, {*alone, nullptr}));
  DURE_TRY(session->LoadParameters(SomeWeights(size.config)));
  const Tokens tokens = SomeTokens(size);
  TrainingFigure figure;
  std::vector<double> seconds;
  for (uint32_t step = 0; step < steps + 2; ++step) {
    const auto begin = std::chrono::steady_clock::now();
    DURE_ASSIGN(const auto done, session->Step(tokens.inputs, tokens.targets));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    if (step >= 2) seconds.push_back(took.count());  // the first choose algorithms
    figure.loss = done.loss;
  }
  std::ranges::sort(seconds);
  const LlamaConfig& c = size.config;
  const double matrices = static_cast<double>(model::LlamaLayout(c).parameter_count());
  figure.step_seconds = seconds[seconds.size() / 2];
  figure.tokens_s = static_cast<double>(tokens.inputs.size()) / figure.step_seconds;
  // Six a weight and token (Kaplan et al. 2020); causal attention sees half of the sequence.
  figure.operations_per_token = 6 * matrices + 6.0 * c.layers * c.dim * c.context;
  figure.planned_bytes =
      static_cast<double>(model::cuda::TrainSession::PlannedBytes(c, options, cuda));
  return figure;
}

Result<DecodingFigure> MeasureDecoding(Device& device, const ModelSize& size, uint32_t tokens) {
  const std::vector<float> weights = SomeWeights(size.config);
  DURE_ASSIGN(const auto generator,
              model::cuda::Generator::Create(device, size.config, NumberType::kBf16, weights));
  // The time from the first token to the last.
  using Clock = std::chrono::steady_clock;
  Clock::time_point begin;
  uint32_t made = 0;
  const auto on_token = [&](uint32_t) {
    if (made++ == 0) begin = Clock::now();
    return true;
  };
  const uint32_t prompt[] = {1, 2, 3, 4};
  const model::cpu::GenerateOptions options{.tokens_max = tokens, .stop_at_eos = false};
  DURE_TRY(generator->Generate(prompt, options));  // chooses algorithms, loads code
  DURE_TRY(generator->Generate(prompt, options, on_token));
  const std::chrono::duration<double> took = Clock::now() - begin;
  return DecodingFigure{(made - 1) / took.count(), 2.0 * static_cast<double>(weights.size())};
}

Result<CodecFigure> MeasureCodec(Device& device, uint64_t parameters, double seconds) {
  using model::cuda::DequantiseAdd;
  using model::cuda::LaneReport;
  using model::cuda::LaneScale;
  using model::cuda::QuantiseUpdate8;
  struct Places {
    float *base, *trained, *residual;
    int8_t* lanes;
    LaneScale* scales;
    LaneReport* reports;
  };
  const uint64_t blocks = model::cuda::CeilDiv(parameters, 1024);
  const auto place = [&](DevicePlan& plan) {
    return Places{plan.Take<float>(parameters), plan.Take<float>(parameters),
                  plan.Take<float>(parameters), plan.Take<int8_t>(parameters),
                  plan.Take<LaneScale>(blocks), plan.Take<LaneReport>(blocks)};
  };
  DevicePlan sum;
  (void)place(sum);
  DURE_ASSIGN(const DeviceArena arena, DeviceArena::Create(device, sum.bytes()));
  DevicePlan plan(arena);
  const Places p = place(plan);
  FillByChance(device, arena.memory(), sum.bytes());
  const std::vector<LaneScale> scales(blocks, {127.0F, 1.0F / 127, {1, 2}});
  device.CopyIn(p.scales, std::span<const LaneScale>(scales));
  DURE_ASSIGN(const double encode, SecondsOf(device, seconds, [&] {
                device.Launch<QuantiseUpdate8>({p.base, p.trained, p.residual, p.scales, p.lanes,
                                                p.reports, parameters, false});
              }));
  DURE_ASSIGN(const double decode, SecondsOf(device, seconds, [&] {
                device.Launch<DequantiseAdd<int8_t>>({p.lanes, p.scales, p.base, parameters});
              }));
  const auto count = static_cast<double>(parameters);
  return CodecFigure{count * (3 * 4 + 4 + 1) / encode, count * (1 + 4 + 4) / decode};
}

}  // namespace dure::bench
