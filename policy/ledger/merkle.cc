#include "policy/ledger/merkle.h"

#include <bit>

#include "federation/check.h"

namespace dure::ledger {
namespace {

// The largest power of two smaller than n. REQUIRES: n > 1.
uint64_t SplitPoint(uint64_t n) { return std::bit_floor(n - 1); }

}  // namespace

Digest LeafHash(ByteView entry) {
  thread_local Sha256Hasher hasher;
  const uint8_t prefix = 0x00;
  return hasher.Update(ByteView(&prefix, 1)).Update(entry).Finish();
}

Digest NodeHash(const Digest& left, const Digest& right) {
  std::array<uint8_t, 65> bytes;
  bytes[0] = 0x01;
  std::copy(left.bytes.begin(), left.bytes.end(), bytes.begin() + 1);
  std::copy(right.bytes.begin(), right.bytes.end(), bytes.begin() + 33);
  return Sha256(bytes);
}

Digest EmptyRoot() { return Sha256({}); }

void MerkleTree::Append(const Digest& leaf) {
  Digest hash = leaf;
  for (size_t level = 0;; ++level) {
    if (level == levels_.size()) levels_.emplace_back();
    std::vector<Digest>& nodes = levels_[level];
    nodes.push_back(hash);
    if (nodes.size() % 2 != 0) return;
    hash = NodeHash(nodes[nodes.size() - 2], nodes[nodes.size() - 1]);
  }
}

void MerkleTree::Truncate(uint64_t size) {
  DURE_CHECK(size <= this->size(), "a tree is only ever cut shorter");
  for (size_t level = 0; level < levels_.size(); ++level) levels_[level].resize(size >> level);
  while (!levels_.empty() && levels_.back().empty()) levels_.pop_back();
}

const Digest& MerkleTree::Leaf(uint64_t index) const { return Node(0, index); }

const Digest& MerkleTree::Node(unsigned level, uint64_t n) const {
  DURE_CHECK(level < levels_.size() && n < levels_[level].size(), "the subtree is complete");
  return levels_[level][n];
}

Digest MerkleTree::Range(uint64_t begin, uint64_t end) const {
  const uint64_t n = end - begin;
  if (std::has_single_bit(n)) {
    const auto level = static_cast<unsigned>(std::countr_zero(n));
    // Every range that RFC 6962 cuts out of a tree starts at a multiple of its own power of two.
    return Node(level, begin >> level);
  }
  const uint64_t k = SplitPoint(n);
  return NodeHash(Range(begin, begin + k), Range(begin + k, end));
}

Digest MerkleTree::RootAt(uint64_t size) const {
  DURE_CHECK(size <= this->size(), "a root is asked of entries that are there");
  return size == 0 ? EmptyRoot() : Range(0, size);
}

Proof MerkleTree::ProveInclusion(uint64_t index, uint64_t size) const {
  DURE_CHECK(index < size && size <= this->size(), "the entry is in the tree");
  Proof proof;
  uint64_t begin = 0;
  uint64_t end = size;
  while (end - begin > 1) {
    const uint64_t middle = begin + SplitPoint(end - begin);
    if (index < middle) {
      proof.push_back(Range(middle, end));
      end = middle;
    } else {
      proof.push_back(Range(begin, middle));
      begin = middle;
    }
  }
  return {proof.rbegin(), proof.rend()};  // found from the root down, written from the leaf up
}

void MerkleTree::SubProof(uint64_t from, uint64_t begin, uint64_t end, bool whole,
                          Proof& out) const {
  if (from == end - begin) {
    // The verifier knows the old root itself, so it is left out where it stands whole.
    if (!whole) out.push_back(Range(begin, end));
    return;
  }
  const uint64_t k = SplitPoint(end - begin);
  if (from <= k) {
    SubProof(from, begin, begin + k, whole, out);
    out.push_back(Range(begin + k, end));
  } else {
    SubProof(from - k, begin + k, end, false, out);
    out.push_back(Range(begin, begin + k));
  }
}

Proof MerkleTree::ProveConsistency(uint64_t from, uint64_t to) const {
  DURE_CHECK(from <= to && to <= size(), "both sizes are of this tree");
  Proof proof;
  if (from != 0 && from != to) SubProof(from, 0, to, true, proof);
  return proof;
}

bool VerifyInclusion(const Digest& leaf, uint64_t index, uint64_t size, const Proof& proof,
                     const Digest& root) {
  if (index >= size) return false;
  uint64_t fn = index;
  uint64_t sn = size - 1;
  Digest hash = leaf;
  for (const Digest& sibling : proof) {
    if (sn == 0) return false;
    if ((fn & 1) != 0 || fn == sn) {
      hash = NodeHash(sibling, hash);
      while ((fn & 1) == 0 && fn != 0) fn >>= 1, sn >>= 1;
    } else {
      hash = NodeHash(hash, sibling);
    }
    fn >>= 1;
    sn >>= 1;
  }
  return sn == 0 && hash == root;
}

bool VerifyConsistency(uint64_t from, const Digest& from_root, uint64_t to, const Digest& to_root,
                       const Proof& proof) {
  if (from == to) return proof.empty() && from_root == to_root;
  if (from == 0) return proof.empty() && from_root == EmptyRoot();
  if (from > to) return false;
  // A power of two stands whole in the later tree, so its root is where the path starts.
  const bool whole = std::has_single_bit(from);
  if (proof.empty()) return false;
  uint64_t fn = from - 1;
  uint64_t sn = to - 1;
  while ((fn & 1) != 0) fn >>= 1, sn >>= 1;
  Digest old_hash = whole ? from_root : proof[0];
  Digest new_hash = old_hash;
  for (size_t i = whole ? 0 : 1; i < proof.size(); ++i) {
    if (sn == 0) return false;
    if ((fn & 1) != 0 || fn == sn) {
      old_hash = NodeHash(proof[i], old_hash);
      new_hash = NodeHash(proof[i], new_hash);
      while ((fn & 1) == 0 && fn != 0) fn >>= 1, sn >>= 1;
    } else {
      new_hash = NodeHash(new_hash, proof[i]);
    }
    fn >>= 1;
    sn >>= 1;
  }
  return sn == 0 && old_hash == from_root && new_hash == to_root;
}

}  // namespace dure::ledger
