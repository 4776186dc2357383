// Many worlds over a few threads: which scenario and which faults a seed gets, and what came of
// them all.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/world.h"

namespace dure::sim {

struct SwarmOptions {
  uint64_t seeds = 1;
  uint64_t from = 0;
  unsigned threads = 1;
  std::string scenario;  // empty: by seed
  std::string faults;    // empty: by seed
  Bug bug = Bug::kNone;
  std::optional<bool> real_keys;  // none: as the scenario says
  bool verbose = false;
  bool stop_at_first = false;
};

struct Failure {
  Report report;
  std::string scenario;
  std::string faults;
  std::string Text() const;  // what broke, and how to see it again
};

struct SwarmResult {
  uint64_t seeds = 0;
  uint64_t events = 0;
  uint64_t crashes = 0;
  uint64_t rounds = 0;
  uint64_t abandoned = 0;
  double wall_seconds = 0;
  uint64_t trace = 0;  // of all worlds, in no order
  std::vector<Failure> failures;
  std::string Summary() const;
};

class Swarm {
 public:
  static Result<Swarm> Load();  // the scenarios and recipes beside the sources
  // kNotFound: no such scenario or recipe.
  Result<SwarmResult> Run(const SwarmOptions& options) const;
  const std::map<std::string, Scenario>& scenarios() const { return scenarios_; }
  const std::map<std::string, Faults>& recipes() const { return recipes_; }

 private:
  Failure RunOne(const SwarmOptions& options, uint64_t seed) const;
  std::map<std::string, Scenario> scenarios_;
  std::map<std::string, Faults> recipes_;
};

Result<Bug> BugNamed(std::string_view name);

}  // namespace dure::sim
