// Masked words: how wide a masked lane must be, and how a masked segment is laid out.
//
// The sum of N lanes lies in [-N*L, N*L], so masking works modulo 2^b with the fewest b that hold
// it (the headroom rule): lane bits plus 0, 1, 2, 4 or 8. A masked segment is laid out exactly like
// an aggregate of the codec for N sites: per 2^20 parameters, plane 0 with the low 8 or 16 bits of
// each word, then plane 1 with the rest; so an upload costs what the sum costs, 12 bits a parameter
// for int8 and up to 16 sites. Behind the planes stand kScalars words of 64 bits: what must be
// summed but may not be seen, the weight first of all. Addition happens in words of 1, 2 or 4 bytes
// and the planes drop what lies above b: 2^b divides 2^(8*bytes), so the sums agree modulo 2^b.
// Pure; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "federation/bytes.h"
#include "federation/masking/keystream.h"

namespace dure::masking {

// Summed under masking beside the lanes, each below kScalarMax at a site.
enum class Scalar : uint8_t { kWeight = 0, kTokens = 1, kSteps = 2, kSaturated = 3 };
inline constexpr size_t kScalars = 4;
inline constexpr uint64_t kScalarMax = uint64_t{1} << 55;  // 255 of them stay below 2^63
using Scalars = std::array<uint64_t, kScalars>;

// Sites in one masked cohort: the places of Shamir's sharing.
inline constexpr uint32_t kSitesMax = 255;

struct PlaneSpan {
  std::span<uint8_t> low;
  std::span<uint8_t> high;
};

class WordLayout {
 public:
  // lane_max is L: 7 (int4), 127 (int8) or 32767 (int16), and lanes are stored in 1, 1 and 2 bytes.
  // kInvalid: another lane_max, no sites or more than kSitesMax, no parameters or more than
  // limits::kParameterCountMax.
  static Result<WordLayout> Make(int32_t lane_max, uint32_t site_count, uint64_t parameter_count);

  int32_t lane_max() const { return lane_max_; }
  uint32_t site_count() const { return site_count_; }
  uint64_t parameter_count() const { return parameter_count_; }
  uint64_t lane_bytes() const { return lane_max_ <= 127 ? 1 : 2; }
  int32_t sum_max() const { return lane_max_ * static_cast<int32_t>(site_count_); }
  int high_bits() const { return high_bits_; }
  int bits() const { return 8 * static_cast<int>(lane_bytes()) + high_bits_; }  // b
  WordBytes word() const;
  uint64_t word_bytes() const { return static_cast<uint64_t>(word()); }

  uint64_t PlaneBytes() const;  // of all parameters
  uint64_t PayloadBytes() const { return PlaneBytes() + 8 * kScalars; }
  uint64_t LowBytes(uint64_t count) const { return count * lane_bytes(); }
  uint64_t HighBytes(uint64_t count) const;
  // As in codec::AggregateLayout. REQUIRES: first < parameter_count, a multiple of 1024.
  uint64_t LowOffset(uint64_t first) const;
  uint64_t HighOffset(uint64_t first) const;

 private:
  WordLayout() = default;
  int32_t lane_max_ = 0;
  uint32_t site_count_ = 0;
  uint64_t parameter_count_ = 0;
  int high_bits_ = 0;
};

// A range of parameters: begins at a block of 1024, within one run of 2^20, and ends at a block,
// or where the layout's parameters end.
struct WordRange {
  uint64_t begin = 0;
  uint64_t end = 0;
  uint64_t size() const { return end - begin; }
};

// The planes of a range within a whole payload. REQUIRES: payload.size() is PayloadBytes() or
// PlaneBytes().
PlaneSpan PlanesOf(const WordLayout& layout, std::span<uint8_t> payload, WordRange range);

// The scalars at a payload's end, as little-endian words. REQUIRES: payload.size() is
// PayloadBytes().
Scalars ReadScalars(const WordLayout& layout, ByteView payload);
void WriteScalars(const WordLayout& layout, const Scalars& scalars, std::span<uint8_t> payload);

}  // namespace dure::masking
