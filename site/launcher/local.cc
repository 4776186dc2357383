// Trainers as processes of this machine. Each has one thread here that starts it, reads its lines,
// watches it end and reaps it: PR_SET_PDEATHSIG is tied to the thread that forked, which therefore
// lives as long.
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <future>
#include <mutex>
#include <optional>
#include <thread>

#include "model/seat/channel.h"
#include "site/launcher/launcher.h"
#include "site/launcher/spawn.h"

namespace dure::launcher {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

class LocalTrainer final : public Trainer {
 public:
  LocalTrainer(TrainerSpec spec, TrainerObserver observer, const Digest& code)
      : spec_(std::move(spec)),
        observer_(std::move(observer)),
        code_(code),
        wake_(eventfd(0, EFD_CLOEXEC)) {}

  ~LocalTrainer() override {
    Stop(std::chrono::milliseconds(0));
    if (thread_.joinable()) thread_.join();
    close(wake_);
  }

  const Digest& code() const override { return code_; }

  // Once, before any other call.
  Status Start() {
    std::promise<Status> started;
    auto result = started.get_future();
    thread_ = std::thread([this, &started] { Live(&started); });
    return result.get();
  }

  Status Send(const seat::Request& request) override {
    DURE_ASSIGN(const std::string line, seat::ToLine(request));
    return channel_->Send(line);
  }

  void Stop(std::chrono::milliseconds grace) override {
    {
      const std::lock_guard lock(mutex_);
      const SteadyTime when = std::chrono::steady_clock::now() + grace;
      kill_at_ = kill_at_ ? std::min(*kill_at_, when) : when;
    }
    const uint64_t one = 1;
    // It cannot fail: the counter would have to reach 2^64.
    [[maybe_unused]] const ssize_t written = write(wake_, &one, sizeof one);
  }

  int64_t pid() const override { return child_.pid; }

 private:
  void Live(std::promise<Status>* started) {
    auto child = Spawn(spec_);
    if (!child) return started->set_value(Fail(child.error()));
    child_ = *child;
    channel_ = std::make_unique<seat::Channel>(child_.seat_fd);
    // A trainer that does not read must not hold the daemon's loop.
    const timeval patience{2, 0};
    setsockopt(child_.seat_fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    started->set_value({});  // `started` is gone from here on
    Watch();
    Drain();
    const TrainerExit exit = Reap();
    if (observer_.on_exit) observer_.on_exit(exit);
  }

  // Returns when the process has ended.
  void Watch() {
    bool may_read = true;
    for (;;) {
      pollfd waits[] = {{child_.pid_fd, POLLIN, 0},
                        {wake_, POLLIN, 0},
                        {may_read ? child_.seat_fd : -1, POLLIN, 0}};
      poll(waits, std::size(waits), WaitMilliseconds());
      if (waits[1].revents != 0) BeginStop();
      if (waits[2].revents != 0) may_read = ReadSome();
      if (waits[0].revents != 0) return;
      KillWhenDue();
    }
  }

  // What it wrote before it ended.
  void Drain() {
    while (ReadSome()) {
    }
  }

  bool ReadSome() {
    char part[16384];
    const ssize_t n = recv(child_.seat_fd, part, sizeof part, MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) return true;
    if (n <= 0) return n < 0 && errno == EAGAIN && !HasEnded();
    cutter_.Feed({part, static_cast<size_t>(n)});
    for (auto line = cutter_.Next(); !line || line->has_value(); line = cutter_.Next()) {
      const auto event = line ? seat::ParseEvent(**line) : Fail(line.error());
      if (event && observer_.on_event) observer_.on_event(*event);
      if (!event && observer_.on_bad_line) observer_.on_bad_line(event.error());
    }
    return true;
  }

  bool HasEnded() const {
    pollfd wait{child_.pid_fd, POLLIN, 0};
    return poll(&wait, 1, 0) == 1;
  }

  void BeginStop() {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t n = read(wake_, &count, sizeof count);
    shutdown(child_.seat_fd, SHUT_WR);
  }

  std::optional<SteadyTime> KillAt() {
    const std::lock_guard lock(mutex_);
    return kill_at_;
  }

  int WaitMilliseconds() {
    const auto due = KillAt();
    if (!due || killed_) return -1;
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(*due - std::chrono::steady_clock::now());
    return static_cast<int>(std::clamp<int64_t>(left.count(), 0, 1'000'000));
  }

  void KillWhenDue() {
    const auto due = KillAt();
    if (!due || killed_ || std::chrono::steady_clock::now() < *due) return;
    killed_ = true;
    kill(-child_.pid, SIGKILL);  // its group: what it started too
  }

  TrainerExit Reap() {
    // Not reaped before, so the group's number cannot belong to another yet.
    kill(-child_.pid, SIGKILL);
    int status = 0;
    while (waitpid(child_.pid, &status, 0) < 0 && errno == EINTR) {
    }
    close(child_.pid_fd);
    TrainerExit exit;
    exit.wanted = KillAt().has_value();
    if (WIFSIGNALED(status)) {
      exit.signal = WTERMSIG(status);
      exit.reason = std::string("the trainer was killed by signal ") + std::to_string(exit.signal) +
                    " (" + strsignal(exit.signal) + ")";
    } else {
      exit.exit_code = WEXITSTATUS(status);
      exit.reason = "the trainer ended with code " + std::to_string(exit.exit_code);
    }
    return exit;
  }

  const TrainerSpec spec_;
  const TrainerObserver observer_;
  const Digest code_;
  const int wake_;
  Child child_;                             // set before Start returns
  std::unique_ptr<seat::Channel> channel_;  // set before Start returns
  seat::LineCutter cutter_;                 // the thread's
  bool killed_ = false;                     // the thread's
  std::mutex mutex_;
  std::optional<SteadyTime> kill_at_;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace

Result<Digest> CodeOf(const TrainerSpec& spec) {
  DURE_ASSIGN(const std::vector<std::string> line, CommandLine(spec));
  std::ifstream file(line.front(), std::ios::binary);
  Sha256Hasher hasher;
  std::vector<char> piece(size_t{1} << 20);
  while (file) {
    file.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    hasher.Update(std::string_view(piece.data(), static_cast<size_t>(file.gcount())));
  }
  if (file.eof()) return hasher.Finish();
  return Fail(ErrorCode::kNotFound, line.front() + " cannot be read");
}

Result<std::unique_ptr<Trainer>> LocalLauncher::Start(const TrainerSpec& spec,
                                                      TrainerObserver observer) {
  DURE_ASSIGN(const Digest code, CodeOf(spec));
  auto trainer = std::make_unique<LocalTrainer>(spec, std::move(observer), code);
  DURE_TRY(trainer->Start());
  return trainer;
}

}  // namespace dure::launcher
