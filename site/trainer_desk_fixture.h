// A trainer's desk on a loop of its own, with trainers that only remember; for its tests.
#pragma once

#include <gmock/gmock.h>

#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "site/trainer_desk.h"

namespace dure::site {

using launcher::TrainerExit;
using launcher::TrainerObserver;
using testing::AllOf;
using testing::HasSubstr;

// What became of all trainers of a test.
struct Seat {
  bool deaf = false;  // takes nothing
  std::vector<seat::Request> sent;
  int stops = 0;
  std::promise<void> stopped;  // the first time
};

// A trainer that only remembers what it was sent; the test speaks for it. Everything it does is on
// the loop, where the desk is.
class FakeTrainer final : public launcher::Trainer {
 public:
  explicit FakeTrainer(Seat& seat) : seat_(seat) {}
  Status Send(const seat::Request& request) override {
    if (seat_.deaf) return Fail(ErrorCode::kUnavailable, "it has not read for two seconds");
    seat_.sent.push_back(request);
    return {};
  }
  void Stop(std::chrono::milliseconds) override {
    if (++seat_.stops == 1) seat_.stopped.set_value();
  }
  int64_t pid() const override { return 42; }
  const Digest& code() const override { return code_; }

 private:
  Seat& seat_;
  const Digest code_;
};

class FakeLauncher final : public launcher::Launcher {
 public:
  Result<std::unique_ptr<launcher::Trainer>> Start(const launcher::TrainerSpec& spec,
                                                   TrainerObserver observer) override {
    ++starts;
    specs.push_back(spec);
    if (refuses) return Fail(ErrorCode::kNotFound, "no such program");
    observers.push_back(observer);
    return std::unique_ptr<launcher::Trainer>(new FakeTrainer(seat));
  }

  int starts = 0;
  bool refuses = false;
  std::vector<launcher::TrainerSpec> specs;  // likewise
  std::vector<TrainerObserver> observers;    // one a start
  Seat seat;
};

class TrainerDeskTest : public testing::Test {
 protected:
  TrainerDeskTest() { Employ(std::chrono::hours(1)); }
  ~TrainerDeskTest() override {
    OnLoop([this] { desk_.reset(); });
  }
  void Employ(std::chrono::milliseconds patience, bool waits_in_queue = false) {
    launcher::TrainerSpec spec;
    spec.rank_patience = patience;
    spec.waits_in_queue = waits_in_queue;
    OnLoop([&] { desk_.emplace(loop_, launcher_, spec); });
  }
  void WaitForAStop() {
    ASSERT_EQ(launcher_.seat.stopped.get_future().wait_for(kForTheTest), std::future_status::ready);
    Settle();
  }
  void OnLoop(std::function<void()> task) { ASSERT_TRUE(loop_.Wait(std::move(task))); }
  // After every task posted so far, and those that these post.
  void Settle() {
    for (int i = 0; i < 4; ++i) OnLoop([] {});
  }
  uint64_t Submit(const Reach& reach = {}) {
    uint64_t id = 0;
    OnLoop([&] {
      id =
          desk_->Submit(seat::PrepareTask{}, reach, {{}, [this, at = answers_.size()](auto answer) {
                                                       answers_.at(at) = std::move(answer);
                                                       lacked_trainer_ = desk_->lacks_trainer();
                                                       hung_ = desk_->hung();
                                                     }});
      answers_.emplace_back();
    });
    Settle();
    return id;
  }
  void Tell(size_t start, seat::Event event) {
    launcher_.observers.at(start).on_event(event);
    Settle();
  }
  void Prepared(size_t start, uint64_t id) {
    seat::PreparedEvent event;
    event.id = id;
    Tell(start, event);
  }
  static seat::Event Step(uint64_t id, uint64_t step) {
    return seat::ProgressEvent{id, "training", step, 100};
  }
  static seat::Event Reading(uint64_t id) { return seat::ProgressEvent{id, "reading"}; }
  static seat::Event Writing(uint64_t id, uint64_t step) {
    return seat::ProgressEvent{id, "writing", step, 100};
  }
  void Exits(size_t start) {
    launcher_.observers.at(start).on_exit(TrainerExit{});
    Settle();
  }
  ErrorCode CodeOf(size_t at) const { return answers_.at(at)->error().code; }
  // After the loop has reached that time and done this.
  void After(
      std::chrono::milliseconds time, const std::function<void()>& then = [] {}) {
    std::promise<void> later;
    OnLoop([&] {
      loop_.At(loop_.Now() + time, [&] {
        then();
        later.set_value();
      });
    });
    later.get_future().wait();
  }
  // For longer than a trainer that is between two steps.
  bool IsLeftAloneForLong() {
    bool is_alone = false;
    After(3 * kPatience, [&] { is_alone = launcher_.seat.stops == 0 && !answers_[0]; });
    return is_alone;
  }

  static constexpr std::chrono::milliseconds kPatience{20};
  static constexpr std::chrono::seconds kForTheTest{60};

  loop::EventLoop loop_;
  FakeLauncher launcher_;
  std::optional<TrainerDesk> desk_;
  std::deque<std::optional<Result<Answer>>> answers_;
  bool lacked_trainer_ = false;  // as the latest answer found it
  bool hung_ = false;
};

}  // namespace dure::site
