#include "tests/sim/world.h"

#include <algorithm>
#include <cstdio>

#include "federation/check.h"
#include "federation/masking/run_terms.h"
#include "tests/sim/sim_agreement.h"

namespace dure::sim {
namespace {

constexpr double kLivenessSeconds = 4000;
constexpr uint64_t kEventsMax = 400'000;

round::RunManifest ManifestOf(const Scenario& s) {
  round::RunManifest m;
  m.run = *RunId::Parse("run");
  m.model_config = "{}";
  m.initial_model = Sha256(ToBlob(Vector(kParameters, 0.5F)));
  m.lane = s.lane;
  m.outer_eta = s.momentum != 0 ? 0.7 : 1.0;
  m.outer_mu = s.momentum;
  m.inner.schedule = round::ScheduleKind::kConstant;
  m.inner.steps = 10;
  m.rounds = s.rounds;
  m.quorum = s.quorum;
  m.cohort_min = s.cohort_min;
  m.cohort_max = s.cohort_max;
  m.attempts_max = 4;
  m.join_window = Seconds(s.join_window);
  m.round_deadline = Seconds(s.round_deadline);
  m.lost_grace = Seconds(s.lost_grace);
  m.reference_tokens = 1000;
  if (s.lie == Lie::kLightSum) {
    m.weighting = round::Weighting::kEqual;
    m.reference_tokens = 1;  // whatever a site trained on
  }
  m.initial_scale = kInitialScale;
  m.masking = s.masked ? round::Masking::kPairwise : round::Masking::kNone;
  m.saturation_limit = s.saturation_limit;
  m.masking_rules.forbid_differences = !s.differences;
  return m;
}

uint64_t SplitMix(uint64_t& x) {
  x += 0x9E3779B97F4A7C15ULL;
  uint64_t z = x;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ z >> 27) * 0x94D049BB133111EBULL;
  return z ^ z >> 31;
}

uint64_t Mix(uint64_t hash, std::string_view text) {
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001B3ULL;
  return hash;
}

}  // namespace

World::World(const Scenario& scenario, const Faults& recipe, Bug bug, uint64_t seed, bool verbose)
    : scenario_(scenario),
      faults_(recipe),
      bug_(bug),
      seed_(seed),
      verbose_(verbose),
      oracle_(*this),
      secrecy_(*this) {
  uint64_t x = seed;
  for (uint64_t& word : random_) word = SplitMix(x);
  // The swarm: each seed has its own subset of the recipe's faults, each at its own strength.
  for (double* p : {&faults_.loss, &faults_.duplicate, &faults_.delay, &faults_.crash, &faults_.cut,
                    &faults_.upload_fails, &faults_.blob_lost, &faults_.merge_fails,
                    &faults_.training_fails, &faults_.derive_fails, &faults_.derive_differs,
                    &faults_.decline, &faults_.append_refused, &faults_.deny, &faults_.withdraw,
                    &faults_.clock_jump, &faults_.removal_lost, &faults_.file_lost}) {
    const double strength = Between(0.2, 2.0);
    *p = Next64() % 3 == 0 ? 0 : std::min(0.5, *p * strength);
  }
  const uint32_t count = scenario.sites + scenario.late_sites;
  lives_.assign(count + 2, 0);
  links_.resize(count);
  round::RunManifest manifest = ManifestOf(scenario);
  if (bug == Bug::kForgetSums) manifest.masking_rules.forbid_differences = false;
  DURE_CHECK(manifest.Validate(), "a scenario makes a valid manifest");
  if (manifest.masked()) secrecy_.Withstands(masking::CorruptMaxOf(manifest));
  for (uint32_t i = 0; i < count; ++i) {
    sites_.push_back(std::make_unique<SiteNode>(*this, i, manifest.run, manifest.lane));
  }
  for (const auto& site : sites_) {
    const std::string& name = site->id().str();
    seats_.push_back({site->id(), *MemberId::Parse("of-" + name), SimSigner(name).Key(),
                      static_cast<uint32_t>(seats_.size())});
  }
  std::vector<SiteId> invited;
  for (uint32_t i = 0; i < scenario.sites; ++i) invited.push_back(sites_[i]->id());
  aggregator_ = std::make_unique<AggregatorNode>(*this, manifest, std::move(invited));
  aggregator_->blobs.insert(Remember(ToBlob(Vector(kParameters, 0.5F))));
}

// Chance
// --------------------------------------------------------------------------------------------

uint64_t World::Next64() {  // xoshiro256**
  const auto rotate = [](uint64_t v, int k) { return v << k | v >> (64 - k); };
  const uint64_t result = rotate(random_[1] * 5, 7) * 9;
  const uint64_t t = random_[1] << 17;
  random_[2] ^= random_[0];
  random_[3] ^= random_[1];
  random_[1] ^= random_[2];
  random_[0] ^= random_[3];
  random_[2] ^= t;
  random_[3] = rotate(random_[3], 45);
  return result;
}

