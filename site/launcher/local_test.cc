// The launcher with programs of the shell in the trainer's seat.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "site/launcher/watched_trainer.h"

namespace dure::launcher {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::Not;

TrainerSpec Shell(const std::string& script) {
  TrainerSpec spec;
  spec.program = "/bin/sh";
  spec.arguments = {"-c", script};
  return spec;
}

TEST(LocalLauncher, CarriesEventsAndTellsTheExitCode) {
  WatchedTrainer trainer;
  ASSERT_TRUE(trainer.Start(Shell(R"(echo '{"kind":"ready","trainer":"shell"}' >&3; exit 7)")));
  EXPECT_EQ(trainer.Next<seat::ReadyEvent>()->trainer, "shell");
  const auto exit = trainer.Exit();
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->exit_code, 7);
  EXPECT_EQ(exit->signal, 0);
  EXPECT_FALSE(exit->wanted);
}

TEST(LocalLauncher, RefusesLinesThatAreNoEventsAndGoesOn) {
  WatchedTrainer trainer;
  ASSERT_TRUE(trainer.Start(Shell(
      R"(echo nonsense >&3; echo '{"kind":"dance"}' >&3; echo '{"kind":"done","id":4}' >&3)")));
  EXPECT_TRUE(trainer.SawBadLines(2));
  EXPECT_EQ(trainer.Next<seat::DoneEvent>()->id, 4u);
}

TEST(LocalLauncher, SendsRequestsAsLines) {
  WatchedTrainer trainer;
  ASSERT_TRUE(trainer.Start(Shell(R"(read line <&3; case "$line" in *'"kind":"stop"'*) )"
                                  R"(echo '{"kind":"done","id":9}' >&3;; esac)")));
  ASSERT_TRUE(trainer->Send(seat::StopRequest{true}).has_value());
  EXPECT_EQ(trainer.Next<seat::DoneEvent>()->id, 9u);
}

TEST(LocalLauncher, TheTrainerSeesOneSocketAndNoSecrets) {
  setenv("DURE_TEST_SECRET", "hunter2", 1);
  const int leak = fcntl(0, F_DUPFD, 9);  // a careless library's file: not closed by exec
  WatchedTrainer trainer;
  ASSERT_TRUE(trainer.Start(
      Shell(R"(for n in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do )"
            R"([ -e /proc/$$/fd/$n ] && fds="$fds $n"; done; all=$(env | tr '\n"\\' '   '); )"
            R"(echo "{\"kind\":\"generated\",\"text\":\"fds$fds;$all\"}" >&3)")));
  const auto told = trainer.Next<seat::GeneratedEvent>();
  unsetenv("DURE_TEST_SECRET");
  close(leak);
  ASSERT_TRUE(told.has_value()) << trainer.error;
  EXPECT_THAT(told->text, HasSubstr("fds 0 1 2 3;"));
  EXPECT_THAT(told->text, Not(HasSubstr("hunter2")));
  EXPECT_THAT(told->text, HasSubstr("LC_ALL=C.UTF-8"));
}

TEST(LocalLauncher, TheTrainerSeesTheGpusThatWereLeftToTheDaemon) {
  setenv("CUDA_VISIBLE_DEVICES", "3,GPU-8932f937-d72c-4106-c12f-20bd9faed9f6", 1);
  setenv("CUDA_DEVICE_ORDER", "PCI_BUS_ID", 1);
  const TrainerSpec spec = Shell(R"(told="$CUDA_VISIBLE_DEVICES $CUDA_DEVICE_ORDER"; )"
                                 R"(echo "{\"kind\":\"generated\",\"text\":\"$told\"}" >&3)");
  WatchedTrainer trainer;
  const Status started = trainer.Start(spec);
  setenv("CUDA_VISIBLE_DEVICES", "0\nLD_PRELOAD=x", 1);
  const auto refused = LocalLauncher().Start(spec, {});
  unsetenv("CUDA_VISIBLE_DEVICES");
  unsetenv("CUDA_DEVICE_ORDER");
  ASSERT_TRUE(started);
  EXPECT_EQ(trainer.Next<seat::GeneratedEvent>()->text,
            "3,GPU-8932f937-d72c-4106-c12f-20bd9faed9f6 PCI_BUS_ID");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalid);
}

TEST(LocalLauncher, TheTrainerHoldsNoTerminalAndWhatItSaidLastIsTheReason) {
  WatchedTrainer trainer;
  ASSERT_TRUE(trainer.Start(Shell(R"([ -p /proc/$$/fd/2 ] || exit 2; )"
                                  R"(printf 'first\nno \033[31mconfiguration\n\n' >&2; exit 3)")));
  const auto exit = trainer.Exit();
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->exit_code, 3);
  EXPECT_THAT(exit->reason, HasSubstr("; it last said: no ?[31mconfiguration"));
}

TEST(LocalLauncher, EndsWhenItsSocketEnds) {
  WatchedTrainer trainer;
  ASSERT_TRUE(trainer.Start(Shell("cat <&3 >/dev/null; exit 0")));
  trainer->Stop(milliseconds(60000));
  const auto exit = trainer.Exit();
  ASSERT_TRUE(exit.has_value());
  EXPECT_TRUE(exit->wanted);
  EXPECT_EQ(exit->exit_code, 0);
}

TEST(LocalLauncher, KillsWhatDoesNotEndWithinItsGrace) {
  WatchedTrainer trainer;
  ASSERT_TRUE(
      trainer.Start(Shell(R"(trap '' TERM; echo '{"kind":"ready"}' >&3; sleep 1000 & wait)")));
  ASSERT_TRUE(trainer.Next<seat::ReadyEvent>().has_value());
  trainer->Stop(milliseconds(20));
  const auto exit = trainer.Exit();
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->signal, SIGKILL);
  EXPECT_TRUE(exit->wanted);
  EXPECT_THAT(exit->reason, HasSubstr("killed"));
  EXPECT_FALSE(trainer->Send(seat::StopRequest{}).has_value());
}

TEST(LocalLauncher, ATrainerThatClosesItsSeatAndLivesOnIsEnded) {
  WatchedTrainer trainer;
  ASSERT_TRUE(trainer.Start(Shell(R"(echo '{"kind":"ready"}' >&3; exec 3>&-; sleep 1000 & wait)")));
  const auto exit = trainer.Exit();
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->signal, SIGKILL);
  EXPECT_FALSE(exit->wanted);
  EXPECT_THAT(exit->reason, HasSubstr("closed its seat"));
}

