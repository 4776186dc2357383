#include "federation/masking/merkle.h"

#include <bit>

#include "federation/check.h"

namespace dure::masking {
namespace {

Digest NodeOf(const Digest& left, const Digest& right) {
  Bytes bytes{1};
  bytes.insert(bytes.end(), left.bytes.begin(), left.bytes.end());
  bytes.insert(bytes.end(), right.bytes.begin(), right.bytes.end());
  return Sha256(bytes);
}

// The largest power of two below count.
size_t Split(size_t count) { return std::bit_floor(count - 1); }

}  // namespace

Digest LeafOf(ByteView bytes) {
  Bytes prefixed{0};
  prefixed.insert(prefixed.end(), bytes.begin(), bytes.end());
  return Sha256(prefixed);
}

Digest RootOf(std::span<const Digest> leaves) {
  DURE_CHECK(!leaves.empty(), "a tree has a leaf");
  if (leaves.size() == 1) return leaves[0];
  const size_t left = Split(leaves.size());
  return NodeOf(RootOf(leaves.first(left)), RootOf(leaves.subspan(left)));
}

std::vector<Digest> PathOf(std::span<const Digest> leaves, size_t index) {
  DURE_CHECK(index < leaves.size(), "a leaf is in its tree");
  if (leaves.size() == 1) return {};
  const size_t left = Split(leaves.size());
  std::vector<Digest> path;
  if (index < left) {
    path = PathOf(leaves.first(left), index);
    path.push_back(RootOf(leaves.subspan(left)));
  } else {
    path = PathOf(leaves.subspan(left), index - left);
    path.push_back(RootOf(leaves.first(left)));
  }
  return path;
}

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
