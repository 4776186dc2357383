#include "model/cpu/train.h"

#include <algorithm>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <optional>

#include "federation/limits.h"
#include "trainer/gang.h"
#include "trainer/inputs.h"
#include "trainer/private_steps.h"
#include "trainer/state.h"
#include "trainer/tasks.h"

namespace dure::trainer {
namespace {

namespace cpu = model::cpu;

static_assert(text::kNotPredicted == cpu::kIgnoredTarget,
              "data and engine agree on masked targets");

constexpr double kProgressSeconds = 0.25;  // often enough to look live, rare enough to cost nothing

cpu::TrainOptions OptionsOf(const seat::TrainTask& request) {
  cpu::TrainOptions options;
  switch (request.schedule) {
    case seat::ScheduleKind::kConstant:
      options.schedule.kind = cpu::Schedule::Kind::kConstant;
      break;
    case seat::ScheduleKind::kCosine:
      options.schedule.kind = cpu::Schedule::Kind::kCosine;
      break;
    case seat::ScheduleKind::kWsd:
      options.schedule.kind = cpu::Schedule::Kind::kWsd;
      break;
  }
  options.schedule.peak = request.learning_rate;
  options.schedule.warmup_steps = request.warmup_steps;
  options.schedule.total_steps = request.total_steps;
  options.schedule.decay_steps = request.decay_steps;
  options.schedule.final_fraction = request.final_fraction;
  options.beta1 = request.beta1;
  options.beta2 = request.beta2;
  options.epsilon = request.epsilon;
  options.weight_decay = request.weight_decay;
  options.clip_norm = request.clip_norm;
  options.batch = request.batch;
  options.sequence = request.sequence;
  options.accumulation = request.accumulation;
  options.threads = request.threads;
  options.zero = request.zero;
  options.record_clip = request.record_clip;
  options.record_noise = request.record_noise;
  return options;
}

Status CheckRequest(const seat::TrainTask& request) {
  if (request.steps == 0 && !(request.seconds > 0)) {
    return Fail(ErrorCode::kInvalid, "neither steps nor seconds say when training ends");
  }
  const auto tokens =
      static_cast<unsigned __int128>(request.batch) * request.accumulation * request.sequence;
  if (tokens > limits::kStepTokensMax) {
    return Fail(ErrorCode::kInvalid, "batch, accumulation and sequence make a step of more than " +
                                         std::to_string(limits::kStepTokensMax) + " tokens");
  }
  if (request.state_in == request.state_out) {
    return Fail(ErrorCode::kInvalid, "state_out is state_in, which must stay to repeat the round");
  }
  return CheckPrivate(request);
}

// Counts what was done and tells it, at most a few times a second.
class Progress {
 public:
  // `accelerators` train: this many for as long as a step takes.
  Progress(const Task& task, const seat::TrainTask& request, uint32_t accelerators)
      : task_(task), request_(request), accelerators_(accelerators), begin_(Seconds()) {}

  void BeginStep() { step_begin_ = Seconds(); }

  void Add(const cpu::StepResult& step) {
    ++done_.steps;
    done_.steps_total = step.step;
    done_.tokens += Told(step);
    if (request_.record_clip > 0) ++done_.private_steps;
    done_.examples += uint64_t{request_.batch} * request_.accumulation;
    done_.learning_rate_sum += step.learning_rate;
    if (done_.steps == 1) done_.first_loss = step.loss;
    losses_.push_back(step.loss);
    if (losses_.size() > done_.steps / 10 + 1) losses_.pop_front();
    const double now = Seconds();
    done_.accelerator_seconds += (now - step_begin_) * accelerators_;
    const bool last = done_.steps == request_.steps;
    if (done_.steps > 1 && !last && now - reported_ < kProgressSeconds) return;
    reported_ = now;
    task_.report(seat::ProgressEvent{task_.id, "training", done_.steps, request_.steps, step.loss,
                                     done_.tokens, Rate(now)});
  }

  // What may take longer than a step begins.
  void SayItWrites() const {
    const double loss = losses_.empty() ? 0 : losses_.back();
    task_.report(seat::ProgressEvent{task_.id, "writing", done_.steps, request_.steps, loss,
                                     done_.tokens, Rate(Seconds())});
  }

