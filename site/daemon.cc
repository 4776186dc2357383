#include "site/daemon.h"

#include <algorithm>
#include <filesystem>
#include <thread>
#include <utility>

#include "federation/identity/enrolment.h"
#include "site/daemon_state.h"
#include "site/launcher/slurm.h"

namespace dure::site {
namespace {

constexpr std::chrono::minutes kRenewalCheckMax{10};
constexpr std::chrono::seconds kRenewalCheckMin{1};
constexpr std::chrono::seconds kFollowEvery{5};
constexpr std::chrono::milliseconds kShowAgain{500};
constexpr uint64_t kFollowsAShow = 2;  // the aggregator may need an entry of this copy
constexpr std::chrono::seconds kScrubStep{1};
constexpr uint32_t kOpenFilesWithGpus = 4096;

transport::Dial DialOf(const identity::Identity& self) {
  return {self.address, self.cert_chain_pem, self.tls_key_pem, self.trust()};
}

std::unique_ptr<launcher::Launcher> MakeLauncher(const DaemonOptions& options,
                                                 std::filesystem::path meeting_places) {
  if (!options.uses_slurm) return std::make_unique<launcher::LocalLauncher>();
  launcher::SlurmOptions slurm{options.slurm_partition, options.slurm_options, 1};
  slurm.cpus_per_rank = std::max(1u, static_cast<uint32_t>(options.threads) / options.ranks);
  return std::make_unique<launcher::SlurmLauncher>(std::move(slurm), std::move(meeting_places));
}

launcher::TrainerSpec SpecOf(const DaemonOptions& options) {
  launcher::TrainerSpec spec;
  spec.program = options.trainer;
  if (options.trainer.empty()) {
    spec.arguments = {"--device",    options.device,
                      "--recompute", options.recompute,
                      "--optimizer", options.optimizer,
                      "--precision", options.precision,
                      "--same-bits", options.same_bits ? "yes" : "no"};
    // The driver and NCCL hold a file for each device, queue and other rank.
    if (options.device != "cpu") spec.open_files_max = kOpenFilesWithGpus;
  }
  spec.ranks = options.ranks;
  spec.rank_patience = options.rank_patience;
  spec.waits_in_queue = options.uses_slurm;
  return spec;
}

}  // namespace

Daemon::Daemon(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<Daemon>> Daemon::Start(const DaemonOptions& options) {
  auto daemon = std::unique_ptr<Daemon>(new Daemon(std::make_unique<State>(options)));
  State& state = *daemon->state_;
  DURE_TRY(state.Open());
  Status restored;
  state.loop->Wait([&] {
    restored = state.RestoreRuns();
    if (restored) state.Connect();
  });
  DURE_TRY(restored);
  DURE_ASSIGN(state.door, LocalDoor::Open(options.dir, [&state](const LocalRequest& request) {
                return state.Answer(request);
              }));
  return daemon;
}

Daemon::~Daemon() {
  State& state = *state_;
  state.stopping.request_stop();
  state.door.reset();  // it may wait for the loop, and nobody is answered any more
  if (!state.loop) return;
  state.loop->Wait([&state] {
    *state.alive = false;
    state.link.reset();
    state.evaluations.reset();
  });
  // Work under way ends before what it works with, and the desks, which still hear of it, get no
  // more done.
  if (state.small_calls) state.small_calls->Stop();
  if (state.transfers) state.transfers->Stop();
  if (state.compute) state.compute->Stop();
  state.loop->Wait([&state] {
    state.desks.clear();
    state.lending.reset();
    state.privacy.reset();
    state.trainer.reset();
    state.scribe.reset();
  });
  state.loop->Stop();
}

Status Daemon::State::Open() {
  const std::string& dir = options.dir;
  DURE_ASSIGN(self, identity::LoadIdentity(dir));
  if (self.role() != identity::Role::kMember) {
    return Fail(ErrorCode::kFailedPrecondition, dir + " belongs to " + self.subject.ToUri() +
                                                    "; this needs the folder of a member's site");
  }
  DURE_ASSIGN(journal, journal::Journal::Open(dir + "/site.db"));
  DURE_ASSIGN(const std::vector<Loan> loans, Loans());
  DURE_ASSIGN(store, blob::OpenFileBlobStore(dir + "/blobs"));
  for (const char* folder : {"/runs", "/work", "/receipts"}) {
    std::error_code error;
    std::filesystem::create_directories(dir + folder, error);
    if (error)
      return Fail(ErrorCode::kUnavailable, "cannot make " + dir + folder + ": " + error.message());
  }
  loop = std::make_unique<loop::EventLoop>();
  DURE_ASSIGN(scribe, Scribe::Open(dir, self, *loop));
  data = std::make_unique<transport::DataLink>(DialOf(self));
  data->LimitUploads(static_cast<uint64_t>(options.upload_mib * 1024 * 1024));
  launcher::TrainerSpec spec = SpecOf(options);
  const std::filesystem::path absolute = std::filesystem::absolute(dir);
  DURE_ASSIGN(code, launcher::CodeOf(spec));
  launcher = MakeLauncher(options, absolute / "work" / "gangs");
  trainer = std::make_unique<TrainerDesk>(*loop, *launcher, std::move(spec));
  compute = std::make_unique<loop::WorkerPool>(1);
  // Where an earlier version kept the tokens of all data together.
  (void)compute->Run([tokens = absolute / "work" / "tokens"] {
    std::error_code ignored;
    std::filesystem::remove_all(tokens, ignored);
  });
  transfers = std::make_unique<loop::WorkerPool>(2);
  small_calls = std::make_unique<loop::WorkerPool>(1);
  lending = std::make_unique<Lending>(loans, *scribe, dir, *loop, *transfers, options.say);
  DURE_ASSIGN(privacy, PrivacyDesk::Open({*journal, *loop, *compute, random, options.say,
                                          options.rules.account_delta}));
  const int threads =
      options.threads > 0 ? options.threads : static_cast<int>(std::thread::hardware_concurrency());
  shop = std::make_unique<Workshop>(
      Workshop{*loop,
               *compute,
               *transfers,
               *small_calls,
               *journal,
               *store,
               *scribe,
               *trainer,
               *lending,
               *privacy,
               *data,
               self,
               random,
               self.site(),
               absolute,
               options.rules,
               threads,
               options.ranks,
               options.zero,
               stopping.get_token(),
               [this](const round::Message& message) {
                 if (link) (void)link->Send(message);
               },
               [this](const RunId& run, const Digest& blob) { return NeededElsewhere(run, blob); },
               [this](const RunId& run) { return SummedIn(run); },
               &removing,
               &pen_holder,
               options.say});
  return {};
}

Result<std::vector<Loan>> Daemon::State::Loans() const {
  DURE_ASSIGN(std::vector<Loan> loans, KeptLoans(*journal, self.site(), self.member()));
  if (!options.data.empty()) loans.clear();
  for (size_t i = 0; i < options.data.size(); ++i) {
    loans.push_back({self.site(), self.member(), std::filesystem::absolute(options.data[i]),
                     options.terms.at(i), options.columns});
  }
  if (loans.empty()) {
    return Fail(ErrorCode::kInvalid,
                "this site lends nothing: dure dataset add, or --data and --terms");
  }
  for (const Loan& loan : loans) {
    if (!std::filesystem::exists(loan.data)) {
      return Fail(ErrorCode::kNotFound, "--data " + loan.data.string() + " is not there");
    }
    DURE_TRY(CheckTerms(loan.terms));
  }
  return loans;
}

Status Daemon::State::RestoreRuns() {
  DURE_ASSIGN(const auto entries, journal->Scan("run/"));
  for (const auto& [key, value] : entries) {
    if (!key.ends_with("/state")) continue;
    DURE_ASSIGN(const RunId run, RunId::Parse(std::string_view(key).substr(4, key.size() - 10)));
    auto desk = RunDesk::Restore(*shop, run, value);
    if (!desk) {
      DURE_TRY(SetAside(run, value, desk.error()));
      continue;
    }
    desks.emplace(run, std::move(*desk));
  }
  SweepAtStart();  // before anything is asked for or made
  lending->Measure();
  for (const auto& [run, desk] : desks) desk->Start();
  scribe->OnForeignKey(options.say);
  scribe->OnGrowth([this] { HearRecord(); });
  HearRecord();
  DoWhatWasAsked();
  return {};
}

// Before anything that was waiting for the copy goes on: what is folded back, or decided, next must
// know of it.
void Daemon::State::HearRecord() {
  std::vector<DatasetId> gone;
  scribe->WithStanding([&](const standing::Auditor& own) {
    for (const auto& [id, dataset] : own.standing().state().datasets) {
      if (dataset.withdrawn && !withdrawn.contains(id)) gone.push_back(id);
    }
  });
  for (const DatasetId& dataset : gone) {
    withdrawn.insert(dataset);
    for (const auto& [run, desk] : desks) desk->Feed(round::DatasetWithdrawn{dataset});
  }
  if (!gone.empty()) lending->LookAgain();
}

void Daemon::State::ShowHeld() {
  if (scribe->mirror().Head().head.size == 0) return;
  scribe->ShowHeld([this, alive = alive](const Status& shown) {
    if (!*alive || shown) return;
    if (shown.error().code != ErrorCode::kUnavailable) return options.say(shown.error().message);
    loop->At(loop->Now() + kShowAgain, [this, alive] {
      if (*alive && connected) ShowHeld();
    });
  });
}

void Daemon::State::FollowLater() {
  loop->At(loop->Now() + kFollowEvery, [this, alive = alive] {
    if (!*alive) return;
    if (!connected) return FollowLater();
    scribe->Sync([this, alive](const Status& synced) {
      if (!*alive) return;
      const bool refused = !synced && synced.error().code == ErrorCode::kCorrupt;
      if (refused && synced.error().message != last_refusal) {
        last_refusal = synced.error().message;
        options.say(last_refusal);
      }
      const auto waits = scribe->Waits();
      if (waits && !std::exchange(said_waits, true)) options.say(*waits);
      if (!waits && std::exchange(said_waits, false)) options.say("the clock is right again");
      if (++follows % kFollowsAShow == 0) scribe->ShowHeld([](const Status&) {});
      FollowLater();
    });
  });
}

void Daemon::State::ScrubLater() {
  loop->At(loop->Now() + kScrubStep, [this, alive = alive] {
    if (!*alive) return;
    scribe->Scrub([this, alive] {
      if (*alive) ScrubLater();
    });
  });
}

bool Daemon::State::NeededElsewhere(const RunId& run, const Digest& blob) const {
  if (evaluations && evaluations->Needs(blob)) return true;
  return std::ranges::any_of(
      desks, [&](const auto& entry) { return entry.first != run && entry.second->Needs(blob); });
}

std::set<masking::ReleasedSum> Daemon::State::SummedIn(const RunId& run) const {
  const auto desk = desks.find(run);
  return desk == desks.end() || !desk->second ? std::set<masking::ReleasedSum>()
                                              : desk->second->Summed();
}

RunDesk& Daemon::State::DeskOf(const RunId& run) {
  std::unique_ptr<RunDesk>& desk = desks[run];
  if (!desk) {
    desk = std::make_unique<RunDesk>(*shop, run);
    desk->Start();
    if (connected) desk->Feed(round::LinkUp{});
  }
  return *desk;
}

void Daemon::State::Received(const round::Message& message) {
  const RunId& run = RunOf(message);
  if (set_aside.contains(run)) return AnswerAside(message);
  // Only a plan begins a run; anything else about an unknown run is of a time before this folder.
  if (!desks.contains(run) && !std::holds_alternative<round::Plan>(message)) return;
  if (const auto* masked = std::get_if<round::Masked>(&message)) return DeskOf(run).Take(*masked);
  DeskOf(run).Feed(round::FromAggregator{message});
}

void Daemon::State::Connect() {
  transport::LinkCalls calls;
  calls.connected = [this] {
    connected = true;
    last_failure.clear();
    options.say("connected to " + self.address);
    ShowHeld();
    lending->Start();
    for (const auto& [run, desk] : desks) desk->Feed(round::LinkUp{});
  };
  calls.disconnected = [this](const Error& why) {
    if (connected || why.message != last_failure) options.say("not connected: " + why.message);
    last_failure = why.message;
    if (!connected) return;
    connected = false;
    for (const auto& [run, desk] : desks) desk->Feed(round::LinkDown{});
  };
  calls.received = [this](const round::Message& message) { Received(message); };
  link = std::make_unique<transport::SiteLink>(DialOf(self), *loop, random, std::move(calls));
  evaluations = std::make_unique<EvaluationDesk>(*shop, DialOf(self));
  evaluations->Start();
  RenewLater();
  FollowLater();
  scribe->StartScrubbing(options.scrub, options.say);
  if (options.scrub > Duration::zero()) ScrubLater();
}

void Daemon::State::RenewLater() {
  const auto until = identity::RenewalTime(self.not_before, self.not_after) - loop->WallNow();
  // Looked at again now and then whatever the wall clock says: it may jump.
  const Duration wait = std::clamp<Duration>(std::chrono::duration_cast<Duration>(until),
                                             kRenewalCheckMin, kRenewalCheckMax);
  loop->At(loop->Now() + wait, [this, alive = alive] {
    if (!*alive) return;
    if (identity::RenewalDue(self, loop->WallNow())) {
      Renew();
    } else {
      RenewLater();
    }
  });
}

void Daemon::State::Renew() {
  auto work = [this]() -> Status {
    DURE_ASSIGN(const Bytes request, identity::PrepareRenewal(self, options.dir, false));
    DURE_ASSIGN(const Bytes response, transport::Renew(DialOf(self), request));
    return identity::AcceptRenewal(self, options.dir, response, loop->WallNow());
  };
  auto done = [this, alive = alive](Status renewed) {
    if (!*alive) return;
    auto fresh = renewed ? identity::LoadIdentity(options.dir)
                         : Result<identity::Identity>(Fail(renewed.error()));
    if (fresh) {
      // The signing key object stays: others hold it. Names and log are the same by the renewal's
      // own checks.
      self.cert_chain_pem = fresh->cert_chain_pem;
      self.tls_key_pem = fresh->tls_key_pem;
      self.serial = fresh->serial;
      self.not_before = fresh->not_before;
      self.not_after = fresh->not_after;
      const transport::Dial dial = DialOf(self);
      link->UseDial(dial);
      data->UseDial(dial);
      scribe->UseDial(dial);
      evaluations->UseDial(dial);
      options.say("certificate renewed until " + FormatRfc3339(self.not_after));
    } else {
      options.say("the certificate could not be renewed yet: " + fresh.error().message);
    }
    RenewLater();
  };
  if (!small_calls->RunThen(*loop, work, done)) RenewLater();
}

}  // namespace dure::site
