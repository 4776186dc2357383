// Whether a plan is of a run that the record holds: what this site's own copy says was proposed.
#pragma once

#include <optional>
#include <string>

#include "federation/round/plan.h"
#include "policy/ledger/events.h"

namespace dure::site {

struct ProposedRun {
  Digest manifest;
  std::string purpose;  // as its entry tells a reader
  std::optional<ledger::RunBounds> bounds;
  std::string epsilon;  // likewise; empty: it says none
};

// Empty: the run is the one in the record. Otherwise a code, "run-not-as-recorded": it is not
// there, or with another manifest, or its entry tells readers another purpose or other bounds than
// the manifest has.
std::string RecordObjection(const round::RunManifest& manifest, const ProposedRun* recorded);

}  // namespace dure::site
