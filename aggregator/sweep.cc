// What nothing here needs any more, and nothing else removes: what a death left behind, or a merge
// that came to nothing. It goes at the start, and every half hour.
//
// A blob stays as long as anything that is kept names it (a run, also one set aside; the record, of
// a model), a round may yet name it (Uploads), an operator has offered it within a day and may
// propose a run with it, or it was in use in the half hour before (blob/store.h). While a round is
// merged nothing goes: what comes of that is named at its end.
#include <algorithm>
#include <utility>

#include "aggregator/daemon_state.h"

namespace dure::aggregator {
namespace {

constexpr std::chrono::minutes kAfterMerge{1};
constexpr int kOfferedSweeps = 48;  // a day: a model takes hours to arrive, and a vote longer
constexpr std::string_view kOfferedKey = "offered/";
constexpr std::string_view kMarkKey = "contribution/";  // Uploads knows which of them stay

}  // namespace

Status Daemon::State::NoteOffered(const Digest& digest) {
  if (!offered.contains(digest)) {
    DURE_TRY(journal->Apply(journal::Change().Put(std::string(kOfferedKey) + digest.Hex(), {})));
  }
  offered[digest] = loop->Now();
  return {};
}

void Daemon::State::ForgetOffered() {
  for (auto it = offered.begin(); it != offered.end();) {
    const bool is_over = loop->Now() - it->second >= kOfferedSweeps * options.sweep;
    const bool forgotten =
        is_over &&
        journal->Apply(journal::Change().Erase(std::string(kOfferedKey) + it->first.Hex()));
    it = forgotten ? offered.erase(it) : std::next(it);
  }
}

Status Daemon::State::RemoveUnnamed(blob::Idle idle, uint64_t age) {
  blob::KeptNames names;
  DURE_ASSIGN(auto entries, journal->Scan(""));
  for (auto& [key, value] : entries) {
    if (!key.starts_with(kMarkKey)) names.Add(key, std::move(value));
  }
  for (const auto& [run, driver] : runs) driver->NameKept(names);  // which a full disk did not take
  DURE_TRY(deliberation->WithStanding([&](const standing::Standing& now) {
    for (const auto& [model, rounds] : now.state().models) names.Add(model);
  }));
  const auto stays = [&](const Digest& one) { return uploads->Holds(one) || names.Has(one); };
  std::erase_if(idle.blobs, stays);
  std::erase_if(idle.spools, stays);
  if (idle.empty()) return {};
  auto work = [store = store.get(), idle = std::move(idle), age] {
    return store->RemoveIdle(idle, age);
  };
  loop::RunFor(alive, *loop, *workers, std::move(work), [this](uint64_t freed) {
    if (freed == 0) return;
    options.say("removed " + std::to_string(freed) +
                " bytes that nothing here needs: what a death or a merge given up had left");
  });
  return {};
}

void Daemon::State::SweepAtStart() {
  if (const auto noted = journal->Scan(kOfferedKey)) {
    for (const auto& [key, nothing] : *noted) {
      const auto digest = Digest::FromHex(std::string_view(key).substr(kOfferedKey.size()));
      if (digest) offered.emplace(*digest, loop->Now());
    }
  }
  SweepUploads();
  const uint64_t age = store->NewAge();
  (void)RemoveUnnamed(store->IdleSince(age), age);  // what fails is looked at again
  SweepLater();
}

void Daemon::State::SweepLater() {
  loop->At(loop->Now() + options.sweep, [this, alive = alive, age = store->NewAge()] {
    if (*alive) SweepSince(age);
  });
}

void Daemon::State::SweepSince(uint64_t age) {
  const auto merges = [](const auto& one) {
    return one.second->rounds().phase() == round::RunPhase::kMerging;
  };
  if (std::ranges::any_of(runs, merges)) {
    loop->At(loop->Now() + kAfterMerge, [this, alive = alive, age] {
      if (*alive) SweepSince(age);
    });
    return;
  }
  ForgetOffered();
  loop::RunFor(
      alive, *loop, *workers, [store = store.get(), age] { return store->IdleSince(age); },
      [this, age](blob::Idle idle) {
        (void)RemoveUnnamed(std::move(idle), age);
        SweepLater();
      });
}

}  // namespace dure::aggregator
