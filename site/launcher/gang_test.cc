// The launcher with a gang of real trainers, and with shells in the ranks' places.
#include <gmock/gmock.h>
#include <sys/types.h>

#include <cmath>
#include <csignal>
#include <cstdlib>

#include "site/launcher/training_fixture.h"

namespace dure::launcher {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// This process's trainers, in the order in which they were started: by rank.
std::vector<pid_t> Ranks() {
  std::vector<pid_t> pids;
  for (const auto& task : fs::directory_iterator("/proc/self/task")) {
    std::ifstream children(task.path() / "children");
    for (pid_t pid = 0; children >> pid;) pids.push_back(pid);
  }
  std::ranges::sort(pids);
  return pids;
}

class Gang : public Training {
 protected:
  void UseRanks(uint32_t ranks) { spec_.ranks = ranks; }
  // Trains one task in a fresh gang.
  seat::DoneEvent Do(const seat::TrainTask& task, uint32_t ranks) {
    UseRanks(ranks);
    WatchedTrainer trainer;
    EXPECT_TRUE(trainer.Start(spec_));
    EXPECT_TRUE(trainer->Send(seat::TaskRequest{++id_, task}));
    const auto done = trainer.Next<seat::DoneEvent>();
    EXPECT_TRUE(done.has_value()) << trainer.error;
    return done.value_or(seat::DoneEvent{});
  }
  static void WaitForAStep(WatchedTrainer& trainer) {
    for (auto told = trainer.Next<seat::ProgressEvent>(); told && told->step == 0;) {
      told = trainer.Next<seat::ProgressEvent>();
    }
  }
};

TEST_F(Gang, LearnsWhatOneTrainerLearns) {
  const seat::DoneEvent alone = Do(Train("alone", 20), 1);
  for (const uint32_t zero : {0u, 1u, 2u, 3u}) {
    seat::TrainTask task = Train("gang" + std::to_string(zero), 20);
    task.zero = zero;
    const seat::DoneEvent gang = Do(task, zero == 1 ? 3 : 2);
    EXPECT_EQ(gang.steps, alone.steps);
    EXPECT_EQ(gang.tokens, alone.tokens);
    EXPECT_EQ(gang.examples, alone.examples);
    EXPECT_NEAR(gang.first_loss, alone.first_loss, 1e-5);
    EXPECT_NEAR(gang.final_loss, alone.final_loss, 1e-4);
    EXPECT_TRUE(model::SafetensorsFile::Open(task.output_path).has_value());
    EXPECT_EQ(fs::exists(fs::path(task.state_out) / "optimizer.1"), zero > 0);
  }
}

TEST_F(Gang, ARankThatIsKilledEndsTheGangByNameAndARestartRepeatsTheRound) {
  const seat::TrainTask first = Train("first", 5);
  Do(first, 2);
  seat::TrainTask task = Train("undisturbed", 30);
  task.state_in = first.state_out;
  Do(task, 2);

  WatchedTrainer trainer;
  ASSERT_TRUE(trainer.Start(spec_));
  seat::TrainTask disturbed = Train("disturbed", 0);
  disturbed.seconds = 600;
  disturbed.state_in = first.state_out;
  ASSERT_TRUE(trainer->Send(seat::TaskRequest{++id_, disturbed}));
  WaitForAStep(trainer);
  const std::vector<pid_t> ranks = Ranks();
  ASSERT_EQ(ranks.size(), 2u);
  ASSERT_EQ(kill(ranks[1], SIGKILL), 0);
  const auto exit = trainer.Exit();
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->signal, SIGKILL);
  EXPECT_FALSE(exit->wanted);
  EXPECT_THAT(exit->reason, AllOf(HasSubstr("rank 1 of 2 (host "),
                                  HasSubstr("process " + std::to_string(ranks[1]))));
  EXPECT_TRUE(Ranks().empty());  // all down, all reaped
  EXPECT_FALSE(fs::exists(disturbed.output_path));

  disturbed.seconds = 0;
  disturbed.steps = 30;
  Do(disturbed, 2);
  EXPECT_EQ(Read(disturbed.output_path), Read(task.output_path));
  for (const char* name : {"optimizer.0", "optimizer.1", "place"}) {
    EXPECT_EQ(Read(fs::path(disturbed.state_out) / name), Read(fs::path(task.state_out) / name));
  }
}

