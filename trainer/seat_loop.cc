#include "trainer/seat_loop.h"

#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <thread>

#include "trainer/gang.h"
#include "trainer/tasks.h"

namespace dure::trainer {
namespace {

// The one task that runs or waits to, between the reading and the working thread.
class Desk {
 public:
  // False: a task is being worked on.
  bool Put(seat::TaskRequest request) {
    const std::lock_guard lock(mutex_);
    if (busy_) return false;
    busy_ = true;
    stop_ = Stop::kNo;
    waiting_ = std::move(request);
    arrived_.notify_one();
    return true;
  }
  seat::TaskRequest Take() {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [this] { return waiting_.has_value(); });
    seat::TaskRequest request = std::move(*waiting_);
    waiting_.reset();
    return request;
  }
  // Before the last event is sent: whoever reads it may ask for the next task at once.
  void Clear() {
    const std::lock_guard lock(mutex_);
    busy_ = false;
  }
  void Interrupt(bool keep) {
    const std::lock_guard lock(mutex_);
    if (busy_) stop_ = keep ? Stop::kKeep : Stop::kDrop;
  }
  const std::atomic<Stop>& stop() const { return stop_; }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::optional<seat::TaskRequest> waiting_;
  bool busy_ = false;
  std::atomic<Stop> stop_ = Stop::kNo;
};

// _Exit, not exit: the other thread is in the middle of its work and must not see objects
// destroyed.
[[noreturn]] void Leave() { std::_Exit(0); }

void Send(seat::Channel* channel, const seat::Event& event) {
  if (!channel->Send(seat::ToLine(event))) Leave();
}

void SendError(seat::Channel* channel, uint64_t id, const Error& error) {
  Send(channel, seat::ErrorEvent{id, std::string(Name(error.code)), error.message});
}

void Receive(seat::Channel* channel, Desk* desk) {
  for (;;) {
    const auto line = channel->Receive();
    if (line && !line->has_value()) Leave();
    const auto request = line ? seat::ParseRequest(**line) : Fail(line.error());
    if (!request) {
      SendError(channel, 0, request.error());
    } else if (const auto* stop = std::get_if<seat::StopRequest>(&*request)) {
      desk->Interrupt(stop->keep);
    } else if (const auto& task = std::get<seat::TaskRequest>(*request); !desk->Put(task)) {
      SendError(channel, task.id, {ErrorCode::kFailedPrecondition, "another task is running"});
    }
  }
}

}  // namespace

void Serve(seat::Channel* channel, const std::vector<std::string>& protections,
           model::collective::Collective& gang, Engine& engine, uint32_t ranks_here) {
  Send(channel, seat::ReadyEvent{seat::kSeatVersion, "dure-trainer " + engine.text(), protections});
  Desk desk;
  std::thread(Receive, channel, &desk).detach();
  for (;;) {
    const seat::TaskRequest request = desk.Take();
    const Task task{
        request.id, desk.stop(), [channel](const seat::Event& event) { Send(channel, event); },
        gang,       engine,      ranks_here};
    const auto last =
        std::visit([&task](const auto& wanted) { return Run(task, wanted); }, request.task);
    desk.Clear();
    if (last) {
      Send(channel, *last);
    } else {
      SendError(channel, request.id, last.error());
      if (gang.failure() || engine.is_lost()) std::_Exit(seat::kGangLostExit);
    }
  }
}

}  // namespace dure::trainer