double World::Between(double low, double high) {
  return low + (high - low) * (static_cast<double>(Next64() >> 11) / 9007199254740992.0);
}

bool World::Happens(double probability) {
  return !liveness_ && probability > 0 && Between(0, 1) < probability;
}

// Time
// ----------------------------------------------------------------------------------------------

namespace {
struct LaterFirst {
  template <typename T>
  bool operator()(const T& a, const T& b) const {
    return a.at != b.at ? a.at > b.at : a.order > b.order;
  }
};
}  // namespace

void World::After(double seconds, Node node, std::function<void()> task) {
  tasks_.push_back({now_ + Seconds(seconds), order_++, node, lives_[node], std::move(task)});
  std::push_heap(tasks_.begin(), tasks_.end(), LaterFirst{});
}

void World::RunUntilFinished() {
  const Duration faulty_end = Seconds(scenario_.faulty_seconds);
  while (report_.violation.empty()) {
    if (Finished()) return;
    if (scenario_.lie != Lie::kNone && now_ >= faulty_end) return;
    if (!liveness_ && (tasks_.empty() || now_ >= faulty_end)) BeginLiveness();
    if (now_ > faulty_end + Seconds(kLivenessSeconds) || report_.events > kEventsMax) {
      return Violate("liveness: the run did not end after the faults did; phase " +
                     std::string(aggregator_->up() ? Name(aggregator_->core().phase()) : "down"));
    }
    std::pop_heap(tasks_.begin(), tasks_.end(), LaterFirst{});
    Task task = std::move(tasks_.back());
    tasks_.pop_back();
    now_ = task.at;
    if (task.life != lives_[task.node]) continue;
    ++report_.events;
    task.run();
  }
}

Report World::Run() {
  report_.seed = seed_;
  report_.trace = 0xCBF29CE484222325ULL;
  After(0, kAggregator, [this] { Start(kAggregator); });
  for (uint32_t i = 0; i < sites_.size(); ++i) {
    const bool late = i >= scenario_.sites;
    After(late ? Between(10, 60) : Between(0, 2), i + 1, [this, i] { Start(i + 1); });
  }
  for (const ScriptedEvent& event : scenario_.events) {
    After(event.at_seconds, Nobody(), [this, event] { Do(event); });
  }
  RunUntilFinished();
  if (report_.violation.empty() && scenario_.lie == Lie::kNone) oracle_.CheckEnd();
  for (const SimLog::Entry& entry : aggregator_->log.entries()) {
    report_.rounds_closed += std::holds_alternative<round::RecordClosed>(entry.record) ? 1 : 0;
    report_.abandoned += std::holds_alternative<round::RecordAbandoned>(entry.record) ? 1 : 0;
  }
  if (scenario_.steady && report_.abandoned > 0) {
    Violate("an attempt was abandoned, and nobody was lost for long");
  }
  report_.seconds = static_cast<double>(now_.count()) / 1e6;
  return report_;
}

bool World::Finished() const {
  if (!aggregator_->up() || aggregator_->core().phase() != round::RunPhase::kEnded) return false;
  return std::all_of(sites_.begin(), sites_.end(), [](const auto& site) {
    return site->up() && site->core().phase() == round::SitePhase::kEnded;
  });
}

// Lives
// ---------------------------------------------------------------------------------------------

void World::Start(Node node) {
  Trace(node, "start");
  if (node != kAggregator) {
    sites_[node - 1]->Start();
    return After(Between(0.01, 0.5), node, [this, node] { Connect(node - 1); });
  }
  aggregator_->Start();
  // Who is revoked stands in another store than the run: told again, whatever the run knew.
  for (uint32_t i = 0; i < sites_.size(); ++i) {
    const SiteId& id = sites_[i]->id();
    revoked_.contains(i) ? aggregator_->Feed(round::SiteRemoved{id})
                         : aggregator_->Feed(round::SiteReadmitted{id});
  }
  for (uint32_t i = 0; i < sites_.size(); ++i) {
    After(Between(0.01, 1), kAggregator, [this, i] { Connect(i); });
  }
  After(5, kAggregator, [this] { Operate(); });
}

void World::Crash(Node node) { CrashFor(node, Between(0.2, 15)); }

void World::CrashFor(Node node, double seconds) {
  Trace(node, "crash");
  ++report_.crashes;
  ++lives_[node];
  for (uint32_t i = 0; i < sites_.size(); ++i) {
    if ((node != kAggregator && i != node - 1) || !links_[i].up) continue;
    links_[i].up = false;
    After(0, i + 1, [this, i] { sites_[i]->Feed(round::LinkDown{}); });
    After(0, kAggregator,
          [this, i] { aggregator_->Feed(round::SiteDisconnected{sites_[i]->id()}); });
  }
  if (node == kAggregator) {
    aggregator_->Stop();
  } else {
    sites_[node - 1]->Stop();
  }
  After(seconds, node, [this, node] { Start(node); });
}

