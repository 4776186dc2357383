#include "site/trainer_desk.h"

#include <gmock/gmock.h>

#include "site/trainer_desk_fixture.h"

namespace dure::site {
namespace {

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

TEST_F(TrainerDeskTest, ATrainerSeesTheFilesOfItsOwnTaskAndIsReplacedForAnother) {
  const Reach mine{{"/a", "/given"}, {"/seat"}};
  const uint64_t first = Submit(mine);
  const uint64_t less = Submit({{"/a"}, {}});
  const uint64_t other = Submit({{"/b", "/given"}, {"/seat"}});
  Prepared(0, first);
  Prepared(0, less);
  EXPECT_TRUE(answers_[1]);
  EXPECT_EQ(launcher_.seat.sent.size(), 2u) << "nothing of another task is told to it";
  EXPECT_EQ(launcher_.seat.stops, 1);
  Exits(0);
  EXPECT_EQ(launcher_.starts, 2);
  Prepared(1, other);
  EXPECT_TRUE(answers_[2]);
  using testing::ElementsAre;
  EXPECT_THAT(launcher_.specs[0].read_paths, ElementsAre("/a", "/given"));
  EXPECT_THAT(launcher_.specs[1].read_paths, ElementsAre("/b", "/given"));
  EXPECT_THAT(launcher_.specs[1].write_paths, ElementsAre("/seat"));
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
