#include "cli/plan_cpu.h"

#include "model/cpu/train.h"
#include "model/cuda/train.h"
#include "model/layout.h"
#include "planning/quantity.h"
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

}  // namespace

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
