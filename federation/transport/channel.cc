#include "federation/transport/channel.h"

#include <grpcpp/create_channel.h>

#include <algorithm>

#include "federation/identity/invitation.h"
#include "federation/transport/status.h"

namespace dure::transport {
namespace {

constexpr int kReconnectMs = 100;  // gRPC's own backoff stays out of the way: ours decides
// What TCP, TLS and the first frames may take: three turns over the slowest link, or a machine that
// is busy. gRPC takes it from what it calls the least backoff.
constexpr int kConnectWithinMs = 20000;

Connection Open(const std::string& address, const ClientTls& tls) {
  Connection connection;
  connection.refusal = std::make_shared<Refusal>();
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMessageBytesMax);
  arguments.SetMaxSendMessageSize(kMessageBytesMax);
  // Without it gRPC would put channels of equal arguments on one TCP connection, bulk data before
  // control.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kWindowBytes);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepAliveEveryMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepAliveTimeoutMs);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectMs);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kConnectWithinMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kReconnectMs);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);  // a site says whom it dials; nothing else does
  connection.channel =
      grpc::CreateCustomChannel(address, ChannelTls(tls, connection.refusal), arguments);
  return connection;
}

}  // namespace

Error Connection::Explain(const grpc::Status& status) const {
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE) {
    if (std::optional<Error> refused = refusal->Take()) return *refused;
  }
  return FromGrpc(status);
}

Result<Connection> Connect(const Dial& dial) {
  DURE_ASSIGN(const identity::HostPort place, identity::ParseAddress(dial.address));
  const auto judge = [trust = dial.trust](std::string_view chain_pem) -> Status {
    const identity::Revocations none;  // the aggregator's own end is a new consortium certificate
    const auto peer = identity::VerifyPeer(chain_pem, trust, none, loop::RealWallNow(),
                                           {identity::Role::kAggregator});
    return peer ? Status{} : Fail(peer.error());
  };
  return Open(dial.address, {dial.cert_chain_pem, dial.key_pem, place.host, judge});
}

Result<Connection> ConnectPinned(const EnrolDial& dial) {
  DURE_ASSIGN(const identity::HostPort place, identity::ParseAddress(dial.address));
  const auto judge = [dial](std::string_view chain_pem) -> Status {
    const auto peer = identity::VerifyAggregatorByPin(chain_pem, dial.consortium, dial.root_pin,
                                                      loop::RealWallNow());
    return peer ? Status{} : Fail(peer.error());
  };
  return Open(dial.address, {"", "", place.host, judge});
}

Duration Waits::Next() {
  const Duration whole = next_;
  next_ = std::min(backoff_.last, next_ * 2);
  const auto half = static_cast<uint64_t>(whole.count() / 2);
  return Duration(static_cast<int64_t>(half + random_.Below(half + 1)));
}

bool Sleep(Duration time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  wake.wait_for(lock, stop, time, [] { return false; });
  return !stop.stop_requested();
}

}  // namespace dure::transport
