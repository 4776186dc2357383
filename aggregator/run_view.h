// RunView: what people see of a run: each site's state, the round's times, the time left. Values
// only; on the loop.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "federation/round/round.h"
#include "federation/transport/server.h"

namespace dure::aggregator {

// Of a long run a new watcher hears of the latest: a line is bounded.
inline constexpr size_t kClosedInALineMax = 512;

class RunView {
 public:
  RunView(const round::RunManifest& manifest, MonoTime now);

  // After a restart: where the run stands. What sites had reported before is not known.
  void Resume(const round::Rounds& rounds);
  void Take(const round::Notice& notice, MonoTime now);
  // What a gathering waits for; while it waits, watchers hear of it now and then without a change.
  // About the sum of a round that is about to close: shown with it.
  void Remark(const round::RoundAttempt& at, const std::string& text);
  void WaitFor(std::optional<round::Gathering> waits);
  // The state as one JSON line (docs/how-to/watch-a-run.md); `closed` since the last call of a
  // watcher is in it, at most the latest kClosedInALineMax.
  std::string Line(MonoTime now, size_t closed_from) const;
  size_t closed_count() const { return closed_.size(); }
  bool ended() const { return !ended_.empty(); }

  // A watcher hears every change, at most every kLineInterval, until the run has ended.
  void Watch(std::shared_ptr<transport::Watcher> watcher, MonoTime now);
  // Sends to the watchers what changed; called after events and by the daemon's own tick.
  void Tick(MonoTime now);

 private:
  struct Site {
    std::string state = "waiting";
    uint64_t step = 0;
    uint64_t steps = 0;
    std::optional<double> loss;
    double tokens_per_second = 0;
    uint64_t bytes_up = 0;
    uint64_t bytes_down = 0;
    std::string note;
    std::optional<round::RoundAttempt> refused_at;  // what it says of this attempt is not news
  };
  struct Times {
    uint64_t round = 0;
    double train = 0;
    double upload = 0;
    double merge = 0;
    double wait = 0;
    std::optional<double> loss;
    std::string note;
  };
  struct Watching {
    std::shared_ptr<transport::Watcher> watcher;
    size_t closed_seen = 0;
  };
  void EnterPhase(const round::Notice& notice, MonoTime now);
  void TakeStatus(const round::Notice& notice, MonoTime now);
  void CloseRound(const round::Notice& notice, MonoTime now);
  std::optional<double> RemainingSeconds(MonoTime now) const;
  std::string WordFor(round::NoticeKind kind) const;

  RunId run_;
  uint64_t rounds_;
  round::Masking masking_;
  uint64_t round_ = 0;
  uint32_t attempt_ = 0;
  round::RunPhase phase_ = round::RunPhase::kNew;
  std::string reason_;
  std::string ended_;
  std::optional<round::Gathering> waits_;
  std::map<SiteId, Site> sites_;
  std::map<uint64_t, std::string> remarks_;  // by the round, counted from 1
  MonoTime started_;
  // Of the round under way; when this view began, for what happened before it.
  MonoTime round_began_;
  MonoTime collecting_began_;
  MonoTime last_trained_;
  MonoTime merging_began_;
  std::vector<Times> closed_;
  std::vector<Watching> watching_;
  MonoTime last_line_{};
  bool changed_ = true;
};

}  // namespace dure::aggregator
