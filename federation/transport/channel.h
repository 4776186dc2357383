// Connections to the aggregator. Private to this room.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>

#include "federation/limits.h"
#include "federation/transport/client.h"
#include "federation/transport/tls.h"

namespace dure::transport {

inline constexpr int kMessageBytesMax = static_cast<int>(limits::kChunkBytes) + 64 * 1024;
// What a stream may have on its way to us. Fixed: gRPC's own estimate grows to 16 MiB a stream, for
// links that two streams of this window fill up to a round trip of 60 ms at 1 Gbit/s.
inline constexpr int kWindowBytes = 4 * 1024 * 1024;
inline constexpr int kKeepAliveEveryMs = 20'000;  // a dead link is noticed within half a minute
inline constexpr int kKeepAliveTimeoutMs = 10'000;

// One connection of its own (never shared with another Connection), and why it was refused.
struct Connection {
  std::shared_ptr<grpc::Channel> channel;  // shared: gRPC's stubs hold it too
  std::shared_ptr<Refusal> refusal;        // shared with the channel's verifier

  // A failed call's error; our own reason when it was we who refused the server.
  Error Explain(const grpc::Status& status) const;
};

// kInvalid: the address is not host:port.
Result<Connection> Connect(const Dial& dial);
Result<Connection> ConnectPinned(const EnrolDial& dial);

// Doubling waits with jitter. Not thread-safe.
class Waits {
 public:
  Waits(Backoff backoff, Random& random) : backoff_(backoff), random_(random) { Reset(); }
  void Reset() { next_ = backoff_.first; }
  Duration Next();

 private:
  const Backoff backoff_;
  Random& random_;
  std::chrono::milliseconds next_{};
};

// False when stop was requested before the time was over.
bool Sleep(Duration time, const std::stop_token& stop);

}  // namespace dure::transport
