#include "federation/transport/server.h"

#include <grpc/support/time.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "federation/limits.h"
#include "federation/transport/call_services.h"
#include "federation/transport/channel.h"
#include "federation/transport/control_service.h"
#include "federation/transport/data_service.h"
#include "federation/transport/gate.h"
#include "federation/transport/tls.h"

namespace dure::transport {
namespace {

constexpr const char* kPortTaken =
    " (does another program listen there? is the address one of this machine's?)";
constexpr std::chrono::milliseconds kSweepEvery{1000};  // "within seconds"
constexpr int kEnrolmentBytesOnWire = 32 * 1024;
constexpr std::chrono::milliseconds kPingsAtMostEvery{5000};
// An enrolment is one small question.
constexpr std::chrono::milliseconds kEnrolmentWithin{30000};
constexpr std::chrono::milliseconds kEnrolmentGrace{10000};

// What a listener's connections may hold in gRPC's buffers: twice what is on its way to us when all
// sites upload at once, and of the machine's memory at most a quarter. Above, gRPC lets go of
// connections without a call, and then of calls.
constexpr uint64_t kBufferedBytesMax =
    uint64_t{2} * limits::kSitesMax * limits::kDataStreamsPerSite * kWindowBytes;
constexpr int kEnrolmentThreadsMax = 16;

void Bound(grpc::ServerBuilder& builder, const std::string& name, int threads_max) {
  const auto pages = static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES));
  const uint64_t quarter = pages * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE)) / 4;
  grpc::ResourceQuota quota(name);
  quota.Resize(std::min(kBufferedBytesMax, quarter)).SetMaxThreads(threads_max);
  builder.SetResourceQuota(quota);
}

void Common(grpc::ServerBuilder& builder, int message_bytes_max, const Patience& patience) {
  builder.SetMaxReceiveMessageSize(message_bytes_max);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // a taken port is an error, not a share
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS,
                             static_cast<int>(patience.handshake.count()));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS,
                             static_cast<int>(patience.idle.count()));
  builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kWindowBytes);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepAliveEveryMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepAliveTimeoutMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             static_cast<int>(kPingsAtMostEvery.count()));
}

// gRPC listens on port 34463 where it is told 99999.
Status CheckListenAddress(const std::string& address) {
  const size_t colon = address.rfind(':');
  const std::string_view digits =
      colon == std::string::npos ? std::string_view() : std::string_view(address).substr(colon + 1);
  uint32_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (!digits.empty() && error == std::errc() && end == digits.data() + digits.size() &&
      port <= 65535) {
    return {};
  }
  return Fail(ErrorCode::kInvalid, "cannot listen on '" + address +
                                       "': it is not host:port with a port up to 65535 (for "
                                       "example 0.0.0.0:7443)");
}

}  // namespace

struct TransportServer::State {
  State(ServerOptions server_options, loop::EventLoop& event_loop, blob::BlobStore& store,
        ServerCalls server_calls)
      : options(std::move(server_options)),
        calls(std::move(server_calls)),
        loop(event_loop),
        gate(std::make_shared<Gate>(
            GateRules{options.trust, options.admin_roles, options.watch_roles}, event_loop)),
        control(*gate, event_loop, calls, options.start_thread),
        data(*gate, event_loop, store, calls, options.patience.upload),
        ledger(*gate, calls.ledger),
        renewal(*gate, calls),
        admin(*gate, event_loop, calls),
        enrolment(calls) {}

  Status Listen();
  Status ListenForEnrolment();
  void SweepLater();

  const ServerOptions options;
  const ServerCalls calls;
  loop::EventLoop& loop;
  // Shared with gRPC's credentials, which may outlive the server.
  std::shared_ptr<Gate> gate;
  ControlService control;
  DataService data;
  LedgerService ledger;
  RenewalService renewal;
  AdminService admin;
  EnrolmentService enrolment;
  std::unique_ptr<grpc::Server> server;
  std::unique_ptr<grpc::Server> enrol_server;
  int port = 0;
  int enrol_port = 0;
  // Of the sweeping timer, which may outlive the server; touched on the loop.
  std::shared_ptr<bool> sweeps = std::make_shared<bool>(true);
};

void TransportServer::State::SweepLater() {
  loop.At(loop.Now() + kSweepEvery, [this, sweeping = sweeps] {
    if (!*sweeping) return;
    gate->Sweep();
    data.ForgetGivenUp();
    SweepLater();
  });
}

