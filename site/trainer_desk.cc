#include "site/trainer_desk.h"

#include "federation/check.h"

namespace dure::site {
namespace {

constexpr std::chrono::milliseconds kStopGrace{3000};

ErrorCode CodeNamed(const std::string& name) {
  for (int i = 0; i <= static_cast<int>(ErrorCode::kInternal); ++i) {
    const auto code = static_cast<ErrorCode>(i);
    if (Name(code) == name) return code;
  }
  return ErrorCode::kInternal;
}

}  // namespace

TrainerDesk::TrainerDesk(loop::EventLoop& loop, launcher::Launcher& launcher,
                         launcher::TrainerSpec spec)
    : loop_(loop), launcher_(launcher), spec_(std::move(spec)) {}

TrainerDesk::~TrainerDesk() {
  *alive_ = false;
  if (trainer_) trainer_->Stop(kStopGrace);
}

int64_t TrainerDesk::trainer_pid() const { return trainer_ ? trainer_->pid() : 0; }

uint64_t TrainerDesk::Submit(Task task, TaskCalls calls) {
  const uint64_t id = next_id_++;
  waiting_.push_back({id, std::move(task), std::move(calls)});
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
  if (!trainer_) return;
  ending_ = true;
  trainer_->Stop(kStopGrace);
}

Status TrainerDesk::EnsureTrainer() {
  if (trainer_) return {};
  const uint64_t generation = ++generation_;
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
  DURE_ASSIGN(trainer_, launcher_.Start(spec_, std::move(observer)));
  code_ = trainer_->code();
  return {};
}

void TrainerDesk::Next() {
  if (running_ || ending_ || waiting_.empty()) return;
  running_ = std::make_unique<Waiting>(std::move(waiting_.front()));
  waiting_.pop_front();
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
  if (generation != generation_ || !running_) return;
  const uint64_t id = running_->id;
  if (const auto* progress = std::get_if<seat::ProgressEvent>(&event)) {
    if (progress->id == id && running_->calls.progress) running_->calls.progress(*progress);
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
  if (!running_) return Next();
  const bool cancelled = running_->cancelled;
  Finish(Fail(cancelled ? ErrorCode::kCancelled : ErrorCode::kUnavailable,
              "the trainer ended before its task was done: " + exit.reason),
         true);
}

void TrainerDesk::Finish(Result<Answer> answer, bool for_want_of_trainer) {
  DURE_CHECK(running_ != nullptr, "only a running task is answered");
  lacks_trainer_ = for_want_of_trainer;
  const auto finished = std::move(running_);
  finished->calls.done(std::move(answer));
  Next();
}

}  // namespace dure::site
