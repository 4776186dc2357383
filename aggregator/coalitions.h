// Coalitions: the models that a round would have come to without some of its contributions, in a
// run whose proposal declared that contributions are valued (policy/standing/valuation.h).
//
// Life of a round: PartsOf when it is merged, Make beside the merge on its worker, Keep together
// with the state that says that it was merged, and Say once its closing stands in the record. A
// restart says what was kept and not said. They are models like others: kept, and measured when
// somebody asks. On the loop but for Make.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "aggregator/merge.h"
#include "aggregator/workshop.h"
#include "policy/ledger/events.h"

namespace dure::aggregator {

class Coalitions {
 public:
  Coalitions(Workshop& shop, const round::RunManifest& manifest);
  ~Coalitions();

  // A part of the round, by the names of those in it, and what it is merged from.
  struct Part {
    std::vector<std::string> of;
    round::StartMerge work;
  };
  // Empty: the run is not valued, one alone contributed, or a robust rule merges, which asks for
  // more contributions than a part may have.
  std::vector<Part> PartsOf(const round::StartMerge& work) const;

  struct Made {
    std::vector<ledger::Coalition> coalitions;
    std::vector<Digest> leftovers;  // blobs that only served to make them
  };
  // Errors as Merge; nothing is left half made. On a worker.
  static Result<Made> Make(const std::vector<Part>& parts, const round::RunManifest& manifest,
                           blob::BlobStore& store, const std::string& scratch, int threads);

  void Keep(journal::Change& change, const round::RoundAttempt& at, const Made& made) const;
  // Has the record say whatever was kept and whose round is closed.
  void Say();

 private:
  struct Kept {
    std::string key;
    round::RoundAttempt at;
    std::vector<ledger::Coalition> coalitions;
  };
  std::vector<Kept> AllKept() const;
  std::string Prefix() const;

  Workshop& shop_;
  const RunId run_;
  const round::Valuation valuation_;
  const bool has_parts_;  // single updates are seen, and any part of them can be merged
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace dure::aggregator
