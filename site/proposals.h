// Proposals: the runs of which this site's own copy of the log says that they were proposed, and
// whether a plan is of such a run.
//
// Life: one a mirror; CatchUp after each extension, on one thread. Each entry is read once a life.
#pragma once

#include <map>
#include <string>

#include "federation/round/plan.h"
#include "policy/ledger/ledger.h"

namespace dure::site {

struct ProposedRun {
  Digest manifest;
  std::string purpose;  // as its entry tells a reader
};

class Proposals {
 public:
  // Reads on from the last entry it read. Errors as LogReader::Read; what was read stays read.
  Status CatchUp(const ledger::LogReader& log);
  // nullptr: no such run was proposed. The log takes one proposal a run.
  const ProposedRun* Find(const RunId& run) const;

 private:
  uint64_t read_ = 0;  // entries
  std::map<RunId, ProposedRun> runs_;
};

// Empty: the run is the one in the record. Otherwise a code, "run-not-as-recorded": it is not
// there, or with another manifest, or its entry tells readers another purpose than the manifest
// has.
std::string RecordObjection(const round::RunManifest& manifest, const ProposedRun* recorded);

}  // namespace dure::site
