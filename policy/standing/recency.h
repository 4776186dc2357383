// When something was recorded last that decisions about data hang on: what was decided after it is
// decided again the same, but for the time (unchanged.h). Plain value.
#pragma once

#include <algorithm>
#include <cstdint>

#include "federation/ids.h"

namespace dure::standing {

class Recency {
 public:
  // Entry number `size - 1` may change any decision.
  void Note(uint64_t size) { of_all_ = size; }
  // It changes what this run uses, which decisions for other runs hang on.
  void NoteUse(const RunId& run, uint64_t size) {
    if (run != last_) before_ = use_;
    last_ = run;
    use_ = size;
  }
  // No entry from this number on changed what decisions for this run hang on.
  uint64_t SizeFor(const RunId& run) const {
    return std::max(of_all_, run == last_ ? before_ : use_);
  }

 private:
  uint64_t of_all_ = 0;
  RunId last_;           // whose use changed last
  uint64_t use_ = 0;     // then
  uint64_t before_ = 0;  // the last change of another run's
};

}  // namespace dure::standing
