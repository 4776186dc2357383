#include "federation/transport/control_service.h"

#include <condition_variable>
#include <deque>
#include <optional>
#include <system_error>

#include "federation/limits.h"
#include "federation/transport/convert.h"
#include "federation/transport/status.h"

namespace dure::transport {

struct ControlService::Line {
  PeerIdentity peer;
  grpc::ServerContext* context = nullptr;  // valid while the stream's thread is in Stream
  std::mutex mutex;
  std::condition_variable wake;
  std::deque<v1::ControlMessage> queue;  // guarded by mutex
  bool writing = false;                  // guarded by mutex
  bool closed = false;  // guarded by mutex; no more is written, context is not touched
  bool missed = false;  // guarded by mutex; the queue was full, and something was not said
  std::function<void()> caught_up;

  // Ends the stream from outside.
  void Close() {
    std::lock_guard lock(mutex);
    if (closed) return;
    closed = true;
    context->TryCancel();
    wake.notify_all();
  }
  // The stream's own thread is done reading. A writer that waits for a slow peer must not hold it;
  // when none does, nothing is cancelled, so that the peer hears our last status.
  void Finish() {
    std::lock_guard lock(mutex);
    closed = true;
    if (writing) context->TryCancel();
    wake.notify_all();
  }
  void WriteAll(Io& io) {
    std::unique_lock lock(mutex);
    while (true) {
      wake.wait(lock, [this] { return closed || !queue.empty(); });
      if (closed) return;
      const v1::ControlMessage next = std::move(queue.front());
      queue.pop_front();
      writing = true;
      lock.unlock();
      const bool written = io.Write(next);
      lock.lock();
      writing = false;
      if (!written) return;  // the link is gone: the reader notices too
      if (queue.empty() && std::exchange(missed, false)) caught_up();
    }
  }
};

// A line's writer. However the stream's thread leaves, also by an exception: the writer has ended
// before `io` goes, and nobody knows the line any more.
class ControlService::Writing {
 public:
  Writing(ControlService& service, std::shared_ptr<Line> line, Io& io)
      : service_(service), line_(std::move(line)) {
    writer_ = service_.start_thread_([&line = *line_, &io] { line.WriteAll(io); });
  }
  Writing(const Writing&) = delete;
  Writing& operator=(const Writing&) = delete;
  ~Writing() {
    line_->Finish();
    writer_.join();
    service_.Detach(line_);
  }

 private:
  ControlService& service_;
  const std::shared_ptr<Line> line_;
  std::thread writer_;
};

grpc::Status ControlService::Stream(grpc::ServerContext* context, Io* io) {
  Result<Gate::Pass> pass = gate_.Enter(*context);
  if (!pass) return ToGrpc(pass.error());
  Status admitted;
  const bool asked = loop_.Wait([&] {
    if (calls_.may_connect) admitted = calls_.may_connect(pass->peer());
  });
  if (!asked) return {grpc::StatusCode::UNAVAILABLE, "the aggregator is stopping"};
  if (!admitted) return ToGrpc(admitted.error());
  // Shared because Send may hold the line while this thread leaves.
  auto line = std::make_shared<Line>();
  line->peer = pass->peer();
  line->context = context;
  line->caught_up = [this, peer = line->peer] {
    loop_.Post([this, peer] {
      if (calls_.caught_up) calls_.caught_up(peer);
    });
  };
  // Before the line is known and its site told: where no thread is to be had nothing is left of it.
  std::optional<Writing> writing;
  try {
    writing.emplace(*this, line, *io);
  } catch (const std::system_error&) {
    return {grpc::StatusCode::UNAVAILABLE, "the aggregator has no thread left; try again"};
  }
  context->AddInitialMetadata(kAcceptedKey, "1");
  io->SendInitialMetadata();
  Attach(line);
  return ReadAll(*line, *io);
}

grpc::Status ControlService::ReadAll(Line& line, Io& io) {
  v1::ControlMessage carried;
  while (io.Read(&carried)) {
    Result<round::Message> message = Unpack(carried.canonical());
    if (!message) return ToGrpc(message.error());
    const bool taken = loop_.Wait([&] {
      if (calls_.received) calls_.received(line.peer, std::move(*message));
    });
    if (!taken) return {grpc::StatusCode::UNAVAILABLE, "the aggregator is stopping"};
  }
  return grpc::Status::OK;
}

void ControlService::Attach(const std::shared_ptr<Line>& line) {
  std::shared_ptr<Line> old;
  {
    std::lock_guard lock(mutex_);
    old = std::exchange(lines_[line->peer.site], line);
    // Posted under the lock, so that the loop hears connections of one site in the order of the
    // map.
    loop_.Post([this, peer = line->peer] {
      if (calls_.connected) calls_.connected(peer);
    });
  }
  if (old != nullptr) old->Close();
}

void ControlService::Detach(const std::shared_ptr<Line>& line) {
  std::lock_guard lock(mutex_);
  const auto found = lines_.find(line->peer.site);
  if (found == lines_.end() || found->second != line) return;  // a newer stream took over
  lines_.erase(found);
  loop_.Post([this, peer = line->peer] {
    if (calls_.disconnected) calls_.disconnected(peer);
  });
}

Status ControlService::Send(const SiteId& site, const round::Message& message) {
  DURE_ASSIGN(std::string packed, Pack(message));
  std::shared_ptr<Line> line;
  {
    std::lock_guard lock(mutex_);
    const auto found = lines_.find(site);
    if (found != lines_.end()) line = found->second;
  }
  if (line == nullptr)
    return Fail(ErrorCode::kUnavailable, "site " + site.str() + " is not connected");
  std::lock_guard lock(line->mutex);
  if (line->closed) {
    return Fail(ErrorCode::kUnavailable, "site " + site.str() + " is not connected");
  }
  if (line->queue.size() >= kControlQueueMax) {
    line->missed = true;
    return Fail(ErrorCode::kExhausted, "site " + site.str() + " has as much to take as may wait");
  }
  line->queue.emplace_back().set_canonical(std::move(packed));
  line->wake.notify_all();
  return {};
}

bool ControlService::IsConnected(const SiteId& site) const {
  std::lock_guard lock(mutex_);
  return lines_.contains(site);
}

}  // namespace dure::transport
