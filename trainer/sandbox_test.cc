#include "trainer/sandbox.h"

#include <asm/sockios.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
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
      const auto protections =
          Confine({{folder_ / "data"}, {folder_ / "work"}, {}, landlock_version_max_});
      _exit(protections ? body() : 200);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  }
  static int ErrorOf(long result) { return result < 0 ? errno : 0; }
  static bool HasLandlock() { return syscall(SYS_landlock_create_ruleset, nullptr, 0, 1) > 0; }

  // What "keys" and "data" hold is neither read, cut, nor made anybody's.
  void ExpectFilesHold();

  fs::path folder_;
  long landlock_version_max_ = 100;
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

void Sandbox::ExpectFilesHold() {
  const std::string keys = folder_ / "keys";
  const std::string key = keys + "/signing.pem";
  const std::string data = folder_ / "data" / "text";
  const char* k = key.c_str();
  const struct {
    const char* name;
    std::function<long()> call;
  } calls[] = {
      {"truncate", [=] { return truncate(k, 0); }},
      {"chmod", [=] { return chmod(k, 0666); }},
      {"chmod of the folder", [&] { return chmod(keys.c_str(), 0777); }},
      {"fchmod", [&] { return fchmod(open(data.c_str(), O_RDONLY), 0666); }},
      {"fchmodat", [=] { return fchmodat(AT_FDCWD, k, 0666, 0); }},
      {"fchmodat2", [=] { return syscall(452, AT_FDCWD, k, 0666, AT_SYMLINK_NOFOLLOW); }},
      {"chown", [=] { return chown(k, getuid(), getgid()); }},
      {"lchown", [=] { return lchown(k, getuid(), getgid()); }},
      {"fchownat", [=] { return fchownat(AT_FDCWD, k, getuid(), getgid(), 0); }},
      {"utimensat", [=] { return utimensat(AT_FDCWD, k, nullptr, 0); }},
      {"utime", [=] { return syscall(SYS_utime, k, nullptr); }},
      {"setxattr", [=] { return setxattr(k, "user.x", "1", 1, 0); }},
      {"removexattr", [=] { return removexattr(k, "user.x"); }},
      {"setxattrat", [=] { return syscall(463, AT_FDCWD, k, 0, "user.x", nullptr, 0); }},
      {"file_setattr", [=] { return syscall(469, AT_FDCWD, k, nullptr, 0, 0); }},
      {"open to cut", [&] { return open(data.c_str(), O_RDONLY | O_TRUNC); }},
      {"open for neither, to cut", [=] { return open(k, O_ACCMODE | O_TRUNC); }},
  };
  for (const auto& [name, call] : calls) {
    EXPECT_EQ(InSandbox([&call] { return ErrorOf(call()); }), EPERM) << name;
  }
  const fs::perms mode = fs::status(key).permissions();
  EXPECT_EQ(mode & fs::perms::others_write, fs::perms::none);
  EXPECT_EQ(fs::file_size(key), 6u);
  EXPECT_EQ(fs::file_size(data), 4u);
}

TEST_F(Sandbox, RefusesToCutFilesAndToGiveThemAway) { ExpectFilesHold(); }

// Debian 12's own kernel: Landlock does not know yet what cutting a file is.
TEST_F(Sandbox, RefusesToCutFilesWhereLandlockIsOfItsSecondVersion) {
  landlock_version_max_ = 2;
  ExpectFilesHold();
}

TEST_F(Sandbox, WritesOverItsOwnFiles) {
  const std::string fresh = folder_ / "work" / "fresh";
  std::ofstream(fresh) << "longer than it will be";
  EXPECT_EQ(InSandbox([&] {
              const int fd = open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
              if (fd < 0 || write(fd, "12345", 5) != 5) return errno;
              return ErrorOf(ftruncate(fd, 3));
            }),
            0);
  EXPECT_EQ(fs::file_size(fresh), 3u);
}

