// The canonical bytes of both halves' states. From version 6 on each begins with what any version
// can read of any other's: the version, and whether the run was over.
#include "federation/round/fields.h"
#include "federation/round/kept.h"
#include "federation/round/participation.h"
#include "federation/round/round.h"

namespace dure::round {
namespace {

constexpr uint32_t kVersion = 6;
constexpr uint32_t kVersionBefore = 5;  // without whether the run was over

std::optional<Duration> LeftOf(const std::optional<MonoTime>& when, MonoTime now) {
  if (!when) return std::nullopt;
  return std::max(Duration(0), *when - now);
}
std::optional<MonoTime> FromLeft(const std::optional<Duration>& left, MonoTime now) {
  if (!left) return std::nullopt;
  return now + *left;
}

// Of the bytes that `get` is at the beginning of.
Status CheckHead(Get& get, std::string_view what) {
  KeptHead head;
  head.Visit(get);
  if (!get.ok()) return Fail(ErrorCode::kCorrupt, std::string(what) + " is damaged");
  if (head.version == kVersion || head.version == kVersionBefore) return {};
  return Fail(ErrorCode::kCorrupt,
              std::string(what) + " was kept by another version of dure, in form " +
                  std::to_string(head.version) + "; this one reads form " +
                  std::to_string(kVersionBefore) + " and " + std::to_string(kVersion));
}

}  // namespace

template <typename A>
void KeptHead::Visit(A& a) {
  a(version);
  if (version < kVersion) return over.reset();
  if (!over) over.emplace();
  a(*over);
}

KeptHead HeadOf(ByteView kept) {
  KeptHead head;
  Get get(kept);
  head.Visit(get);
  if (!get.ok()) head.over.reset();
  return head;
}

Bytes Rounds::Save(MonoTime now) const {
  Put put;
  put(kVersion, s_.phase == RunPhase::kEnded, manifest_, s_, LeftOf(s_.window_end, now),
      LeftOf(s_.patience_end, now), LeftOf(s_.deadline, now));
  return put.Take();
}

Result<Rounds> Rounds::Load(ByteView state, MonoTime now, Pace pace) {
  Get get(state);
  DURE_TRY(CheckHead(get, "the state of a run"));
  RunManifest manifest;
  get(manifest);
  if (!get.ok() || !manifest.Validate()) {
    return Fail(ErrorCode::kCorrupt,
                "the state of a run holds no manifest that this version reads");
  }
  Rounds rounds(std::move(manifest), {}, pace);
  std::optional<Duration> window_left;
  std::optional<Duration> patience_left;
  std::optional<Duration> deadline_left;
  get(rounds.s_, window_left, patience_left, deadline_left);
  if (auto done = get.Done("state of a run"); !done) {
    return Fail(ErrorCode::kCorrupt, done.error().message);
  }
  rounds.s_.window_end = FromLeft(window_left, now);
  rounds.s_.patience_end = FromLeft(patience_left, now);
  rounds.s_.deadline = FromLeft(deadline_left, now);
  DURE_TRY(rounds.CheckLoaded());
  return rounds;
}

// What the transitions rely on, so that bytes from a damaged disk cannot break a promise later.
Status Rounds::CheckLoaded() const {
  bool sound = s_.phase >= RunPhase::kNew;
  sound = sound && (s_.phase == RunPhase::kGathering) == s_.window_end.has_value();
  sound = sound && s_.window_end.has_value() == s_.patience_end.has_value();
  sound = sound && (s_.phase == RunPhase::kCollecting) == s_.deadline.has_value();
  const bool summed = s_.phase == RunPhase::kClosing && manifest_.masked();
  sound = sound && (!summed || s_.sums.has_value());
  size_t receipted = 0;
  for (const auto& [id, site] : s_.sites) {
    const bool taken = site.step != Step::kWaiting && site.step != Step::kOut;
    if (taken && !site.taken) sound = false;
    if (site.step == Step::kReceipted && !site.receipt) sound = false;
    if (site.in_cohort && site.step == Step::kReceipted) ++receipted;
    const bool opened = s_.phase != RunPhase::kAdmitting && site.in_cohort;
    if (opened && site.admitted.empty()) sound = false;
  }
  sound = sound && (s_.shares.empty() || s_.shares.size() == receipted);
  if (sound) return {};
  return Fail(ErrorCode::kCorrupt, "state of a run: its parts contradict each other");
}

Bytes Participation::Save() const {
  Put put;
  put(kVersion, s_.phase == SitePhase::kEnded, s_);
  return put.Take();
}

Result<Participation> Participation::Load(ByteView state, SitePace pace) {
  Get get(state);
  DURE_TRY(CheckHead(get, "the state of a participation"));
  Participation site({}, {}, {}, pace);
  get(site.s_);
  if (auto done = get.Done("state of a participation"); !done) {
    return Fail(ErrorCode::kCorrupt, done.error().message);
  }
  if (site.s_.phase < SitePhase::kIdle) {
    return Fail(ErrorCode::kCorrupt, "state of a participation: no such phase");
  }
  return site;
}

}  // namespace dure::round
