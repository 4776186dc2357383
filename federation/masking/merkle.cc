#include "federation/masking/merkle.h"

#include <bit>

#include "federation/check.h"

namespace dure::masking {
namespace {

thread_local uint64_t digests_made = 0;

Digest NodeOf(const Digest& left, const Digest& right) {
  Bytes bytes{1};
  bytes.insert(bytes.end(), left.bytes.begin(), left.bytes.end());
  bytes.insert(bytes.end(), right.bytes.begin(), right.bytes.end());
  ++digests_made;
  return Sha256(bytes);
}

// The largest power of two below count.
size_t Split(size_t count) { return std::bit_floor(count - 1); }

}  // namespace

Digest LeafOf(ByteView bytes) {
  Bytes prefixed{0};
  prefixed.insert(prefixed.end(), bytes.begin(), bytes.end());
  ++digests_made;
  return Sha256(prefixed);
}

Digest RootOf(std::span<const Digest> leaves) {
  DURE_CHECK(!leaves.empty(), "a tree has a leaf");
  if (leaves.size() == 1) return leaves[0];
  const size_t left = Split(leaves.size());
  return NodeOf(RootOf(leaves.first(left)), RootOf(leaves.subspan(left)));
}

MerkleTree::MerkleTree(std::vector<Digest> leaves) {
  DURE_CHECK(!leaves.empty(), "a tree has a leaf");
  levels_.push_back(std::move(leaves));
  while (levels_.back().size() > 1) {
    const std::vector<Digest>& below = levels_.back();
    std::vector<Digest> level;
    level.reserve((below.size() + 1) / 2);
    for (size_t i = 0; i + 1 < below.size(); i += 2)
      level.push_back(NodeOf(below[i], below[i + 1]));
    if (below.size() % 2 == 1) level.push_back(below.back());
    levels_.push_back(std::move(level));
  }
}

std::vector<Digest> MerkleTree::PathOf(size_t index) const {
  DURE_CHECK(index < leaf_count(), "a leaf is in its tree");
  std::vector<Digest> path;
  for (const std::vector<Digest>& level : levels_) {
    const size_t sibling = index ^ 1;
    if (sibling < level.size()) path.push_back(level[sibling]);
    index /= 2;
  }
  return path;
}

uint64_t DigestsMade() { return digests_made; }

Result<Digest> RootFrom(const Digest& leaf, size_t index, size_t count,
                        std::span<const Digest> path) {
  const auto refuse = [] { return Fail(ErrorCode::kInvalid, "not a path of this tree"); };
  if (index >= count) return refuse();
  if (count == 1) return path.empty() ? Result<Digest>(leaf) : refuse();
  if (path.empty()) return refuse();
  const size_t left = Split(count);
  const auto rest = path.first(path.size() - 1);
  if (index < left) {
    DURE_ASSIGN(const Digest below, RootFrom(leaf, index, left, rest));
    return NodeOf(below, path.back());
  }
  DURE_ASSIGN(const Digest below, RootFrom(leaf, index - left, count - left, rest));
  return NodeOf(path.back(), below);
}

}  // namespace dure::masking
