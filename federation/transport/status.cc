#include "federation/transport/status.h"

namespace dure::transport {
namespace {

struct Pair {
  ErrorCode ours;
  grpc::StatusCode theirs;
};

constexpr Pair kPairs[] = {
    {ErrorCode::kInvalid, grpc::StatusCode::INVALID_ARGUMENT},
    {ErrorCode::kNotFound, grpc::StatusCode::NOT_FOUND},
    {ErrorCode::kAlreadyExists, grpc::StatusCode::ALREADY_EXISTS},
    {ErrorCode::kFailedPrecondition, grpc::StatusCode::FAILED_PRECONDITION},
    {ErrorCode::kUnauthenticated, grpc::StatusCode::UNAUTHENTICATED},
    {ErrorCode::kPermissionDenied, grpc::StatusCode::PERMISSION_DENIED},
    {ErrorCode::kCorrupt, grpc::StatusCode::DATA_LOSS},
    {ErrorCode::kExhausted, grpc::StatusCode::RESOURCE_EXHAUSTED},
    {ErrorCode::kUnavailable, grpc::StatusCode::UNAVAILABLE},
    {ErrorCode::kCancelled, grpc::StatusCode::ABORTED},
    {ErrorCode::kInternal, grpc::StatusCode::INTERNAL},
};

// Statuses that gRPC makes itself and no code of ours stands for.
ErrorCode CodeOf(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::CANCELLED:
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return ErrorCode::kUnavailable;
    case grpc::StatusCode::UNIMPLEMENTED:
      return ErrorCode::kFailedPrecondition;
    case grpc::StatusCode::OUT_OF_RANGE:
      return ErrorCode::kInvalid;
    default:
      return ErrorCode::kInternal;
  }
}

}  // namespace

grpc::Status ToGrpc(const Error& error) {
  for (const Pair& pair : kPairs) {
    if (pair.ours == error.code) return {pair.theirs, error.message};
  }
  return {grpc::StatusCode::INTERNAL, error.message};
}

Error FromGrpc(const grpc::Status& status) {
  for (const Pair& pair : kPairs) {
    if (pair.theirs == status.error_code()) return {pair.ours, status.error_message()};
  }
  return {CodeOf(status.error_code()), status.error_message()};
}

}  // namespace dure::transport
