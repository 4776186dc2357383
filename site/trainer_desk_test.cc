#include "site/trainer_desk.h"

#include <gmock/gmock.h>

#include <future>

namespace dure::site {
namespace {

using launcher::TrainerExit;
using launcher::TrainerObserver;

// A trainer that only remembers what it was sent; the test speaks for it. Everything it does is on
// the loop, where the desk is.
class FakeTrainer final : public launcher::Trainer {
 public:
  FakeTrainer(std::vector<seat::Request>& sent, TrainerObserver observer)
      : sent_(sent), observer_(std::move(observer)) {}
  Status Send(const seat::Request& request) override {
    sent_.push_back(request);
    return {};
  }
  void Stop(std::chrono::milliseconds) override {}
  int64_t pid() const override { return 42; }
  const Digest& code() const override { return code_; }

 private:
  std::vector<seat::Request>& sent_;
  TrainerObserver observer_;
  const Digest code_;
};

class FakeLauncher final : public launcher::Launcher {
 public:
  Result<std::unique_ptr<launcher::Trainer>> Start(const launcher::TrainerSpec&,
                                                   TrainerObserver observer) override {
    ++starts;
    if (refuses) return Fail(ErrorCode::kNotFound, "no such program");
    observers.push_back(observer);
    return std::unique_ptr<launcher::Trainer>(new FakeTrainer(sent, std::move(observer)));
  }

  int starts = 0;
  bool refuses = false;
  std::vector<TrainerObserver> observers;  // one a start
  std::vector<seat::Request> sent;
};

class TrainerDeskTest : public testing::Test {
 protected:
  TrainerDeskTest() {
    OnLoop([this] { desk_.emplace(loop_, launcher_, launcher::TrainerSpec{}); });
  }
  ~TrainerDeskTest() override {
    OnLoop([this] { desk_.reset(); });
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
  ErrorCode CodeOf(size_t at) const { return answers_.at(at)->error().code; }

  loop::EventLoop loop_;
  FakeLauncher launcher_;
  std::optional<TrainerDesk> desk_;
  std::deque<std::optional<Result<Answer>>> answers_;
  bool lacked_trainer_ = false;  // as the latest answer found it
};

TEST_F(TrainerDeskTest, OneTaskRunsAtATimeInTheOrderOfSubmission) {
  const uint64_t first = Submit();
  const uint64_t second = Submit();
  ASSERT_EQ(launcher_.sent.size(), 1u);
  EXPECT_EQ(std::get<seat::TaskRequest>(launcher_.sent[0]).id, first);
  Prepared(0, first);
  ASSERT_TRUE(answers_[0] && answers_[0]->has_value());
  ASSERT_EQ(launcher_.sent.size(), 2u);
  EXPECT_EQ(std::get<seat::TaskRequest>(launcher_.sent[1]).id, second);
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
  EXPECT_EQ(launcher_.sent.size(), 1u);
}

TEST_F(TrainerDeskTest, ACancelledTaskThatRunsIsAskedToStopAndStillAnswersItself) {
  const uint64_t id = Submit();
  OnLoop([&] { desk_->Cancel(id, true); });
  ASSERT_EQ(launcher_.sent.size(), 2u);
  EXPECT_TRUE(std::get<seat::StopRequest>(launcher_.sent[1]).keep);
  EXPECT_FALSE(answers_[0]);
  Prepared(0, id);
  EXPECT_TRUE(answers_[0]->has_value());
}

TEST_F(TrainerDeskTest, AnEventAfterTheDeskIsGoneTouchesNothing) {
  const uint64_t id = Submit();
  OnLoop([this] { desk_.reset(); });
  Prepared(0, id);
  EXPECT_FALSE(answers_[0]);
}

}  // namespace
}  // namespace dure::site
