// What nothing here needs any more, and nothing else removes: what a death left behind, or a round
// that was given up. It goes at the start, and every half hour.
//
// A blob stays as long as anything that is kept names it, or was in use in the half hour before
// (blob/store.h): what is asked for, made or fetched is in use, and what is to last is named by
// then. At the start nothing is under way yet, and what will be asked for is named.
#include <utility>

#include "site/daemon_state.h"

namespace dure::site {
namespace {

constexpr std::chrono::minutes kSweepEvery{30};

}  // namespace

Result<blob::KeptNames> Daemon::State::KeptNames() const {
  blob::KeptNames names;
  DURE_ASSIGN(auto entries, journal->Scan(""));
  for (auto& [key, value] : entries) names.Add(key, std::move(value));
  for (const auto& [run, desk] : desks) desk->NameKept(names);  // which a full disk did not take
  return names;
}

void Daemon::State::SweepAtStart() {
  const uint64_t age = store->NewAge();
  if (const auto names = KeptNames()) {
    blob::Idle idle = store->IdleSince(age);
    const auto is_named = [&](const Digest& digest) { return names->Has(digest); };
    std::erase_if(idle.blobs, is_named);
    std::erase_if(idle.spools, is_named);
    RemoveIdle(std::move(idle), age);
  }
  SweepLater();
}

void Daemon::State::SweepLater() {
  loop->At(loop->Now() + kSweepEvery, [this, alive = alive, age = store->NewAge()] {
    if (!*alive) return;
    for (const auto& [run, desk] : desks) desk->RemoveFilesOfEnded();
    loop::RunFor(
        alive, *loop, *compute, [store = store.get(), age] { return store->IdleSince(age); },
        [this, age](blob::Idle idle) {
          Sweep(std::move(idle), age);
          SweepLater();
        });
  });
}

// What is named and came in part is asked for again by now, if it ever is.
void Daemon::State::Sweep(blob::Idle idle, uint64_t age) {
  std::erase_if(idle.spools,
                [this](const Digest& digest) { return NeededElsewhere(RunId(), digest); });
  const auto names = KeptNames();
  if (!names) idle.blobs.clear();
  std::erase_if(idle.blobs, [&](const Digest& digest) {
    return names->Has(digest) || NeededElsewhere(RunId(), digest);
  });
  RemoveIdle(std::move(idle), age);
}

void Daemon::State::RemoveIdle(blob::Idle idle, uint64_t age) {
  if (idle.empty()) return;
  auto work = [store = store.get(), idle = std::move(idle), age] {
    return store->RemoveIdle(idle, age);
  };
  loop::RunFor(alive, *loop, *compute, std::move(work), [this](uint64_t freed) {
    if (freed == 0) return;
    options.say("removed " + std::to_string(freed) +
                " bytes that nothing here needs: what a death or a round given up had left");
  });
}

void RunDesk::NameKept(blob::KeptNames& names) const {
  names.Add(participation_.Save());
  names.Add(masking_.Save());
  if (new_blob_) names.Add(*new_blob_);
}

void RunDesk::RemoveFilesOfEnded() {
  if (participation_.phase() != round::SitePhase::kEnded) return;
  (void)shop_.compute.Run([folder = folder_] {
    std::error_code ignored;
    for (const auto& path : folder.FilesOfRounds()) std::filesystem::remove_all(path, ignored);
  });
}

}  // namespace dure::site
