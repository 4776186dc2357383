// One thread keeps the stream up: dial, read until it ends, wait, dial again. A second one, while
// the stream is up, empties the outgoing queue. Both end before the SiteLink does.
#include <atomic>
#include <deque>
#include <optional>
#include <thread>

#include "dure/v1/control.grpc.pb.h"
#include "federation/transport/channel.h"
#include "federation/transport/control_service.h"
#include "federation/transport/convert.h"

namespace dure::transport {

struct SiteLink::State : std::enable_shared_from_this<SiteLink::State> {
  State(Dial first_dial, loop::EventLoop& event_loop, Random& chance, LinkCalls link_calls,
        Backoff backoff)
      : dial(std::move(first_dial)),
        loop(event_loop),
        calls(std::move(link_calls)),
        waits(backoff, chance) {}

  using Io = grpc::ClientReaderWriter<v1::ControlMessage, v1::ControlMessage>;

  void Run(const std::stop_token& stop);
  Error RunOnce(const std::stop_token& stop);
  Error Speak(const Connection& connection, grpc::ClientContext& stream_context,
              const std::stop_token& stop);
  void WriteAll(Io& io);
  void Post(std::function<void(const LinkCalls&)> task);
  bool Deliver(round::Message message, const std::stop_token& stop);

  std::mutex mutex;
  std::condition_variable wake;            // the writer's
  std::condition_variable_any taken;       // the reader's
  Dial dial;                               // guarded by mutex
  bool up = false;                         // guarded by mutex
  bool ended = false;                      // guarded by mutex; the present stream is over
  grpc::ClientContext* context = nullptr;  // guarded by mutex; of the present stream
  std::deque<v1::ControlMessage> queue;    // guarded by mutex
  uint64_t delivered = 0;                  // guarded by mutex; messages that the loop has handled
  std::atomic<bool> gone = false;          // the SiteLink was destroyed

  loop::EventLoop& loop;
  const LinkCalls calls;
  Waits waits;  // the link's thread only
  std::jthread thread;
};

void SiteLink::State::Run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const Error why = RunOnce(stop);
    if (stop.stop_requested()) return;
    Post([why](const LinkCalls& to) {
      if (to.disconnected) to.disconnected(why);
    });
    if (!Sleep(waits.Next(), stop)) return;
  }
}

Error SiteLink::State::RunOnce(const std::stop_token& stop) {
  Dial now;
  grpc::ClientContext stream_context;
  {
    std::lock_guard lock(mutex);
    now = dial;
    context = &stream_context;
    ended = false;
    queue.clear();
  }
  Error why;
  {
    const std::stop_callback on_stop(stop, [&] { stream_context.TryCancel(); });
    const Result<Connection> connection = Connect(now);
    why = connection ? Speak(*connection, stream_context, stop) : connection.error();
  }
  std::lock_guard lock(mutex);
  context = nullptr;
  return why;
}

Error SiteLink::State::Speak(const Connection& connection, grpc::ClientContext& stream_context,
                             const std::stop_token& stop) {
  const auto stub = v1::Control::NewStub(connection.channel);
  const auto io = stub->Stream(&stream_context);
  io->WaitForInitialMetadata();
  std::thread writer;
  if (stream_context.GetServerInitialMetadata().contains(kAcceptedKey)) {
    {
      std::lock_guard lock(mutex);
      up = true;
    }
    waits.Reset();
    Post([](const LinkCalls& to) {
      if (to.connected) to.connected();
    });
    writer = std::thread([&] { WriteAll(*io); });
  }
  v1::ControlMessage carried;
  std::optional<Error> nonsense;
  while (!nonsense && io->Read(&carried)) {
    Result<round::Message> message = Unpack(carried.canonical());
    if (!message) {
      nonsense = Within(message.error(), "a message from the aggregator").value();
    } else if (!Deliver(std::move(*message), stop)) {
      break;
    }
  }
  // Only when it is we who end it: a cancellation would hide what the aggregator says in its last
  // status.
  if (nonsense || stop.stop_requested()) stream_context.TryCancel();
  {
    std::lock_guard lock(mutex);
    up = false;
    ended = true;
    wake.notify_all();
  }
  if (writer.joinable()) writer.join();
  const grpc::Status status = io->Finish();
  if (nonsense) return *nonsense;
  return status.ok() ? Error{ErrorCode::kUnavailable, "the aggregator closed the stream"}
                     : connection.Explain(status);
}

// One at a time, so that a slow loop holds the aggregator back and not our memory. Not loop.Wait:
// the SiteLink may be destroyed on the loop, which then waits for us.
bool SiteLink::State::Deliver(round::Message message, const std::stop_token& stop) {
  uint64_t before = 0;
  {
    std::lock_guard lock(mutex);
    before = delivered;
  }
  auto box = std::make_shared<round::Message>(std::move(message));  // std::function copies
  Post([this, box](const LinkCalls& to) {
    if (to.received) to.received(std::move(*box));
    std::lock_guard lock(mutex);
    ++delivered;
    taken.notify_all();
  });
  std::unique_lock lock(mutex);
  return taken.wait(lock, stop, [&] { return delivered != before; });
}

void SiteLink::State::WriteAll(Io& io) {
  std::unique_lock lock(mutex);
  while (true) {
    wake.wait(lock, [this] { return ended || !queue.empty(); });
    if (ended) return;
    const v1::ControlMessage next = std::move(queue.front());
    queue.pop_front();
    lock.unlock();
    const bool written = io.Write(next);
    lock.lock();
    if (!written) return;
  }
}

void SiteLink::State::Post(std::function<void(const LinkCalls&)> task) {
  loop.Post([self = shared_from_this(), task = std::move(task)] {
    if (!self->gone) task(self->calls);
  });
}

SiteLink::SiteLink(Dial dial, loop::EventLoop& loop, Random& random, LinkCalls calls,
                   Backoff backoff)
    : state_(std::make_shared<State>(std::move(dial), loop, random, std::move(calls), backoff)) {
  state_->thread =
      std::jthread([state = state_.get()](const std::stop_token& stop) { state->Run(stop); });
}

SiteLink::~SiteLink() {
  state_->gone = true;
  state_->thread.request_stop();
  state_->thread.join();
  // A callback that began before is over when the loop has come past it.
  state_->loop.Wait([] {});
}

Status SiteLink::Send(const round::Message& message) {
  DURE_ASSIGN(std::string packed, Pack(message));
  std::lock_guard lock(state_->mutex);
  if (!state_->up) return Fail(ErrorCode::kUnavailable, "not connected to the aggregator");
  if (state_->queue.size() >= kControlQueueMax) {
    state_->context->TryCancel();
    return Fail(ErrorCode::kExhausted, "the aggregator does not take our messages");
  }
  state_->queue.emplace_back().set_canonical(std::move(packed));
  state_->wake.notify_all();
  return {};
}

bool SiteLink::IsConnected() const {
  std::lock_guard lock(state_->mutex);
  return state_->up;
}

void SiteLink::UseDial(Dial dial) {
  std::lock_guard lock(state_->mutex);
  state_->dial = std::move(dial);
  if (state_->context != nullptr) state_->context->TryCancel();
}

}  // namespace dure::transport
