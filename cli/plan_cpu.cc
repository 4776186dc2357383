#include "cli/plan_cpu.h"

#include "model/cpu/train.h"
#include "model/layout.h"
#include "planning/quantity.h"
#include "site/machine/machine.h"

namespace dure::cli {
namespace {

planning::Figure Bytes(std::string name, uint64_t bytes, std::string sentence) {
  const auto value = static_cast<double>(bytes);
  return {std::move(name), value, "bytes", planning::BytesText(value), std::move(sentence)};
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
  section.figures.push_back(Bytes("cpu_model_bytes", 4 * parameters, "the model's weights, fp32"));
  section.figures.push_back(Bytes(
      "cpu_rank_bytes", rank,
      "mapped by each of " + std::to_string(q.ranks) + " ranks at ZeRO-" + std::to_string(q.zero) +
          ": weights, gradients, moments and activations, all of it before the first step"));
  section.figures.push_back(Bytes("cpu_gang_bytes", rank * q.ranks,
                                  "by all ranks together; on this machine, with " +
                                      planning::BytesText(static_cast<double>(free)) +
                                      " free, it " + verdict));
  section.figures.push_back(
      Bytes("cpu_alone_bytes", alone, "mapped by one process for the same batch"));
  return planning::Plan{{section}};
}

}  // namespace dure::cli
