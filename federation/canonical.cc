#include "federation/canonical.h"

#include <bit>

namespace dure {
namespace {

template <typename T>
void Append(Bytes& out, T value) {
  uint8_t bytes[sizeof value];
  for (size_t i = 0; i < sizeof value; ++i) bytes[i] = static_cast<uint8_t>(value >> (8 * i));
  out.insert(out.end(), bytes, bytes + sizeof value);
}

template <typename T>
T Load(ByteView bytes) {
  T value = 0;
  for (size_t i = 0; i < bytes.size(); ++i) value |= static_cast<T>(T{bytes[i]} << (8 * i));
  return value;
}

}  // namespace

CanonicalWriter& CanonicalWriter::U8(uint8_t v) {
  bytes_.push_back(v);
  return *this;
}
CanonicalWriter& CanonicalWriter::U32(uint32_t v) {
  Append(bytes_, v);
  return *this;
}
CanonicalWriter& CanonicalWriter::U64(uint64_t v) {
  Append(bytes_, v);
  return *this;
}
CanonicalWriter& CanonicalWriter::F32(float v) { return U32(std::bit_cast<uint32_t>(v)); }
CanonicalWriter& CanonicalWriter::F64(double v) { return U64(std::bit_cast<uint64_t>(v)); }
CanonicalWriter& CanonicalWriter::Blob(ByteView bytes) {
  U32(static_cast<uint32_t>(bytes.size()));
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  return *this;
}
CanonicalWriter& CanonicalWriter::Raw32(const Digest& digest) {
  bytes_.insert(bytes_.end(), digest.bytes.begin(), digest.bytes.end());
  return *this;
}

ByteView CanonicalReader::Take(size_t n) {
  if (!ok_ || rest_.size() < n) {
    ok_ = false;
    return {};
  }
  const ByteView taken = rest_.first(n);
  rest_ = rest_.subspan(n);
  return taken;
}

uint8_t CanonicalReader::U8() { return Load<uint8_t>(Take(1)); }
uint32_t CanonicalReader::U32() { return Load<uint32_t>(Take(4)); }
uint64_t CanonicalReader::U64() { return Load<uint64_t>(Take(8)); }
float CanonicalReader::F32() { return std::bit_cast<float>(U32()); }
double CanonicalReader::F64() { return std::bit_cast<double>(U64()); }

bool CanonicalReader::Bool() {
  const uint8_t v = U8();
  if (v > 1) ok_ = false;
  return v == 1;
}

std::string CanonicalReader::Text(size_t bytes_max) {
  const Bytes bytes = Blob(bytes_max);
  return std::string(AsText(bytes));
}

Bytes CanonicalReader::Blob(size_t bytes_max) {
  const uint32_t n = U32();
  if (n > bytes_max) ok_ = false;
  const ByteView taken = Take(n);
  return {taken.begin(), taken.end()};
}

Digest CanonicalReader::Raw32() {
  Digest digest;
  const ByteView taken = Take(digest.bytes.size());
  std::copy(taken.begin(), taken.end(), digest.bytes.begin());
  return digest;
}

Status CanonicalReader::Done(std::string_view what) const {
  if (!ok_) return Fail(ErrorCode::kInvalid, std::string(what) + " is cut short or malformed");
  if (!rest_.empty()) return Fail(ErrorCode::kInvalid, std::string(what) + " has bytes left over");
  return {};
}

}  // namespace dure
