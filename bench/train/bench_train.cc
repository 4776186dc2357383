// Training speed of the built-in engine: tokens per second of whole optimizer steps, as one JSON
// object.
//
//   bench_train [--model small|tiny|FILE] [--batch 8] [--sequence 256] [--threads 2] [--steps 10]
//               [--precision fp32|bf16]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include "federation/random.h"
#include "model/cpu/train.h"
#include "model/initialize.h"
#include "model/layout.h"

namespace {

using dure::model::LlamaConfig;
using dure::model::cpu::Precision;
using dure::model::cpu::TrainOptions;
using dure::model::cpu::TrainSession;

struct Arguments {
  std::string model = "small";
  uint32_t batch = 8;
  uint32_t sequence = 256;
  uint32_t threads = 2;
  uint32_t steps = 10;
  Precision precision = Precision::kFp32;
};

bool Parse(int argc, char** argv, Arguments& out) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const std::string value = argv[i + 1];
    const auto number = static_cast<uint32_t>(std::strtoul(value.c_str(), nullptr, 10));
    if (name == "--model")
      out.model = value;
    else if (name == "--batch")
      out.batch = number;
    else if (name == "--sequence")
      out.sequence = number;
    else if (name == "--threads")
      out.threads = number;
    else if (name == "--steps")
      out.steps = number;
    else if (name == "--precision" && (value == "fp32" || value == "bf16"))
      out.precision = value == "bf16" ? Precision::kBf16 : Precision::kFp32;
    else
      return false;
  }
  return argc % 2 == 1 && out.steps > 0;
}

int Report(const dure::Error& error) {
  std::fprintf(stderr, "bench_train: %s\n", error.message.c_str());
  return 1;
}

int Run(const Arguments& arguments) {
  const auto config = dure::model::PresetOrFile(arguments.model);
  if (!config) return Report(config.error());
  TrainOptions options;
  options.schedule.peak = 1e-3;
  options.batch = arguments.batch;
  options.sequence = arguments.sequence;
  options.threads = arguments.threads;
  options.precision = arguments.precision;
  auto session = TrainSession::Create(*config, options);
  if (!session) return Report(session.error());
  std::vector<float> parameters(dure::model::LlamaLayout(*config).parameter_count());
  dure::model::Initialize(*config, 1, parameters);
  if (auto loaded = (*session)->LoadParameters(parameters); !loaded) return Report(loaded.error());
  const size_t tokens = size_t{arguments.batch} * arguments.sequence;
  dure::SeededRandom random(2);
  std::vector<uint32_t> text(tokens + 1);
  for (uint32_t& token : text) token = static_cast<uint32_t>(random.Below(config->vocab));
  const std::span<const uint32_t> all(text);
  std::vector<double> seconds;
  double loss = 0;
  std::clock_t processor = 0;
  for (uint32_t step = 0; step < arguments.steps + 2; ++step) {
    if (step == 2) processor = std::clock();
    const auto begin = std::chrono::steady_clock::now();
    const auto result = (*session)->Step(all.first(tokens), all.subspan(1));
    if (!result) return Report(result.error());
    loss = result->loss;
    seconds.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  const double processor_seconds =
      static_cast<double>(std::clock() - processor) / static_cast<double>(CLOCKS_PER_SEC);
  // The first two steps touch memory for the first time.
  std::vector<double> steady(seconds.begin() + 2, seconds.end());
  std::sort(steady.begin(), steady.end());
  const double median = steady[steady.size() / 2];
  std::printf(
      "{\"engine\": \"dure\", \"model\": \"%s\", \"parameters\": %zu, \"batch\": %u, "
      "\"sequence\": %u, \"threads\": %u, \"precision\": \"%s\", \"tokens_per_second\": %.1f, "
      "\"best\": %.1f, "
      "\"tokens_per_processor_second\": %.1f, \"first_step_seconds\": %.4f, "
      "\"planned_mib\": %.1f, \"loss\": %.4f}\n",
      arguments.model.c_str(), parameters.size(), arguments.batch, arguments.sequence,
      arguments.threads, std::string(Name(arguments.precision)).c_str(),
      static_cast<double>(tokens) / median, static_cast<double>(tokens) / steady.front(),
      static_cast<double>(tokens * arguments.steps) / processor_seconds, seconds.front(),
      static_cast<double>(TrainSession::PlannedBytes(*config, options)) / 1048576.0, loss);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (!Parse(argc, argv, arguments)) {
    std::fprintf(stderr,
                 "usage: bench_train [--model small|tiny|FILE] [--batch N] [--sequence N] "
                 "[--threads N] [--steps N]\n");
    return 2;
  }
  return Run(arguments);
}
