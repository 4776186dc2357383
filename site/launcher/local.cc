// Trainers as processes of this machine, one or a gang of them. Each trainer has one thread here
// that starts it, reads rank 0's lines, watches the first rank end, ends the others and reaps them:
// PR_SET_PDEATHSIG is tied to the thread that forked, which therefore lives as long.
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
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
#include "site/launcher/children.h"
#include "site/launcher/gang_sockets.h"
#include "site/launcher/launcher.h"
#include "site/launcher/local_trainer.h"
#include "site/launcher/standard_error.h"

namespace dure::launcher {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

// How long the one at fault may take to end after those that lost it.
constexpr std::chrono::milliseconds kCulpritTime{1000};
// And a trainer, after it has closed its seat: from then on it hears and says nothing.
constexpr std::chrono::milliseconds kMuteTime{3000};

constexpr size_t kLastLineBytesMax = 300;  // of what is told as a reason

std::string HostName() {
  char host[256] = {};
  if (gethostname(host, sizeof host - 1) != 0) host[0] = '?';
  return host;
}

class LocalTrainer final : public Trainer {
 public:
  LocalTrainer(TrainerSpec spec, std::vector<Command> commands, TrainerObserver observer,
               const Digest& code)
      : spec_(std::move(spec)),
        commands_(std::move(commands)),
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

  int64_t pid() const override { return children_.front().pid; }

