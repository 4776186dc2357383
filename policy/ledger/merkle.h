// The Merkle tree of RFC 6962 section 2.1 (the same in RFC 9162), over SHA-256: hashes, proofs, and
// checking them.
//
// Pure values and functions, for any thread. A log appends leaf hashes to a MerkleTree, asks it for
// roots and proofs at any past size, and truncates it to take back what could not be stored.
// Whoever checks needs only the two Verify functions. The tree keeps every completed node: 64 bytes
// an entry, so proofs never touch the disk.
#pragma once

#include <cstdint>
#include <vector>

#include "federation/digest.h"

namespace dure::ledger {

using Proof = std::vector<Digest>;

Digest LeafHash(ByteView entry);                           // SHA-256(0x00 || entry)
Digest NodeHash(const Digest& left, const Digest& right);  // SHA-256(0x01 || left || right)
Digest EmptyRoot();                                        // SHA-256("")

class MerkleTree {
 public:
  uint64_t size() const { return levels_.empty() ? 0 : levels_[0].size(); }
  void Append(const Digest& leaf);
  // Forgets leaves [size, size()). REQUIRES: size <= size().
  void Truncate(uint64_t size);

  const Digest& Leaf(uint64_t index) const;  // REQUIRES: index < size()
  Digest Root() const { return RootAt(size()); }
  Digest RootAt(uint64_t size) const;  // REQUIRES: size <= this->size()
  // RFC 9162 section 2.1.3.1, leaf's sibling first. REQUIRES: index < size <= this->size().
  Proof ProveInclusion(uint64_t index, uint64_t size) const;
  // RFC 9162 section 2.1.4.1. Empty when from is 0 or equals to. REQUIRES: from <= to <= size().
  Proof ProveConsistency(uint64_t from, uint64_t to) const;
  // The completed subtree [n << level, (n + 1) << level). REQUIRES: it is complete.
  const Digest& Node(unsigned level, uint64_t n) const;

 private:
  Digest Range(uint64_t begin, uint64_t end) const;
  void SubProof(uint64_t from, uint64_t begin, uint64_t end, bool whole, Proof& out) const;

  std::vector<std::vector<Digest>> levels_;  // levels_[l][n] = Node(l, n)
};

// RFC 9162 section 2.1.3.2. False for any proof that is not exactly right.
bool VerifyInclusion(const Digest& leaf, uint64_t index, uint64_t size, const Proof& proof,
                     const Digest& root);
// RFC 9162 section 2.1.4.2. Any tree extends the empty one (empty proof).
bool VerifyConsistency(uint64_t from, const Digest& from_root, uint64_t to, const Digest& to_root,
                       const Proof& proof);

}  // namespace dure::ledger
