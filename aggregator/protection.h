// Protection: what a run's noise gives and costs, as it is shown to whoever proposes, approves or
// watches the run, and as its proposal tells the record.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "policy/safeguard/safeguard.h"

namespace dure::aggregator {

class Protection {
 public:
  // None for a run without noise. kInvalid: it cannot be had so, with what would work; or noise was
  // planned for a model of another size. Takes up to half a second.
  static Result<std::optional<Protection>> Of(const round::RunManifest& manifest,
                                              uint64_t parameter_count);

  nlohmann::json Json() const;
  std::map<std::string, std::string> Fields() const;  // what the proposal says of it, counted

 private:
  Protection(const round::Privacy& terms, safeguard::Safeguards safeguards);
  round::Privacy terms_;
  safeguard::Safeguards safeguards_;
  safeguard::Epsilons epsilons_;
};

}  // namespace dure::aggregator
