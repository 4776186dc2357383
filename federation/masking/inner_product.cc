#include "federation/masking/inner_product.h"

#include <algorithm>

#include "federation/check.h"
#include "federation/masking/word_kernels.h"

namespace dure::masking {
namespace {

constexpr size_t kStep = 256;                                // sums of so many stay in 64 bits
constexpr uint64_t kParametersMax = kScalarOffset / 8 - 16;  // of one segment

uint64_t Product(uint64_t a, uint64_t b) {
  const auto wide = static_cast<unsigned __int128>(a) * b;
  const uint64_t sum =
      (static_cast<uint64_t>(wide) & kFieldPrime) + static_cast<uint64_t>(wide >> 61);
  return sum >= kFieldPrime ? sum - kFieldPrime : sum;
}

// Of at most kStep parameters.
class Coefficients {
 public:
  Coefficients(const Keystream& stream, uint64_t first, size_t count) : count_(count) {
    stream.Read(8 * first, {reinterpret_cast<uint8_t*>(words_), 8 * count});
    kernels_.reduce(count, words_);
  }
  uint64_t Times(const int32_t* values) const {
    int64_t halves[2];
    kernels_.products(count_, words_, values, halves);
    return FieldSum(FieldOf(halves[0]), Product(FieldOf(halves[1]), uint64_t{1} << 30));
  }

 private:
  const WordKernels& kernels_ = BestWordKernels();
  const size_t count_;
  alignas(64) uint64_t words_[kStep];
};

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
    const Coefficients step(coefficients, first + at, std::min(kStep, values.size() - at));
    sum = FieldSum(sum, step.Times(values.data() + at));
  }
  return sum;
}

InnerProducts InnerProductsOf(const Keystream& coefficients, uint64_t first,
                              std::span<const int32_t> values, uint64_t lane_bytes,
                              ByteView lanes) {
  DURE_CHECK(lane_bytes == 1 || lane_bytes == 2, "lanes are stored in 1 or 2 bytes");
  DURE_CHECK(lanes.size() == values.size() * lane_bytes, "a lane for each value");
  DURE_CHECK(first + values.size() <= kParametersMax, "parameters stand before the scalars");
  const WordKernels& kernels = BestWordKernels();
  alignas(64) int32_t wide[kStep];
  InnerProducts sums;
  for (size_t at = 0; at < values.size(); at += kStep) {
    const size_t count = std::min(kStep, values.size() - at);
    const Coefficients step(coefficients, first + at, count);
    const uint8_t* const from = lanes.data() + at * lane_bytes;
    if (lane_bytes == 1) {
      kernels.extend8(count, from, 8, wide);
    } else {
      kernels.extend16(count, reinterpret_cast<const uint16_t*>(from), 16, wide);
    }
    sums.of_values = FieldSum(sums.of_values, step.Times(values.data() + at));
    sums.of_lanes = FieldSum(sums.of_lanes, step.Times(wide));
  }
  return sums;
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
