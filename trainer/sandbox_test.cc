#include "trainer/sandbox.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

namespace dure::trainer {
namespace {

namespace fs = std::filesystem;

class Sandbox : public testing::Test {
 protected:
  Sandbox()
      : folder_(fs::path(testing::TempDir()) /
                (std::string("dure_sandbox_") +
                 testing::UnitTest::GetInstance()->current_test_info()->name())) {
    fs::remove_all(folder_);
    for (const char* name : {"data", "work", "keys"}) fs::create_directories(folder_ / name);
    std::ofstream(folder_ / "data" / "text") << "text";
    std::ofstream(folder_ / "keys" / "signing.pem") << "secret";
  }
  ~Sandbox() override { fs::remove_all(folder_); }

  // Runs `body` in a confined child process: its exit code, or 200 if it could not be confined.
  // Bodies use system calls only, because the child is a fork of a test process.
  int InSandbox(const std::function<int()>& body) {
    const pid_t child = fork();
    if (child == 0) {
      const auto protections = Confine({{folder_ / "data"}, {folder_ / "work"}});
      _exit(protections ? body() : 200);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  }
  static int ErrorOf(long result) { return result < 0 ? errno : 0; }
  static bool HasLandlock() { return syscall(SYS_landlock_create_ruleset, nullptr, 0, 1) > 0; }

  fs::path folder_;
};

TEST_F(Sandbox, RefusesEverySocket) {
  EXPECT_EQ(InSandbox([] { return ErrorOf(socket(AF_INET, SOCK_STREAM, 0)); }), EPERM);
  EXPECT_EQ(InSandbox([] { return ErrorOf(socket(AF_UNIX, SOCK_STREAM, 0)); }), EPERM);
  EXPECT_EQ(InSandbox([] {
              int fds[2];
              return ErrorOf(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
            }),
            EPERM);
}

TEST_F(Sandbox, RefusesToConnectASocketThatWasOpenBefore) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  EXPECT_EQ(InSandbox([fd] {
              sockaddr_in address{};
              address.sin_family = AF_INET;
              return ErrorOf(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address));
            }),
            EPERM);
  close(fd);
}

TEST_F(Sandbox, RefusesProgramsAndProcesses) {
  EXPECT_EQ(InSandbox([] {
              char name[] = "/bin/true";
              char* arguments[] = {name, nullptr};
              return ErrorOf(execv(name, arguments));
            }),
            EPERM);
  EXPECT_EQ(InSandbox([] { return ErrorOf(fork()); }), EPERM);
}

TEST_F(Sandbox, RefusesToSignalTheDaemon) {
  EXPECT_EQ(InSandbox([] { return ErrorOf(kill(getppid(), 0)); }), EPERM);
  EXPECT_EQ(InSandbox([] { return ErrorOf(kill(getpid(), 0)); }), 0);
}

TEST_F(Sandbox, ThreadsStillWork) {
  EXPECT_EQ(InSandbox([] {
              int result = 1;
              std::thread([&result] { result = 42; }).join();
              return result;
            }),
            42);
}

TEST_F(Sandbox, ReadsItsDataAndWritesItsWorkFolder) {
  const std::string data = folder_ / "data" / "text";
  const std::string fresh = folder_ / "work" / "fresh";
  const std::string renamed = folder_ / "work" / "renamed";
  EXPECT_EQ(InSandbox([&] { return ErrorOf(open(data.c_str(), O_RDONLY)); }), 0);
  EXPECT_EQ(InSandbox([&] {
              if (open(fresh.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0644) < 0) return errno;
              return ErrorOf(rename(fresh.c_str(), renamed.c_str()));
            }),
            0);
}

TEST_F(Sandbox, RefusesKeysAndWritesElsewhere) {
  if (!HasLandlock()) GTEST_SKIP() << "this kernel has no Landlock: files are not restricted";
  const std::string key = folder_ / "keys" / "signing.pem";
  const std::string data = folder_ / "data" / "text";
  EXPECT_EQ(InSandbox([&] { return ErrorOf(open(key.c_str(), O_RDONLY)); }), EACCES);
  EXPECT_EQ(InSandbox([&] { return ErrorOf(open(data.c_str(), O_WRONLY)); }), EACCES);
  EXPECT_EQ(InSandbox([&] { return ErrorOf(open("/etc/passwd", O_RDONLY)); }), EACCES);
  EXPECT_EQ(InSandbox([&] { return ErrorOf(unlink(data.c_str())); }), EACCES);
}

TEST_F(Sandbox, SaysWhatHolds) {
  const size_t expected = HasLandlock() ? 3 : 2;
  EXPECT_EQ(InSandbox([] { return 0; }), 0);
  const pid_t child = fork();
  if (child == 0) _exit(static_cast<int>(Confine({})->size()));
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), static_cast<int>(expected));
}

}  // namespace
}  // namespace dure::trainer
