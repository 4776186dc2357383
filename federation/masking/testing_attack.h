// Tampering with signed messages, for the tests of attacks.
#pragma once

#include <gtest/gtest.h>

#include <functional>

#include "federation/masking/testing_world.h"

namespace dure::masking {

inline Digest DigestOf(std::string_view text) { return Sha256(AsBytes(text)); }

template <typename T>
const Signed<T>* As(const Bytes& bytes, Message& decoded) {
  auto message = DecodeMessage(bytes);
  if (!message) return nullptr;
  decoded = std::move(*message);
  return std::get_if<Signed<T>>(&decoded);
}

// Replaces the body of a signed message on its way, signed again with a key.
template <typename T>
void Resign(Bytes& bytes, const Signer& signer, const std::function<void(Header&, T&)>& change) {
  Message decoded;
  const Signed<T>* message = As<T>(bytes, decoded);
  if (message == nullptr) return;
  Header header = message->header;
  T body = message->body;
  change(header, body);
  bytes = Sign(signer, header, std::move(body)).carried;
}

inline void ExpectNothingReleased(const World& world) {
  EXPECT_FALSE(world.published.has_value());
  EXPECT_TRUE(world.accepted.empty());
  EXPECT_EQ(world.Unmaskable({}), "");
  for (const auto& [from, bytes] : world.seen) {
    Message decoded;
    EXPECT_EQ(As<Reveal>(bytes, decoded), nullptr) << "no share leaves";
  }
}

}  // namespace dure::masking
