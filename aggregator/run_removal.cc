// What no round of a run needs any more: noted, and gone in a moment.
#include <algorithm>
#include <utility>

#include "aggregator/run_driver.h"
#include "federation/canonical.h"

namespace dure::aggregator {
namespace {

// Sites derive and tell meanwhile; each file that goes is a wait for the disk that they all share.
constexpr std::chrono::milliseconds kLeavingAfter{300};

Bytes NoteOf(const round::RemoveBlobs& removal) {
  CanonicalWriter writer;
  for (const auto* part : {&removal.blobs, &removal.checkpoints}) {
    writer.U64(part->size());
    for (const Digest& digest : *part) writer.Raw32(digest);
  }
  return writer.Take();
}

void Add(const round::RemoveBlobs& more, round::RemoveBlobs& to) {
  to.blobs.insert(to.blobs.end(), more.blobs.begin(), more.blobs.end());
  to.checkpoints.insert(to.checkpoints.end(), more.checkpoints.begin(), more.checkpoints.end());
}

}  // namespace

// The state says nothing of what is no longer needed: a death before it is gone must not leave it
// for good.
void RunDriver::NoteLeaving(journal::Change& change) const {
  round::RemoveBlobs noted = leaving_;
  bool is_more = false;
  for (const round::Effect& later : queue_.waiting()) {
    const auto* remove = std::get_if<round::RemoveBlobs>(&later);
    if (remove == nullptr) continue;
    Add(*remove, noted);
    is_more = true;
  }
  if (is_more) change.Put(LeavingKey(), NoteOf(noted));
}

void RunDriver::RemoveSoon(const round::RemoveBlobs& effect) {
  const bool is_armed = !leaving_.blobs.empty() || !leaving_.checkpoints.empty();
  Add(effect, leaving_);
  if (is_armed) return;
  shop_.loop.At(shop_.loop.Now() + kLeavingAfter, [this, alive = alive_] {
    if (*alive) Do(std::exchange(leaving_, {}));
  });
}

void RunDriver::Do(const round::RemoveBlobs& effect) {
  std::vector<Digest> gone = effect.blobs;
  for (const Digest& digest : effect.checkpoints) {
    // Models stay: people evaluate and export any version. Momentum and scales only served the next
    // round.
    if (const auto model = shop_.journal.Get(ModelKey(digest)); model && !*model)
      gone.push_back(digest);
  }
  const std::vector<Digest> needs = Needs();
  for (const Digest& digest : gone) {
    if (digest.IsZero() || std::ranges::find(needs, digest) != needs.end()) continue;
    if (rounds_.Uses(digest)) continue;
    if (shop_.needed_elsewhere(digest)) continue;
    shop_.remove(digest);
  }
}

std::string RunDriver::LeavingKey() const {
  return "run/" + rounds_.manifest().run.str() + "/leaving";
}

void RunDriver::NameKept(blob::KeptNames& names) const {
  names.Add(rounds_.Save(shop_.loop.Now()));
  if (masking_) names.Add(masking_->Save());
  for (const Digest& digest : Needs()) names.Add(digest);
}

// At a start, whatever was gone by then: nobody asks for what is not there.
void RunDriver::RemoveLeaving() {
  const auto noted = shop_.journal.Get(LeavingKey());
  if (!noted || !*noted) return;
  CanonicalReader reader(**noted);
  round::RemoveBlobs leaving;
  for (auto* part : {&leaving.blobs, &leaving.checkpoints}) {
    for (uint64_t left = reader.U64(); reader.ok() && left > 0; --left) {
      part->push_back(reader.Raw32());
    }
  }
  if (reader.Done("what is leaving")) Do(leaving);
}

}  // namespace dure::aggregator