 private:
  void Live(std::promise<Status>* started) {
    const Status ready = SpawnAll();
    if (!ready) {
      ReapAll();
      return started->set_value(ready);
    }
    channel_ = std::make_unique<seat::Channel>(seat_fd());
    // A trainer that does not read must not hold the daemon's loop.
    const timeval patience{2, 0};
    setsockopt(seat_fd(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    started->set_value({});  // `started` is gone from here on
    Watch();
    const TrainerExit exit = End();
    if (observer_.on_exit) observer_.on_exit(exit);
  }

  Status SpawnAll() {
    for (Command command : commands_) {
      command.standard_error = words_.write_end();
      DURE_ASSIGN(const Child child, Spawn(spec_, command));
      children_.push_back(child);
    }
    words_.CloseWriteEnd();
    return {};
  }

  int seat_fd() const { return children_.front().seat_fd; }

  // Returns when the first process has ended.
  void Watch() {
    bool may_read = true;
    std::vector<pollfd> waits(3 + children_.size());
    for (;;) {
      waits[0] = {wake_, POLLIN, 0};
      waits[1] = {may_read ? seat_fd() : -1, POLLIN, 0};
      waits[2] = {words_.read_end(), POLLIN, 0};
      for (size_t r = 0; r < children_.size(); ++r) waits[3 + r] = {children_[r].pid_fd, POLLIN, 0};
      poll(waits.data(), waits.size(), WaitMilliseconds());
      if (waits[0].revents != 0) BeginStop();
      if (waits[1].revents != 0) may_read = ReadSome();
      if (!may_read && !mute_ && !KillAt()) mute_ = std::chrono::steady_clock::now() + kMuteTime;
      if (waits[2].revents != 0) words_.Read();
      for (size_t r = 0; r < children_.size(); ++r) {
        if (waits[3 + r].revents != 0) return;
      }
      KillWhenDue();
    }
  }

  // One rank has ended: finds out whose fault it is, then ends all.
  TrainerExit End() {
    std::vector<bool> ended = Ended();
    // Of rank 0 what it says last is worth a moment; a stop that was asked for needs no culprit.
    const auto until = std::chrono::steady_clock::now() + kCulpritTime;
    while (children_.size() > 1 && !KillAt() && Culprit(ended) < 0 &&
           std::chrono::steady_clock::now() < until) {
      std::vector<pollfd> waits;
      for (size_t r = 0; r < children_.size(); ++r) {
        if (!ended[r]) waits.push_back({children_[r].pid_fd, POLLIN, 0});
      }
      if (poll(waits.data(), waits.size(), static_cast<int>(kCulpritTime.count())) < 1) break;
      ended = Ended();
    }
    const auto first = std::ranges::find(ended, true) - ended.begin();
    const int culprit = Culprit(ended);
    KillAll();
    Drain();
    return Tell(culprit >= 0 ? static_cast<size_t>(culprit) : static_cast<size_t>(first),
                ReapAll());
  }

  std::vector<bool> Ended() const {
    std::vector<bool> ended;
    for (const Child& child : children_) {
      pollfd wait{child.pid_fd, POLLIN, 0};
      ended.push_back(poll(&wait, 1, 0) == 1);
    }
    return ended;
  }

  // The first that ended otherwise than by losing another; -1: none yet. Leaves it to be reaped.
  int Culprit(const std::vector<bool>& ended) const {
    for (size_t r = 0; r < ended.size(); ++r) {
      siginfo_t how{};
      const auto pid = static_cast<id_t>(children_[r].pid);
      if (!ended[r] || waitid(P_PID, pid, &how, WEXITED | WNOHANG | WNOWAIT) != 0) continue;
      if (how.si_code != CLD_EXITED || how.si_status != seat::kGangLostExit)
        return static_cast<int>(r);
    }
    return -1;
  }

  // What it wrote before it ended.
  void Drain() {
    while (ReadSome()) {
    }
    words_.Read();
  }

  bool ReadSome() {
    char part[16384];
    const ssize_t n = recv(seat_fd(), part, sizeof part, MSG_DONTWAIT);
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
    pollfd wait{children_.front().pid_fd, POLLIN, 0};
    return poll(&wait, 1, 0) == 1;
  }

  void BeginStop() {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t n = read(wake_, &count, sizeof count);
    shutdown(seat_fd(), SHUT_WR);
  }

  std::optional<SteadyTime> KillAt() {
    const std::lock_guard lock(mutex_);
    return kill_at_;
  }

  std::optional<SteadyTime> DueAt() {
    const auto asked = KillAt();
    return asked && mute_ ? std::min(asked, mute_) : asked ? asked : mute_;
  }

  int WaitMilliseconds() {
    const auto due = DueAt();
    if (!due || killed_) return -1;
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(*due - std::chrono::steady_clock::now());
    return static_cast<int>(std::clamp<int64_t>(left.count(), 0, 1'000'000));
  }

  void KillWhenDue() {
    const auto due = DueAt();
    if (!due || killed_ || std::chrono::steady_clock::now() < *due) return;
    killed_ = true;
    KillAll();
  }

  // Each by the descriptor that is its own whatever it did, and its group: what it started too.
  void KillAll() {
    for (const Child& child : children_) {
      syscall(SYS_pidfd_send_signal, child.pid_fd, SIGKILL, nullptr, 0);
      kill(-child.pid, SIGKILL);
    }
  }

  // How each ended. Not reaped before, so no group's number can belong to another yet.
  std::vector<int> ReapAll() {
    KillAll();
    std::vector<int> statuses;
    for (const Child& child : children_) {
      statuses.push_back(ReapChild(child.pid));
      close(child.pid_fd);
    }
    if (!channel_ && !children_.empty()) close(seat_fd());  // not handed over yet
    return statuses;
  }

  TrainerExit Tell(size_t rank, const std::vector<int>& statuses) {
    std::string who = "the trainer";
    if (children_.size() > 1) {
      who = "rank " + std::to_string(rank) + " of " + std::to_string(children_.size()) + " (host " +
            HostName() + ", process " + std::to_string(children_[rank].pid) + ")";
    }
    TrainerExit exit;
    exit.wanted = KillAt().has_value();
    const int status = statuses[rank];
    if (WIFSIGNALED(status)) {
      exit.signal = WTERMSIG(status);
      exit.reason = who + (mute_ && killed_ ? " closed its seat and" : "") +
                    " was killed by signal " + std::to_string(exit.signal) + " (" +
                    strsignal(exit.signal) + ")";
    } else {
      exit.exit_code = WEXITSTATUS(status);
      exit.reason = who + " ended with code " + std::to_string(exit.exit_code);
    }
    const bool failed = exit.signal != 0 || exit.exit_code != 0;
    if (failed && !exit.wanted && !words_.last_line().empty()) {
      exit.reason += "; it last said: " + words_.last_line().substr(0, kLastLineBytesMax);
    }
    return exit;
  }

  const TrainerSpec spec_;
  const std::vector<Command> commands_;  // by rank
  const TrainerObserver observer_;
  const Digest code_;
  const int wake_;
  StandardError words_;                     // the thread's
  std::vector<Child> children_;             // by rank; set before Start returns
  std::unique_ptr<seat::Channel> channel_;  // set before Start returns
  seat::LineCutter cutter_;                 // the thread's
  bool killed_ = false;                     // the thread's
  std::optional<SteadyTime> mute_;          // the thread's; when it goes for having closed its seat
  std::mutex mutex_;
  std::optional<SteadyTime> kill_at_;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace

Result<Digest> CodeOf(const TrainerSpec& spec) {
  DURE_ASSIGN(const std::vector<std::string> line, TrainerProgram(spec));
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

Result<std::unique_ptr<Trainer>> StartLocal(const TrainerSpec& spec, std::vector<Command> commands,
                                            TrainerObserver observer) {
  DURE_ASSIGN(const Digest code, CodeOf(spec));
  auto trainer =
      std::make_unique<LocalTrainer>(spec, std::move(commands), std::move(observer), code);
  DURE_TRY(trainer->Start());
  return trainer;
}

Result<std::unique_ptr<Trainer>> LocalLauncher::Start(const TrainerSpec& spec,
                                                      TrainerObserver observer) {
  if (spec.ranks < 1 || spec.ranks > kRanksMax) {
    return Fail(ErrorCode::kInvalid, "a gang has 1 to " + std::to_string(kRanksMax) + " ranks");
  }
  // Gone at the end of this call: a rank's end closes its sockets everywhere.
  DURE_ASSIGN(const GangSockets sockets, GangSockets::Create(spec.ranks));
  std::vector<Command> commands;
  for (uint32_t rank = 0; rank < spec.ranks; ++rank) {
    DURE_ASSIGN(Command command, LocalCommand(spec, rank, sockets.Of(rank)));
    commands.push_back(std::move(command));
  }
  return StartLocal(spec, std::move(commands), std::move(observer));
}

}  // namespace dure::launcher
