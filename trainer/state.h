// What a site keeps between rounds: optimizer moments and the place in the data, saved together, so
// that a round begun again from the same base repeats bit for bit.
#pragma once

#include <filesystem>

#include "federation/digest.h"
#include "federation/result.h"
#include "model/collective/collective.h"
#include "model/text/batches.h"
#include "trainer/engine.h"

namespace dure::trainer {

// The place in one dataset cut in one way.
struct DataPlace {
  Digest dataset;  // text::Dataset::key
  uint64_t seed = 0;
  uint32_t sequence = 0;
  text::Cursor cursor;
  bool operator==(const DataPlace&) const = default;
};

// Makes `folder`, replacing what was there, by one rename; every rank of the gang calls it and
// writes its part. Errors of SaveOptimizer, the file system and the gang, the same on every rank.
Status SaveState(const std::filesystem::path& folder, Session& session, const DataPlace& place,
                 model::collective::Collective& gang);

struct SavedState {
  DataPlace place;
  model::cpu::Optimizer saved_by = model::cpu::Optimizer::kAdamW;
};

// Loads the optimizer into `session`, whose moments begin anew where another one saved them, and
// gives the place. Errors of LoadOptimizer; kCorrupt: the place is not readable.
Result<SavedState> LoadState(const std::filesystem::path& folder, Session* session);

// Where to go on in `now`'s data: at the saved place if it is the same data cut the same way, else
// at the beginning of the next epoch.
text::Cursor Continue(const DataPlace& saved, const DataPlace& now);

}  // namespace dure::trainer
