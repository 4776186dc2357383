// A tree over the shares of one site in one segment, so that the signature on its root covers all
// of them and each holder needs a path of a few digests only. Shape and prefixes as RFC 9162.
#pragma once

#include <span>
#include <vector>

#include "federation/digest.h"

namespace dure::masking {

Digest LeafOf(ByteView bytes);

// REQUIRES: at least one leaf.
Digest RootOf(std::span<const Digest> leaves);
// REQUIRES: index < leaves.size().
std::vector<Digest> PathOf(std::span<const Digest> leaves, size_t index);
// The root that a path leads to, for a tree of `count` leaves. kInvalid: no path of such a leaf.
Result<Digest> RootFrom(const Digest& leaf, size_t index, size_t count,
                        std::span<const Digest> path);

}  // namespace dure::masking