TEST_F(Gang, ARankThatHangsIsNamedWhenPatienceEnds) {
  UseRanks(3);
  spec_.rank_patience = std::chrono::seconds(10);  // longer than a busy machine starves a rank
  WatchedTrainer trainer;
  ASSERT_TRUE(trainer.Start(spec_));
  seat::TrainTask task = Train("hangs", 0);
  task.seconds = 600;
  ASSERT_TRUE(trainer->Send(seat::TaskRequest{++id_, task}));
  WaitForAStep(trainer);
  const std::vector<pid_t> ranks = Ranks();
  ASSERT_EQ(ranks.size(), 3u);
  ASSERT_EQ(kill(ranks[2], SIGSTOP), 0);
  EXPECT_FALSE(trainer.Next<seat::DoneEvent>().has_value());
  EXPECT_THAT(trainer.error,
              AllOf(HasSubstr("unavailable: rank 2 (host "),
                    HasSubstr("process " + std::to_string(ranks[2])), HasSubstr("gave no sign")));
  ASSERT_TRUE(trainer.Exit().has_value());
  EXPECT_TRUE(Ranks().empty());
}

TEST_F(Gang, AnotherNumberOfRanksGoesOnFromTheSameState) {
  const seat::TrainTask first = Train("first", 5);
  Do(first, 2);
  double loss = 0;
  for (const uint32_t ranks : {1u, 2u, 3u}) {
    seat::TrainTask task = Train("then" + std::to_string(ranks), 10);
    task.state_in = first.state_out;
    const seat::DoneEvent done = Do(task, ranks);
    EXPECT_EQ(done.steps_total, 15u);
    EXPECT_NEAR(done.final_loss, ranks == 1 ? done.final_loss : loss, 1e-4);
    loss = done.final_loss;
  }
}

TEST_F(Gang, WhatFailsOnOneRankIsAnErrorOfTheTaskAndTheGangStays) {
  UseRanks(2);
  WatchedTrainer trainer;
  ASSERT_TRUE(trainer.Start(spec_));
  seat::TrainTask task = Train("bad", 3);
  task.batch = 0;
  ASSERT_TRUE(trainer->Send(seat::TaskRequest{++id_, task}));
  EXPECT_FALSE(trainer.Next<seat::DoneEvent>().has_value());
  EXPECT_THAT(trainer.error, HasSubstr("rank 0: training: batch"));
  ASSERT_TRUE(trainer->Send(seat::TaskRequest{++id_, Train("good", 3)}));
  EXPECT_TRUE(trainer.Next<seat::DoneEvent>().has_value()) << trainer.error;
  for (const bool keep : {false, true}) {
    seat::TrainTask endless = Train(keep ? "kept" : "dropped", 0);
    endless.seconds = 600;
    ASSERT_TRUE(trainer->Send(seat::TaskRequest{++id_, endless}));
    WaitForAStep(trainer);
    ASSERT_TRUE(trainer->Send(seat::StopRequest{keep}));
    EXPECT_EQ(trainer.Next<seat::DoneEvent>().has_value(), keep);
    EXPECT_EQ(fs::exists(endless.output_path), keep);
  }
  trainer->Stop(std::chrono::milliseconds(60000));
  const auto exit = trainer.Exit();
  ASSERT_TRUE(exit.has_value());
  EXPECT_TRUE(exit->wanted);
}

TEST_F(Gang, EachRankSeesItsSocketsOnlyAndOnlyTheFirstHasTheSeat) {
  spec_ = {};
  spec_.program = "/bin/sh";
  // Rank 1 of three: no seat at 3, its two peers at 4 and 5, and nothing beyond.
  spec_.arguments = {"-c",
                     "case \"$*\" in *'--rank 1'*) ;; *) exec sleep 1000;; esac; "
                     "fds=; for n in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do "
                     "[ -e /proc/$$/fd/$n ] && fds=\"$fds $n\"; done; "
                     "[ \"$fds\" = ' 0 1 2 4 5' ] && exit 42; exit 1",
                     "sh"};
  UseRanks(3);
  WatchedTrainer trainer;
  ASSERT_TRUE(trainer.Start(spec_));
  const auto exit = trainer.Exit();
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->exit_code, 42) << exit->reason;
  EXPECT_THAT(exit->reason, HasSubstr("rank 1 of 3"));
}

TEST_F(Gang, RefusesMoreRanksThanItCanHold) {
  UseRanks(kRanksMax + 1);
  EXPECT_EQ(LocalLauncher().Start(spec_, {}).error().code, ErrorCode::kInvalid);
  UseRanks(0);
  EXPECT_EQ(LocalLauncher().Start(spec_, {}).error().code, ErrorCode::kInvalid);
}

}  // namespace
}  // namespace dure::launcher
