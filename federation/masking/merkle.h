// A tree over the shares of one site in one segment, so that the signature on its root covers all
// of them and each holder needs a path of a few digests only. Shape and prefixes as RFC 9162.
#pragma once

#include <span>
#include <vector>

#include "federation/digest.h"

namespace dure::masking {

Digest LeafOf(ByteView bytes);

// All of a tree, where more than one path of it is wanted: as many digests as twice its leaves.
class MerkleTree {
 public:
  // REQUIRES: at least one leaf.
  explicit MerkleTree(std::vector<Digest> leaves);
  const Digest& root() const { return levels_.back().front(); }
  // REQUIRES: index < leaf_count().
  std::vector<Digest> PathOf(size_t index) const;
  size_t leaf_count() const { return levels_.front().size(); }

 private:
  std::vector<std::vector<Digest>> levels_;  // leaves first; a node without a sibling goes up as is
};

// Digests made here by this thread, of leaves and nodes: what a test counts instead of seconds.
uint64_t DigestsMade();

// REQUIRES: at least one leaf.
Digest RootOf(std::span<const Digest> leaves);
// The root that a path leads to, for a tree of `count` leaves. kInvalid: no path of such a leaf.
Result<Digest> RootFrom(const Digest& leaf, size_t index, size_t count,
                        std::span<const Digest> path);

}  // namespace dure::masking
