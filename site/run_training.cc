// What a round asks of the trainer; what comes before it is in run_deciding.cc.
#include <algorithm>

#include "federation/canonical.h"
#include "federation/check.h"
#include "federation/crash_point.h"
#include "federation/derivation/derivation.h"
#include "federation/error_code.h"
#include "site/run_desk.h"
#include "site/run_desk_work.h"
#include "site/trainer_files.h"
#include "site/update_work.h"

namespace dure::site {
namespace {

constexpr std::chrono::milliseconds kStatusInterval{250};
constexpr std::chrono::milliseconds kLentRetry{50};  // until the data is measured
constexpr std::chrono::seconds kTrainerRetry{1};
// One that falls at every start would hold up the others until their deadline; one that hangs does
// so for much longer.
constexpr uint32_t kTrainerDeathsMax = 12;
constexpr uint32_t kDeathsOfAHang = 4;
// After what the round before left behind has become spare.
constexpr std::chrono::milliseconds kReadyAfter{600};

uint64_t OrderSeed(uint64_t seed, const SiteId& site) {
  const Digest digest =
      Sha256(CanonicalWriter().Text("dure-order").U64(seed).Text(site.str()).bytes());
  uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = value << 8 | digest.bytes[static_cast<size_t>(i)];
  return value;
}

seat::ScheduleKind KindOf(round::ScheduleKind kind) {
  switch (kind) {
    case round::ScheduleKind::kConstant:
      return seat::ScheduleKind::kConstant;
    case round::ScheduleKind::kCosine:
      return seat::ScheduleKind::kCosine;
    case round::ScheduleKind::kWsd:
      return seat::ScheduleKind::kWsd;
  }
  return seat::ScheduleKind::kConstant;
}

seat::TrainTask TaskOf(const round::RunManifest& manifest) {
  const round::InnerTraining& inner = manifest.inner;
  seat::TrainTask task;
  task.record_clip = manifest.privacy.record_clip;
  task.record_noise = manifest.privacy.record_noise;
  task.record_rate = manifest.privacy.record_rate;
  task.steps = inner.steps;
  task.seconds = inner.seconds;
  task.batch = inner.batch;
  task.sequence = inner.sequence;
  task.accumulation = inner.accumulation;
  task.learning_rate = inner.learning_rate;
  task.beta1 = inner.beta1;
  task.beta2 = inner.beta2;
  task.epsilon = inner.epsilon;
  task.weight_decay = inner.weight_decay;
  task.clip_norm = inner.clip_norm;
  task.schedule = KindOf(inner.schedule);
  task.warmup_steps = inner.warmup_steps;
  task.total_steps = inner.total_steps;
  task.decay_steps = inner.decay_steps;
  task.final_fraction = inner.final_fraction;
  return task;
}

}  // namespace

void RunDesk::Do(const round::StartTraining& effect) {
  const RoundNumber round = effect.plan.at.round;
  manifest_ = effect.manifest;
  if (training_round_ == round && training_task_ != 0) return;  // asked again while it runs
  if (const auto mark = MarkOf(round, effect.number);
      mark && std::filesystem::exists(folder_.trained(round))) {
    shop_.loop.Post([this, alive = alive_, effect, result = mark->done] {
      if (*alive) ChargeTraining(effect, result);
    });
    return;
  }
  // After a restart the data is measured first: until then nobody knows which is which.
  const std::optional<bool> has = shop_.lending.Has(effect.datasets);
  if (!has) return TrainLater(effect, kLentRetry);
  if (!*has) {
    shop_.loop.Post([this, alive = alive_, round, number = effect.number] {
      if (*alive) Feed(round::TrainingFailed{round, number, "data-gone"});
    });
    return;
  }
  Train(effect);
}

std::optional<TrainingMark> RunDesk::MarkOf(RoundNumber round, uint64_t number) const {
  const auto kept = shop_.journal.Get(TrainedKey(round));
  if (!kept || !*kept) return std::nullopt;
  const auto mark = ReadMark(**kept, round);
  return mark && mark->done.number == number ? mark : std::nullopt;
}

void RunDesk::TrainLater(const round::StartTraining& effect, Duration wait) {
  shop_.loop.At(shop_.loop.Now() + wait, [this, alive = alive_, effect, turn = training_turn_] {
    if (*alive && turn == training_turn_) Do(effect);
  });
}

void RunDesk::Train(const round::StartTraining& effect) {
  const RoundNumber round = effect.plan.at.round;
  seat::TrainTask task = TaskOf(effect.manifest);
  task.run = run_.str();
  task.round = round.value;
  folder_.MakeReady();
  task.config_path = folder_.config().string();
  task.tokenizer_path = folder_.tokenizer().string();
  task.data = shop_.lending.DataOf(effect.datasets);
  task.work_dir = WorkFolderFor(shop_.dir, task.data).string();
  Reach reach = ReachOf(task.data, folder_.given(), task.work_dir);
  reach.write.insert(folder_.seat());
  if (const auto base = shop_.store.PathOf(effect.plan.base.model)) {
    task.model_path = LinkAs(*base, folder_.base()) ? folder_.base().string() : *base;
    if (task.model_path == *base) reach.read.insert(*base);
  }
  if (const auto state = folder_.StateBefore(round)) task.state_in = state->string();
  task.state_out = folder_.state(round).string();
  task.output_path = folder_.made(round).string();
  task.threads = std::max(1u, static_cast<uint32_t>(shop_.threads) / shop_.ranks);
  task.zero = shop_.zero;
  task.seed = OrderSeed(effect.manifest.inner.seed, shop_.site);
  std::error_code ignored;
  std::filesystem::remove_all(folder_.state(round),
                              ignored);  // of a training that was not finished
  for (const auto& result : {folder_.made(round), folder_.trained(round)}) {
    std::filesystem::remove_all(result, ignored);
  }
  for (const auto& half : folder_.HalfTrained()) std::filesystem::remove_all(half, ignored);
  training_round_ = round;
  status_ = {};
  status_.steps = effect.manifest.inner.steps;
  TaskCalls calls;
  calls.progress = [this, alive = alive_](const seat::ProgressEvent& progress) {
    if (*alive) OnProgress(progress);
  };
  calls.done = [this, alive = alive_, effect, turn = ++training_turn_](Result<Answer> answer) {
    if (*alive && turn == training_turn_) Trained(effect, std::move(answer));
  };
  training_began_ = shop_.loop.Now();
  training_task_ = shop_.trainer.Submit(std::move(task), std::move(reach), std::move(calls));
  shop_.loop.At(shop_.loop.Now() + kReadyAfter, [this, alive = alive_, base = effect.plan.base] {
    if (!*alive || participation_.phase() != round::SitePhase::kTraining) return;
    (void)shop_.compute.Run([manifest = manifest_, folder = folder_, &store = shop_.store, base,
                             payload = masking_.PayloadBytes()] {
      KeepFilesReady(base.model, manifest, payload, folder, store);
    });
  });
}

void RunDesk::Trained(const round::StartTraining& effect, Result<Answer> answer) {
  std::error_code ignored;
  std::filesystem::remove(folder_.base(), ignored);  // a name of a blob holds its room
  if (!answer) return NotTrained(effect, answer.error(), shop_.trainer.hung());
  const RoundNumber round = effect.plan.at.round;
  const auto* done = std::get_if<seat::DoneEvent>(&*answer);
  const bool is_private = done != nullptr && done->steps > 0 && done->private_steps == done->steps;
  std::string objection;
  if (done == nullptr) objection = "no-result";
  if (done != nullptr && effect.manifest.privacy.per_record() && !is_private) {
    shop_.say(effect.plan.at.Text() + ": the trainer did not train with DP-SGD: nothing is used");
    objection = "not-private";
  }
  if (!objection.empty()) {
    training_task_ = 0;
    training_round_.reset();
    return Feed(round::TrainingFailed{round, effect.number, objection});
  }
  const auto seconds = SecondsToTell(*done, shop_.loop.Now() - training_began_, effect.manifest);
  if (!seconds) shop_.say(effect.plan.at.Text() + ": not told: " + seconds.error().message);
  const TrainingMark result{
      {round, effect.number, done->tokens, done->steps, done->final_loss, shop_.trainer.code()},
      seconds.value_or(0)};
  CrashPoint("site.trained");
  // Not every program in the trainer's seat makes its result durable, or leaves it alone; what is
  // noted as done is both.
  auto take = [made = folder_.made(round), taken = folder_.trained(round)] {
    return TakeOver(made, taken);
  };
  Run(shop_.compute, take, [this, effect, result, turn = training_turn_](const Status& taken) {
    if (turn != training_turn_) return;
    if (!taken) return NotTrained(effect, taken.error());
    NoteTraining(effect, result);
  });
}

void RunDesk::NotTrained(const round::StartTraining& effect, const Error& error, bool hung) {
  training_task_ = 0;
  training_round_.reset();
  shop_.say(effect.plan.at.Text() + ": training ended: " + error.message);
  // The trainer died, or says that it was told to stop, which it was not: the same round again,
  // from its base and the state before it.
  const bool died = error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kCancelled;
  if (died) trainer_deaths_ += hung ? kDeathsOfAHang : 1;
  if (died && trainer_deaths_ < kTrainerDeathsMax) return TrainLater(effect, kTrainerRetry);
  const bool full = error.code == ErrorCode::kExhausted;
  if (full && ++roomless_trainings_ < kRoomlessMax) return TrainLater(effect, kRoomRetry);
  roomless_trainings_ = 0;
  trainer_deaths_ = 0;
  const ErrorCode code = died ? ErrorCode::kUnavailable : error.code;
  Feed(round::TrainingFailed{effect.plan.at.round, effect.number, "trainer-" + CodeWord(code)});
}

void RunDesk::NoteTraining(const round::StartTraining& effect, const TrainingMark& mark) {
  training_task_ = 0;
  training_round_.reset();
  roomless_trainings_ = 0;
  trainer_deaths_ = 0;
  // With the state that says so, unless an account may have to be charged first.
  with_state_.Put(TrainedKey(mark.done.round), ToMark(mark));
  if (!manifest_.privacy.per_record()) ChargeTraining(effect, mark.done);
  (void)shop_.journal.Apply(std::exchange(with_state_, {}));
  CrashPoint("site.training-noted");
  if (manifest_.privacy.per_record()) ChargeTraining(effect, mark.done);
}

void RunDesk::Do(const round::StopTraining& effect) {
  // The same round may be trained anew at once, on other data: what was to be tried again is not.
  ++training_turn_;
  if (training_task_ == 0 || training_round_ != effect.round) return;
  shop_.trainer.Cancel(training_task_, false);
  std::error_code ignored;
  std::filesystem::remove(folder_.base(), ignored);
  training_task_ = 0;
  training_round_.reset();
}

void RunDesk::OnProgress(const seat::ProgressEvent& progress) {
  CrashPoint("site.training");
  const MonoTime now = shop_.loop.Now();
  const bool last = progress.steps != 0 && progress.step == progress.steps;
  if (!last && now - last_status_ < kStatusInterval) return;
  last_status_ = now;
  status_.step = progress.step;
  status_.steps = progress.steps;
  status_.loss = progress.loss;
  status_.tokens_per_second = progress.tokens_per_second;
  SendStatus();
}

void RunDesk::SendStatus() {
  status_.bytes_up = shop_.data.bytes_sent() - sent_before_;
  status_.bytes_down = shop_.data.bytes_received() - received_before_;
  Feed(round::StatusReport{status_});
}

}  // namespace dure::site
