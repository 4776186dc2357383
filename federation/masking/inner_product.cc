#include "federation/masking/inner_product.h"

#include <algorithm>
#include <cstring>

#include "federation/check.h"
#include "federation/masking/word_kernels.h"

namespace dure::masking {
namespace {

constexpr size_t kStep = 256;                                // sums of so many stay in 64 bits
constexpr uint64_t kScalarOffset = uint64_t{1} << 60;        // behind all parameters
constexpr uint64_t kParametersMax = kScalarOffset / 8 - 16;  // of one segment

uint64_t Product(uint64_t a, uint64_t b) {
  const auto wide = static_cast<unsigned __int128>(a) * b;
  const uint64_t sum =
      (static_cast<uint64_t>(wide) & kFieldPrime) + static_cast<uint64_t>(wide >> 61);
  return sum >= kFieldPrime ? sum - kFieldPrime : sum;
}

// For at most kStep values.
uint64_t StepProduct(const Keystream& stream, uint64_t first, std::span<const int32_t> values) {
  const WordKernels& kernels = BestWordKernels();
  alignas(64) uint64_t coefficients[kStep];
  stream.Read(8 * first, {reinterpret_cast<uint8_t*>(coefficients), 8 * values.size()});
  kernels.reduce(values.size(), coefficients);
  int64_t halves[2];
  kernels.products(values.size(), coefficients, values.data(), halves);
  return FieldSum(FieldOf(halves[0]), Product(FieldOf(halves[1]), uint64_t{1} << 30));
}

}  // namespace

uint64_t FieldOf(uint64_t value) {
  const uint64_t sum = (value & kFieldPrime) + (value >> 61);
  return sum >= kFieldPrime ? sum - kFieldPrime : sum;
}

uint64_t FieldOf(int64_t value) {
  if (value >= 0) return FieldOf(static_cast<uint64_t>(value));
  return FieldDifference(0, FieldOf(0 - static_cast<uint64_t>(value)));
}

uint64_t FieldSum(uint64_t a, uint64_t b) {
  const uint64_t sum = a + b;
  return sum >= kFieldPrime ? sum - kFieldPrime : sum;
}

uint64_t FieldDifference(uint64_t a, uint64_t b) { return a >= b ? a - b : a + kFieldPrime - b; }

uint64_t InnerProduct(const Keystream& coefficients, uint64_t first,
                      std::span<const int32_t> values) {
  DURE_CHECK(first + values.size() <= kParametersMax, "parameters stand before the scalars");
  uint64_t sum = 0;
  for (size_t at = 0; at < values.size(); at += kStep) {
    const size_t count = std::min(kStep, values.size() - at);
    sum = FieldSum(sum, StepProduct(coefficients, first + at, values.subspan(at, count)));
  }
  return sum;
}

uint64_t InnerProductOfLanes(const Keystream& coefficients, uint64_t first, uint64_t lane_bytes,
                             ByteView lanes) {
  DURE_CHECK(lane_bytes == 1 || lane_bytes == 2, "lanes are stored in 1 or 2 bytes");
  const uint64_t total = lanes.size() / lane_bytes;
  int32_t values[kStep];
  uint64_t sum = 0;
  for (uint64_t at = 0; at < total; at += kStep) {
    const size_t count = std::min<uint64_t>(kStep, total - at);
    for (size_t i = 0; i < count; ++i) {
      int16_t wide = 0;
      std::memcpy(&wide, lanes.data() + (at + i) * lane_bytes, lane_bytes);
      values[i] = lane_bytes == 1 ? static_cast<int8_t>(wide) : wide;
    }
    sum = FieldSum(sum, InnerProduct(coefficients, first + at, {values, count}));
  }
  return sum;
}

uint64_t InnerProduct(const Keystream& coefficients, const Scalars& scalars) {
  uint64_t words[kScalars];
  coefficients.Read(kScalarOffset, {reinterpret_cast<uint8_t*>(words), sizeof words});
  PlainWordKernels().reduce(kScalars, words);
  uint64_t sum = 0;
  for (size_t i = 0; i < kScalars; ++i) {
    sum = FieldSum(sum, Product(words[i], FieldOf(scalars[i])));
  }
  return sum;
}

}  // namespace dure::masking
