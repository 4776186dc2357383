// Canonical bytes: what we sign, hash and persist. Integers little-endian at fixed width, strings
// and byte strings with a u32 length before them. One value has one encoding; the reader refuses
// anything else.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "federation/bytes.h"
#include "federation/digest.h"

namespace dure {

class CanonicalWriter {
 public:
  CanonicalWriter& U8(uint8_t v);
  CanonicalWriter& U32(uint32_t v);
  CanonicalWriter& U64(uint64_t v);
  CanonicalWriter& I64(int64_t v) { return U64(static_cast<uint64_t>(v)); }
  CanonicalWriter& F32(float v);   // IEEE bits
  CanonicalWriter& F64(double v);  // IEEE bits
  CanonicalWriter& Bool(bool v) { return U8(v ? 1 : 0); }
  CanonicalWriter& Text(std::string_view text) { return Blob(AsBytes(text)); }
  CanonicalWriter& Blob(ByteView bytes);
  CanonicalWriter& Raw32(const Digest& digest);
  const Bytes& bytes() const { return bytes_; }
  Bytes Take() { return std::move(bytes_); }

 private:
  Bytes bytes_;
};

// Total: after the first failure every read returns a zero value and ok() stays false.
class CanonicalReader {
 public:
  explicit CanonicalReader(ByteView bytes) : rest_(bytes) {}
  uint8_t U8();
  uint32_t U32();
  uint64_t U64();
  int64_t I64() { return static_cast<int64_t>(U64()); }
  float F32();
  double F64();
  bool Bool();  // refuses bytes other than 0 and 1
  std::string Text(size_t bytes_max = 65536);
  Bytes Blob(size_t bytes_max = 65536);
  Digest Raw32();
  bool ok() const { return ok_; }
  size_t remaining() const { return rest_.size(); }
  // kInvalid if any read failed or bytes are left over.
  Status Done(std::string_view what) const;

 private:
  ByteView Take(size_t n);
  ByteView rest_;
  bool ok_ = true;
};

}  // namespace dure
