#include "site/trainer_desk.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "federation/check.h"

namespace dure::site {
namespace {

constexpr std::chrono::milliseconds kStopGrace{3000};
constexpr std::string_view kTrainingStage = "training";
// So many in the time that a trainer may be quiet. Of a machine that slept, and of a daemon that
// was stopped, only one finds nothing new.
constexpr int kLooks = 4;
// The first may come at once after a sign. One more, so that a gang, whose ranks have the same
// patience with each other, says itself which of them hangs.
constexpr int kQuietLooksMax = kLooks + 2;

ErrorCode CodeNamed(const std::string& name) {
  for (int i = 0; i <= static_cast<int>(ErrorCode::kInternal); ++i) {
    const auto code = static_cast<ErrorCode>(i);
    if (Name(code) == name) return code;
  }
  return ErrorCode::kInternal;
}

}  // namespace

bool Reach::Covers(const Reach& other) const {
  return std::ranges::includes(read, other.read) && std::ranges::includes(write, other.write);
}

TrainerDesk::TrainerDesk(loop::EventLoop& loop, launcher::Launcher& launcher,
                         launcher::TrainerSpec spec)
    : loop_(loop), launcher_(launcher), spec_(std::move(spec)) {}

TrainerDesk::~TrainerDesk() {
  *alive_ = false;
  if (trainer_) trainer_->Stop(kStopGrace);
}

int64_t TrainerDesk::trainer_pid() const { return trainer_ ? trainer_->pid() : 0; }

uint64_t TrainerDesk::Submit(Task task, Reach reach, TaskCalls calls) {
  const uint64_t id = next_id_++;
  waiting_.push_back({id, std::move(task), std::move(reach), std::move(calls)});
  // Never inside the call: the caller has not stored the id yet.
  loop_.Post([this, alive = alive_] {
    if (*alive) Next();
  });
  return id;
}

void TrainerDesk::Cancel(uint64_t id, bool keep) {
  if (running_ && running_->id == id) {
    running_->cancelled = true;
    if (!trainer_->Send(seat::StopRequest{keep})) return EndTrainer();
    loop_.At(loop_.Now() + spec_.rank_patience, [this, alive = alive_, id] {
      if (*alive && running_ && running_->id == id) EndTrainer();
    });
    return;
  }
  for (auto waiting = waiting_.begin(); waiting != waiting_.end(); ++waiting) {
    if (waiting->id != id) continue;
    auto done = std::move(waiting->calls.done);
    waiting_.erase(waiting);
    loop_.Post([done = std::move(done)] {
      done(Fail(ErrorCode::kCancelled, "the task was cancelled before it began"));
    });
    return;
  }
}

void TrainerDesk::EndTrainer() {
  if (!trainer_ || ending_) return;
  ending_ = true;
  trainer_->Stop(std::min(kStopGrace, spec_.rank_patience));
  loop_.At(loop_.Now() + 2 * spec_.rank_patience, [this, alive = alive_, generation = generation_] {
    if (*alive) Outlived(generation);
  });
}

// Until it is gone every task is answered at once: whoever asked says so to others, who would wait.
void TrainerDesk::Outlived(uint64_t generation) {
  if (!ending_ || generation != generation_) return;
  lingers_ = true;
  if (!running_) return Next();
  const auto code = running_->cancelled ? ErrorCode::kCancelled : ErrorCode::kUnavailable;
  Finish(Fail(code, Lingers()), true);
}

std::string TrainerDesk::Process() const {
  return "the trainer (process " + std::to_string(trainer_pid()) + ")";
}

std::string TrainerDesk::Lingers() const {
  return Process() + " was killed and does not end: a device or a file system may hold it";
}

// Signs
// ---------------------------------------------------------------------------------------------

Duration TrainerDesk::QuietMax() const {
  return spec_.rank_patience * (running_->steps_on ? 1 : kPatiencesBesideSteps);
}

void TrainerDesk::Watch() {
  loop_.At(loop_.Now() + QuietMax() / kLooks, [this, alive = alive_, watch = ++watch_] {
    if (!*alive || watch != watch_ || !running_) return;
    const bool queues = spec_.waits_in_queue && !ready_;
    if (queues || ++quiet_looks_ < kQuietLooksMax) return Watch();
    GiveUpHung();
  });
}

void TrainerDesk::TakeSign(const seat::ProgressEvent& progress) {
  Waiting& task = *running_;
  // Whoever repeats a step is not getting on.
  const bool repeats = progress.step != 0 && progress.step <= task.step;
  if (repeats && progress.stage == task.stage) return;
  task.stage = progress.stage;
  task.step = progress.step;
  quiet_looks_ = 0;
  const bool last = progress.step == progress.steps;
  const bool steps_on = progress.stage == kTrainingStage && progress.step != 0 && !last;
  if (std::exchange(task.steps_on, steps_on) != steps_on) Watch();
}

void TrainerDesk::GiveUpHung() {
  const int64_t seconds = std::chrono::ceil<std::chrono::seconds>(QuietMax()).count();
  std::string said = running_->stage.empty() ? "it was given its task" : running_->stage;
  if (running_->step != 0) said += ", step " + std::to_string(running_->step);
  const Error hung{running_->cancelled ? ErrorCode::kCancelled : ErrorCode::kUnavailable,
                   Process() + " hangs, and is killed: it gave no sign for " +
                       std::to_string(seconds) + " s after: " + said};
  EndTrainer();
  Finish(Fail(hung), true, /*hung=*/true);
}

// The trainer
// ---------------------------------------------------------------------------------------------

Status TrainerDesk::EnsureTrainer() {
  if (trainer_) return {};
  const uint64_t generation = ++generation_;
  ready_ = false;
  launcher::TrainerObserver observer;
  observer.on_event = [this, alive = alive_, generation](const seat::Event& event) {
    loop_.Post([this, alive, generation, event] {
      if (*alive) OnEvent(generation, event);
    });
  };
  observer.on_bad_line = [](const Error&) {
  };  // the launcher has refused it; the task's own answer decides
  observer.on_exit = [this, alive = alive_, generation](const launcher::TrainerExit& exit) {
    loop_.Post([this, alive, generation, exit] {
      if (*alive) OnExit(generation, exit);
    });
  };
  launcher::TrainerSpec spec = spec_;
  reach_ = running_->reach;
  spec.read_paths.insert(spec.read_paths.end(), reach_.read.begin(), reach_.read.end());
  spec.write_paths.insert(spec.write_paths.end(), reach_.write.begin(), reach_.write.end());
  DURE_ASSIGN(trainer_, launcher_.Start(spec, std::move(observer)));
  code_ = trainer_->code();
  return {};
}

void TrainerDesk::Next() {
  if (running_ || (ending_ && !lingers_) || waiting_.empty()) return;
  // Its end, or that it does not end, brings us here again.
  if (trainer_ && !lingers_ && !reach_.Covers(waiting_.front().reach)) return EndTrainer();
  running_ = std::make_unique<Waiting>(std::move(waiting_.front()));
  waiting_.pop_front();
  if (lingers_) {
    return Finish(Fail(ErrorCode::kUnavailable, Lingers()), true);
  }
  quiet_looks_ = 0;
  Watch();
  Status started = EnsureTrainer();
  if (started) {
    seat::TaskRequest request;
    request.id = running_->id;
    request.task = running_->task;
    started = trainer_->Send(request);
    if (!started && started.error().code == ErrorCode::kUnavailable) EndTrainer();
  }
  if (!started) Finish(Within(started.error(), "starting the trainer"), true);
}

void TrainerDesk::OnEvent(uint64_t generation, const seat::Event& event) {
  if (generation != generation_) return;
  ready_ = ready_ || std::holds_alternative<seat::ReadyEvent>(event);
  if (!running_) return;
  const uint64_t id = running_->id;
  if (const auto* progress = std::get_if<seat::ProgressEvent>(&event)) {
    if (progress->id != id) return;
    TakeSign(*progress);
    if (running_->calls.progress) running_->calls.progress(*progress);
  } else if (const auto* prepared = std::get_if<seat::PreparedEvent>(&event)) {
    if (prepared->id == id) Finish(Answer(*prepared));
  } else if (const auto* done = std::get_if<seat::DoneEvent>(&event)) {
    if (done->id == id) Finish(Answer(*done));
  } else if (const auto* evaluated = std::get_if<seat::EvaluatedEvent>(&event)) {
    if (evaluated->id == id) Finish(Answer(*evaluated));
  } else if (const auto* generated = std::get_if<seat::GeneratedEvent>(&event)) {
    if (generated->id == id) Finish(Answer(*generated));
  } else if (const auto* error = std::get_if<seat::ErrorEvent>(&event)) {
    if (error->id == id) Finish(Fail(CodeNamed(error->code), error->message));
  }
}

void TrainerDesk::OnExit(uint64_t generation, const launcher::TrainerExit& exit) {
  if (generation != generation_) return;
  trainer_.reset();
  ending_ = false;
  lingers_ = false;
  if (!running_) return Next();
  const bool cancelled = running_->cancelled;
  Finish(Fail(cancelled ? ErrorCode::kCancelled : ErrorCode::kUnavailable,
              "the trainer ended before its task was done: " + exit.reason),
         true);
}

void TrainerDesk::Finish(Result<Answer> answer, bool for_want_of_trainer, bool hung) {
  DURE_CHECK(running_ != nullptr, "only a running task is answered");
  ++watch_;
  lacks_trainer_ = for_want_of_trainer;
  hung_ = hung;
  const auto finished = std::move(running_);
  finished->calls.done(std::move(answer));
  Next();
}

}  // namespace dure::site
