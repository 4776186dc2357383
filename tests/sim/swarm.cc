#include "tests/sim/swarm.h"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <iterator>
#include <mutex>
#include <thread>

namespace dure::sim {

std::string Failure::Text() const {
  return "seed " + std::to_string(report.seed) + ", scenario " + scenario + ", faults " + faults +
         ": " + report.violation + "\n  to see it: dure-sim --seeds 1 --from " +
         std::to_string(report.seed) + " --scenario " + scenario + " --faults " + faults +
         " --trace";
}

std::string SwarmResult::Summary() const {
  std::string text;
  for (size_t i = 0; i < failures.size() && i < 10; ++i) text += failures[i].Text() + "\n";
  char line[256];
  std::snprintf(line, sizeof line,
                "%llu seeds, %zu failed; %llu events, %llu rounds closed, %llu attempts abandoned, "
                "%llu crashes; %.2f s, %.0f seeds a minute",
                static_cast<unsigned long long>(seeds), failures.size(),
                static_cast<unsigned long long>(events), static_cast<unsigned long long>(rounds),
                static_cast<unsigned long long>(abandoned),
                static_cast<unsigned long long>(crashes), wall_seconds,
                static_cast<double>(seeds) * 60 / wall_seconds);
  return text + line;
}

Result<Bug> BugNamed(std::string_view name) {
  for (size_t i = 0; i < kBugNames.size(); ++i) {
    if (kBugNames[i] == name) return static_cast<Bug>(i);
  }
  return Fail(ErrorCode::kNotFound, "no planted bug " + std::string(name));
}

Result<Swarm> Swarm::Load() {
  Swarm swarm;
  DURE_ASSIGN(swarm.scenarios_, LoadScenarios(DURE_SIM_FOLDER "/scenarios"));
  DURE_ASSIGN(swarm.recipes_, LoadRecipes(DURE_SIM_FOLDER "/recipes"));
  for (const auto& [name, scenario] : swarm.scenarios_) {
    if (scenario.faults.empty() || swarm.recipes_.contains(scenario.faults)) continue;
    return Fail(ErrorCode::kNotFound, "scenario " + name + ": no recipe " + scenario.faults);
  }
  return swarm;
}

Failure Swarm::RunOne(const SwarmOptions& options, uint64_t seed) const {
  const size_t mixed = seed * 0x9E3779B97F4A7C15ULL >> 32;
  auto scenario = options.scenario.empty()
                      ? std::next(scenarios_.begin(), long(mixed % scenarios_.size()))
                      : scenarios_.find(options.scenario);
  const std::string& faults = options.faults.empty() ? scenario->second.faults : options.faults;
  auto recipe = faults.empty() ? std::next(recipes_.begin(), long(mixed / 64 % recipes_.size()))
                               : recipes_.find(faults);
  Scenario with = scenario->second;
  with.real_keys = options.real_keys.value_or(with.real_keys);
  World world(with, recipe->second, options.bug, seed, options.verbose);
  return {world.Run(), scenario->first, recipe->first};
}

Result<SwarmResult> Swarm::Run(const SwarmOptions& options) const {
  if (!options.scenario.empty() && !scenarios_.contains(options.scenario)) {
    return Fail(ErrorCode::kNotFound, "no scenario " + options.scenario);
  }
  if (!options.faults.empty() && !recipes_.contains(options.faults)) {
    return Fail(ErrorCode::kNotFound, "no fault recipe " + options.faults);
  }
  SwarmResult result;
  std::mutex mutex;
  std::atomic<uint64_t> next{0};
  std::atomic<bool> found{false};
  const auto begun = std::chrono::steady_clock::now();
  const auto work = [&] {
    for (uint64_t i = next++; i < options.seeds; i = next++) {
      if (options.stop_at_first && found) return;
      Failure one = RunOne(options, options.from + i);
      const std::lock_guard lock(mutex);
      ++result.seeds;
      result.events += one.report.events;
      result.crashes += one.report.crashes;
      result.rounds += one.report.rounds_closed;
      result.abandoned += one.report.abandoned;
      result.trace += one.report.trace;
      if (one.report.violation.empty()) continue;
      found = true;
      result.failures.push_back(std::move(one));
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 1; i < options.threads; ++i) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
  const auto wall = std::chrono::steady_clock::now() - begun;
  result.wall_seconds = std::chrono::duration<double>(wall).count();
  return result;
}

}  // namespace dure::sim
