// Tampering with signed messages, for the tests of attacks.
#pragma once

#include <gmock/gmock.h>

#include <functional>

#include "federation/masking/testing/world.h"

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

// Changes an unsigned message on its way.
template <typename T>
bool Change(Bytes& bytes, const std::function<void(T&)>& change) {
  auto decoded = DecodeMessage(bytes);
  T* message = decoded ? std::get_if<T>(&*decoded) : nullptr;
  if (message == nullptr) return false;
  change(*message);
  bytes = EncodeMessage(*decoded);
  return true;
}

inline Header HeaderOf(const Delivery& delivery) {
  return DecodeSigned<ShareHead>(delivery.head).value().header;
}

inline void ExpectRefused(const World& world, uint32_t site, const std::string& name,
                          uint32_t accused, const std::string& why) {
  ASSERT_TRUE(world.refusals.contains(site)) << name;
  EXPECT_EQ(world.refusals.at(site).name, name);
  EXPECT_EQ(world.refusals.at(site).accused, accused);
  EXPECT_THAT(world.refusals.at(site).why, testing::HasSubstr(why));
}

inline void ExpectExactAndNobodyRefuses(const World& world, size_t sites) {
  EXPECT_EQ(world.accepted.size(), sites);
  EXPECT_TRUE(world.SumsAreExact());
  EXPECT_TRUE(world.refusals.empty());
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
