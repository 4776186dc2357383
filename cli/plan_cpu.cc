#include "cli/plan_cpu.h"

#include <algorithm>
#include <cmath>

#include "model/cpu/train.h"
#include "model/cuda/train.h"
#include "model/layout.h"
#include "planning/quantity.h"
#include "site/launcher/launcher.h"
#include "site/machine/machine.h"

namespace dure::cli {
namespace {

planning::Figure BytesFigure(std::string name, uint64_t bytes, std::string sentence) {
  const auto value = static_cast<double>(bytes);
  return {std::move(name), value, "bytes", planning::BytesText(value), std::move(sentence)};
}

// The same training on GPUs: what each would be asked for, whether or not there is one here.
planning::Section OnGpus(const model::LlamaConfig& config, const model::cpu::TrainOptions& options,
                         const CpuQuestion& q) {
  using model::cuda::Recompute;
  planning::Section section{"Memory of the CUDA engine", {}};
  const struct {
    const char* name;
    Recompute level;
    const char* sentence;
  } levels[] = {
      {"gpu_rank_bytes", Recompute::kNorms, "with --recompute norms, the default"},
      {"gpu_rank_stored_bytes", Recompute::kNothing, "with --recompute nothing"},
      {"gpu_rank_recomputed_bytes", Recompute::kLayers, "with --recompute layers"},
  };
  for (const auto& level : levels) {
    const uint64_t bytes = model::cuda::TrainSession::PlannedBytes(
        config, options, {.recompute = level.level}, q.ranks);
    section.figures.push_back(BytesFigure(
        level.name, bytes,
        "taken on the GPU of each of " + std::to_string(q.ranks) + " ranks, " + level.sentence +
            "; the driver and its libraries take about " +
            planning::BytesText(static_cast<double>(model::cuda::kDriverBytes)) + " more"));
  }
  return section;
}

constexpr uint32_t kPlannedVocabulary = 32000;
constexpr uint32_t kPlannedSequence = 4096;
constexpr uint32_t kHeadWidth = 128;

// A Llama of this shape whose feed-forward layers make up the number of parameters.
std::optional<model::LlamaConfig> LlamaOf(const planning::Question& q) {
  const planning::ModelShape shape = planning::ShapeOf(q);
  const double width = shape.width;
  const double layer = (q.parameters - 2 * kPlannedVocabulary * width) / shape.layers;
  const double ffn = (layer - 4 * width * width) / (3 * width);
  if (!(ffn >= 128 && ffn < 1e6) || shape.width % kHeadWidth != 0) return std::nullopt;
  model::LlamaConfig config;
  config.vocab = kPlannedVocabulary;
  config.dim = shape.width;
  config.layers = shape.layers;
  config.heads = config.kv_heads = shape.width / kHeadWidth;
  config.ffn_dim = 128 * static_cast<uint32_t>(std::lround(ffn / 128));
  config.context = kPlannedSequence;
  config.tie_embeddings = false;
  return config;
}

}  // namespace

std::optional<planning::Section> EngineSection(const planning::Question& q) {
  const auto config = LlamaOf(q);
  if (!config) return std::nullopt;
  const auto ranks = static_cast<uint32_t>(std::min<double>(q.gpus, launcher::kRanksMax));
  const auto tokens = static_cast<uint32_t>(std::clamp(q.tokens_per_micro_step, 2.0, 1e6));
  model::cpu::TrainOptions options;
  options.sequence = std::min(kPlannedSequence, tokens);
  options.batch = ranks * std::max(1u, tokens / options.sequence);
  planning::Section section{"Memory of Dure's own engine, which is no textbook's", {}};
  for (uint32_t stage = 0; stage <= 3; ++stage) {
    options.zero = stage;
    const uint64_t bytes =
        model::cuda::TrainSession::PlannedBytes(
            *config, options, {.recompute = model::cuda::Recompute::kLayers}, ranks) +
        model::cuda::kDriverBytes;
    const bool fits = static_cast<double>(bytes) <= q.gpu_memory_bytes;
    section.figures.push_back(BytesFigure(
        "engine_zero" + std::to_string(stage) + "_bytes", bytes,
        "a GPU of " + std::to_string(ranks) + " with --zero " + std::to_string(stage) +
            " --recompute layers, " + planning::CountText(options.batch / ranks) +
            " sequences of " + planning::CountText(options.sequence) + " on it; it " +
            (fits ? "fits in " : "does not fit in ") + planning::BytesText(q.gpu_memory_bytes)));
  }
  section.figures.push_back(
      {"engine_ranks", static_cast<double>(ranks), "", std::to_string(ranks) + " ranks",
       "a gang has " + std::to_string(launcher::kRanksMax) +
           " ranks at most, one a GPU, and shares no layer; gradients are fp32 and embedding and "
           "head stand whole on each: a run of its own (--model config.json) is planned to the "
           "byte"});
  return section;
}

Result<planning::Plan> CpuMemoryPlan(const CpuQuestion& q) {
  DURE_ASSIGN(const model::LlamaConfig config, model::PresetOrFile(q.model));
  model::cpu::TrainOptions options;
  options.batch = q.batch;
  options.sequence = q.sequence == 0 ? config.context : q.sequence;
  options.threads = q.threads;
  options.zero = q.zero;
  DURE_TRY(Validate(options, config));
  const uint64_t rank = model::cpu::TrainSession::PlannedBytes(config, options, q.ranks);
  const uint64_t alone = model::cpu::TrainSession::PlannedBytes(config, options);
  const uint64_t parameters = model::LlamaLayout(config).parameter_count();
  const uint64_t free = machine::LookAtCpu().memory_free_bytes;
  const std::string verdict = rank * q.ranks <= free ? "fits" : "does not fit";
  planning::Section section{"Memory of the CPU engine", {}};
  section.figures.push_back(
      BytesFigure("cpu_model_bytes", 4 * parameters, "the model's weights, fp32"));
  section.figures.push_back(BytesFigure(
      "cpu_rank_bytes", rank,
      "mapped by each of " + std::to_string(q.ranks) + " ranks at ZeRO-" + std::to_string(q.zero) +
          ": weights, gradients, moments and activations, all of it before the first step"));
  section.figures.push_back(BytesFigure("cpu_gang_bytes", rank * q.ranks,
                                        "by all ranks together; on this machine, with " +
                                            planning::BytesText(static_cast<double>(free)) +
                                            " free, it " + verdict));
  section.figures.push_back(
      BytesFigure("cpu_alone_bytes", alone, "mapped by one process for the same batch"));
  return planning::Plan{{section, OnGpus(config, options, q)}};
}

}  // namespace dure::cli
