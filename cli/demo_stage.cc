#include "cli/demo_stage.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

namespace dure::cli {

using nlohmann::json;
namespace fs = std::filesystem;

namespace {

constexpr int kPortAttempts = 3;

// A port that was free a moment ago; the consortium's address must be known before its aggregator
// runs.
uint16_t FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  const bool bound = bind(fd, generic, length) == 0 && getsockname(fd, generic, &length) == 0;
  close(fd);
  return bound ? ntohs(address.sin_port) : uint16_t{0};
}

}  // namespace

DemoStage::DemoStage(const DemoOptions& options, Context& context)
    : options_(options), context_(context), began_(std::chrono::steady_clock::now()) {}

double DemoStage::Elapsed() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
}

// With --json everything but the one object goes to standard error.
void DemoStage::Line(const std::string& text) {
  (context_.json() ? std::cerr : std::cout) << text << std::endl;
}

void DemoStage::Title(const std::string& text) {
  const bool terminal = !context_.json() && ScreenRedraws();
  Line(terminal ? "\n\x1b[1m" + text + "\x1b[0m" : "\n" + text);
}

Status DemoStage::Found() {
  Title("A consortium: one aggregator, " + std::to_string(sites_.size()) + " sites, mutual TLS");
  Status founded;
  for (int attempt = 0; attempt < kPortAttempts; ++attempt) {
    std::error_code ignored;
    fs::remove_all(dir_ / "consortium", ignored);
    founded = FoundOn(FreePort(), FreePort());
    if (founded) break;
  }
  DURE_TRY(founded);
  for (const DemoSite& site : sites_) DURE_TRY(StartSite(site));
  DURE_ASSIGN(desk_, OperatorDesk::Open((dir_ / "consortium").string(), context_.Now()));
  return {};
}

Status DemoStage::FoundOn(uint16_t port, uint16_t enrol_port) {
  const std::string consortium = (dir_ / "consortium").string();
  const std::string address = "127.0.0.1:" + std::to_string(port);
  const std::string enrol = "127.0.0.1:" + std::to_string(enrol_port);
  DURE_TRY(DemoProcess::Run({"consortium", "init", "--dir", consortium, "--name", "demo",
                             "--address", address, "--enrol-address", enrol, "--json"})
               .map([](const auto&) {}));
  if (masking_ == "none") DURE_TRY(LetRunsGoUnmasked());
  DURE_ASSIGN(aggregator_,
              DemoProcess::Start("aggregator",
                                 {"aggregator", "serve", "--dir", consortium + "/aggregator",
                                  "--listen", address, "--listen-enrol", enrol, "--json"},
                                 dir_ / "aggregator.log"));
  DURE_TRY(aggregator_->FirstLine().map([](const auto&) {}));
  Line("  consortium founded, its root key in " + consortium + "/ca-offline");
  Line("  aggregator serves " + address);
  return {};
}

// By the charter that a founding writes, three members or more would vote on such a run.
Status DemoStage::LetRunsGoUnmasked() const {
  const fs::path path = dir_ / "consortium" / "aggregator" / "constitution" / "charter.toml";
  constexpr std::string_view kVote = "unmasked_by_vote = true";
  std::ifstream in(path);
  std::string charter{std::istreambuf_iterator<char>(in), {}};
  const size_t at = charter.find(kVote);
  if (at == std::string::npos) {
    return Fail(ErrorCode::kInternal, path.string() + " does not say " + std::string(kVote));
  }
  charter.replace(at, kVote.size(), "unmasked_by_vote = false");
  if (std::ofstream(path) << charter) return {};
  return Fail(ErrorCode::kUnavailable, "cannot write " + path.string());
}

Result<std::string> DemoStage::Enrol(const std::string& member, const std::string& name,
                                     const std::string& role) {
  const std::string home = (dir_ / "sites" / name).string();
  fs::create_directories(dir_ / "sites");
  DURE_ASSIGN(const std::string invited,
              DemoProcess::Run({"invite", "--dir", (dir_ / "consortium").string(), "--member",
                                member, "--site", name, "--role", role, "--json"}));
  const json invitation = json::parse(invited, nullptr, false);
  if (!invitation.is_object() || !invitation.contains("invitation")) {
    return Fail(ErrorCode::kInternal, "dure invite printed no invitation: " + invited);
  }
  DURE_TRY(DemoProcess::Run({"site", "enrol", invitation["invitation"].get<std::string>(), "--dir",
                             home, "--json"})
               .map([](const auto&) {}));
  return home;
}

Result<std::unique_ptr<DemoProcess>> DemoStage::ServeSite(const DemoSite& site, bool slow) {
  std::vector<std::string> arguments = {"site",      "serve",
                                        "--dir",     (dir_ / "sites" / site.site).string(),
                                        "--data",    site.data.string(),
                                        "--terms",   site.terms,
                                        "--threads", "1",
                                        "--json"};
  // So that it can be killed in the middle of an upload.
  if (slow) arguments.insert(arguments.end(), {"--upload-limit", "0.02"});
  DURE_ASSIGN(auto process, DemoProcess::Start(site.site, arguments, LogOf(site.site)));
  DURE_TRY(process->FirstLine().map([](const auto&) {}));
  return process;
}