  bool IsOver() const {
    if (request_.steps > 0 && done_.steps >= request_.steps) return true;
    return request_.seconds > 0 && done_.steps > 0 && Seconds() - begin_ >= request_.seconds;
  }

  seat::DoneEvent Done(bool stopped) {
    done_.id = task_.id;
    done_.seconds = Seconds() - begin_;
    done_.stopped = stopped;
    for (const double loss : losses_)
      done_.final_loss += loss / static_cast<double>(losses_.size());
    return done_;
  }

 private:
  // How many were drawn for a private step is a secret: what the plan says of a step is told.
  uint64_t Told(const cpu::StepResult& step) const {
    if (request_.record_clip == 0) return step.tokens;
    return uint64_t{request_.batch} * request_.accumulation * request_.sequence;
  }
  double Rate(double now) const {
    return static_cast<double>(done_.tokens) / std::max(now - begin_, 1e-9);
  }

  const Task& task_;
  const seat::TrainTask& request_;
  uint32_t accelerators_;
  double begin_;
  double step_begin_ = 0;
  double reported_ = 0;
  seat::DoneEvent done_;
  std::deque<double> losses_;
};

// On standard error, which is the site's log: the training itself goes on.
void TellOfAnotherOptimizer(cpu::Optimizer saved_by, bool uses_muon) {
  const bool was_muon = saved_by == cpu::Optimizer::kMuon;
  if (was_muon == uses_muon) return;
  std::fprintf(stderr,
               "dure-trainer: the last round's moments were saved by %s, and this is %s: they "
               "begin anew\n",
               was_muon ? "Muon" : "AdamW", uses_muon ? "Muon" : "AdamW");
}

// What a rank trains with.
struct Outfit {
  OpenModel model;
  text::Dataset dataset;
  std::unique_ptr<Session> session = nullptr;
  DataPlace place = {};
};

// Without the memory of a training: whether there is enough for all is found while none has any.
Result<Outfit> ReadInputs(const Task& task, const seat::TrainTask& request) {
  DURE_ASSIGN(OpenModel model,
              Open(request.model_path, request.config_path, request.tokenizer_path));
  DURE_ASSIGN(text::Dataset dataset,
              Prepare(task, request.data, model.tokenizer, request.work_dir));
  DURE_TRY(
      task.engine.CheckRoom(model.config, OptionsOf(request), task.gang.world(), task.ranks_here));
  return Outfit{std::move(model), std::move(dataset)};
}

Status FitOut(const Task& task, const seat::TrainTask& request, const std::string& state_in,
              Outfit& outfit) {
  DURE_ASSIGN(outfit.session,
              task.engine.Train(outfit.model.config, OptionsOf(request), task.gang));
  Session* const session = outfit.session.get();
  DURE_TRY(session->LoadParameters(outfit.model.weights.flat()));
  DataPlace& place = outfit.place;
  place = {outfit.dataset.key, request.seed, request.sequence, {}};
  if (!state_in.empty()) {
    DURE_ASSIGN(const SavedState saved, LoadState(state_in, session));
    if (task.gang.rank() == 0) TellOfAnotherOptimizer(saved.saved_by, task.engine.uses_muon());
    place.cursor = Continue(saved.place, place);
  }
  return {};
}

// A state that a disk lost must not keep the site from this round and all later ones: without it
// the moments and the place in the data begin anew, on every rank, and it is said aloud. It goes,
// so that the same round begun again finds the same.
Status FitOutTogether(const Task& task, const seat::TrainTask& request, Outfit& outfit) {
  const Status fitted = AgreeOnFiles(task.gang, FitOut(task, request, request.state_in, outfit));
  if (fitted || request.state_in.empty()) return fitted;
  const ErrorCode code = fitted.error().code;
  if (code != ErrorCode::kCorrupt && code != ErrorCode::kNotFound) return fitted;
  if (task.gang.rank() == 0) {
    std::fprintf(stderr,
                 "dure-trainer: LOST: the optimizer's state of an earlier round, which begins "
                 "anew: %s\n",
                 fitted.error().message.c_str());
    std::error_code ignored;
    std::filesystem::remove_all(request.state_in, ignored);
  }
  outfit.session.reset();
  outfit.place = {};
  return AgreeOnFiles(task.gang, FitOut(task, request, {}, outfit));
}

// Rank 0 writes; where the parameters are split, the others give theirs.
Status WriteOutput(const Task& task, const seat::TrainTask& request, const Outfit& outfit) {
  Session& session = *outfit.session;
  const model::Layout& layout = outfit.model.weights.layout();
  const bool is_writer = task.gang.rank() == 0;
  std::span<const float> parameters;
  std::vector<float> gathered;
  const bool is_split = task.gang.world() > 1 && request.zero == cpu::kZeroStageMax;
  if (session.OnCpu() == nullptr || is_split) {
    if (is_writer) gathered.resize(layout.parameter_count());
    DURE_TRY(session.GatherParameters(gathered));
    parameters = gathered;
  } else {
    parameters = session.OnCpu()->parameters();
  }
  return AgreeOnFiles(
      task.gang,
      is_writer ? model::WriteSafetensors(request.output_path, layout, parameters) : Status{});
}

}  // namespace

Result<seat::Event> Run(const Task& task, const seat::TrainTask& request) {
  DURE_TRY(CheckRequest(request));
  DURE_TRY(task.engine.CheckWish(
      {.is_private = request.record_clip > 0, .zero = request.zero, .world = task.gang.world()}));
  if (task.gang.world() > 1) {
    // Once, by one: the others find the tokens made, however long it takes.
    DURE_ASSIGN(const text::Tokenizer tokenizer, text::Tokenizer::Load(request.tokenizer_path));
    DURE_TRY(Prepare(task, request.data, tokenizer, request.work_dir));
    DURE_TRY(Announce(task.gang, request));
  }
  return TrainTogether(task, request);
}

Result<seat::Event> TrainTogether(const Task& task, const seat::TrainTask& request) {
  auto read = ReadInputs(task, request);
  DURE_TRY(AgreeOnFiles(task.gang, read ? Status{} : Fail(read.error())));
  Outfit& outfit = *read;
  DURE_TRY(FitOutTogether(task, request, outfit));
  text::TokenSource source(outfit.dataset.train.tokens(), outfit.model.tokenizer, request.seed);
  source.Seek(outfit.place.cursor);

  // All ranks train on one each, or none does (Engine::Choose).
  const bool on_gpus = outfit.session->OnCpu() == nullptr;
  Progress progress(task, request, on_gpus ? task.gang.world() : 0);
  text::Batch batch;
  std::optional<PrivateSteps> private_steps;
  if (request.record_clip > 0) {
    private_steps.emplace(request, outfit.dataset.train.tokens(), outfit.model.tokenizer);
  }
  Turn turn = Turn::kGoOn;
  for (;;) {
    DURE_ASSIGN(turn, Decide(task, progress.IsOver()));
    if (turn != Turn::kGoOn) break;
    if (private_steps) {
      DURE_ASSIGN(const cpu::StepResult step, private_steps->Next(*outfit.session->OnCpu()));
      progress.Add(step);
      continue;
    }
    // All ranks read the whole step and compute their share of it.
    source.Next(request.batch * request.accumulation, request.sequence, &batch);
    progress.BeginStep();
    DURE_ASSIGN(const cpu::StepResult step, outfit.session->Step(batch.inputs, batch.targets));
    progress.Add(step);
  }
  const seat::DoneEvent done = progress.Done(turn == Turn::kKeep);
  if (turn == Turn::kDrop || (turn == Turn::kKeep && done.steps == 0)) {
    return Fail(ErrorCode::kCancelled, "asked to stop while training");
  }
  progress.SayItWrites();
  // The output first: state without output would move on without the round's contribution.
  DURE_TRY(WriteOutput(task, request, outfit));
  outfit.place.cursor = source.cursor();
  DURE_TRY(SaveState(request.state_out, *outfit.session, outfit.place, task.gang));
  return seat::Event(done);
}

}  // namespace dure::trainer