Status TransportServer::State::Listen() {
  DURE_TRY(CheckListenAddress(options.address));
  auto tls = ServerTls(options.key_path, options.chain_path, ClientCertificate::kAsked);
  tls->SetAuthMetadataProcessor(gate);
  grpc::ServerBuilder builder;
  Common(builder, kMessageBytesMax, options.patience);
  Bound(builder, "members", options.threads_max);
  builder.AddListeningPort(options.address, tls, &port);
  for (grpc::Service* service :
       std::initializer_list<grpc::Service*>{&control, &data, &ledger, &renewal, &admin}) {
    builder.RegisterService(service);
  }
  server = builder.BuildAndStart();
  if (server != nullptr && port != 0) return {};
  return Fail(ErrorCode::kUnavailable, "cannot listen on " + options.address + kPortTaken);
}

Status TransportServer::State::ListenForEnrolment() {
  if (options.enrol_address.empty()) return {};
  DURE_TRY(CheckListenAddress(options.enrol_address));
  grpc::ServerBuilder builder;
  Common(builder, kEnrolmentBytesOnWire, options.patience);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS,
                             static_cast<int>(kEnrolmentWithin.count()));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS,
                             static_cast<int>(kEnrolmentGrace.count()));
  Bound(builder, "enrolment", kEnrolmentThreadsMax);
  builder.AddListeningPort(
      options.enrol_address,
      ServerTls(options.key_path, options.chain_path, ClientCertificate::kNotAsked), &enrol_port);
  builder.RegisterService(&enrolment);
  enrol_server = builder.BuildAndStart();
  if (enrol_server != nullptr && enrol_port != 0) return {};
  return Fail(ErrorCode::kUnavailable, "cannot listen on " + options.enrol_address + kPortTaken);
}

Result<std::unique_ptr<TransportServer>> TransportServer::Make(const ServerOptions& options,
                                                               loop::EventLoop& loop,
                                                               blob::BlobStore& store,
                                                               ServerCalls calls) {
  // gRPC aborts the process when it cannot read them.
  for (const std::string& path : {options.key_path, options.chain_path}) {
    if (::access(path.c_str(), R_OK) != 0) {
      return Fail(ErrorCode::kInvalid, path + ": the TLS identity cannot be read");
    }
  }
  auto state = std::make_unique<State>(options, loop, store, std::move(calls));
  if (options.revocations != nullptr) state->gate->SetRevocations(options.revocations);
  return std::unique_ptr<TransportServer>(new TransportServer(std::move(state)));
}

Status TransportServer::Listen() {
  DURE_TRY(state_->Listen());
  DURE_TRY(state_->ListenForEnrolment());
  state_->SweepLater();
  return {};
}

TransportServer::TransportServer(std::unique_ptr<State> state) : state_(std::move(state)) {}

TransportServer::~TransportServer() {
  const gpr_timespec passed = gpr_inf_past(GPR_CLOCK_REALTIME);  // no grace: cancel at once
  state_->gate->CancelAll();
  for (auto* server : {state_->server.get(), state_->enrol_server.get()}) {
    if (server == nullptr) continue;
    server->Shutdown(passed);
    server->Wait();
  }
  // Tasks on the loop refer to the services: let those that are posted already run.
  state_->loop.Wait([this] { *state_->sweeps = false; });
}

uint16_t TransportServer::port() const { return static_cast<uint16_t>(state_->port); }
uint16_t TransportServer::enrol_port() const { return static_cast<uint16_t>(state_->enrol_port); }

Status TransportServer::Send(const SiteId& site, const round::Message& message) {
  return state_->control.Send(site, message);
}
bool TransportServer::IsConnected(const SiteId& site) const {
  return state_->control.IsConnected(site);
}
void TransportServer::Revoke(std::shared_ptr<const identity::Revocations> revocations) {
  state_->gate->SetRevocations(std::move(revocations));
}
void TransportServer::Cut(identity::Role role, const SiteId& site) {
  state_->gate->Cut(role, site);
}
Traffic TransportServer::TotalTraffic() const { return state_->data.TotalTraffic(); }
Traffic TransportServer::TrafficOf(const SiteId& site) const {
  return state_->data.TrafficOf(site);
}

}  // namespace dure::transport
