// What the demonstration shows of secure aggregation: what left each site, and a site that dies in
// the middle of its upload.
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "cli/demo_stage.h"
#include "site/local_door.h"

namespace dure::cli {

using nlohmann::json;

namespace {

constexpr std::string_view kLeaves = "masking: leaves this site: ";
constexpr std::string_view kChecked = "masking: the sum of ";

}  // namespace

std::string FirstLineWith(const std::filesystem::path& log, std::string_view mark) {
  std::ifstream in(log);
  for (std::string line; std::getline(in, line);) {
    const size_t at = line.find(mark);
    if (at != std::string::npos) return line.substr(at);
  }
  return {};
}

void DemoStage::AddOwnNumbers(RunProgress& progress) {
  for (SiteProgress& site : progress.sites) {
    if (site.loss) own_losses_[site.site] = *site.loss;  // an unmasked run tells it
    if (site.state != "training" && progress.closed.empty()) continue;
    const auto answer = site::AskSite(dir_ / "sites" / site.site, {site::LocalVerb::kStatus, {}});
    const json status = json::parse(answer.value_or("{}"), nullptr, false);
    if (!status.is_object() || !status.contains("runs")) continue;
    for (const json& run : status["runs"]) {
      const double loss = run.value("loss", 0.0);
      if (run.value("run", "") != progress.run || loss == 0) continue;
      site.loss = loss;
      site.tokens_per_second = run.value("tokens_per_second", 0.0);
      own_losses_[site.site] = loss;
    }
  }
  if (own_losses_.empty()) return;
  double sum = 0;
  for (const auto& [site, loss] : own_losses_) sum += loss;
  for (RoundTimes& round : progress.closed) {
    if (!round.loss) round.loss = sum / static_cast<double>(own_losses_.size());
  }
}

void DemoStage::CutDown(const RunProgress& progress) {
  const DemoSite& victim = sites_.back();
  DemoProcess& process = *site_processes_.back();
  if (!killed_) {
    const bool uploads = std::ranges::any_of(progress.sites, [&victim](const SiteProgress& one) {
      return one.site == victim.site && one.state == "uploading";
    });
    if (!uploads || FirstLineWith(LogOf(victim.site), kLeaves).empty()) return;
    process.Kill();
    killed_ = true;
    Line(fmt::format("  {} was killed (SIGKILL) in the middle of its upload", victim.site));
    return;
  }
  if (restarted_ || progress.round == 0) return;
  restarted_ = true;
  Line(fmt::format("  the others closed the round without it, to the bit; {} starts again",
                   victim.site));
  auto again = ServeSite(victim, false);
  if (again) {
    site_processes_.back() = std::move(*again);
  } else {
    Line("  it does not start: " + again.error().message);
  }
}

void DemoStage::ShowWhatLeft() {
  Line("\n  What left each site in its first round, and what it says of the sum it got back:");
  for (const DemoSite& site : sites_) {
    const std::string leaves = FirstLineWith(LogOf(site.site), kLeaves);
    if (leaves.empty()) continue;
    left_.push_back(leaves.substr(kLeaves.size()));
    Line("  " + site.site + ": " + left_.back());
    const std::string checked = FirstLineWith(LogOf(site.site), kChecked);
    if (!checked.empty()) Line("      " + checked.substr(std::string("masking: ").size()));
  }
  if (left_.empty()) Line("  the updates themselves: this run is not masked");
}

}  // namespace dure::cli
