#include "site/trainer_desk.h"

#include <gmock/gmock.h>

#include <future>

namespace dure::site {
namespace {

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
  Result<std::unique_ptr<launcher::Trainer>> Start(const launcher::TrainerSpec&,
                                                   TrainerObserver observer) override {
    ++starts;
    if (refuses) return Fail(ErrorCode::kNotFound, "no such program");
    observers.push_back(observer);
    return std::unique_ptr<launcher::Trainer>(new FakeTrainer(seat));
  }

  int starts = 0;
  bool refuses = false;
  std::vector<TrainerObserver> observers;  // one a start
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
  uint64_t Submit() {
    uint64_t id = 0;
    OnLoop([&] {
      id = desk_->Submit(seat::PrepareTask{}, {{}, [this, at = answers_.size()](auto answer) {
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

TEST_F(TrainerDeskTest, OneTaskRunsAtATimeInTheOrderOfSubmission) {
  const uint64_t first = Submit();
  const uint64_t second = Submit();
  ASSERT_EQ(launcher_.seat.sent.size(), 1u);
  EXPECT_EQ(std::get<seat::TaskRequest>(launcher_.seat.sent[0]).id, first);
  Prepared(0, first);
  ASSERT_TRUE(answers_[0] && answers_[0]->has_value());
  ASSERT_EQ(launcher_.seat.sent.size(), 2u);
  EXPECT_EQ(std::get<seat::TaskRequest>(launcher_.seat.sent[1]).id, second);
  EXPECT_FALSE(answers_[1]);
  Prepared(0, second);
  EXPECT_TRUE(answers_[1]);
  EXPECT_EQ(launcher_.starts, 1) << "one trainer serves both";
}

TEST_F(TrainerDeskTest, AnAnswerToAnotherTaskAnswersNothing) {
  const uint64_t id = Submit();
  Prepared(0, id + 7);
  EXPECT_FALSE(answers_[0]);
}

TEST_F(TrainerDeskTest, ATrainerThatDiesAnswersItsTaskAndIsStartedForTheNext) {
  Submit();
  const uint64_t second = Submit();
  TrainerExit exit;
  exit.reason = "killed by signal 9";
  launcher_.observers[0].on_exit(exit);
  Settle();
  ASSERT_TRUE(answers_[0]);
  EXPECT_EQ(CodeOf(0), ErrorCode::kUnavailable);
  EXPECT_TRUE(lacked_trainer_);
  EXPECT_EQ(launcher_.starts, 2);
  // The dead trainer's last words arrive late and are about nobody's task.
  Prepared(0, second);
  EXPECT_FALSE(answers_[1]);
  Prepared(1, second);
  EXPECT_TRUE(answers_[1]);
  EXPECT_FALSE(lacked_trainer_);
}

TEST_F(TrainerDeskTest, ATrainerThatCannotStartIsAnAnswerAndNotAnEndlessLoop) {
  launcher_.refuses = true;
  Submit();
  ASSERT_TRUE(answers_[0]);
  EXPECT_EQ(CodeOf(0), ErrorCode::kNotFound);
  EXPECT_TRUE(lacked_trainer_);
  EXPECT_EQ(launcher_.starts, 1);
}

TEST_F(TrainerDeskTest, TheTrainersOwnErrorKeepsItsCode) {
  const uint64_t id = Submit();
  seat::ErrorEvent error;
  error.id = id;
  error.code = std::string(Name(ErrorCode::kExhausted));
  error.message = "no room";
  Tell(0, error);
  ASSERT_TRUE(answers_[0]);
  EXPECT_EQ(CodeOf(0), ErrorCode::kExhausted);
  EXPECT_FALSE(lacked_trainer_) << "it is the data that has no room";
}

TEST_F(TrainerDeskTest, ACancelledTaskThatWaitsIsAnsweredAndNeverSent) {
  const uint64_t first = Submit();
  const uint64_t second = Submit();
  OnLoop([&] { desk_->Cancel(second, false); });
  Settle();
  ASSERT_TRUE(answers_[1]);
  EXPECT_EQ(CodeOf(1), ErrorCode::kCancelled);
  Prepared(0, first);
  EXPECT_EQ(launcher_.seat.sent.size(), 1u);
}

TEST_F(TrainerDeskTest, ACancelledTaskThatRunsIsAskedToStopAndStillAnswersItself) {
  const uint64_t id = Submit();
  OnLoop([&] { desk_->Cancel(id, true); });
  ASSERT_EQ(launcher_.seat.sent.size(), 2u);
  EXPECT_TRUE(std::get<seat::StopRequest>(launcher_.seat.sent[1]).keep);
  EXPECT_FALSE(answers_[0]);
  Prepared(0, id);
  EXPECT_TRUE(answers_[0]->has_value());
}

TEST_F(TrainerDeskTest, ATrainerThatDoesNotStopIsEndedAndTheTaskBehindGoesToTheNext) {
  Employ(kPatience);
  const uint64_t first = Submit();
  const uint64_t second = Submit();
  OnLoop([&] { desk_->Cancel(first, false); });
  ASSERT_NO_FATAL_FAILURE(WaitForAStop());
  // Its answer comes after all: what waits is not given to one that is about to go.
  Prepared(0, first);
  ASSERT_EQ(launcher_.seat.sent.size(), 2u) << "the first task, and the stop";
  Exits(0);
  EXPECT_EQ(launcher_.starts, 2);
  ASSERT_EQ(launcher_.seat.sent.size(), 3u);
  EXPECT_EQ(std::get<seat::TaskRequest>(launcher_.seat.sent[2]).id, second);
}

TEST_F(TrainerDeskTest, ACancelledTaskWhoseTrainerHadToBeEndedIsAnsweredAsCancelled) {
  const uint64_t id = Submit();
  OnLoop([&] { desk_->Cancel(id, false); });
  Exits(0);
  ASSERT_TRUE(answers_[0]);
  EXPECT_EQ(CodeOf(0), ErrorCode::kCancelled);
}

TEST_F(TrainerDeskTest, ATrainerThatStopsInTimeStays) {
  constexpr std::chrono::seconds kInTime{1};  // also where threads wake late
  Employ(kInTime);
  const uint64_t first = Submit();
  Submit();
  OnLoop([&] { desk_->Cancel(first, false); });
  Prepared(0, first);
  After(2 * kInTime);
  EXPECT_EQ(launcher_.seat.stops, 0);
  EXPECT_EQ(launcher_.starts, 1);
}

TEST_F(TrainerDeskTest, ATrainerThatHangsBetweenTwoStepsIsEndedAndTheTaskBehindGoesToTheNext) {
  Employ(kPatience);
  const uint64_t first = Submit();
  const uint64_t second = Submit();
  OnLoop([&] { launcher_.observers.at(0).on_event(Step(first, 7)); });
  ASSERT_NO_FATAL_FAILURE(WaitForAStop());
  ASSERT_TRUE(answers_[0]) << "it is not waited for";
  EXPECT_EQ(CodeOf(0), ErrorCode::kUnavailable);
  EXPECT_THAT(answers_[0]->error().message,
              AllOf(HasSubstr("process 42"), HasSubstr("gave no sign"), HasSubstr("step 7")));
  EXPECT_TRUE(hung_);
  EXPECT_TRUE(lacked_trainer_);
  EXPECT_EQ(launcher_.starts, 1) << "one at a time";
  Exits(0);
  EXPECT_EQ(launcher_.starts, 2);
  Prepared(1, second);
  EXPECT_TRUE(answers_[1] && answers_[1]->has_value());
  EXPECT_FALSE(hung_);
}

TEST_F(TrainerDeskTest, ATrainerThatSaysTheSameStepAgainAndAgainHangs) {
  Employ(kPatience);
  const uint64_t id = Submit();
  std::function<void()> repeat = [&] {
    if (!desk_ || answers_[0]) return;
    launcher_.observers.at(0).on_event(Step(id, 7));
    loop_.At(loop_.Now() + kPatience / 8, repeat);
  };
  OnLoop(repeat);
  ASSERT_NO_FATAL_FAILURE(WaitForAStop());
  EXPECT_TRUE(answers_[0]);
}

TEST_F(TrainerDeskTest, BeforeTheFirstStepATrainerMayBeQuietForLonger) {
  Employ(kPatience);
  const uint64_t id = Submit();
  std::optional<MonoTime> asked, stopped;
  OnLoop([&] {
    asked = loop_.Now();
    launcher_.observers.at(0).on_event(Reading(id));
  });
  ASSERT_NO_FATAL_FAILURE(WaitForAStop());
  OnLoop([&] { stopped = loop_.Now(); });
  EXPECT_GE(*stopped - *asked, kPatiencesBesideSteps * kPatience);
  ASSERT_TRUE(answers_[0]);
  EXPECT_THAT(answers_[0]->error().message, HasSubstr("reading"));
}

TEST_F(TrainerDeskTest, WhileItWaitsInAQueueATrainerDoesNotHang) {
  Employ(std::chrono::milliseconds(1), /*waits_in_queue=*/true);
  Submit();
  bool waits = false;
  After(kPatience * 3, [&] { waits = launcher_.seat.stops == 0 && !answers_[0]; });
  EXPECT_TRUE(waits);
  OnLoop([&] { launcher_.observers.at(0).on_event(seat::ReadyEvent{}); });
  ASSERT_NO_FATAL_FAILURE(WaitForAStop());
  EXPECT_TRUE(answers_[0]) << "then it runs";
}

TEST_F(TrainerDeskTest, AfterTheLastStepATrainerMayBeQuietForLonger) {
  Employ(kPatience);
  const uint64_t id = Submit();
  OnLoop([&] { launcher_.observers.at(0).on_event(Step(id, 100)); });
  EXPECT_TRUE(IsLeftAloneForLong());
}

TEST_F(TrainerDeskTest, WhileItWritesATrainerMayBeQuietForLonger) {
  Employ(kPatience);
  const uint64_t id = Submit();
  OnLoop([&] {
    launcher_.observers.at(0).on_event(Step(id, 49));
    launcher_.observers.at(0).on_event(Writing(id, 50));
  });
  EXPECT_TRUE(IsLeftAloneForLong());
}

TEST_F(TrainerDeskTest, ATrainerThatGetsOnIsNotEnded) {
  Employ(kPatience);
  const uint64_t id = Submit();
  uint64_t step = 0;
  std::promise<void> enough;
  std::function<void()> next = [&] {
    launcher_.observers.at(0).on_event(Step(id, ++step));
    if (step == 32) return enough.set_value();
    loop_.At(loop_.Now() + kPatience / 8, next);
  };
  OnLoop(next);
  enough.get_future().wait();
  Settle();
  EXPECT_EQ(launcher_.seat.stops, 0);
  EXPECT_FALSE(answers_[0]);
}

TEST_F(TrainerDeskTest, WhatCannotBeKilledIsWaitedForByNobody) {
  Employ(5 * kPatience);
  const uint64_t first = Submit();
  Submit();
  OnLoop([&] { launcher_.observers.at(0).on_event(Step(first, 7)); });
  ASSERT_NO_FATAL_FAILURE(WaitForAStop());
  After(20 * kPatience);
  ASSERT_TRUE(answers_[1]);
  EXPECT_EQ(CodeOf(1), ErrorCode::kUnavailable);
  EXPECT_TRUE(lacked_trainer_);
  Submit();
  ASSERT_TRUE(answers_[2]);
  EXPECT_THAT(answers_[2]->error().message, HasSubstr("does not end"));
  Exits(0);
  const uint64_t fourth = Submit();
  Prepared(1, fourth);
  EXPECT_TRUE(answers_[3] && answers_[3]->has_value());
}

TEST_F(TrainerDeskTest, ATrainerThatTakesNoTaskIsEndedAndNotAskedAgain) {
  launcher_.seat.deaf = true;
  Submit();
  const uint64_t second = Submit();
  ASSERT_TRUE(answers_[0]);
  EXPECT_EQ(CodeOf(0), ErrorCode::kUnavailable);
  EXPECT_EQ(launcher_.seat.stops, 1);
  EXPECT_FALSE(answers_[1]) << "it waits for the next one";
  launcher_.seat.deaf = false;
  Exits(0);
  EXPECT_EQ(launcher_.starts, 2);
  Prepared(1, second);
  EXPECT_TRUE(answers_[1] && answers_[1]->has_value());
}

TEST_F(TrainerDeskTest, AnEventAfterTheDeskIsGoneTouchesNothing) {
  const uint64_t id = Submit();
  OnLoop([this] { desk_.reset(); });
  Prepared(0, id);
  EXPECT_FALSE(answers_[0]);
}

}  // namespace
}  // namespace dure::site
