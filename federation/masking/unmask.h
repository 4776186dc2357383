// Unmasking: the masked planes of all survivors in, the planes of their exact sum out, range by
// range. Ranges are independent, each takes O(chunk) memory; nothing is kept between them.
// Pure; any thread.
#pragma once

#include <limits>
#include <span>

#include "federation/codec/aggregate.h"
#include "federation/masking/masks.h"

namespace dure::masking {

struct UnmaskInput {
  std::span<const codec::PlaneView> uploads;  // of the range, one a survivor, in any order
  // To undo what is left in the sum of the uploads: each survivor's own mask, and each mask that a
  // survivor shared with a site that was dropped; directions as they are undone.
  const Masks& masks;
  // The largest magnitude of a sum, where it is below that of the layout (weighing.h).
  int32_t reach = std::numeric_limits<int32_t>::max();
};

// `masked` is the layout of the uploads (all sites that shared masks), `sums` that of the
// aggregate: the same parameters, as many sites as there are survivors. REQUIRES: planes have the
// range's sizes. kCorrupt: a sum beyond what the survivors can reach, so an upload was not made as
// agreed or a mask is wrong; the output is void.
Status UnmaskRange(const WordLayout& masked, const UnmaskInput& in, WordRange range,
                   const WordLayout& sums, PlaneSpan out);

// The survivors' scalars to their sum. kCorrupt: a sum that they cannot reach.
Result<Scalars> UnmaskScalars(std::span<const Scalars> uploads, const Masks& masks);

// The sums of a range, in full width. REQUIRES: planes have the range's sizes, values too.
// kCorrupt: a sum beyond sum_max, or beyond `reach`.
Status ReadSums(const WordLayout& sums, codec::PlaneView planes, std::span<int32_t> values,
                int32_t reach = std::numeric_limits<int32_t>::max());

}  // namespace dure::masking
