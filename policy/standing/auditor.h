// The auditor: keeps a standing in step with a log, and remembers what did not hold.
//
// Life: make one, CatchUp whenever the log may have grown; ask. The aggregator has one over its own
// ledger, a site one over its mirror, a person one over a copy. One caller at a time.
#pragma once

#include <optional>
#include <vector>

#include "policy/ledger/ledger.h"
#include "policy/standing/standing.h"

namespace dure::standing {

class Auditor {
 public:
  // Takes the entries that are new. The log's own checks (signatures, chains) were made when it
  // took them. kCorrupt: a stored entry cannot be read back. kInvalid: this version does not know
  // an entry's form.
  Status CatchUp(const ledger::LogReader& log);
  // The entry of the next index, which has passed the log's own checks.
  void Take(const ledger::OpenedEntry& entry);

  const Standing& standing() const { return standing_; }
  // The first entry of the aggregator that does not hold: from then on this copy dissents.
  const std::optional<Finding>& dissent() const { return dissent_; }
  // Entries of members that are void, in order.
  const std::vector<Finding>& voids() const { return voids_; }

 private:
  Standing standing_;
  std::optional<Finding> dissent_;
  std::vector<Finding> voids_;
};

}  // namespace dure::standing