// Also one that left the group under which the launcher knows it.
TEST(LocalLauncher, KillsATrainerThatWouldJoinTheDaemonsGroup) {
  TrainerSpec spec;
  spec.program = "/usr/bin/python3";
  spec.arguments = {"-c",
                    "import os, time\n"
                    "try: os.setpgid(0, os.getpgid(os.getppid()))\n"
                    "except OSError: pass\n"
                    "os.write(3, b'{\"kind\":\"ready\"}\\n')\n"
                    "time.sleep(1000)"};
  WatchedTrainer trainer;
  ASSERT_TRUE(trainer.Start(spec));
  ASSERT_TRUE(trainer.Next<seat::ReadyEvent>().has_value());
  trainer->Stop(milliseconds(0));
  const auto exit = trainer.Exit(std::chrono::seconds(10));
  if (!exit) kill(static_cast<pid_t>(trainer->pid()), SIGKILL);  // or this test would never end
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->signal, SIGKILL);
}

TEST(LocalLauncher, WhatItStartedInASessionOfItsOwnGoesWithTheLastTrainer) {
  WatchedTrainer other;
  ASSERT_TRUE(other.Start(Shell(R"(echo '{"kind":"ready"}' >&3; cat <&3)")));
  ASSERT_TRUE(other.Next<seat::ReadyEvent>().has_value());
  WatchedTrainer trainer;
  ASSERT_TRUE(
      trainer.Start(Shell(R"(orphan=$(setsid sleep 1000 >/dev/null 3>&- & echo $!); )"
                          R"(echo "{\"kind\":\"generated\",\"text\":\"$orphan\"}" >&3; exit 0)")));
  const auto told = trainer.Next<seat::GeneratedEvent>();
  ASSERT_TRUE(told.has_value());
  const pid_t orphan = std::stoi(told->text);
  ASSERT_TRUE(trainer.Exit().has_value());
  EXPECT_EQ(kill(orphan, 0), 0);  // it might be the other one's
  other->Stop(milliseconds(60000));
  ASSERT_TRUE(other.Exit().has_value());
  EXPECT_NE(kill(orphan, 0), 0);
}

// Held by a tracer that never asks for it, as by a device that never answers.
TEST(LocalLauncher, WhatDoesNotEndWhenItIsKilledHoldsUpNoTrainer) {
  WatchedTrainer trainer;
  ASSERT_TRUE(
      trainer.Start(Shell(R"(orphan=$(setsid sleep 1000 >/dev/null 3>&- & echo $!); )"
                          R"(echo "{\"kind\":\"generated\",\"text\":\"$orphan\"}" >&3; cat <&3)")));
  const auto told = trainer.Next<seat::GeneratedEvent>();
  ASSERT_TRUE(told.has_value());
  const pid_t orphan = std::stoi(told->text);
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t tracer = fork();
  ASSERT_GE(tracer, 0);
  if (tracer == 0) {
    const char held = ptrace(PTRACE_SEIZE, orphan, nullptr, nullptr) == 0 ? 'y' : 'n';
    if (write(ready[1], &held, 1) != 1) _exit(1);
    for (;;) pause();
  }
  char held = 'n';
  EXPECT_EQ(read(ready[0], &held, 1), 1);
  close(ready[0]);
  close(ready[1]);
  trainer->Stop(milliseconds(60000));
  const bool ended = trainer.Exit(std::chrono::seconds(30)).has_value();
  WatchedTrainer next;
  const bool starts = ended && next.Start(Shell("exit 0")) && next.Exit().has_value();
  kill(tracer, SIGKILL);
  waitpid(tracer, nullptr, 0);
  if (held != 'y') GTEST_SKIP() << "this system lets no process trace another";
  EXPECT_TRUE(ended);
  EXPECT_TRUE(starts);
}

TEST(LocalLauncher, DestructionKillsAndStillTellsTheExit) {
  std::optional<TrainerExit> told;
  TrainerObserver observer;
  observer.on_exit = [&told](const TrainerExit& exit) { told = exit; };
  auto trainer = LocalLauncher().Start(Shell("sleep 1000"), observer);
  ASSERT_TRUE(trainer.has_value());
  trainer->reset();
  ASSERT_TRUE(told.has_value());
  EXPECT_EQ(told->signal, SIGKILL);
}

TEST(LocalLauncher, SaysWhenThereIsNoProgram) {
  TrainerSpec spec;
  spec.program = "/nonexistent/trainer";
  EXPECT_EQ(LocalLauncher().Start(spec, {}).error().code, ErrorCode::kNotFound);
  spec.program = "/etc/passwd";
  EXPECT_EQ(LocalLauncher().Start(spec, {}).error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace dure::launcher
