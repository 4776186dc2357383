// The small calls, from the dialling side: one bounded unary call each.
#include <grpc/support/time.h>

#include "dure/v1/admin.grpc.pb.h"
#include "dure/v1/enrol.grpc.pb.h"
#include "dure/v1/ledger.grpc.pb.h"
#include "federation/transport/channel.h"

namespace dure::transport {
namespace {

gpr_timespec Deadline() {
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                      gpr_time_from_millis(kCallTimeout.count(), GPR_TIMESPAN));
}

Bytes BytesOf(const std::string& text) { return ToBytes(text); }

// Runs `call(context)`; its error explained.
template <typename Call>
Status Make(const Connection& connection, Call call) {
  grpc::ClientContext context;
  context.set_deadline(Deadline());
  const grpc::Status status = call(&context);
  if (status.ok()) return {};
  return Fail(connection.Explain(status));
}

// A connection made when it is first needed: a bad address is then an error of the call.
class Lazy {
 public:
  explicit Lazy(Dial dial) : dial_(std::move(dial)) {}
  Result<Connection> Get() {
    std::lock_guard lock(mutex_);
    if (connection_.channel == nullptr) {
      DURE_ASSIGN(connection_, Connect(dial_));
    }
    return connection_;
  }

 private:
  const Dial dial_;
  std::mutex mutex_;
  Connection connection_;  // guarded by mutex_
};

}  // namespace

struct LedgerLink::State : Lazy {
  using Lazy::Lazy;
};

LedgerLink::LedgerLink(Dial dial) : state_(std::make_unique<State>(std::move(dial))) {}
LedgerLink::~LedgerLink() = default;

Result<Bytes> LedgerLink::TreeHead() {
  DURE_ASSIGN(const Connection connection, state_->Get());
  v1::LedgerBytes reply;
  DURE_TRY(Make(connection, [&](grpc::ClientContext* context) {
    return v1::Ledger::NewStub(connection.channel)->GetTreeHead(context, {}, &reply);
  }));
  return BytesOf(reply.bytes());
}

Result<LogExtension> LedgerLink::Extend(uint64_t held) {
  DURE_ASSIGN(const Connection connection, state_->Get());
  v1::ExtensionRequest request;
  request.set_held(held);
  v1::Extension reply;
  DURE_TRY(Make(connection, [&](grpc::ClientContext* context) {
    return v1::Ledger::NewStub(connection.channel)->Extend(context, request, &reply);
  }));
  LogExtension extension{BytesOf(reply.head()), BytesOf(reply.consistency()), {}};
  for (const std::string& entry : reply.entries()) extension.entries.push_back(BytesOf(entry));
  return extension;
}

Result<std::vector<Bytes>> LedgerLink::Entries(uint64_t begin, uint64_t end) {
  DURE_ASSIGN(const Connection connection, state_->Get());
  v1::EntryRange range;
  range.set_begin(begin);
  range.set_end(end);
  v1::Entries reply;
  DURE_TRY(Make(connection, [&](grpc::ClientContext* context) {
    return v1::Ledger::NewStub(connection.channel)->ReadEntries(context, range, &reply);
  }));
  std::vector<Bytes> entries;
  for (const std::string& entry : reply.entries()) entries.push_back(BytesOf(entry));
  return entries;
}

Result<Bytes> LedgerLink::InclusionProof(uint64_t index, uint64_t tree_size) {
  DURE_ASSIGN(const Connection connection, state_->Get());
  v1::InclusionRequest request;
  request.set_index(index);
  request.set_tree_size(tree_size);
  v1::LedgerBytes reply;
  DURE_TRY(Make(connection, [&](grpc::ClientContext* context) {
    return v1::Ledger::NewStub(connection.channel)->ProveInclusion(context, request, &reply);
  }));
  return BytesOf(reply.bytes());
}

Result<Bytes> LedgerLink::ConsistencyProof(uint64_t old_size, uint64_t new_size) {
  DURE_ASSIGN(const Connection connection, state_->Get());
  v1::ConsistencyRequest request;
  request.set_old_size(old_size);
  request.set_new_size(new_size);
  v1::LedgerBytes reply;
  DURE_TRY(Make(connection, [&](grpc::ClientContext* context) {
    return v1::Ledger::NewStub(connection.channel)->ProveConsistency(context, request, &reply);
  }));
  return BytesOf(reply.bytes());
}

struct AdminLink::State : Lazy {
  using Lazy::Lazy;
};

AdminLink::AdminLink(Dial dial) : state_(std::make_unique<State>(std::move(dial))) {}
AdminLink::~AdminLink() = default;

Result<std::string> AdminLink::Call(std::string_view verb, std::string_view json) {
  DURE_ASSIGN(const Connection connection, state_->Get());
  v1::AdminRequest request;
  request.set_verb(std::string(verb));
  request.set_json(std::string(json));
  v1::JsonLine reply;
  DURE_TRY(Make(connection, [&](grpc::ClientContext* context) {
    return v1::Admin::NewStub(connection.channel)->Call(context, request, &reply);
  }));
  return std::move(*reply.mutable_json());
}

Status AdminLink::Watch(std::string_view json, std::stop_token stop,
                        const std::function<bool(std::string)>& line) {
  DURE_ASSIGN(const Connection connection, state_->Get());
  v1::WatchRequest request;
  request.set_json(std::string(json));
  grpc::ClientContext context;
  const std::stop_callback on_stop(stop, [&] { context.TryCancel(); });
  const auto reader = v1::Admin::NewStub(connection.channel)->Watch(&context, request);
  v1::JsonLine carried;
  bool enough = false;
  while (!enough && reader->Read(&carried)) enough = !line(std::move(*carried.mutable_json()));
  if (enough) context.TryCancel();
  const grpc::Status status = reader->Finish();
  if (enough || status.ok()) return {};
  if (stop.stop_requested()) return Fail(ErrorCode::kCancelled, "watching was cancelled");
  return Fail(connection.Explain(status));
}

Result<Bytes> Enrol(const EnrolDial& dial, ByteView request) {
  DURE_ASSIGN(const Connection connection, ConnectPinned(dial));
  v1::CertificateRequest carried;
  carried.set_request(request.data(), request.size());
  v1::CertificateReply reply;
  DURE_TRY(Make(connection, [&](grpc::ClientContext* context) {
    return v1::Enrolment::NewStub(connection.channel)->Enrol(context, carried, &reply);
  }));
  return BytesOf(reply.response());
}

Result<Bytes> Renew(const Dial& dial, ByteView request) {
  DURE_ASSIGN(const Connection connection, Connect(dial));
  v1::CertificateRequest carried;
  carried.set_request(request.data(), request.size());
  v1::CertificateReply reply;
  DURE_TRY(Make(connection, [&](grpc::ClientContext* context) {
    return v1::Renewal::NewStub(connection.channel)->Renew(context, carried, &reply);
  }));
  return BytesOf(reply.response());
}

}  // namespace dure::transport
