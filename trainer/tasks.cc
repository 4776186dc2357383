#include "trainer/tasks.h"

#include <algorithm>
#include <optional>

#include "model/cpu/evaluate.h"
#include "model/cpu/generate.h"
#include "model/text/batches.h"
#include "trainer/inputs.h"
#include "trainer/interval.h"

namespace dure::trainer {
namespace {

namespace cpu = model::cpu;

// Sequences to evaluate, spread over the whole held-out text when not all are wanted.
class Spread {
 public:
  Spread(uint64_t available, uint64_t wanted)
      : available_(available), count_(wanted == 0 ? available : std::min(available, wanted)) {}
  uint64_t count() const { return count_; }
  uint64_t at(uint64_t i) const {
    return static_cast<uint64_t>(static_cast<unsigned __int128>(i) * available_ / count_);
  }

 private:
  uint64_t available_;
  uint64_t count_;
};

constexpr uint64_t kDraws = 1000;

void AddInterval(const std::vector<SequenceLoss>& losses, uint64_t seed,
                 seat::EvaluatedEvent& event) {
  event.sequences = losses.size();
  const auto interval = IntervalOfMean(losses, kDraws, seed);
  if (!interval) return;
  event.low = interval->low;
  event.high = interval->high;
  event.draws = kDraws;
  event.seed = seed;
}

// What a site must not find out only when it was admitted to a round.
Status CheckCanTrain(const Task& task, const seat::PrepareTask& request) {
  std::optional<model::LlamaConfig> config;
  if (!request.config_path.empty()) {
    DURE_ASSIGN(config, model::ReadConfig(request.config_path));
  }
  return task.engine.CheckWish({.config = config ? &*config : nullptr,
                                .is_private = request.record_clip > 0,
                                .zero = request.zero,
                                .world = task.gang.world()});
}

}  // namespace

Result<seat::Event> Run(const Task& task, const seat::PrepareTask& request) {
  DURE_TRY(CheckCanTrain(task, request));
  DURE_ASSIGN(const text::Tokenizer tokenizer, text::Tokenizer::Load(request.tokenizer_path));
  DURE_ASSIGN(const text::Dataset dataset,
              Prepare(task, request.data, tokenizer, request.work_dir));
  const text::DatasetCounts& counts = dataset.counts;
  seat::PreparedEvent event;
  event.id = task.id;
  event.files = counts.read.files;
  event.files_left_out = counts.read.files_left_out;
  event.documents = counts.read.documents;
  event.bad_rows = counts.read.bad_rows;
  event.train_tokens = counts.train_tokens;
  event.train_bytes = counts.train_bytes;
  event.held_out_tokens = counts.held_out_tokens;
  event.held_out_bytes = counts.held_out_bytes;
  event.source_digest = counts.source.Hex();
  event.tokenizer_digest = tokenizer.digest().Hex();
  event.cached = dataset.cached;
  event.notes = counts.read.notes;
  return seat::Event(std::move(event));
}

Result<seat::Event> Run(const Task& task, const seat::EvaluateTask& request) {
  const double begin = Seconds();
  DURE_ASSIGN(OpenModel model,
              Open(request.model_path, request.config_path, request.tokenizer_path));
  DURE_ASSIGN(const text::Dataset dataset,
              Prepare(task, request.data, model.tokenizer, request.work_dir));
  // One at a time: each sequence's own loss is wanted.
  const cpu::EvaluateOptions options{
      .batch = 1, .sequence = request.sequence, .threads = request.threads};
  DURE_ASSIGN(const auto on_gpu, task.engine.Evaluate(model.config, options, model.weights.flat()));
  std::unique_ptr<cpu::Evaluator> on_cpu;
  if (!on_gpu) {
    DURE_ASSIGN(on_cpu, cpu::Evaluator::Create(model.config, options));
  }
  const auto tokens = dataset.held_out.tokens();
  const Spread spread(text::EvaluationSequenceCount(tokens, request.sequence),
                      request.sequences_max);
  seat::EvaluatedEvent event;
  cpu::Likelihood total;
  std::vector<SequenceLoss> losses;
  text::Batch one;
  double told = begin;
  for (uint64_t i = 0; i < spread.count(); ++i) {
    if (Seconds() - told >= kSignSeconds) {
      task.report(seat::ProgressEvent{task.id, "evaluating", i, spread.count()});
      told = Seconds();
    }
    if (task.ShouldStop()) return Fail(ErrorCode::kCancelled, "asked to stop while evaluating");
    text::EvaluationBatch(tokens, model.tokenizer, spread.at(i), 1, request.sequence, &one);
    DURE_ASSIGN(const cpu::Likelihood part,
                on_gpu ? on_gpu->Evaluate(one.inputs, one.targets)
                       : on_cpu->Evaluate(model.weights.flat(), one.inputs, one.targets));
    losses.push_back({part.nats, one.bytes});
    event.bytes += one.bytes;
    total += part;
  }
  AddInterval(losses, request.seed, event);
  event.id = task.id;
  event.nats = total.nats;
  event.tokens = total.tokens;
  event.seconds = Seconds() - begin;
  return seat::Event(event);
}

Result<seat::Event> Run(const Task& task, const seat::GenerateTask& request) {
  DURE_ASSIGN(OpenModel model,
              Open(request.model_path, request.config_path, request.tokenizer_path));
  DURE_ASSIGN(const auto on_gpu, task.engine.Generate(model.config, model.weights.flat()));
  std::unique_ptr<cpu::Generator> on_cpu;
  if (!on_gpu) {
    DURE_ASSIGN(on_cpu, cpu::Generator::Create(model.config, model.weights.flat()));
  }
  std::vector<uint32_t> prompt = {model.tokenizer.bos()};
  const std::vector<uint32_t> ids = model.tokenizer.Encode(request.prompt);
  prompt.insert(prompt.end(), ids.begin(), ids.end());
  cpu::GenerateOptions options;
  options.tokens_max = request.tokens_max;
  options.temperature = request.temperature;
  options.top_k = request.top_k;
  options.seed = request.seed;
  const auto goes_on = [&task](uint32_t) { return !task.ShouldStop(); };
  DURE_ASSIGN(const std::vector<uint32_t> made, on_gpu
                                                    ? on_gpu->Generate(prompt, options, goes_on)
                                                    : on_cpu->Generate(prompt, options, goes_on));
  if (task.ShouldStop()) return Fail(ErrorCode::kCancelled, "asked to stop while generating");
  return seat::Event(seat::GeneratedEvent{task.id, model.tokenizer.Decode(made), made.size()});
}

}  // namespace dure::trainer
