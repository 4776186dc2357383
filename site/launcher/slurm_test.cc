// A gang of real trainers through a real Slurm: slurm_test.py starts a cluster of one node and runs
// this in it.
#include "site/launcher/slurm.h"

#include <gmock/gmock.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "site/launcher/training_fixture.h"

namespace dure::launcher {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// What a program of Slurm says.
std::string Ask(const std::string& command) {
  std::string said;
  FILE* pipe = popen(command.c_str(), "r");
  for (int c = 0; pipe != nullptr && (c = std::fgetc(pipe)) != EOF;) said += static_cast<char>(c);
  if (pipe != nullptr) pclose(pipe);
  return said;
}

class Slurm : public Training {
 protected:
  Slurm() {
    spec_.ranks = 2;
    fs::create_directories(folder_ / "work" / "gangs");
  }
  void SetUp() override {
    if (std::getenv("SLURM_CONF") == nullptr) {
      GTEST_SKIP() << "no cluster: slurm_test.py starts one and runs this in it";
    }
  }

  // Two ranks share what cores the machine has.
  std::unique_ptr<SlurmLauncher> Cluster() {
    return std::make_unique<SlurmLauncher>(
        SlurmOptions{.partition = "train", .options = {"--overcommit"}},
        folder_ / "work" / "gangs");
  }
  static void WaitForAStep(WatchedTrainer& trainer) {
    for (auto told = trainer.Next<seat::ProgressEvent>(); told && told->step == 0;) {
      told = trainer.Next<seat::ProgressEvent>();
    }
  }
  // The process of a rank of the one job there is.
  static pid_t ProcessOf(int rank) {
    const std::string job = Ask("squeue --noheader --format=%i");
    std::istringstream lines(Ask("scontrol listpids " + job));
    std::string header;
    std::getline(lines, header);
    std::string pid, job_id, step, local, global;
    while (lines >> pid >> job_id >> step >> local >> global) {
      if (global == std::to_string(rank)) return static_cast<pid_t>(std::atoi(pid.c_str()));
    }
    return 0;
  }
  static bool JobsEnd() {
    for (int i = 0; i < 200; ++i) {  // each question takes Slurm some milliseconds
      if (Ask("squeue --noheader --format=%i").empty()) return true;
      (void)Ask("srun --version; sleep 0.1");
    }
    return false;
  }
};

TEST_F(Slurm, TrainsAGangLikeThatOfThisMachine) {
  const seat::TrainTask here = Train("here", 12);
  {
    WatchedTrainer trainer;
    ASSERT_TRUE(trainer.Start(spec_));
    ASSERT_TRUE(trainer->Send(seat::TaskRequest{1, here}));
    ASSERT_TRUE(trainer.Next<seat::DoneEvent>().has_value()) << trainer.error;
  }
  const seat::TrainTask there = Train("there", 12);
  WatchedTrainer trainer(Cluster());
  ASSERT_TRUE(trainer.Start(spec_));
  const auto ready = trainer.Next<seat::ReadyEvent>();
  ASSERT_TRUE(ready.has_value()) << trainer.error;
  EXPECT_THAT(ready->protections, testing::Contains("seccomp"));
  ASSERT_TRUE(trainer->Send(seat::TaskRequest{2, there}));
  ASSERT_TRUE(trainer.Next<seat::DoneEvent>().has_value()) << trainer.error;
  EXPECT_EQ(Read(there.output_path), Read(here.output_path));  // to the bit
  EXPECT_FALSE(fs::is_empty(folder_ / "work" / "gangs"));
  trainer->Stop(std::chrono::milliseconds(60000));
  const auto exit = trainer.Exit();
  ASSERT_TRUE(exit.has_value());
  EXPECT_TRUE(exit->wanted);
  EXPECT_EQ(exit->signal, 0) << exit->reason;
  EXPECT_TRUE(fs::is_empty(folder_ / "work" / "gangs"));  // the secret is gone
  EXPECT_TRUE(JobsEnd());
}

TEST_F(Slurm, ARankThatIsKilledOnItsNodeEndsTheGangByName) {
  WatchedTrainer trainer(Cluster());
  ASSERT_TRUE(trainer.Start(spec_));
  seat::TrainTask task = Train("killed", 0);
  task.seconds = 600;
  ASSERT_TRUE(trainer->Send(seat::TaskRequest{1, task}));
  WaitForAStep(trainer);
  const pid_t rank = ProcessOf(1);
  ASSERT_GT(rank, 0) << Ask("squeue; scontrol listpids");
  ASSERT_EQ(kill(rank, SIGKILL), 0);
  EXPECT_FALSE(trainer.Next<seat::DoneEvent>().has_value());
  EXPECT_THAT(trainer.error,
              AllOf(HasSubstr("rank 1 (host "), HasSubstr("process " + std::to_string(rank))));
  ASSERT_TRUE(trainer.Exit().has_value());
  EXPECT_TRUE(JobsEnd());
}

TEST_F(Slurm, AGangThatHadToBeKilledLeavesNoJob) {
  WatchedTrainer trainer(Cluster());
  ASSERT_TRUE(trainer.Start(spec_));
  ASSERT_TRUE(trainer.Next<seat::ReadyEvent>().has_value()) << trainer.error;
  trainer->Stop(std::chrono::milliseconds(0));
  ASSERT_TRUE(trainer.Exit().has_value());
  EXPECT_TRUE(JobsEnd());
}

}  // namespace
}  // namespace dure::launcher
