#include "cli/demo_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>

namespace dure::cli {
namespace {

// The child of fork: only async-signal-safe calls from here to exec.
[[noreturn]] void Become(const std::vector<char*>& argv, int out, int log) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  dup2(out, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execv("/proc/self/exe", argv.data());
  _exit(127);
}

Result<pid_t> Spawn(const std::vector<std::string>& arguments, int out, int log) {
  std::vector<std::string> words = {"dure"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t pid = fork();
  if (pid < 0)
    return Fail(ErrorCode::kUnavailable,
                std::string("cannot start a process: ") + std::strerror(errno));
  if (pid == 0) Become(argv, out, log);
  return pid;
}

std::string ReadAll(int fd) {
  std::string text;
  char buffer[4096];
  for (ssize_t n; (n = read(fd, buffer, sizeof buffer)) != 0;) {
    if (n > 0) text.append(buffer, static_cast<size_t>(n));
    if (n < 0 && errno != EINTR) break;
  }
  return text;
}

std::string Tail(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  return text.size() <= 800 ? text : text.substr(text.size() - 800);
}

uint64_t PeakRss(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("VmHWM:")) return std::strtoull(line.c_str() + 6, nullptr, 10) * 1024;
  }
  return 0;
}

std::vector<pid_t> ChildrenOf(pid_t pid) {
  // Children belong to the thread that made them.
  std::vector<pid_t> children;
  std::error_code ignored;
  const std::filesystem::path tasks = "/proc/" + std::to_string(pid) + "/task";
  for (const auto& task : std::filesystem::directory_iterator(tasks, ignored)) {
    std::ifstream in(task.path() / "children");
    for (pid_t child; in >> child;) children.push_back(child);
  }
  return children;
}

}  // namespace

Result<std::unique_ptr<DemoProcess>> DemoProcess::Start(std::string name,
                                                        const std::vector<std::string>& arguments,
                                                        const std::filesystem::path& log) {
  int pipe_ends[2];
  if (pipe2(pipe_ends, O_CLOEXEC) != 0) return Fail(ErrorCode::kUnavailable, "cannot make a pipe");
  const int log_fd = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  auto spawned = Spawn(arguments, pipe_ends[1], log_fd);
  close(pipe_ends[1]);
  if (log_fd >= 0) close(log_fd);
  if (!spawned) {
    close(pipe_ends[0]);
    return Fail(std::move(spawned.error()));
  }
  auto process = std::unique_ptr<DemoProcess>(new DemoProcess());
  process->name_ = std::move(name);
  process->log_ = log;
  process->pid_ = *spawned;
  process->out_ = pipe_ends[0];
  return process;
}

Result<std::string> DemoProcess::Run(const std::vector<std::string>& arguments) {
  int out[2];
  int err[2];
  if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) {
    return Fail(ErrorCode::kUnavailable, "cannot make a pipe");
  }
  auto spawned = Spawn(arguments, out[1], err[1]);
  close(out[1]);
  close(err[1]);
  if (!spawned) return Fail(std::move(spawned.error()));
  const std::string printed = ReadAll(out[0]);
  const std::string said = ReadAll(err[0]);
  close(out[0]);
  close(err[0]);
  int status = 0;
  waitpid(*spawned, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return printed;
  std::string command = "dure";
  for (const std::string& word : arguments) command += " " + word;
  return Fail(ErrorCode::kInternal, command + " failed: " + said);
}

DemoProcess::~DemoProcess() {
  Terminate();
  if (pid_ != 0) waitpid(pid_, nullptr, 0);
  if (out_ >= 0) close(out_);
}

void DemoProcess::Kill() {
  if (pid_ == 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

void DemoProcess::Terminate() {
  if (pid_ == 0) return;
  (void)Peaks();
  kill(pid_, SIGTERM);
}

bool DemoProcess::IsRunning() {
  if (pid_ == 0) return false;
  if (waitpid(pid_, nullptr, WNOHANG) == 0) return true;
  pid_ = 0;
  return false;
}

Result<std::string> DemoProcess::FirstLine() {
  std::string line;
  char c = 0;
  for (ssize_t n; (n = read(out_, &c, 1)) != 0;) {
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) break;
    if (c == '\n') return line;
    line.push_back(c);
  }
  return Fail(ErrorCode::kUnavailable, name_ + " ended before it was ready: " + Tail(log_));
}

std::vector<DemoProcess::Peak> DemoProcess::Peaks() {
  const auto raise = [&](const std::string& name, uint64_t bytes) {
    const auto known = std::ranges::find(peaks_, name, &Peak::name);
    if (known == peaks_.end()) {
      peaks_.push_back({name, bytes});
    } else {
      known->rss_bytes = std::max(known->rss_bytes, bytes);
    }
  };
  if (pid_ == 0) return peaks_;
  raise(name_, PeakRss(pid_));
  for (const pid_t child : ChildrenOf(pid_)) raise(name_ + " trainer", PeakRss(child));
  return peaks_;
}

}  // namespace dure::cli
