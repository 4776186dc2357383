// A gang of threads: each shows the others what it sends, and copies what it gets.
#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <functional>
#include <mutex>

#include "federation/check.h"
#include "model/collective/collective.h"

namespace dure::model::collective {
namespace {

std::string RankText(uint32_t rank) {
  return "rank " + std::to_string(rank) + " (" + WhereThisRuns() + ")";
}

// The place where the threads meet: one a gang.
template <typename Step>
class Meeting {
 public:
  explicit Meeting(uint32_t world) : shown_(world), here_(world), gone_(world) {}

  // Shows the step and waits until all have shown theirs; then they may be looked at until Part.
  Status Meet(uint32_t rank, const Step& step, std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    if (failure_) return Fail(*failure_);
    shown_[rank] = &step;
    here_[rank] = true;
    const uint64_t phase = phase_;
    if (AllHere()) return {};
    const auto over = [&] { return phase_ != phase || failure_ || AbsentAndGone() >= 0; };
    const bool in_time = patience == kForever ? (changed_.wait(lock, over), true)
                                              : changed_.wait_for(lock, patience, over);
    if (phase_ != phase) return {};
    if (!failure_) Set({ErrorCode::kUnavailable, Why(step, in_time, patience)});
    changed_.notify_all();
    return Fail(*failure_);
  }
  // Waits until all have copied, also when one of them found a fault: what they copy from is on
  // this thread's stack.
  Status Part(uint32_t rank) {
    std::unique_lock lock(mutex_);
    here_[rank] = true;
    const uint64_t phase = phase_;
    if (!AllHere()) changed_.wait(lock, [&] { return phase_ != phase; });
    // A rank that went on to the next step may have failed there; this one is done.
    return failure_ && failure_phase_ == phase ? Fail(*failure_) : Status{};
  }
  const Step& shown(uint32_t rank) const { return *shown_[rank]; }

  void Leave(uint32_t rank) {
    const std::lock_guard lock(mutex_);
    gone_[rank] = true;
    changed_.notify_all();
  }
  void Note(Error error) {
    const std::lock_guard lock(mutex_);
    if (!failure_) Set(std::move(error));
  }

 private:
  void Set(Error error) {
    failure_ = std::move(error);
    failure_phase_ = phase_;
  }
  // The last to come lets all go on.
  bool AllHere() {
    if (!std::ranges::all_of(here_, std::identity{})) return false;
    std::fill(here_.begin(), here_.end(), false);
    ++phase_;
    changed_.notify_all();
    return true;
  }
  int AbsentAndGone() const {
    for (size_t r = 0; r < here_.size(); ++r) {
      if (gone_[r] && !here_[r]) return static_cast<int>(r);
    }
    return -1;
  }
  std::string Why(const Step& step, bool in_time, std::chrono::milliseconds patience) const {
    if (in_time) return RankText(static_cast<uint32_t>(AbsentAndGone())) + " is gone";
    const auto absent = std::ranges::find(here_, false) - here_.begin();
    return RankText(static_cast<uint32_t>(absent)) + " gave no sign for " +
           std::to_string(patience.count()) + " ms in " + step.Text();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<const Step*> shown_;
  std::vector<bool> here_;  // at the barrier
  std::vector<bool> gone_;
  uint64_t phase_ = 0;
  std::optional<Error> failure_;
  uint64_t failure_phase_ = 0;
};

class Threads final : public Collective {
 public:
  using Place = Meeting<Step>;
  // The meeting is shared: whichever thread ends last takes it along.
  Threads(uint32_t rank, uint32_t world, std::shared_ptr<Place> place)
      : Collective(rank, world), place_(std::move(place)) {}
  ~Threads() override { place_->Leave(rank()); }

  static std::shared_ptr<Place> MakePlace(uint32_t world) { return std::make_shared<Place>(world); }

 private:
  Status Exchange(const Step& step) override {
    DURE_TRY(place_->Meet(rank(), step, patience()));
    for (uint32_t r = 0; r < world(); ++r) {
      if (r == rank()) continue;
      const Step& theirs = place_->shown(r);
      const ByteView sent = theirs.out[rank()];
      if (theirs.kind != step.kind || theirs.number != step.number || theirs.size != step.size) {
        place_->Note({ErrorCode::kCorrupt, RankText(r) + " is in " + theirs.Text() + ", rank " +
                                               std::to_string(rank()) + " in " + step.Text()});
      } else if (!sent.empty()) {
        std::memcpy(step.in[r].data(), sent.data(), sent.size());
      }
    }
    return place_->Part(rank());
  }

  std::shared_ptr<Place> place_;
};

}  // namespace

std::vector<std::unique_ptr<Collective>> MakeThreads(uint32_t world) {
  DURE_CHECK(world >= 1 && world <= kWorldMax, "a gang has 1 to kWorldMax ranks");
  const auto place = Threads::MakePlace(world);
  std::vector<std::unique_ptr<Collective>> ranks;
  for (uint32_t r = 0; r < world; ++r) ranks.push_back(std::make_unique<Threads>(r, world, place));
  return ranks;
}

}  // namespace dure::model::collective