TEST_F(Sandbox, HasNobodyElseSignalled) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  const int fd = ends[0];
  EXPECT_EQ(InSandbox([fd] { return ErrorOf(fcntl(fd, F_SETOWN, getppid())); }), EPERM);
  EXPECT_EQ(InSandbox([fd] { return ErrorOf(fcntl(fd, F_SETSIG, SIGKILL)); }), EPERM);
  EXPECT_EQ(InSandbox([fd] {
              const f_owner_ex owner{F_OWNER_PID, getppid()};
              return ErrorOf(fcntl(fd, F_SETOWN_EX, &owner));
            }),
            EPERM);
  EXPECT_EQ(InSandbox([fd] {
              const pid_t owner = getppid();
              return ErrorOf(ioctl(fd, FIOSETOWN, &owner));
            }),
            EPERM);
  EXPECT_EQ(InSandbox([fd] { return ErrorOf(fcntl(fd, F_SETFL, O_NONBLOCK)); }), 0);
  close(ends[0]);
  close(ends[1]);
}

TEST_F(Sandbox, TypesNothingIntoATerminal) {
  const int terminal = posix_openpt(O_RDWR | O_NOCTTY);
  ASSERT_GE(terminal, 0);
  for (const unsigned long command : {0x5412UL, 0x100005412UL, 0x541cUL, 0xff0000000000541cUL}) {
    EXPECT_EQ(InSandbox([=] { return ErrorOf(syscall(SYS_ioctl, terminal, command, "x")); }), EPERM)
        << command;
  }
  close(terminal);
}

TEST_F(Sandbox, StaysInTheGroupThatIsKilled) {
  EXPECT_EQ(InSandbox([] { return ErrorOf(setpgid(0, getpgid(getppid()))); }), EPERM);
  EXPECT_EQ(InSandbox([] { return ErrorOf(setsid()); }), EPERM);
}

TEST_F(Sandbox, DiesWithTheDaemon) {
  EXPECT_EQ(InSandbox([] { return ErrorOf(prctl(PR_SET_PDEATHSIG, 0)); }), EPERM);
  EXPECT_EQ(
      InSandbox([] { return ErrorOf(syscall(SYS_prctl, 0x100000000 + PR_SET_PDEATHSIG, 0)); }),
      EPERM);
  // A change of rights clears it, too.
  EXPECT_EQ(InSandbox([] { return ErrorOf(syscall(SYS_setfsuid, 65534)); }), EPERM);
  EXPECT_EQ(InSandbox([] { return ErrorOf(syscall(SYS_setfsgid, 65534)); }), EPERM);
  EXPECT_EQ(InSandbox([] { return ErrorOf(prctl(PR_SET_NAME, "step")); }), 0);
}

// Queues, semaphores and memory that others made are reached by their number.
TEST_F(Sandbox, SpeaksThroughNothingThatIsOpenToAll) {
  const struct {
    const char* name;
    std::function<long()> call;
  } calls[] = {
      {"msgsnd", [] { return syscall(SYS_msgsnd, -1, nullptr, 0, 0); }},
      {"msgrcv", [] { return syscall(SYS_msgrcv, -1, nullptr, 0, 0, 0); }},
      {"msgctl", [] { return syscall(SYS_msgctl, -1, 0, nullptr); }},
      {"semop", [] { return syscall(SYS_semop, -1, nullptr, 0); }},
      {"semtimedop", [] { return syscall(SYS_semtimedop, -1, nullptr, 0, nullptr); }},
      {"semctl", [] { return syscall(SYS_semctl, -1, 0, 0, 0); }},
      {"shmctl", [] { return syscall(SYS_shmctl, -1, 0, nullptr); }},
      {"mq_unlink", [] { return syscall(SYS_mq_unlink, "dure-nobody's"); }},
  };
  for (const auto& [name, call] : calls) {
    EXPECT_EQ(InSandbox([&call] { return ErrorOf(call()); }), EPERM) << name;
  }
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
