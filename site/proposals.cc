#include "site/proposals.h"

#include "policy/standing/manifest.h"
#include "site/run_desk_work.h"

namespace dure::site {
namespace {

constexpr size_t kQuotedMax = 64;  // of what anybody may have written

}  // namespace

std::string ProposedRun::Field(const std::string& name) const {
  const auto found = fields.find(name);
  return found == fields.end() ? std::string() : found->second;
}

std::optional<NotHeld> RecordObjection(const round::RunManifest& manifest,
                                       const ProposedRun* recorded) {
  const auto not_so = [](const std::string& text) { return NotHeld{"run-not-as-recorded", text}; };
  if (recorded == nullptr) return not_so("no entry proposes it");
  if (recorded->manifest != manifest.digest()) return not_so("its entry is of another manifest");
  if (recorded->bounds != standing::BoundsOf(manifest)) return not_so("its entry has other bounds");
  const auto due = standing::FieldsOf(manifest);
  for (const auto& [name, value] : due) {
    if (!recorded->fields.contains(name)) return not_so("its entry does not say " + name);
    if (recorded->Field(name) == value) continue;
    return not_so("its entry says " + name + " " + recorded->Field(name).substr(0, kQuotedMax) +
                  ", and it is " + value.substr(0, kQuotedMax));
  }
  for (const auto& [name, value] : recorded->fields) {
    if (due.contains(name) || standing::IsCountedField(manifest, name)) continue;
    return not_so("its entry says " + name.substr(0, kQuotedMax) + ", which it does not have");
  }
  return std::nullopt;
}

std::optional<bool> StartsAsRecorded(const round::RoundPlan& plan,
                                     const round::RunManifest& manifest,
                                     const ProposedRun& recorded) {
  if (plan.at.round.value == 0) return plan.base == round::Base{manifest.initial_model, {}, {}};
  if (!recorded.left) return std::nullopt;
  return plan.base == *recorded.left;
}

std::optional<bool> EndsAsRecorded(const round::RunEnded& ended, const Digest& initial,
                                   const ProposedRun& recorded) {
  if (ended.rounds > recorded.closed) return std::nullopt;
  if (ended.rounds < recorded.closed) return false;
  if (ended.rounds == 0) return initial.IsZero() || ended.last == round::Base{initial, {}, {}};
  if (!recorded.left) return std::nullopt;
  return ended.last == *recorded.left;
}

uint64_t RoundsClosed(const RunId& run, const standing::State& state) {
  uint64_t closed = 0;
  for (auto it = state.rounds.lower_bound({run, {0}, 0}); it != state.rounds.end(); ++it) {
    if (it->first.run != run) break;
    if (it->second.closed) closed = it->first.round.value + 1;
  }
  return closed;
}

std::optional<round::Base> LeftBy(const RunId& run, RoundNumber round, const standing::State& state,
                                  const ledger::LogReader& copy) {
  std::optional<uint64_t> index;
  for (auto it = state.rounds.lower_bound({run, round, 0}); it != state.rounds.end(); ++it) {
    if (it->first.run != run || it->first.round != round) break;
    if (it->second.closed) index = it->second.closed;
  }
  if (!index) return std::nullopt;
  const auto closed = LoggedClosing(*index, copy);
  if (!closed) return std::nullopt;
  return round::Base{closed->model, closed->momentum, closed->scales};
}

}  // namespace dure::site
