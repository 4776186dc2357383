#include "aggregator/daemon.h"

#include <algorithm>
#include <filesystem>
#include <thread>

#include "aggregator/daemon_state.h"
#include "federation/canonical.h"
#include "federation/crash_point.h"

namespace dure::aggregator {
namespace {

constexpr std::chrono::milliseconds kTick{100};
constexpr std::chrono::minutes kRenewalCheck{1};
constexpr std::chrono::seconds kVoteCheck{1};
constexpr std::chrono::hours kReminder{24};

// The address to listen on when none is given: the announced port on every interface.
std::string ListenAddress(const std::string& given, const std::string& announced) {
  if (!given.empty()) return given;
  return "0.0.0.0" + announced.substr(announced.rfind(':'));
}

}  // namespace

Daemon::Daemon(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<Daemon>> Daemon::Start(const DaemonOptions& options) {
  auto daemon = std::unique_ptr<Daemon>(new Daemon(std::make_unique<State>(options)));
  DURE_TRY(daemon->state_->Open());
  DURE_TRY(daemon->state_->Listen());
  return daemon;
}

Daemon::~Daemon() {
  State& state = *state_;
  if (state.authority) state.authority->OnRevocation({});
  if (!state.loop) return;
  // What decides goes first, where it lives; calls that still come in find nobody (doors.cc).
  state.loop->Wait([&state] {
    *state.alive = false;
    state.runs.clear();
    state.evaluations.reset();
  });
  CrashPoint("aggregator.desks-gone");
  if (state.registrar) state.registrar->Stop();  // it may be telling the doors of a revocation
  state.server.reset();                          // no call comes in any more
  if (state.workers) state.workers->Stop();      // merges end; their answers find no driver
  state.loop->Wait([&state] {
    state.deliberation.reset();
    state.record.reset();
  });
  state.loop->Stop();
}

uint16_t Daemon::port() const { return state_->server->port(); }
uint16_t Daemon::enrol_port() const { return state_->server->enrol_port(); }

Status Daemon::State::Open() {
  const std::string& dir = options.dir;
  DURE_ASSIGN(self, identity::LoadIdentity(dir));
  if (self.role() != identity::Role::kAggregator) {
    return Fail(ErrorCode::kFailedPrecondition, dir + " belongs to " + self.subject.ToUri() +
                                                    "; this needs the aggregator's folder");
  }
  DURE_ASSIGN(journal, journal::Journal::Open(dir + "/aggregator.db"));
  DURE_ASSIGN(store, blob::OpenFileBlobStore(dir + "/blobs"));
  DURE_ASSIGN(authority, identity::IssuingAuthority::Open(dir, identity::Lifetimes{}));
  const std::string scratch = dir + "/scratch";
  std::error_code error;
  std::filesystem::remove_all(scratch, error);  // files under way when an earlier process died
  std::filesystem::create_directories(scratch, error);
  if (error)
    return Fail(ErrorCode::kUnavailable, "cannot make " + scratch + ": " + error.message());
  loop = std::make_unique<loop::EventLoop>();
  DURE_ASSIGN(record, Record::Open(dir, self, *loop,
                                   {options.log_seam, options.alone, options.say, options.scrub}));
  DURE_ASSIGN(deliberation, Deliberation::Open(dir, *record, *loop));
  loop->Wait([this] { deliberation->SettleVotes(); });  // first: an outcome may be due for long
  // What a death kept from the log waits like everything else (RecordSeats, when the log opens).
  if (Status admitted = AdmitSeats(); !admitted && !MayPass(admitted.error())) {
    return admitted;
  }
  (void)RecordRevocations();  // whose access is ended is not waited for
  const int threads =
      options.threads > 0 ? options.threads : static_cast<int>(std::thread::hardware_concurrency());
  workers = std::make_unique<loop::WorkerPool>(2);
  registrar = std::make_unique<loop::WorkerPool>(1);
  evaluations = std::make_unique<Evaluations>(*loop, *record, *deliberation, *authority);
  admissions = AdmitByTheRecord(*deliberation, *loop, options.say);
  shop = std::make_unique<Workshop>(Workshop{
      *loop, *workers, *journal, *store, *record, *deliberation, *admissions, *authority, self,
      scratch, threads,
      [this](const SiteId& site, const round::Message& message) {
        (void)server->Send(site, message);
      },
      [this](const SiteId& site) { return connected.contains(site); }, options.say,
      [this](const RunId& run, const std::string& reason) { Ended(run, reason); },
      [this](const Digest& digest) {
        uploads->Forget(digest);
        RemoveLater(digest, [] {});
      },
      [this](const Digest& digest) { return OfRuns().use(digest); },
      [this](const SiteId& site, const Digest& digest) { return uploads->IsBy(site, digest); }});
  auto forget = [this](const Digest& digest) {
    RemoveLater(digest, [this, digest] { uploads->Removed(digest); });
  };
  DURE_ASSIGN(auto opened, Uploads::Open(*journal, *store, forget));
  uploads.emplace(std::move(opened));
  spooling.emplace(options.say, "take what sites upload", dir);
  return RestoreRuns();
}

void Daemon::State::RemoveLater(const Digest& digest, std::function<void()> done) {
  auto removal = [this, digest] {
    (void)store->DiscardSpool(digest);
    return store->Remove(digest).has_value();
  };
  loop::RunFor(alive, *loop, *workers, removal, [done](bool) { done(); });
}

Status Daemon::State::RestoreRuns() {
  DURE_ASSIGN(const auto entries, journal->Scan("run/"));
  for (const auto& [key, value] : entries) {
    if (!key.ends_with("/state")) continue;
    const std::string prefix = key.substr(0, key.size() - 5);
    std::vector<SiteId> invited;
    if (const auto list = entries.find(prefix + "invited"); list != entries.end()) {
      CanonicalReader reader(list->second);
      for (uint32_t n = reader.U32(); n > 0 && reader.ok(); --n) {
        DURE_ASSIGN(SiteId site, SiteId::Parse(reader.Text()));
        invited.push_back(std::move(site));
      }
    }
    auto driver = RunDriver::Restore(*shop, value, std::move(invited));
    if (!driver) {
      DURE_ASSIGN(const RunId run,
                  RunId::Parse(std::string_view(prefix).substr(4, prefix.size() - 5)));
      DURE_TRY(SetAside(run, value, driver.error()));
      continue;
    }
    runs.emplace((*driver)->rounds().manifest().run, std::move(*driver));
  }
  return {};
}

Status Daemon::State::Listen() {
  // Whoever connects first meets a certificate that is good, also after a wrong clock or long rest.
  const Result<bool> renewed = authority->RenewOwn(loop->WallNow());
  loop->Wait([&] { Renewed(renewed); });
  transport::ServerOptions served;
  served.address = ListenAddress(options.listen, self.address);
  served.enrol_address = ListenAddress(options.listen_enrol, self.enrol_address);
  served.key_path = options.dir + "/identity/tls.key";
  served.chain_path = options.dir + "/identity/tls.crt";
  served.trust = self.trust();
  served.admin_roles = identity::Roles::Invited();  // each verb checks the role that it needs
  served.revocations = authority->revocations();
  served.patience.upload = std::chrono::duration_cast<std::chrono::milliseconds>(options.sweep);
  DURE_ASSIGN(server, transport::TransportServer::Make(served, *loop, *store, Calls()));
  authority->OnRevocation([&doors = *server](std::shared_ptr<const identity::Revocations> now) {
    doors.Revoke(std::move(now));
  });
  record->guard().OnOpen([this, alive = alive] {
    loop->Post([this, alive] {
      if (!*alive) return;
      deliberation->SettleVotes();
      RecordSeats();
    });
  });
  Status ended;
  loop->Wait([&] { ended = EndOvertakenRuns(); });
  DURE_TRY(ended);
  loop->Wait([this] {
    SweepAtStart();  // nothing arrives yet, and nothing is merged
    for (const auto& [id, driver] : runs) driver->Start();
    TellRunsOfSeats();  // also what a death kept them from being told
    ExcludeWithdrawn();
    Tick();
    EndVotes();
    RenewOwnLater();
    ScrubLater();
  });
  DURE_TRY(server->Listen());
  loop->Wait([this] {
    loop->At(loop->Now() + kHeadsWait, [this, alive = alive] {
      if (*alive) record->guard().WaitedLongEnough();
    });
  });
  return {};
}

void Daemon::State::Tick() {
  TakeWaiting();
  for (const auto& [id, driver] : runs) driver->view().Tick(loop->Now());
  loop->At(loop->Now() + kTick, [this, alive = alive] {
    if (*alive) Tick();
  });
}

// Windows close without anybody saying a word.
void Daemon::State::EndVotes() {
  (void)record->time().MayWrite();  // says what became of the clock
  deliberation->SettleVotes();
  loop->At(loop->Now() + kVoteCheck, [this, alive = alive] {
    if (*alive) EndVotes();
  });
}

// By the clock as it stands, right or wrong: what a wrong one had made is made anew within a minute
// of its being set right, and meanwhile that clock accepts nobody's certificate either.
void Daemon::State::RenewOwnLater() {
  loop->At(loop->Now() + kRenewalCheck, [this, alive = alive] {
    if (!*alive) return;
    (void)registrar->RunThen(
        *loop, [this] { return authority->RenewOwn(loop->WallNow()); },
        [this, alive](const Result<bool>& changed) {
          if (*alive) Renewed(changed);
        });
    RenewOwnLater();
  });
}

void Daemon::State::Renewed(const Result<bool>& changed) {
  const std::string why = changed ? std::string() : changed.error().message;
  if (changed && *changed) options.say("the aggregator's certificates were renewed");
  if (!why.empty() && why != renewal_failure) {
    options.say("the aggregator's certificates could not be renewed: " + why);
  }
  renewal_failure = why;
  RemindOfIssuing();
}

void Daemon::State::RemindOfIssuing() {
  if (reminded && loop->Now() - *reminded < kReminder) return;
  const std::string notice = identity::IssuingNotice(authority->IssuingEnds(), loop->WallNow());
  if (notice.empty()) return;
  reminded = loop->Now();
  options.say(notice);
}

RunDriver* Daemon::State::FindRun(const std::string& name) const {
  const auto id = RunId::Parse(name);
  if (!id) return nullptr;
  const auto found = runs.find(*id);
  return found == runs.end() ? nullptr : found->second.get();
}

void Daemon::State::AddRun(std::unique_ptr<RunDriver> driver) {
  RunDriver& run = *driver;
  runs.emplace(run.rounds().manifest().run, std::move(driver));
  run.Start();
  TellOfSeats(run);
  for (const SiteId& site : connected) {
    if (run.Invites(site)) run.Feed(round::SiteConnected{site});
  }
}

}  // namespace dure::aggregator
