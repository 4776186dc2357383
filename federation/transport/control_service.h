// The aggregator's end of the control streams. Private to this room.
//
// Each open stream has two threads: gRPC's, which reads and hands every message to the loop before
// it reads the next (so a site that floods waits for its own messages), and a writer that empties a
// bounded queue.
#pragma once

#include <grpcpp/server_context.h>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "dure/v1/control.grpc.pb.h"
#include "federation/transport/gate.h"
#include "federation/transport/server.h"

namespace dure::transport {

// Sent by the server when it accepts a stream, so that the client knows before the first message.
inline constexpr const char* kAcceptedKey = "dure-accepted";
inline constexpr size_t kControlQueueMax = 256;  // messages to one site that it has not taken yet

class ControlService final : public v1::Control::Service {
 public:
  using StartThread = std::function<std::thread(std::function<void()>)>;
  // REQUIRES: all outlive it.
  ControlService(Gate& gate, loop::EventLoop& loop, const ServerCalls& calls,
                 const StartThread& start_thread)
      : gate_(gate), loop_(loop), calls_(calls), start_thread_(start_thread) {}

  grpc::Status Stream(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<v1::ControlMessage, v1::ControlMessage>* stream) override;

  Status Send(const SiteId& site, const round::Message& message);
  bool IsConnected(const SiteId& site) const;

 private:
  struct Line;
  class Writing;
  using Io = grpc::ServerReaderWriter<v1::ControlMessage, v1::ControlMessage>;
  void Attach(const std::shared_ptr<Line>& line);
  void Detach(const std::shared_ptr<Line>& line);
  grpc::Status ReadAll(Line& line, Io& io);

  Gate& gate_;
  loop::EventLoop& loop_;
  const ServerCalls& calls_;
  const StartThread& start_thread_;
  mutable std::mutex mutex_;
  std::map<SiteId, std::shared_ptr<Line>>
      lines_;  // guarded by mutex_; shared with the stream's own thread
};

}  // namespace dure::transport
