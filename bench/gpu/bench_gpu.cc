// Figures of one GPU as one JSON object; without a GPU it says why and ends with 3.
//
//   bench_gpu [--device 0] [--steps 10] [--part kernels|training|codec|decoding] [--model
//   124M|1.3B]
//             [--same-bits yes] [--batch N]
//   bench_gpu --curve FOLDER       200 steps of a small model in bf16; writes the weights it began
//                                  with and its tokens for another system, and prints its losses
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string_view>

#include "bench/gpu/figures.h"
#include "federation/random.h"
#include "model/cuda/plugin.h"
#include "model/initialize.h"
#include "model/layout.h"

namespace {

using dure::Result;
using dure::Status;
using dure::bench::KernelFigure;
using dure::bench::ModelSize;
using dure::model::cuda::Device;
using nlohmann::json;

constexpr int kNoGpuExit = 3;
constexpr uint32_t kCurveSteps = 200;

json ToJson(const std::vector<KernelFigure>& figures) {
  json list = json::array();
  for (const KernelFigure& figure : figures) {
    list.push_back({{"name", figure.name},
                    {"bytes", figure.bytes},
                    {"operations", figure.operations},
                    {"seconds", figure.seconds}});
  }
  return list;
}

struct Wanted {
  uint32_t steps = 10;
  std::string part;   // empty: all
  std::string model;  // empty: both
  bool same_bits = false;
  uint32_t batch = 0;  // 0: the model's own
  bool Has(std::string_view which) const { return part.empty() || part == which; }
};

Result<json> MeasureModel(Device& device, const ModelSize& size, const Wanted& wanted) {
  json object{{"name", size.name},
              {"batch", size.batch},
              {"sequence", size.config.context},
              {"parameters", dure::model::LlamaLayout(size.config).parameter_count()}};
  if (wanted.Has("kernels")) {
    DURE_ASSIGN(const auto kernels, dure::bench::MeasureKernels(device, size, 0.02));
    object["kernels"] = ToJson(kernels);
  }
  if (wanted.Has("training")) {
    DURE_ASSIGN(const auto training,
                dure::bench::MeasureTraining(device, size, wanted.steps, wanted.same_bits));
    object["tokens_s"] = training.tokens_s;
    object["step_seconds"] = training.step_seconds;
    object["operations_per_token"] = training.operations_per_token;
    object["planned_bytes"] = training.planned_bytes;
    object["loss"] = training.loss;
    object["attention_by"] = device.attention_text();
  }
  return object;
}

Result<json> MeasureAll(Device& device, const Wanted& wanted) {
  DURE_ASSIGN(const auto facts, device.Facts());
  DURE_ASSIGN(const auto limits, dure::bench::MeasureLimits(device, uint64_t{2} << 30, 8192));
  json object{{"device", facts.name},
              {"multiprocessors", facts.multiprocessors},
              {"copy_bytes_s", limits.copy_bytes_s},
              {"product_ops_s", limits.product_ops_s}};
  for (ModelSize size : {dure::bench::SmallSize(), dure::bench::LargeSize()}) {
    if (wanted.batch > 0) size.batch = wanted.batch;
    std::string name = size.name;
    std::erase(name, ' ');
    if (!wanted.model.empty() && wanted.model != name) continue;
    DURE_ASSIGN(const json figures, MeasureModel(device, size, wanted));
    object["models"].push_back(figures);
  }
  if (wanted.Has("codec")) {
    DURE_ASSIGN(const auto codec, dure::bench::MeasureCodec(device, uint64_t{1} << 28, 0.2));
    object["encode_bytes_s"] = codec.encode_bytes_s;
    object["decode_bytes_s"] = codec.decode_bytes_s;
  }
  if (wanted.Has("decoding")) {
    DURE_ASSIGN(const auto decoding,
                dure::bench::MeasureDecoding(device, dure::bench::LargeSize(), 200));
    object["decoding_tokens_s"] = decoding.tokens_s;
    object["decoding_bytes"] = decoding.weight_bytes;
  }
  return object;
}

template <typename V>
void WriteRaw(const std::filesystem::path& path, const std::vector<V>& values) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(values.data()),
             static_cast<std::streamsize>(values.size() * sizeof(V)));
}