Status DemoStage::StartSite(const DemoSite& site) {
  DURE_TRY(Enrol(site.site, site.site, "member").map([](const auto&) {}));
  const bool slow = options_.faults && &site == &sites_.back();
  DURE_ASSIGN(auto process, ServeSite(site, slow));
  Line("  site " + site.site + " invited, enrolled with keys of its own, serving");
  site_processes_.push_back(std::move(process));
  return {};
}

RunOptions DemoStage::OptionsFor(const std::string& name) const {
  RunOptions run;
  run.name = name;
  run.seed = 1;  // all from the same weights
  run.model = options_.model;
  run.tokenizer = tokenizer_;
  run.rounds = options_.rounds;
  run.steps = options_.steps;
  run.batch = options_.batch;
  run.learning_rate = options_.learning_rate;
  run.outer_eta = options_.outer_eta;
  return run;
}

RunOptions DemoStage::TogetherOptions() const {
  RunOptions run = OptionsFor("together");
  run.quorum = quorum_;
  run.masking = masking_;
  if (!options_.faults) return run;
  run.lost_seconds = 1;
  run.join_seconds = 30;  // for the one that starts again, on a busy machine, too
  run.lane = "int16";  // an upload of some length
  // The site that is killed and comes back makes sums over four and over three sites.
  run.allow_differences = true;
  return run;
}

RunOptions DemoStage::AloneOptions(const DemoSite& site) const {
  RunOptions run = OptionsFor("alone-" + site.site);
  run.sites = {site.site};
  run.steps = options_.rounds * options_.steps;
  run.rounds = 1;
  run.outer_eta = 1;
  run.outer_mu = 0;
  run.lane = "int16";
  run.quorum = 1;
  return run;
}

Status DemoStage::Follow(const std::string& run, ProgressView& view) {
  std::string ended;
  std::string declined;
  DURE_TRY(desk_->Watch(run, [&](const std::string& line) {
    auto progress = ParseProgress(line);
    if (!progress) return true;
    if (run == "together") AddOwnNumbers(*progress);
    view.Show(*progress);
    declined = WhyDeclined(*progress);
    if (!declined.empty()) return false;
    if (options_.faults && run == "together") CutDown(*progress);
    if (run == "together")
      rounds_.insert(rounds_.end(), progress->closed.begin(), progress->closed.end());
    ended = progress->ended;
    // Nobody is here who would mend what keeps the sites away.
    if (progress->phase == "paused") {
      ended = "paused, " + progress->reason +
              (progress->waiting.empty() ? "" : " (" + progress->waiting + ")");
    }
    return ended.empty();
  }));
  view.Finish();
  (void)aggregator_->Peaks();
  for (const auto& process : site_processes_) (void)process->Peaks();
  if (ended == "complete") return {};
  if (!declined.empty()) return Fail(ErrorCode::kFailedPrecondition, declined);
  return Fail(ErrorCode::kFailedPrecondition,
              "run " + run + " ended: " + (ended.empty() ? "stream closed" : ended) +
                  "; the daemons' logs are in " + dir_.string());
}

// Nobody is here who would mend what a site declines for; a later round is another matter, where
// the others may go on without it.
std::string DemoStage::WhyDeclined(const RunProgress& progress) const {
  if (progress.round != 0) return {};
  for (const SiteProgress& site : progress.sites) {
    if (site.state != "declined") continue;
    const std::string said = FirstLineWith(LogOf(site.site), ": declined, ");
    return site.site + " does not take part in run " + progress.run + " (" + site.note + ")" +
           said + "; its log is " + LogOf(site.site).string();
  }
  return {};
}

std::string DemoStage::WhyUnmasked() const {
  const std::string seen = "  unmasked: the aggregator sees each site's update";
  if (quorum_ >= 3) return seen + ", as --masking none asks";
  return seen + ", for in a sum of " + std::to_string(quorum_) +
         " none is hidden (with a quorum of 3 or more it is)";
}

Status DemoStage::TrainTogether() {
  Title(fmt::format("Training together: {} round{} of {} step{}", options_.rounds,
                    options_.rounds == 1 ? "" : "s", options_.steps,
                    options_.steps == 1 ? "" : "s"));
  const RunOptions run = TogetherOptions();
  if (masking_ == "none") Line(WhyUnmasked());
  Line(fmt::format("  purpose, as recorded: {}, for {}", run.purpose,
                   fmt::join(run.beneficiaries, " and ")));
  DURE_TRY(desk_->StartRun(run, [&](const std::string& line) { Line("  " + line); })
               .map([](const auto&) {}));
  std::ostream& out = context_.json() ? std::cerr : std::cout;
  ProgressView view(out, !context_.json() && ScreenRedraws());
  DURE_TRY(Follow("together", view));
  ShowWhatLeft();
  return {};
}

Status DemoStage::TrainAlone() {
  Title(fmt::format("For comparison, each site alone: {} steps on its own text only",
                    options_.rounds * options_.steps));
  for (const DemoSite& site : sites_) {
    const RunOptions run = AloneOptions(site);
    DURE_TRY(desk_->StartRun(run, [](const std::string&) {}).map([](const auto&) {}));
  }
  std::ostream& out = context_.json() ? std::cerr : std::cout;
  for (const DemoSite& site : sites_) {
    Line("  " + site.site + " alone:");
    ProgressView view(out, !context_.json() && ScreenRedraws());
    DURE_TRY(Follow("alone-" + site.site, view));
  }
  return {};
}

}  // namespace dure::cli
