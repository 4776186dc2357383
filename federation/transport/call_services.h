// The small calls: the log, certificates, administration. Private to this room.
#pragma once

#include <grpcpp/server_context.h>

#include "dure/v1/admin.grpc.pb.h"
#include "dure/v1/enrol.grpc.pb.h"
#include "dure/v1/ledger.grpc.pb.h"
#include "federation/transport/gate.h"
#include "federation/transport/server.h"

namespace dure::transport {

inline constexpr uint64_t kEntriesPerCallMax = 1024;
inline constexpr size_t kEntriesBytesMax = 900 * 1024;  // stays under a message with its overhead
inline constexpr size_t kJsonBytesMax = 512 * 1024;
inline constexpr size_t kWatchQueueMax = 1024;  // lines that a watcher has not taken yet

class LedgerService final : public v1::Ledger::Service {
 public:
  LedgerService(Gate& gate, const LedgerCalls& calls) : gate_(gate), calls_(calls) {}
  grpc::Status Extend(grpc::ServerContext* context, const v1::ExtensionRequest* request,
                      v1::Extension* reply) override;
  grpc::Status GetTreeHead(grpc::ServerContext* context, const v1::TreeHeadRequest* request,
                           v1::LedgerBytes* reply) override;
  grpc::Status ReadEntries(grpc::ServerContext* context, const v1::EntryRange* range,
                           v1::Entries* reply) override;
  grpc::Status ProveInclusion(grpc::ServerContext* context, const v1::InclusionRequest* request,
                              v1::LedgerBytes* reply) override;
  grpc::Status ProveConsistency(grpc::ServerContext* context, const v1::ConsistencyRequest* request,
                                v1::LedgerBytes* reply) override;

 private:
  // The first entries of [begin, end) that fit into one answer.
  Status Read(uint64_t begin, uint64_t end,
              google::protobuf::RepeatedPtrField<std::string>* entries) const;

  Gate& gate_;
  const LedgerCalls& calls_;
};

class RenewalService final : public v1::Renewal::Service {
 public:
  RenewalService(Gate& gate, const ServerCalls& calls) : gate_(gate), calls_(calls) {}
  grpc::Status Renew(grpc::ServerContext* context, const v1::CertificateRequest* request,
                     v1::CertificateReply* reply) override;

 private:
  Gate& gate_;
  const ServerCalls& calls_;
};

class AdminService final : public v1::Admin::Service {
 public:
  AdminService(Gate& gate, loop::EventLoop& loop, const ServerCalls& calls)
      : gate_(gate), loop_(loop), calls_(calls) {}
  grpc::Status Call(grpc::ServerContext* context, const v1::AdminRequest* request,
                    v1::JsonLine* reply) override;
  grpc::Status Watch(grpc::ServerContext* context, const v1::WatchRequest* request,
                     grpc::ServerWriter<v1::JsonLine>* lines) override;

 private:
  Gate& gate_;
  loop::EventLoop& loop_;
  const ServerCalls& calls_;
};

// The only calls without a certificate.
class EnrolmentService final : public v1::Enrolment::Service {
 public:
  explicit EnrolmentService(const ServerCalls& calls) : calls_(calls) {}
  grpc::Status Enrol(grpc::ServerContext* context, const v1::CertificateRequest* request,
                     v1::CertificateReply* reply) override;

 private:
  const ServerCalls& calls_;
};

}  // namespace dure::transport
