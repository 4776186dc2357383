// SHA-256 digests: the names of blobs, entries, models and plans.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "federation/bytes.h"

namespace dure {

struct Digest {
  std::array<uint8_t, 32> bytes{};

  auto operator<=>(const Digest&) const = default;
  bool IsZero() const;
  std::string Hex() const { return ToHex(bytes); }
  ByteView View() const { return bytes; }
  static Result<Digest> FromHex(std::string_view hex);  // kInvalid unless 64 hex digits
  static Result<Digest> FromBytes(ByteView bytes);      // kInvalid unless 32 bytes
};

Digest Sha256(ByteView bytes);

// Streaming SHA-256. Not thread-safe; reusable after Finish. OpenSSL's algorithm is fetched once a
// process.
class Sha256Hasher {
 public:
  Sha256Hasher();
  ~Sha256Hasher();
  Sha256Hasher(Sha256Hasher&&) noexcept;
  Sha256Hasher& operator=(Sha256Hasher&&) noexcept;

  Sha256Hasher& Update(ByteView bytes);
  Sha256Hasher& Update(std::string_view text) { return Update(AsBytes(text)); }
  Digest Finish();  // and starts anew

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dure
