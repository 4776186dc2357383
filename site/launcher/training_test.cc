// The launcher with the real trainer: from text to a trained model.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "model/seat/channel.h"
#include "site/launcher/spawn.h"
#include "site/launcher/training_fixture.h"

namespace dure::launcher {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

TEST_F(Training, PreparesTrainsEvaluatesAndGenerates) {
  WatchedTrainer trainer;
  ASSERT_TRUE(trainer.Start(spec_).has_value());
  const auto ready = trainer.Next<seat::ReadyEvent>();
  ASSERT_TRUE(ready.has_value());
  EXPECT_THAT(ready->protections, testing::Contains("seccomp"));

  ASSERT_TRUE(
      trainer->Send(seat::TaskRequest{1, seat::PrepareTask{"bytes", Data(), folder_ / "work"}}));
  const auto prepared = trainer.Next<seat::PreparedEvent>();
  ASSERT_TRUE(prepared.has_value()) << trainer.error;
  EXPECT_EQ(prepared->documents, 400u);
  EXPECT_GT(prepared->held_out_bytes, 0u);

  const seat::TrainTask task = Train("one", 40);
  ASSERT_TRUE(trainer->Send(seat::TaskRequest{2, task}));
  const auto done = trainer.Next<seat::DoneEvent>();
  ASSERT_TRUE(done.has_value()) << trainer.error;
  EXPECT_EQ(done->id, 2u);
  EXPECT_EQ(done->steps, 40u);
  EXPECT_EQ(done->examples, 160u);
  EXPECT_LT(done->final_loss, 0.8 * done->first_loss);
  const auto output = model::SafetensorsFile::Open(task.output_path);
  ASSERT_TRUE(output.has_value()) << output.error().message;
  EXPECT_EQ(output->layout(), model::LlamaLayout(config_));

  ASSERT_TRUE(trainer->Send(seat::TaskRequest{3, Evaluate(task.model_path)}));
  const auto before = trainer.Next<seat::EvaluatedEvent>();
  ASSERT_TRUE(before.has_value()) << trainer.error;
  ASSERT_TRUE(trainer->Send(seat::TaskRequest{4, Evaluate(task.output_path)}));
  const auto after = trainer.Next<seat::EvaluatedEvent>();
  ASSERT_TRUE(after.has_value()) << trainer.error;
  EXPECT_EQ(before->bytes, prepared->held_out_bytes);
  EXPECT_LT(after->nats, 0.8 * before->nats);

  seat::GenerateTask generate;
  generate.model_path = task.output_path;
  generate.config_path = task.config_path;
  generate.tokenizer_path = "bytes";
  generate.prompt = "이 영화";
  generate.tokens_max = 8;
  ASSERT_TRUE(trainer->Send(seat::TaskRequest{5, generate}));
  const auto generated = trainer.Next<seat::GeneratedEvent>();
  ASSERT_TRUE(generated.has_value()) << trainer.error;
  EXPECT_GT(generated->tokens, 0u);
}

// 65536 x 65536 is 0 in 32 bits.
TEST_F(Training, AStepOfMoreTokensThanFitIsAnErrorOfTheTask) {
  WatchedTrainer trainer;
  ASSERT_TRUE(trainer.Start(spec_));
  seat::TrainTask task = Train("endless", 1);
  task.batch = task.accumulation = 65536;
  ASSERT_TRUE(trainer->Send(seat::TaskRequest{++id_, task}));
  EXPECT_FALSE(trainer.Next<seat::DoneEvent>().has_value());
  EXPECT_THAT(trainer.error, HasSubstr("tokens"));
  ASSERT_TRUE(trainer->Send(seat::TaskRequest{++id_, Train("good", 1)}));
  EXPECT_TRUE(trainer.Next<seat::DoneEvent>().has_value()) << trainer.error;
}

// A site takes silence between two steps for a hang, and gives more time to what is none.
TEST_F(Training, SaysThatItWritesOnceItHasMadeItsSteps) {
  WatchedTrainer trainer;
  ASSERT_TRUE(trainer.Start(spec_));
  ASSERT_TRUE(trainer->Send(seat::TaskRequest{++id_, Train("one", 3)}));
  std::vector<std::string> stages;
  for (auto told = trainer.Next<seat::ProgressEvent>(); told && told->stage != "writing";) {
    if (stages.empty() || stages.back() != told->stage) stages.push_back(told->stage);
    told = trainer.Next<seat::ProgressEvent>();
  }
  EXPECT_THAT(stages, testing::ElementsAre("reading", "training"));
  EXPECT_TRUE(trainer.Next<seat::DoneEvent>().has_value()) << trainer.error;
}

// What it cannot do is known when it prepares: its site does not join the round then.
TEST_F(Training, WhatItCannotTrainIsRefusedBeforeItPrepares) {
  spec_.arguments = {"--device", "cpu", "--optimizer", "muon"};
  WatchedTrainer trainer;
  ASSERT_TRUE(trainer.Start(spec_));
  ASSERT_TRUE(
      trainer->Send(seat::TaskRequest{1, seat::PrepareTask{"bytes", Data(), folder_ / "work"}}));
  EXPECT_FALSE(trainer.Next<seat::PreparedEvent>().has_value());
  EXPECT_THAT(trainer.error, HasSubstr("failed precondition: Muon"));
}

TEST_F(Training, ARoundBegunAgainFromItsStateRepeatsBitForBit) {
  WatchedTrainer trainer;
  ASSERT_TRUE(trainer.Start(spec_).has_value());
  std::vector<seat::TrainTask> tasks = {Train("zero", 5), Train("a", 5), Train("b", 5)};
  tasks[1].state_in = tasks[2].state_in = tasks[0].state_out;
  for (const seat::TrainTask& task : tasks) {
    ASSERT_TRUE(trainer->Send(seat::TaskRequest{++id_, task}));
    const auto done = trainer.Next<seat::DoneEvent>();
    ASSERT_TRUE(done.has_value()) << trainer.error;
    EXPECT_EQ(done->steps_total, id_ == 1 ? 5u : 10u);
  }
  EXPECT_EQ(Read(tasks[1].output_path), Read(tasks[2].output_path));
  EXPECT_NE(Read(tasks[1].output_path), Read(tasks[0].output_path));
  for (const char* name : {"optimizer", "place"}) {
    EXPECT_EQ(Read(fs::path(tasks[1].state_out) / name), Read(fs::path(tasks[2].state_out) / name));
  }
}

// It would keep its site from this round and all later ones.
TEST_F(Training, AStateThatADiskLostBeginsAnewAndIsRemoved) {
  WatchedTrainer trainer;
  ASSERT_TRUE(trainer.Start(spec_).has_value());
  const auto train = [&](const seat::TrainTask& task) {
    EXPECT_TRUE(trainer->Send(seat::TaskRequest{++id_, task}));
    return trainer.Next<seat::DoneEvent>();
  };
  const seat::TrainTask fresh = Train("fresh", 3);
  ASSERT_TRUE(train(fresh).has_value()) << trainer.error;
  for (const char* part : {"place", "optimizer"}) {
    for (const bool gone : {false, true}) {
      const std::string name = part + std::string(gone ? "-gone" : "-damaged");
      seat::TrainTask task = Train(name, 3);
      const fs::path state = task.state_in = folder_ / "work" / (name + ".before");
      fs::copy(fresh.state_out, state);
      if (gone) {
        fs::remove(state / part);
      } else {
        fs::resize_file(state / part, fs::file_size(state / part) - 1);
      }
      const auto done = train(task);
      ASSERT_TRUE(done.has_value()) << name << ": " << trainer.error;
      EXPECT_EQ(done->steps_total, 3u);
      EXPECT_EQ(Read(task.output_path), Read(fresh.output_path)) << name;
      EXPECT_FALSE(fs::exists(state)) << name;
      EXPECT_TRUE(fs::exists(task.state_out)) << name;
    }
  }
}

TEST_F(Training, RefusesBeforeTheFirstStepWhatTheMachineCannotHold) {
  WatchedTrainer trainer;
  ASSERT_TRUE(trainer.Start(spec_).has_value());
  seat::TrainTask task = Train("huge", 1);
  task.batch = 1u << 26;
  ASSERT_TRUE(trainer->Send(seat::TaskRequest{1, task}));
  EXPECT_FALSE(trainer.Next<seat::DoneEvent>().has_value());
  EXPECT_THAT(trainer.error, HasSubstr("batch"));  // beyond any bound
  task.batch = 1u << 20;
  task.sequence = 64;
  ASSERT_TRUE(trainer->Send(seat::TaskRequest{2, task}));
  EXPECT_FALSE(trainer.Next<seat::DoneEvent>().has_value());
  EXPECT_THAT(trainer.error, HasSubstr("exhausted: this training needs"));
  EXPECT_THAT(trainer.error, HasSubstr("dure plan --memory"));
  EXPECT_FALSE(fs::exists(task.output_path));
}

TEST_F(Training, KilledInTheMiddleIsReportedAndLeavesNoOutput) {
  WatchedTrainer trainer;
  ASSERT_TRUE(trainer.Start(spec_).has_value());
  seat::TrainTask task = Train("one", 0);
  task.seconds = 600;
  ASSERT_TRUE(trainer->Send(seat::TaskRequest{1, task}));
  while (trainer.Next<seat::ProgressEvent>()->step == 0) {
  }
  ASSERT_EQ(kill(static_cast<pid_t>(trainer->pid()), SIGKILL), 0);
  const auto exit = trainer.Exit();
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->signal, SIGKILL);
  EXPECT_FALSE(exit->wanted);
  EXPECT_FALSE(fs::exists(task.output_path));
  EXPECT_FALSE(fs::exists(task.state_out));
}