// What an operator does about a run that paused or a site that dissents.
void World::Operate() {
  if (aggregator_->core().phase() == round::RunPhase::kPaused) aggregator_->Feed(round::Resume{});
  for (auto& site : sites_) {
    const bool dissents = site->up() && site->core().phase() == round::SitePhase::kDissent;
    if (dissents) After(0, site->index() + 1, [&site] { site->Feed(round::ResyncRequested{}); });
    // One that was down when it was asked to join is asked again.
    const bool left = liveness_ && site->up() && site->core().phase() == round::SitePhase::kLeft;
    if (left) After(0, site->index() + 1, [&site] { site->Feed(round::JoinRequested{}); });
  }
  After(5, kAggregator, [this] { Operate(); });
}

void World::BeginLiveness() {
  Trace(kAggregator, "liveness");
  liveness_ = true;
  while (!revoked_.empty()) Readmit(*revoked_.begin());
  for (uint32_t i = 0; i < sites_.size(); ++i) {
    links_[i].cut_until = Duration(0);
    After(0.5, i + 1, [this, i] {
      sites_[i]->Feed(round::JoinRequested{});
      Connect(i);
    });
  }
}

// Scripts, blobs, records
// ---------------------------------------------------------------------------

uint32_t World::SiteNamed(const std::string& name) const {
  for (uint32_t i = 0; i < sites_.size(); ++i) {
    if (sites_[i]->id().str() == name) return i;
  }
  DURE_CHECK(false, "a scenario names its own sites");
  return 0;
}

void World::Do(const ScriptedEvent& event) {
  Trace(kAggregator, event.verb, event.who);
  if (event.verb == "stop" || event.verb == "stop-after-round") {
    return aggregator_->Feed(round::StopRequested{event.verb != "stop"});
  }
  if (event.verb == "crash" && event.who == "aggregator") {
    if (!aggregator_->up()) return;
    return event.seconds > 0 ? CrashFor(kAggregator, event.seconds) : Crash(kAggregator);
  }
  const uint32_t site = SiteNamed(event.who);
  if (event.verb == "leave") return sites_[site]->Feed(round::LeaveRequested{});
  if (event.verb == "join") return sites_[site]->Feed(round::JoinRequested{});
  if (event.verb == "cut") return Cut(site, event.seconds);
  if (event.verb == "withdraw") return Withdraw(site);
  if (event.verb == "deny") {
    denied_until_[sites_[site]->id()] = now_ + Seconds(event.seconds);
    return;
  }
  if (event.verb == "revoke") return Revoke(site);
  if (event.verb == "readmit") return Readmit(site);
  DURE_CHECK(event.verb == "crash", "a scenario uses known verbs");
  if (!sites_[site]->up()) return;
  return event.seconds > 0 ? CrashFor(site + 1, event.seconds) : Crash(site + 1);
}

void World::Withdraw(uint32_t site) {
  const bool early = bug_ == Bug::kWithdrawWhileMerging;
  const bool takes = aggregator_->up() && (early || !aggregator_->core().HoldsWithdrawals());
  if (!takes) return After(0.3, Nobody(), [this, site] { Withdraw(site); });
  const DatasetId dataset = datasets_.Withdraw(sites_[site]->id());
  Trace(kAggregator, "withdrawn", dataset.str());
  aggregator_->ExcludeWithdrawn();
  // Its own mirror tells the site, sooner or later or, if it was down, not at all.
  After(Between(0, 5), site + 1,
        [this, site, dataset] { sites_[site]->Feed(round::DatasetWithdrawn{dataset}); });
}

bool World::Denied(const SiteId& site) const {
  const auto until = denied_until_.find(site);
  return !liveness_ && until != denied_until_.end() && now_ < until->second;
}

const masking::KeyAgreement& World::agreement() const {
  static const SimAgreement stand_in;
  if (scenario_.real_keys) return masking::kX25519;
  return stand_in;
}

Digest World::Remember(Bytes blob) {
  const Digest digest = Sha256(blob);
  blobs_.try_emplace(digest, std::move(blob));
  return digest;
}

void World::Trace(Node node, std::string_view what, std::string_view detail) {
  report_.trace =
      Mix(Mix(report_.trace ^ static_cast<uint64_t>(now_.count()) ^ node << 20, what), detail);
  if (!verbose_) return;
  std::printf("%10.3f %-10s %.*s %.*s\n", static_cast<double>(now_.count()) / 1e6,
              node == kAggregator ? "aggregator" : sites_[node - 1]->id().str().c_str(),
              static_cast<int>(what.size()), what.data(), static_cast<int>(detail.size()),
              detail.data());
}

void World::Violate(const std::string& what) {
  if (report_.violation.empty()) report_.violation = what;
  Trace(kAggregator, "VIOLATION", what);
}

}  // namespace dure::sim
