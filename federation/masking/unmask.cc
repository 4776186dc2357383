#include "federation/masking/unmask.h"

#include <algorithm>
#include <cstring>

#include "federation/check.h"
#include "federation/codec/kernels.h"
#include "federation/codec/typed.h"
#include "federation/masking/word_kernels.h"

namespace dure::masking {
namespace {

using codec::kBlock;
using codec::PlaneView;
using codec::Typed;

Error BeyondReach() {
  return {ErrorCode::kCorrupt,
          "a sum is beyond what its sites can reach; the aggregate is not used"};
}

// Values of one block, sign-extended from the layout's bits.
// Returns the largest magnitude.
int32_t Unpack(const WordLayout& layout, size_t count, const uint8_t* low, const uint8_t* high,
               int32_t* values) {
  const codec::Kernels& kernels = codec::BestKernels();
  if (layout.lane_bytes() == 1) {
    return kernels.unpack8(count, low, high, layout.high_bits(), values);
  }
  return kernels.unpack16(count, Typed<uint16_t>(low), high, layout.high_bits(), values);
}

void AddBlock(const WordLayout& layout, const PlaneView& upload, uint64_t at, size_t count,
              uint8_t* words) {
  const WordKernels& kernels = BestWordKernels();
  const int bits = layout.high_bits();
  const uint8_t* const low = upload.low.data() + layout.LowBytes(at);
  const uint8_t* const high = upload.high.data() + layout.HighBytes(at);
  if (layout.word() == WordBytes::k1) {
    kernels.add8to8(count, low, words);
  } else if (layout.word() == WordBytes::k2) {
    kernels.add8to16(count, low, high, bits, Typed<uint16_t>(words));
  } else {
    kernels.add16to32(count, Typed<uint16_t>(low), high, bits, Typed<uint32_t>(words));
  }
}

// The sum of all uploads of one chunk, as words modulo 2^(8*width). Upload by upload: each is then
// read in stretches that are long enough to be fetched ahead, and the words stay in cache.
void SumChunk(const WordLayout& layout, std::span<const PlaneView> uploads, uint64_t at,
              uint64_t count, uint8_t* words) {
  std::memset(words, 0, count * layout.word_bytes());
  for (const PlaneView& upload : uploads) {
    for (uint64_t b = 0; b < count; b += kBlock) {
      AddBlock(layout, upload, at + b, std::min<uint64_t>(kBlock, count - b),
               words + b * layout.word_bytes());
    }
  }
}

int32_t Extend(const WordLayout& layout, size_t count, const uint8_t* words, int32_t* values) {
  const WordKernels& kernels = BestWordKernels();
  const int bits = layout.bits();
  if (layout.word() == WordBytes::k1) return kernels.extend8(count, words, bits, values);
  if (layout.word() == WordBytes::k2) {
    return kernels.extend16(count, Typed<uint16_t>(words), bits, values);
  }
  return kernels.extend32(count, Typed<uint32_t>(words), bits, values);
}

// Full values to the words of another layout, and these to its planes.
void PackValues(const WordLayout& layout, std::span<const int32_t> values, PlaneSpan out) {
  alignas(64) uint8_t words[kBlock * 4];
  const WordKernels& kernels = BestWordKernels();
  const auto* const sums = reinterpret_cast<const uint32_t*>(values.data());
  if (layout.word() == WordBytes::k1) {
    kernels.narrow8(values.size(), sums, words);
  } else if (layout.word() == WordBytes::k2) {
    kernels.narrow16(values.size(), sums, Typed<uint16_t>(words));
  } else {
    std::memcpy(words, sums, 4 * values.size());
  }
  PackWords(layout, {words, values.size() * layout.word_bytes()}, out);
}

void CheckPlanes(const WordLayout& layout, uint64_t count, size_t low, size_t high) {
  DURE_CHECK(low == layout.LowBytes(count) && high == layout.HighBytes(count),
             "planes fit the range");
}

}  // namespace

Status UnmaskRange(const WordLayout& masked, const UnmaskInput& in, WordRange range,
                   const WordLayout& sums, PlaneSpan out) {
  DURE_CHECK(sums.site_count() == in.uploads.size() && sums.lane_max() == masked.lane_max(),
             "the sum is that of the uploads");
  CheckPlanes(sums, range.size(), out.low.size(), out.high.size());
  for (const PlaneView& upload : in.uploads) {
    CheckPlanes(masked, range.size(), upload.low.size(), upload.high.size());
  }
  alignas(64) uint8_t words[kChunkParameters * 4];
  alignas(64) int32_t values[kBlock];
  const uint64_t width = masked.word_bytes();
  const int32_t reach = std::min(in.reach, sums.sum_max());
  for (uint64_t at = 0; at < range.size(); at += kChunkParameters) {
    const uint64_t chunk = std::min(kChunkParameters, range.size() - at);
    SumChunk(masked, in.uploads, at, chunk, words);
    in.masks.Apply(masked.word(), range.begin + at, {words, chunk * width});
    for (uint64_t b = 0; b < chunk; b += kBlock) {
      const size_t count = std::min<uint64_t>(kBlock, chunk - b);
      const int32_t most = Extend(masked, count, words + b * width, values);
      if (most > reach) return Fail(BeyondReach());
      PackValues(sums, {values, count},
                 {out.low.subspan(sums.LowBytes(at + b), sums.LowBytes(count)),
                  out.high.subspan(sums.HighBytes(at + b), sums.HighBytes(count))});
    }
  }
  return {};
}

Result<Scalars> UnmaskScalars(std::span<const Scalars> uploads, const Masks& masks) {
  Scalars sums{};
  for (const Scalars& upload : uploads) {
    for (size_t i = 0; i < kScalars; ++i) sums[i] += upload[i];
  }
  masks.Apply(sums);
  for (const uint64_t sum : sums) {
    if (sum > uploads.size() * (kScalarMax - 1)) return Fail(BeyondReach());
  }
  return sums;
}

Status ReadSums(const WordLayout& sums, PlaneView planes, std::span<int32_t> values,
                int32_t reach) {
  CheckPlanes(sums, values.size(), planes.low.size(), planes.high.size());
  const WordKernels& kernels = BestWordKernels();
  for (size_t at = 0; at < values.size(); at += kBlock) {
    const size_t count = std::min(kBlock, values.size() - at);
    const uint8_t* const low = planes.low.data() + sums.LowBytes(at);
    int32_t* const to = values.data() + at;
    const int32_t most =
        sums.word() == WordBytes::k1
            ? kernels.extend8(count, low, 8, to)
            : Unpack(sums, count, low, planes.high.data() + sums.HighBytes(at), to);
    if (most > std::min(reach, sums.sum_max())) return Fail(BeyondReach());
  }
  return {};
}

}  // namespace dure::masking
