#include "federation/transport/convert.h"

#include "federation/limits.h"

namespace dure::transport {
namespace {

Status CheckSize(size_t size) {
  if (size <= limits::kControlMessageBytesMax) return {};
  return Fail(ErrorCode::kInvalid, "a control message of " + std::to_string(size) +
                                       " bytes: more than 64 KiB travels as a blob");
}

}  // namespace

Result<std::string> Pack(const round::Message& message) {
  const Bytes bytes = round::EncodeMessage(message);
  DURE_TRY(CheckSize(bytes.size()));
  return std::string(AsText(bytes));
}

Result<round::Message> Unpack(std::string_view bytes) {
  DURE_TRY(CheckSize(bytes.size()));
  return round::DecodeMessage(AsBytes(bytes));
}

}  // namespace dure::transport
