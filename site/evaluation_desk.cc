#include "site/evaluation_desk.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>

#include "federation/crash_point.h"
#include "site/evaluation_pace.h"
#include "site/run_desk_work.h"
#include "site/trainer_files.h"

namespace dure::site {

using nlohmann::json;

namespace {

constexpr size_t kWaitingMax = 1024;
constexpr std::chrono::seconds kListenAgain{2};
constexpr std::chrono::minutes kAskedAgain{10};
constexpr uint32_t kBatch = 8;
// A site has one trainer: an evaluation without an end would keep its rounds waiting. The first
// sequences are taken, so every model is measured on the same text; the report says how much.
constexpr uint64_t kEvaluationTokens = 131072;
constexpr std::chrono::milliseconds kLentAgain{200};
// A run may have begun to remove the model before it was asked for: it is fetched again.
constexpr int kFetchesAgainMax = 2;
// In the journal: a model that is here for evaluations only, until it is removed.
constexpr std::string_view kFetchedKey = "evaluating/";

// The first 48 bits of the model's digest: nobody chooses, and every reader of JSON has it whole.
uint64_t SeedFor(const Digest& model) {
  uint64_t seed = 0;
  for (size_t i = 0; i < 6; ++i) seed = seed << 8 | model.bytes[i];
  return seed;
}

// What the trainer says of it, if that is one.
std::optional<ledger::Interval> IntervalIn(const seat::EvaluatedEvent& said) {
  const bool lies = said.low >= 0 && said.low <= said.high && std::isfinite(said.high);
  const bool drawn = said.draws > 0 && said.sequences > 0;
  if (!lies || !drawn) return std::nullopt;
  return ledger::Interval{said.low, said.high, said.draws, said.seed};
}

// On a worker, which may come to it when the desk is no more.
Status PrepareFiles(const Workshop& shop, const EvaluationRequest& request) {
  if (!shop.store.Has(request.model))
    DURE_TRY(shop.data.Download(request.model, shop.store, shop.stop));
  return WriteRunFiles(shop, RunFolder(shop.dir, request.run), request.manifest);
}

}  // namespace

EvaluationDesk::EvaluationDesk(Workshop& shop, transport::Dial dial)
    : shop_(shop), dial_(std::make_shared<const transport::Dial>(std::move(dial))) {}

EvaluationDesk::~EvaluationDesk() {
  *alive_ = false;
  listener_ = {};
}

void EvaluationDesk::UseDial(transport::Dial dial) {
  std::atomic_store(&dial_, std::make_shared<const transport::Dial>(std::move(dial)));
}

bool EvaluationDesk::Needs(const Digest& blob) const {
  return std::ranges::find(waiting_, blob, &Request::model) != waiting_.end();
}

void EvaluationDesk::Start() {
  // What a death left behind is removed only once whoever waits for an evaluation has asked again.
  shop_.loop.At(shop_.loop.Now() + kAskedAgain, [this, alive = alive_] {
    if (*alive) RemoveFetched();
  });
  listener_ = std::jthread([this](std::stop_token stop) { Listen(stop); });
}

void EvaluationDesk::Listen(std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  while (!stop.stop_requested()) {
    transport::AdminLink link(*std::atomic_load(&dial_));
    (void)link.Watch("{\"evaluations\":true}", stop, [this](const std::string& line) {
      shop_.loop.Post([this, alive = alive_, line] {
        if (*alive) Take(line);
      });
      return true;
    });
    std::unique_lock lock(mutex);
    wake.wait_for(lock, stop, kListenAgain, [] { return false; });
  }
}

void EvaluationDesk::Take(const std::string& line) {
  if (waiting_.size() >= kWaitingMax) return;
  auto request = ParseEvaluationRequest(line);
  if (!request) return;
  for (const Request& other : waiting_) {
    if (other.id == request->id) return;  // told again after a reconnect
  }
  waiting_.push_back(std::move(*request));
  Next();
}

void EvaluationDesk::Next() {
  if (working_ || waiting_.empty()) return;
  working_ = true;
  const Request request = waiting_.front();
  const std::string objection = Objection(shop_.rules, request.manifest, RoundNumber{0}, 0);
  if (!objection.empty()) return Refuse(request, Error{ErrorCode::kPermissionDenied, objection});
  LookUp(request);
}

void EvaluationDesk::Fetch(const Request& request) {
  if (!shop_.store.Has(request.model)) {
    const Status noted = shop_.journal.Apply(
        journal::Change().Put(std::string(kFetchedKey) + request.model.Hex(), {}));
    if (!noted) return Refuse(request, noted.error());
  }
  auto answer = [this, alive = alive_, request](Status ready) {
    if (!*alive) return;
    if (!ready) return Refuse(request, ready.error());
    EvaluateWhenLent(request);
  };
  if (Status queued = shop_.transfers.RunThen(
          shop_.loop, [&shop = shop_, request] { return PrepareFiles(shop, request); }, answer);
      !queued) {
    Refuse(request, queued.error());
  }
}

RunFolder EvaluationDesk::FolderOf(const Request& request) const {
  return RunFolder(shop_.dir, request.run);
}

// A site that has just started may be asked before the record is known to carry what it lends.
void EvaluationDesk::EvaluateWhenLent(const Request& request) {
  if (shop_.lending.settled()) return AskWhatMayBe(request);
  CrashPoint("site.evaluation-waits");
  shop_.loop.At(shop_.loop.Now() + kLentAgain, [this, alive = alive_, request] {
    if (*alive) EvaluateWhenLent(request);
  });
}

void EvaluationDesk::Evaluate(const Request& request, const std::vector<round::OfferedDataset>& on,
                              const std::vector<ledger::DatasetUsed>& used) {
  const RunFolder folder = FolderOf(request);
  seat::EvaluateTask task;
  const auto model = shop_.store.PathOf(request.model);
  if (!model && FetchesAgain(request, model.error())) return;
  if (!model) return Refuse(request, model.error());
  task.model_path = *model;
  task.config_path = folder.config().string();
  task.tokenizer_path = folder.tokenizer().string();
  task.data = shop_.lending.DataOf(on);
  task.work_dir = WorkFolderFor(shop_.dir, task.data).string();
  task.batch = kBatch;
  task.sequence = request.manifest.inner.sequence;
  task.sequences_max = std::max<uint64_t>(kEvaluationTokens / std::max(task.sequence, 1u), 1);
  task.threads = static_cast<uint32_t>(shop_.threads);
  task.seed = SeedFor(request.model);
  Reach reach = ReachOf(task.data, folder.given(), task.work_dir);
  reach.read.insert(task.model_path);
  shop_.trainer.Submit(
      std::move(task), std::move(reach),
      {{}, [this, alive = alive_, request, used](Result<Answer> answer) {
         if (!*alive) return;
         if (!answer && FetchesAgain(request, answer.error())) return;
         if (!answer) return Refuse(request, answer.error());
         const auto* evaluated = std::get_if<seat::EvaluatedEvent>(&*answer);
         if (evaluated == nullptr)
           return Refuse(request, Error{ErrorCode::kInternal, "the trainer gave another answer"});
         Tell(request, Figures{*evaluated, used, shop_.trainer.code()});
       }});
}

// The models that were fetched for evaluations and that nobody waits for any more. One that a run
// has taken up meanwhile goes when that run is done with it.
void EvaluationDesk::RemoveFetched() {
  const auto noted = shop_.journal.Scan(kFetchedKey);
  if (!noted) return;
  for (const auto& [key, nothing] : *noted) {
    const auto model = Digest::FromHex(std::string_view(key).substr(kFetchedKey.size()));
    if (model && Needs(*model)) continue;
    const journal::Change forgotten = journal::Change().Erase(key);
    if (!model || shop_.needed_elsewhere(RunId(), *model) || shop_.removing->contains(*model)) {
      (void)shop_.journal.Apply(forgotten);
      continue;
    }
    shop_.removing->insert(*model);
    auto gone = [this, alive = alive_, removing = shop_.removing, model = *model,
                 forgotten](Status removed) {
      removing->erase(model);
      // Asked for again meanwhile, it is fetched and noted again.
      if (*alive && removed && !Needs(model)) (void)shop_.journal.Apply(forgotten);
    };
    auto work = [&store = shop_.store, model = *model] { return store.Remove(model); };
    if (!shop_.transfers.RunThen(shop_.loop, work, gone)) shop_.removing->erase(*model);
  }
}

bool EvaluationDesk::FetchesAgain(const Request& request, const Error& error) {
  const bool gone = error.code == ErrorCode::kNotFound || !shop_.store.Has(request.model);
  if (!gone || fetched_again_++ >= kFetchesAgainMax) return false;
  working_ = false;
  Next();
  return true;
}

void EvaluationDesk::Refuse(const Request& request, const Error& error) {
  shop_.say("evaluation " + std::to_string(request.id) + ": " + error.message);
  Tell(request, Fail(error));
}

void EvaluationDesk::Tell(const Request& request, const Measured& measured) {
  if (!measured) {
    const json why = {{"id", request.id}, {"error", measured.error().message}};
    return Report(request, measured, why.dump(-1, ' ', false, json::error_handler_t::replace));
  }
  ledger::EvaluationReported event;
  event.model = request.model;
  event.site = shop_.site;
  event.nll = measured->numbers.nats;
  event.bytes = measured->numbers.bytes;
  event.tokens = measured->numbers.tokens;
  if (!measured->datasets.empty()) {
    event.on = {request.run, measured->datasets, measured->numbers.sequences,
                IntervalIn(measured->numbers), measured->code};
  }
  uint64_t decided = 0;  // entries up to those that let it be measured, which this copy replays
  for (const ledger::DatasetUsed& one : measured->datasets) {
    decided = std::max(decided, one.admission + 1);
  }
  shop_.scribe.Write(event, decided,
                     [this, alive = alive_, request, measured](Result<Bytes> envelope) {
                       if (!*alive) return;
                       if (!envelope && MayTellAgain(envelope.error()))
                         return TellAgain(request, measured, envelope.error());
                       if (!envelope) return Refuse(request, envelope.error());
                       CrashPoint("site.evaluated");
                       Report(request, measured,
                              json{{"id", request.id}, {"envelope", ToBase64(*envelope)}}.dump());
                     });
}

// Whoever asked waits for this line, and so does whoever would write after it, for the pen is held.
// It may be said twice: an answer that was taken is not taken again.
void EvaluationDesk::Report(const Request& request, const Measured& measured, std::string text) {
  auto work = [dial = std::atomic_load(&dial_), text] {
    return transport::AdminLink(*dial).Call("evaluation.report", text);
  };
  auto done = [this, alive = alive_, request, measured](Result<std::string> answer) {
    if (!*alive) return;
    // Others write meanwhile; the next line is signed anew, behind theirs.
    if (measured) shop_.scribe.Wrote();
    if (!answer && MayTellAgain(answer.error()))
      return TellAgain(request, measured, answer.error());
    CrashPoint("site.evaluation-reported");
    if (!answer)
      shop_.say("evaluation " + std::to_string(request.id) +
                ": not reported: " + answer.error().message);
    Done();
  };
  if (Status queued = shop_.calls.RunThen(shop_.loop, work, done); !queued) {
    shop_.loop.Post([done, queued] { done(Fail(queued.error())); });
  }
}

// With the first that waits.
void EvaluationDesk::Done() {
  waiting_.pop_front();
  fetched_again_ = 0;
  reports_ = 0;
  questions_ = 0;
  working_ = false;
  RemoveFetched();
  Next();
}

bool EvaluationDesk::MayTellAgain(const Error& error) const { return MayTryAgain(error, reports_); }

void EvaluationDesk::TellAgain(const Request& request, const Measured& measured,
                               const Error& error) {
  if (reports_ == 0) {
    shop_.say("evaluation " + std::to_string(request.id) +
              ": not reported yet, and tried again: " + error.message);
  }
  shop_.loop.At(shop_.loop.Now() + PauseAfter(reports_++),
                [this, alive = alive_, request, measured] {
                  if (*alive) Tell(request, measured);
                });
}

}  // namespace dure::site