// Sequences that count upwards by a step: learnable, and the same for whoever reads the file.
std::vector<uint32_t> CurveTokens(const dure::model::LlamaConfig& config, uint32_t sequences) {
  dure::SeededRandom random(7);
  std::vector<uint32_t> tokens;
  for (uint32_t i = 0; i < sequences; ++i) {
    const uint64_t first = random.Below(config.vocab);
    const uint64_t stride = 1 + random.Below(5);
    for (uint64_t t = 0; t <= config.context; ++t) {
      tokens.push_back(static_cast<uint32_t>((first + stride * t) % config.vocab));
    }
  }
  return tokens;
}

Result<json> Curve(Device& device, const std::filesystem::path& folder) {
  dure::model::LlamaConfig config{.vocab = 512, .dim = 256, .layers = 4, .heads = 4, .kv_heads = 2};
  config.ffn_dim = 704;
  config.context = 128;
  dure::model::cpu::TrainOptions options;
  options.batch = 16;
  options.sequence = config.context;
  options.schedule.peak = 1e-3;
  std::vector<float> weights(dure::model::LlamaLayout(config).parameter_count());
  dure::model::Initialize(config, 1, weights);
  const std::vector<uint32_t> tokens = CurveTokens(config, options.batch * kCurveSteps);
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "config.json") << ToConfigJson(config);
  WriteRaw(folder / "weights.f32", weights);
  WriteRaw(folder / "tokens.u32", tokens);
  const auto alone = dure::model::collective::MakeSingle();
  DURE_ASSIGN(const auto session, dure::model::cuda::TrainSession::Create(device, config, options,
                                                                          {}, {*alone, nullptr}));
  DURE_TRY(session->LoadParameters(weights));
  json losses = json::array();
  const size_t row = config.context + 1;
  for (uint32_t step = 0; step < kCurveSteps; ++step) {
    std::vector<uint32_t> inputs, targets;
    for (size_t i = size_t{step} * options.batch; i < size_t{step + 1} * options.batch; ++i) {
      const auto at = tokens.begin() + static_cast<int64_t>(i * row);
      inputs.insert(inputs.end(), at, at + config.context);
      targets.insert(targets.end(), at + 1, at + 1 + config.context);
    }
    DURE_ASSIGN(const auto done, session->Step(inputs, targets));
    losses.push_back(done.loss);
  }
  return json{{"losses", losses}};
}

int Main(int argc, char** argv) {
  uint32_t index = 0;
  Wanted wanted;
  std::string folder;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    if (name == "--device") index = static_cast<uint32_t>(std::atoi(argv[i + 1]));
    if (name == "--steps") {
      wanted.steps = std::max(1U, static_cast<uint32_t>(std::atoi(argv[i + 1])));
    }
    if (name == "--batch") wanted.batch = static_cast<uint32_t>(std::atoi(argv[i + 1]));
    if (name == "--part") wanted.part = argv[i + 1];
    if (name == "--model") wanted.model = argv[i + 1];
    if (name == "--same-bits") wanted.same_bits = std::string_view(argv[i + 1]) == "yes";
    if (name == "--curve") folder = argv[i + 1];
  }
  const auto state = dure::model::cuda::LookForCuda();
  if (state.devices == 0) {
    std::fprintf(stderr, "bench_gpu: %s\n", state.trouble.c_str());
    return kNoGpuExit;
  }
  const auto device = Device::Open(*state.table, index);
  if (device && wanted.same_bits) (*device)->WantSameBits();
  const auto figures = !device          ? Result<json>(dure::Fail(device.error()))
                       : folder.empty() ? MeasureAll(**device, wanted)
                                        : Curve(**device, folder);
  if (!figures) {
    std::fprintf(stderr, "bench_gpu: %s\n", figures.error().message.c_str());
    return 1;
  }
  std::printf("%s\n", figures->dump().c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return Main(argc, argv); }
