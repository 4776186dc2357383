// Update to masked planes in one pass: lanes are rounded, masked and packed while they are in
// cache. Pure; any thread.
#pragma once

#include "federation/codec/encode.h"
#include "federation/masking/masks.h"

namespace dure::masking {

struct MaskedOutput {
  PlaneSpan planes;           // of the range
  std::span<uint8_t> lanes;   // the lanes in the clear, for the aggregate check; never sent
  std::span<float> residual;  // as in codec::EncodeOutput
};

// codec::EncodeRange and MaskLanes over a range of a segment. `segment_first` is the index of the
// segment's first parameter in the flat vector. REQUIRES: as these two. Errors as theirs; the
// outputs are then void.
Result<codec::EncodeStats> EncodeMasked(const codec::EncodeParameters& parameters,
                                        uint64_t segment_first, const codec::EncodeInput& in,
                                        const WordLayout& layout, const Masks& masks,
                                        WordRange range, const MaskedOutput& out);

}  // namespace dure::masking
