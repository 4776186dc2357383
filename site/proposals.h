// Whether a plan is of a run that the record holds: what this site's own copy says was proposed.
#pragma once

#include <string>

#include "federation/round/plan.h"

namespace dure::site {

struct ProposedRun {
  Digest manifest;
  std::string purpose;  // as its entry tells a reader
};

// Empty: the run is the one in the record. Otherwise a code, "run-not-as-recorded": it is not
// there, or with another manifest, or its entry tells readers another purpose than the manifest
// has.
std::string RecordObjection(const round::RunManifest& manifest, const ProposedRun* recorded);

}  // namespace dure::site
