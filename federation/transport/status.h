// Our errors as gRPC statuses and back. Private to this room.
#pragma once

#include <grpcpp/support/status.h>

#include "federation/result.h"

namespace dure::transport {

grpc::Status ToGrpc(const Error& error);
inline grpc::Status ToGrpc(const Status& status) {
  return status ? grpc::Status::OK : ToGrpc(status.error());
}
// What a call that failed means to its caller. A cancellation that we did not ask for is the link's
// end (kUnavailable): dialling again tells the cause.
Error FromGrpc(const grpc::Status& status);

}  // namespace dure::transport