TEST_F(Training, StopsWithinAStepAndKeepsOrDropsAsAsked) {
  WatchedTrainer trainer;
  ASSERT_TRUE(trainer.Start(spec_).has_value());
  for (const bool keep : {false, true}) {
    seat::TrainTask task = Train(keep ? "kept" : "dropped", 0);
    task.seconds = 600;
    ASSERT_TRUE(trainer->Send(seat::TaskRequest{++id_, task}));
    while (trainer.Next<seat::ProgressEvent>()->step == 0) {
    }
    ASSERT_TRUE(trainer->Send(seat::TaskRequest{99, task}));  // busy
    EXPECT_FALSE(trainer.Next<seat::DoneEvent>().has_value());
    EXPECT_THAT(trainer.error, HasSubstr("another task is running"));
    ASSERT_TRUE(trainer->Send(seat::StopRequest{keep}));
    const auto done = trainer.Next<seat::DoneEvent>();
    EXPECT_EQ(done.has_value(), keep);
    EXPECT_TRUE(!keep || done->stopped);
    EXPECT_THAT(trainer.error, HasSubstr(keep ? "another" : "cancelled"));
    EXPECT_EQ(fs::exists(task.output_path), keep);
    EXPECT_EQ(fs::exists(task.state_out), keep);
  }
  trainer->Stop(std::chrono::milliseconds(60000));
  EXPECT_EQ(trainer.Exit()->exit_code, 0);
}

