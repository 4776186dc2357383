// Round messages as the wire carries them. Private to this room.
#pragma once

#include <string>
#include <string_view>

#include "federation/round/messages.h"

namespace dure::transport {

// kInvalid: larger than limits::kControlMessageBytesMax.
Result<std::string> Pack(const round::Message& message);
// Total. kInvalid: too large, or not exactly one well-formed message.
Result<round::Message> Unpack(std::string_view bytes);

}  // namespace dure::transport
