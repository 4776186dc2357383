#include "federation/masking/masks.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "federation/check.h"
#include "federation/codec/kernels.h"
#include "federation/codec/typed.h"
#include "federation/masking/word_kernels.h"

namespace dure::masking {
namespace {

using codec::kBlock;
using codec::Typed;

int32_t Widen(const WordLayout& layout, size_t count, const uint8_t* lanes, uint8_t* words) {
  const WordKernels& kernels = BestWordKernels();
  switch (layout.word()) {
    case WordBytes::k1:
      return kernels.widen8to8(count, Typed<int8_t>(lanes), words);
    case WordBytes::k2:
      return kernels.widen8to16(count, Typed<int8_t>(lanes), Typed<uint16_t>(words));
    default:
      return kernels.widen16to32(count, Typed<int16_t>(lanes), Typed<uint32_t>(words));
  }
}

}  // namespace

Masks::Masks(std::span<const Mask> masks, Engine engine) {
  streams_.reserve(masks.size());
  for (const Mask& mask : masks) streams_.push_back({Keystream(mask.key, engine), mask.direction});
}

void Masks::Apply(WordBytes width, uint64_t first, std::span<uint8_t> words) const {
  const uint64_t offset = first * static_cast<uint64_t>(width);
  for (const Stream& one : streams_) one.stream.Apply(one.direction, width, offset, words);
}

void Masks::Apply(Scalars& scalars) const {
  const std::span<uint8_t> words(reinterpret_cast<uint8_t*>(scalars.data()), sizeof scalars);
  for (const Stream& one : streams_) {
    one.stream.Apply(one.direction, WordBytes::k8, kScalarOffset, words);
  }
}

void PackWords(const WordLayout& layout, std::span<const uint8_t> words, PlaneSpan out) {
  const codec::Kernels& kernels = codec::BestKernels();
  const uint64_t width = layout.word_bytes();
  alignas(64) uint8_t padded[codec::kBlockPadded * 4];
  for (size_t at = 0; at * width < words.size(); at += kBlock) {
    const size_t count = std::min(kBlock, words.size() / width - at);
    const uint8_t* block = words.data() + at * width;
    if (count < kBlock) {
      std::memset(padded, 0, sizeof padded);
      std::memcpy(padded, block, count * width);
      block = padded;
    }
    uint8_t* const low = out.low.data() + layout.LowBytes(at);
    uint8_t* const high = out.high.data() + layout.HighBytes(at);
    if (layout.word() == WordBytes::k1) {
      std::memcpy(low, block, count);
    } else if (layout.word() == WordBytes::k2) {
      kernels.pack8(count, Typed<int16_t>(block), layout.high_bits(), low, high);
    } else {
      kernels.pack16(count, Typed<int32_t>(block), layout.high_bits(), Typed<uint16_t>(low), high);
    }
  }
}

Status MaskLanes(const WordLayout& layout, const Masks& masks, WordRange range, ByteView lanes,
                 PlaneSpan out) {
  DURE_CHECK(lanes.size() == layout.LowBytes(range.size()), "lanes fill the range");
  DURE_CHECK(out.low.size() == layout.LowBytes(range.size()) &&
                 out.high.size() == layout.HighBytes(range.size()),
             "planes fit the range");
  alignas(64) uint8_t words[kChunkParameters * 4];
  const uint64_t width = layout.word_bytes();
  for (uint64_t at = 0; at < range.size(); at += kChunkParameters) {
    const uint64_t count = std::min(kChunkParameters, range.size() - at);
    int32_t most = 0;
    for (uint64_t b = 0; b < count; b += kBlock) {
      most = std::max(most, Widen(layout, std::min<uint64_t>(kBlock, count - b),
                                  lanes.data() + layout.LowBytes(at + b), words + b * width));
    }
    if (most > layout.lane_max()) {
      return Fail(ErrorCode::kInvalid, "a lane holds " + std::to_string(most) +
                                           ", beyond what the sum has room for; nothing is sent");
    }
    masks.Apply(layout.word(), range.begin + at, {words, count * width});
    PackWords(layout, {words, count * width},
              {out.low.subspan(layout.LowBytes(at), layout.LowBytes(count)),
               out.high.subspan(layout.HighBytes(at), layout.HighBytes(count))});
  }
  return {};
}

}  // namespace dure::masking
