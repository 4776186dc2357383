#include "site/launcher/spawn.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "site/launcher/children.h"

namespace dure::launcher {
namespace {

constexpr int kSeatFd = 3;
constexpr int kFirstPeerFd = kSeatFd + 1;

// Everything the child needs, made before fork: between fork and exec of a threaded process only
// async-signal-safe calls are allowed, so nothing may allocate there.
struct Prepared {
  std::vector<char*> arguments;
  std::vector<char*> environment;
  int seat = -1;  // -1: a rank without seat
  bool seat_on_stdio = false;
  int standard_error = -1;  // -1: as it is
  std::vector<int> peers;   // placed from kFirstPeerFd on
  int failure = -1;         // a pipe's end that exec closes; errno is written to it when exec fails
  pid_t parent = -1;
  rlimit memory{};
  rlimit files{};
};

void ResetSignals() {
  for (int signal = 1; signal < NSIG; ++signal) {
    if (signal != SIGKILL && signal != SIGSTOP) std::signal(signal, SIG_DFL);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Moves the sockets to their numbers and marks every other file to be closed by exec. All of them
// lie beyond those numbers.
bool PlaceFiles(const Prepared& prepared) {
  const int nothing = open("/dev/null", O_RDWR);
  if (nothing < 0 || dup2(nothing, 0) < 0 || dup2(nothing, 1) < 0) return false;
  const bool has_seat = prepared.seat >= 0 && !prepared.seat_on_stdio;
  if (has_seat && dup2(prepared.seat, kSeatFd) < 0) return false;
  if (prepared.seat_on_stdio && (dup2(prepared.seat, 0) < 0 || dup2(prepared.seat, 1) < 0)) {
    return false;
  }
  if (prepared.standard_error >= 0 && dup2(prepared.standard_error, 2) < 0) return false;
  int place = kFirstPeerFd;
  for (const int peer : prepared.peers) {
    if (dup2(peer, place++) < 0) return false;
  }
  constexpr unsigned kCloseOnExec = 4;  // CLOSE_RANGE_CLOEXEC
  if (!has_seat && syscall(SYS_close_range, kSeatFd, kSeatFd, kCloseOnExec) != 0) {
    fcntl(kSeatFd, F_SETFD, FD_CLOEXEC);
  }
  if (syscall(SYS_close_range, place, ~0u, kCloseOnExec) == 0) return true;
  for (int fd = place; fd < 65536; ++fd) fcntl(fd, F_SETFD, FD_CLOEXEC);
  return true;
}

[[noreturn]] void BecomeTrainer(Prepared& prepared) {
  ResetSignals();
  // The parent may have died before the call took effect.
  const bool tied = prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == prepared.parent;
  // Nothing may be overwritten by what is moved to its number before it.
  const int beyond = kFirstPeerFd + static_cast<int>(prepared.peers.size());
  const auto move_beyond = [beyond](int fd) { return fcntl(fd, F_DUPFD_CLOEXEC, beyond); };
  const int failure = move_beyond(prepared.failure);
  if (prepared.seat >= 0) prepared.seat = move_beyond(prepared.seat);
  if (prepared.standard_error >= 0) prepared.standard_error = move_beyond(prepared.standard_error);
  for (int& peer : prepared.peers) peer = move_beyond(peer);
  const bool limited =
      (prepared.memory.rlim_max == 0 || setrlimit(RLIMIT_AS, &prepared.memory) == 0) &&
      setrlimit(RLIMIT_NOFILE, &prepared.files) == 0;
  // A session of its own, not only a group: its leader can join no other group, to escape the kill
  // of this one, and has no terminal to type into.
  if (tied && limited && setsid() > 0 && PlaceFiles(prepared)) {
    execve(prepared.arguments[0], prepared.arguments.data(), prepared.environment.data());
  }
  const int number = errno;
  const ssize_t told = write(failure, &number, sizeof number);
  _exit(told == sizeof number ? 127 : 126);
}

Error SystemError(const std::string& what, int number) {
  const bool absent =
      number == ENOENT || number == EACCES || number == ENOEXEC || number == ENOTDIR;
  return {absent ? ErrorCode::kNotFound : ErrorCode::kUnavailable,
          "could not " + what + ": " + strerror(number)};
}

void CloseAll(std::initializer_list<int> fds) {
  for (const int fd : fds) {
    if (fd >= 0) close(fd);
  }
}

// errno of a failed exec; 0: the program runs.
int ReadFailure(int fd) {
  int number = 0;
  ssize_t n = 0;
  do {
    n = read(fd, &number, sizeof number);
  } while (n < 0 && errno == EINTR);
  return n == sizeof number ? number : 0;
}

}  // namespace

Result<std::vector<std::string>> TrainerProgram(const TrainerSpec& spec) {
  std::filesystem::path program = spec.program;
  std::error_code failed;
  if (program.empty()) {
    program =
        std::filesystem::read_symlink("/proc/self/exe", failed).parent_path() / "dure-trainer";
  }
  if (!std::filesystem::exists(program, failed)) {
    return Fail(ErrorCode::kNotFound, "there is no trainer program " + program.string());
  }
  std::vector<std::string> line = {std::filesystem::absolute(program).string()};
  line.insert(line.end(), spec.arguments.begin(), spec.arguments.end());
  return line;
}

void AddPaths(const TrainerSpec& spec, std::vector<std::string>* line) {
  for (const auto& path : spec.read_paths) line->insert(line->end(), {"--read", path.string()});
  for (const auto& path : spec.write_paths) line->insert(line->end(), {"--write", path.string()});
}

namespace {

// Which GPUs whoever started this process left to it: a trainer takes no others.
Result<std::vector<std::string>> DeviceEnvironment() {
  constexpr size_t kBytesMax = 4096;
  constexpr std::string_view kOfLists =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-,/:._ ";
  std::vector<std::string> variables;
  for (const std::string name : {"CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"}) {
    const char* given = std::getenv(name.c_str());
    if (given == nullptr) continue;
    const std::string_view value(given, strnlen(given, kBytesMax + 1));
    if (value.size() > kBytesMax || value.find_first_not_of(kOfLists) != std::string_view::npos) {
      return Fail(ErrorCode::kInvalid, name + " of the environment names no devices");
    }
    variables.push_back(name + "=" + std::string(value));
  }
  return variables;
}

}  // namespace

Result<Command> LocalCommand(const TrainerSpec& spec, uint32_t rank, std::vector<int> peers) {
  Command command;
  command.has_seat = rank == 0;
  DURE_ASSIGN(command.environment, DeviceEnvironment());
  DURE_ASSIGN(command.line, TrainerProgram(spec));
  std::vector<std::string>& line = command.line;
  if (command.has_seat) line.insert(line.end(), {"--seat-fd", std::to_string(kSeatFd)});
  if (!peers.empty()) {
    line.insert(line.end(), {"--rank", std::to_string(rank), "--patience-ms",
                             std::to_string(spec.rank_patience.count())});
  }
  for (size_t i = 0; i < peers.size(); ++i) {
    line.insert(line.end(), {"--peer", std::to_string(kFirstPeerFd + i)});
  }
  AddPaths(spec, &line);
  command.peers = std::move(peers);
  return command;
}

Result<Child> Spawn(const TrainerSpec& spec) {
  DURE_ASSIGN(const Command command, LocalCommand(spec, 0, {}));
  return Spawn(spec, command);
}

void RunToTheEnd(const std::vector<std::string>& line,
                 const std::vector<std::string>& environment) {
  Command command;
  command.line = line;
  command.environment = environment;
  command.has_seat = false;
  const auto child = Spawn({}, command);
  if (!child) return;
  ReapChild(child->pid);
  close(child->pid_fd);
}

Result<Child> Spawn(const TrainerSpec& spec, const Command& command) {
  std::vector<std::string> line = command.line;
  std::vector<std::string> variables = {"LC_ALL=C.UTF-8", "PATH=/usr/local/bin:/usr/bin:/bin",
                                        "TZ=UTC"};
  variables.insert(variables.end(), command.environment.begin(), command.environment.end());
  Prepared prepared;
  for (std::string& argument : line) prepared.arguments.push_back(argument.data());
  prepared.arguments.push_back(nullptr);
  for (std::string& variable : variables) prepared.environment.push_back(variable.data());
  prepared.environment.push_back(nullptr);
  prepared.seat_on_stdio = command.seat_on_stdio;
  prepared.standard_error = command.standard_error;
  prepared.memory = {spec.memory_bytes_max, spec.memory_bytes_max};
  // Never above what this process may have: raising that is not ours to do.
  rlimit files{};
  const bool has_limit = getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_max != RLIM_INFINITY;
  const rlim_t most =
      has_limit ? std::min<rlim_t>(spec.open_files_max, files.rlim_max) : spec.open_files_max;
  prepared.files = {most, most};
  prepared.parent = getpid();

  int seat[2] = {-1, -1};
  int failure[2] = {-1, -1};
  if ((command.has_seat && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, seat) != 0) ||
      pipe2(failure, O_CLOEXEC) != 0) {
    const int number = errno;
    CloseAll({seat[0], seat[1]});
    return Fail(SystemError("make the seat's socket", number));
  }
  prepared.seat = seat[1];
  prepared.peers = command.peers;
  prepared.failure = failure[1];
  const pid_t pid = ForkChild();
  if (pid == 0) BecomeTrainer(prepared);
  int number = pid < 0 ? errno : 0;
  CloseAll({seat[1], failure[1]});
  if (pid > 0) number = ReadFailure(failure[0]);
  close(failure[0]);
  const int pid_fd = number == 0 ? static_cast<int>(syscall(SYS_pidfd_open, pid, 0)) : -1;
  if (number == 0 && pid_fd < 0) number = errno;
  if (number != 0) {
    CloseAll({seat[0]});
    if (pid > 0) {
      kill(pid, SIGKILL);
      ReapChild(pid);
    }
    return Fail(SystemError("start " + line[0], number));
  }
  return Child{pid, pid_fd, seat[0]};
}

}  // namespace dure::launcher
