// What a run asks of the trainer: prepare the data, train a round.
#include <algorithm>

#include "federation/canonical.h"
#include "federation/check.h"
#include "federation/codec/files.h"
#include "federation/crash_point.h"
#include "federation/derivation/derivation.h"
#include "federation/error_code.h"
#include "model/text/tokenizer.h"
#include "policy/safeguard/safeguard.h"
#include "policy/standing/admission.h"
#include "site/data_text.h"
#include "site/run_desk.h"
#include "site/run_desk_work.h"
#include "site/update_work.h"

namespace dure::site {
namespace {

constexpr std::chrono::milliseconds kStatusInterval{250};
constexpr std::chrono::milliseconds kOfferRetry{50};  // until the loan is on record
constexpr std::chrono::seconds kTrainerRetry{1};
// One that falls at every start would hold up the others until their deadline.
constexpr uint32_t kTrainerDeathsMax = 12;
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

void RunDesk::Do(const round::DecideLocally& effect) {
  manifest_ = effect.manifest;
  (void)shop_.journal.Apply(journal::Change().Put(Key("manifest"), manifest_.Canonical()));
  const std::string objection = Objection(shop_.rules, effect.manifest, effect.plan.at.round, 0);
  if (!objection.empty()) return Object(effect.plan.at, objection);
  if (manifest_.masked() && masking_.lost()) return Object(effect.plan.at, std::string(kLost));
  CheckRecord(effect);
}

Status WriteRunFiles(const Workshop& shop, const RunFolder& folder,
                     const round::RunManifest& manifest) {
  std::error_code ignored;  // a missing folder shows itself at the first file, with its name
  std::filesystem::create_directories(folder.dir(), ignored);
  DURE_TRY(WriteWhole(folder.config(), AsBytes(manifest.model_config)));
  if (manifest.tokenizer.IsZero()) {
    return WriteWhole(folder.tokenizer(), AsBytes(text::Tokenizer::Bytes().json()));
  }
  if (!shop.store.Has(manifest.tokenizer)) {
    DURE_TRY(shop.data.Download(manifest.tokenizer, shop.store, shop.stop));
  }
  DURE_ASSIGN(const auto reader, shop.store.Open(manifest.tokenizer));
  return WriteWhole(folder.tokenizer(), reader->bytes());
}

void RunDesk::PrepareFiles(const round::DecideLocally& effect) {
  auto work = [this, effect, recorded = recorded_epsilon_]() -> Status {
    if (effect.manifest.privacy.any()) {
      DURE_TRY(safeguard::CheckRecorded(effect.manifest, recorded));
    }
    return WriteRunFiles(shop_, folder_, effect.manifest);
  };
  Run(shop_.transfers, work, [this, effect](Status ready) {
    if (ready) {
      PrepareData(effect);
      return;
    }
    shop_.say(effect.plan.at.Text() + ": not ready: " + ready.error().message);
    if (ready.error().code == ErrorCode::kUnavailable) {
      shop_.loop.At(shop_.loop.Now() + std::chrono::seconds(2), [this, alive = alive_, effect] {
        if (*alive && participation_.phase() == round::SitePhase::kDeciding) PrepareFiles(effect);
      });
      return;
    }
    Feed(round::Decided{effect.plan.at, false, CodeWord(ready.error().code), {}});
  });
}

// What the site's own policy says to this use of its data, as a code; the sentences are for its
// log.
std::string RunDesk::OwnObjection(const round::RoundAttempt& at,
                                  const round::OfferedDataset& offered) const {
  if (!shop_.rules.policy) return "";
  Result<std::vector<rules::Reason>> reasons = Fail(ErrorCode::kInternal, "not asked");
  shop_.scribe.WithStanding([&](const standing::Auditor& own) {
    const standing::AdmissionRequest request{{at.run, at.round, at.attempt},
                                             shop_.site,
                                             {offered.dataset, offered.version},
                                             rules::Instant::At(shop_.loop.WallNow())};
    reasons = standing::ObjectionsOf(*shop_.rules.policy, own.standing(), request);
  });
  if (!reasons) {
    shop_.say(at.Text() + ": the own policy cannot decide: " + reasons.error().message);
    return "own-policy";
  }
  for (const rules::Reason& reason : *reasons) {
    shop_.say(at.Text() + ": the own policy says no to " + offered.dataset.str() + ", " +
              reason.rule + ": " + reason.because.en);
  }
  return reasons->empty() ? "" : "own-policy";
}

void RunDesk::Offer(const round::RoundAttempt& at) {
  if (participation_.phase() != round::SitePhase::kDeciding) return;
  shop_.lending.LookAgain();
  if (shop_.lending.settled()) {
    const std::vector<round::OfferedDataset> offered = shop_.lending.offered();
    if (offered.empty()) return Feed(round::Decided{at, false, shop_.lending.objection(), {}});
    // The site's own policy may keep some of its data back, or all.
    std::vector<round::OfferedDataset> allowed;
    std::string own;
    for (const round::OfferedDataset& one : offered) {
      const std::string objection = KeepsBack(at, one) ? "not-permitted" : OwnObjection(at, one);
      if (objection.empty()) allowed.push_back(one);
      if (!objection.empty()) own = objection;
    }
    if (allowed.empty()) return Feed(round::Decided{at, false, own, {}});
    return ReservePrivacy(at, std::move(allowed));
  }
  shop_.loop.At(shop_.loop.Now() + kOfferRetry, [this, alive = alive_, at] {
    if (*alive) Offer(at);
  });
}

void RunDesk::PrepareData(const round::DecideLocally& effect) {
  seat::PrepareTask task;
  task.tokenizer_path = folder_.tokenizer().string();
  task.data = shop_.lending.Everything();
  task.work_dir = (shop_.dir / "work").string();
  task.config_path = folder_.config().string();
  task.zero = shop_.zero;
  task.record_clip = TaskOf(effect.manifest).record_clip;
  shop_.trainer.Submit(task,
                       {{}, [this, alive = alive_, at = effect.plan.at](Result<Answer> answer) {
                          if (!*alive) return;
                          if (!answer) return DeclineUnprepared(at, answer.error());
                          const auto* prepared = std::get_if<seat::PreparedEvent>(&*answer);
                          if (prepared != nullptr && !data_told_)
                            shop_.say(at.Text() + ": " + DataText(*prepared));
                          data_told_ = data_told_ || prepared != nullptr;
                          const bool enough = prepared != nullptr && prepared->train_tokens > 1;
                          if (!enough) return Feed(round::Decided{at, false, "no-tokens", {}});
                          if (!CodeIsApproved(manifest_, shop_.trainer.code())) {
                            shop_.say(at.Text() + ": the run approves other trainers than " +
                                      shop_.trainer.code().Hex());
                            return Feed(round::Decided{at, false, "code-not-approved", {}});
                          }
                          Offer(at);
                        }});
}

void RunDesk::DeclineUnprepared(const round::RoundAttempt& at, const Error& error) {
  // The trainer is not there, or cannot do what is asked of it.
  const bool of_trainer =
      shop_.trainer.lacks_trainer() || error.code == ErrorCode::kFailedPrecondition;
  shop_.say(at.Text() + ": declined, " + (of_trainer ? "" : "the data cannot be used: ") +
            error.message);
  Feed(round::Decided{at, false, (of_trainer ? "trainer-" : "data-") + CodeWord(error.code), {}});
}

void RunDesk::Do(const round::StartTraining& effect) {
  const RoundNumber round = effect.plan.at.round;
  manifest_ = effect.manifest;
  if (training_round_ == round && training_task_ != 0) return;  // asked again while it runs
  const std::string mark = TrainedKey(round);
  if (const auto done = shop_.journal.Get(mark);
      done && *done && std::filesystem::exists(folder_.trained(round))) {
    CanonicalReader reader(**done);
    round::TrainingDone result{round, reader.U64(), reader.U64(), reader.F64()};
    const uint64_t number = reader.U64();
    result.code = reader.Raw32();
    if (reader.Done("a training mark") && number == effect.number) {
      shop_.loop.Post([this, alive = alive_, effect, result] {
        if (*alive) ChargeTraining(effect, result);
      });
      return;
    }
  }
  // After a restart the data is measured first: until then nobody knows which is which.
  const std::optional<bool> has = shop_.lending.Has(effect.datasets);
  if (!has) return TrainLater(effect, kOfferRetry);
  if (!*has) {
    shop_.loop.Post([this, alive = alive_, round] {
      if (*alive) Feed(round::TrainingFailed{round, "data-gone"});
    });
    return;
  }
  Train(effect);
}

void RunDesk::TrainLater(const round::StartTraining& effect, Duration wait) {
  shop_.loop.At(shop_.loop.Now() + wait, [this, alive = alive_, effect] {
    if (!*alive || participation_.phase() != round::SitePhase::kTraining) return;
    if (participation_.at().round == effect.plan.at.round) Do(effect);
  });
}

void RunDesk::Train(const round::StartTraining& effect) {
  const RoundNumber round = effect.plan.at.round;
  seat::TrainTask task = TaskOf(effect.manifest);
  task.run = run_.str();
  task.round = round.value;
  const auto base = shop_.store.PathOf(effect.plan.base.model);
  if (base) task.model_path = *base;
  task.config_path = folder_.config().string();
  task.tokenizer_path = folder_.tokenizer().string();
  task.data = shop_.lending.DataOf(effect.datasets);
  task.work_dir = (shop_.dir / "work").string();
  if (const auto state = folder_.StateBefore(round)) task.state_in = state->string();
  task.state_out = folder_.state(round).string();
  task.output_path = folder_.trained(round).string();
  task.threads = std::max(1u, static_cast<uint32_t>(shop_.threads) / shop_.ranks);
  task.zero = shop_.zero;
  task.seed = OrderSeed(effect.manifest.inner.seed, shop_.site);
  std::error_code ignored;
  std::filesystem::remove_all(folder_.state(round),
                              ignored);  // of a training that was not finished
  std::filesystem::remove(folder_.trained(round), ignored);
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
  training_task_ = shop_.trainer.Submit(std::move(task), std::move(calls));
  shop_.loop.At(shop_.loop.Now() + kReadyAfter, [this, alive = alive_, base = effect.plan.base] {
    if (!*alive || participation_.phase() != round::SitePhase::kTraining) return;
    (void)shop_.compute.Run([manifest = manifest_, folder = folder_, &store = shop_.store, base,
                             payload = masking_.PayloadBytes()] {
      KeepFilesReady(base.model, manifest, payload, folder, store);
    });
  });
}

void RunDesk::Trained(const round::StartTraining& effect, Result<Answer> answer) {
  if (!answer) return NotTrained(effect, answer.error());
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
    return Feed(round::TrainingFailed{round, objection});
  }
  const round::TrainingDone result{round, done->tokens, done->steps, done->final_loss,
                                   shop_.trainer.code()};
  CrashPoint("site.trained");
  // Not every program in the trainer's seat makes its result durable; what is noted as done is.
  auto sync = [path = folder_.trained(round).string()]() -> Status {
    DURE_TRY(codec::SyncFile(path));
    return codec::SyncFolderOf(path);
  };
  Run(shop_.compute, sync, [this, effect, result, turn = training_turn_](const Status& synced) {
    if (turn != training_turn_) return;
    if (!synced) return NotTrained(effect, synced.error());
    NoteTraining(effect, result);
  });
}

void RunDesk::NotTrained(const round::StartTraining& effect, const Error& error) {
  training_task_ = 0;
  training_round_.reset();
  shop_.say(effect.plan.at.Text() + ": training ended: " + error.message);
  if (error.code == ErrorCode::kCancelled) return;
  // The trainer died: the same round again, from its base and the state before it.
  const bool died = error.code == ErrorCode::kUnavailable;
  if (died && ++trainer_deaths_ < kTrainerDeathsMax) return TrainLater(effect, kTrainerRetry);
  const bool full = error.code == ErrorCode::kExhausted;
  if (full && ++roomless_trainings_ < kRoomlessMax) return TrainLater(effect, kRoomRetry);
  roomless_trainings_ = 0;
  trainer_deaths_ = 0;
  Feed(round::TrainingFailed{effect.plan.at.round, "trainer-" + CodeWord(error.code)});
}

void RunDesk::NoteTraining(const round::StartTraining& effect, const round::TrainingDone& result) {
  training_task_ = 0;
  training_round_.reset();
  roomless_trainings_ = 0;
  trainer_deaths_ = 0;
  const Bytes mark = CanonicalWriter()
                         .U64(result.tokens)
                         .U64(result.steps)
                         .F64(result.loss)
                         .U64(effect.number)
                         .Raw32(result.code)
                         .Take();
  (void)shop_.journal.Apply(journal::Change().Put(TrainedKey(result.round), mark));
  CrashPoint("site.training-noted");
  ChargeTraining(effect, result);
}

void RunDesk::Do(const round::StopTraining& effect) {
  if (training_task_ == 0 || training_round_ != effect.round) return;
  shop_.trainer.Cancel(training_task_, false);
  // The same round may be trained anew at once, on other data.
  ++training_turn_;
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