TEST_F(Training, MalformedLinesAreRefusedAndTheTrainerStays) {
  const auto child = Spawn(spec_);
  ASSERT_TRUE(child.has_value()) << child.error().message;
  {
    seat::Channel channel(child->seat_fd);
    const auto next_error = [&channel] {
      for (;;) {
        const auto event = seat::ParseEvent(**channel.Receive());
        if (const auto* error = std::get_if<seat::ErrorEvent>(&*event)) return *error;
      }
    };
    ASSERT_TRUE(channel.Send("nonsense\n").has_value());
    EXPECT_EQ(next_error().code, "invalid");
    ASSERT_TRUE(channel.Send(std::string(100000, 'x') + "\n").has_value());
    EXPECT_EQ(next_error().code, "exhausted");
    ASSERT_TRUE(channel
                    .Send(R"({"kind":"task","id":3,"task":"train"})"
                          "\n")
                    .has_value());
    EXPECT_THAT(next_error().message, HasSubstr("missing"));
    seat::EvaluateTask task = Evaluate(folder_ / "model" / "absent");
    ASSERT_TRUE(channel.Send(*seat::ToLine(seat::TaskRequest{4, task})).has_value());
    EXPECT_EQ(next_error().id, 4u);
  }
  int status = 0;
  siginfo_t ended{};
  EXPECT_EQ(waitid(P_PID, static_cast<id_t>(child->pid), &ended, WEXITED), 0);
  status = ended.si_status;
  EXPECT_EQ(status, 0);  // it left because the socket closed
  close(child->pid_fd);
}

TEST_F(Training, CannotReadFilesOutsideItsTask) {
  if (syscall(SYS_landlock_create_ruleset, nullptr, 0, 1) < 1) {
    GTEST_SKIP() << "this kernel has no Landlock: files are not restricted";
  }
  fs::copy(folder_ / "model" / "base.safetensors", folder_ / "keys" / "signing.pem");
  WatchedTrainer trainer;
  ASSERT_TRUE(trainer.Start(spec_).has_value());
  ASSERT_TRUE(trainer->Send(seat::TaskRequest{1, Evaluate(folder_ / "keys" / "signing.pem")}));
  EXPECT_FALSE(trainer.Next<seat::EvaluatedEvent>().has_value());
  EXPECT_THAT(trainer.error, HasSubstr("ermission denied"));
}

}  // namespace
}  // namespace dure::launcher
