// The grants to take a model away that the record holds already, and whether one may be used now.
// Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "cli/grant.h"
#include "policy/standing/standing.h"

namespace dure::cli {

struct HeldGrants {
  bool usable = false;  // one of them is
  struct Stopped {
    uint64_t grant = 0;
    std::vector<rules::Reason> rules;  // of the consortium, which stand against it for now
  };
  std::optional<Stopped> stopped;                    // the newest of those
  std::vector<std::pair<uint64_t, uint64_t>> ended;  // for good: the grant, and the withdrawal
};
// Of those to `grantee` that are just what is asked for, were not taken back and are not over.
// Errors as standing::StopsOf.
Result<HeldGrants> HeldExports(const standing::Standing& standing, const GrantAsk& ask,
                               const MemberId& grantee, rules::Instant now);

}  // namespace dure::cli
