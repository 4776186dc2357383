#include "policy/ledger/merkle.h"

#include <gmock/gmock.h>

#include "federation/random.h"

namespace dure::ledger {
namespace {

std::vector<Bytes> ReferenceLeaves() {
  std::vector<Bytes> leaves;
  for (const char* hex : {"", "00", "10", "2021", "3031", "40414243", "5051525354555657",
                          "606162636465666768696a6b6c6d6e6f"}) {
    leaves.push_back(*FromHex(hex));
  }
  return leaves;
}

MerkleTree TreeOf(size_t size, uint64_t salt = 0) {
  MerkleTree tree;
  for (size_t i = 0; i < size; ++i) tree.Append(LeafHash(AsBytes(std::to_string(i + salt))));
  return tree;
}

Digest Hex(std::string_view hex) { return *Digest::FromHex(hex); }

// RFC 6962 section 2.1 as it is written, sharing nothing with the tree under test.
Digest PlainRoot(const std::vector<Bytes>& entries, size_t begin, size_t end) {
  if (begin == end) return Sha256({});
  if (end - begin == 1) return LeafHash(entries[begin]);
  size_t k = 1;
  while (2 * k < end - begin) k *= 2;
  return NodeHash(PlainRoot(entries, begin, begin + k), PlainRoot(entries, begin + k, end));
}

TEST(Merkle, GivesTheRootsOfTheReference) {
  const char* roots[] = {"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                         "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                         "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
                         "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
                         "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                         "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
                         "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
                         "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
                         "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
  MerkleTree tree;
  const std::vector<Bytes> leaves = ReferenceLeaves();
  for (size_t size = 0; size <= leaves.size(); ++size) {
    EXPECT_EQ(tree.Root().Hex(), roots[size]);
    if (size < leaves.size()) tree.Append(LeafHash(leaves[size]));
  }
}

TEST(Merkle, GivesTheProofsOfTheReference) {
  MerkleTree tree;
  for (const Bytes& leaf : ReferenceLeaves()) tree.Append(LeafHash(leaf));
  const Digest four = Hex("d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7");
  const Digest pair = Hex("ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0");
  EXPECT_EQ(
      tree.ProveInclusion(5, 8),
      (Proof{Hex("bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"), pair, four}));
  EXPECT_EQ(
      tree.ProveConsistency(6, 8),
      (Proof{Hex("0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"), pair, four}));
}

TEST(Merkle, VerifiesTheTesseraProofOfFifteenEntries) {
  const auto hash = [](std::string_view base64) { return *Digest::FromBytes(*FromBase64(base64)); };
  EXPECT_EQ(LeafHash(AsBytes("one")).Hex(),
            "d0d7360ab79f58ab1e1e3fe64ad77e2ea0bc07e36b5f46ed2223edd9298df9e9");
  const Proof proof = {hash("ThcgoV2DYcK+VCxBUDWAlNxmLy2r7dq7dK7+OlgQKWs="),
                       hash("ycRkkNklus5eMVRUvkD1pK321vMrA+jjOiZKU8aOcY4="),
                       hash("zY1lN35vrXYAPixXSd59LsU29xUJtuW4o2dNNg5Y2Co="),
                       hash("5jLpqTgjsBDSEX6SgZiRnbTMdTuRd8bQ5tSsAOxe0Ks=")};
  const Digest root = hash("rKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=");
  EXPECT_TRUE(VerifyInclusion(LeafHash(AsBytes("seven")), 6, 15, proof, root));
  EXPECT_FALSE(VerifyInclusion(LeafHash(AsBytes("eight")), 6, 15, proof, root));
}

TEST(Merkle, AgreesWithThePlainDefinitionAtEverySize) {
  std::vector<Bytes> entries;
  MerkleTree tree;
  for (size_t size = 0; size < 130; ++size) {
    EXPECT_EQ(tree.Root(), PlainRoot(entries, 0, size)) << size;
    entries.push_back(ToBytes("entry " + std::to_string(size * size)));
    tree.Append(LeafHash(entries.back()));
  }
  for (size_t size = 0; size < 130; ++size)
    EXPECT_EQ(tree.RootAt(size), PlainRoot(entries, 0, size));
}

TEST(Merkle, ForgetsTruncatedLeavesEntirely) {
  for (size_t size = 0; size <= 33; ++size) {
    MerkleTree tree = TreeOf(33);
    tree.Truncate(size);
    EXPECT_EQ(tree.Root(), TreeOf(size).Root());
    for (size_t i = size; i < 40; ++i) tree.Append(LeafHash(AsBytes(std::to_string(i))));
    EXPECT_EQ(tree.Root(), TreeOf(40).Root()) << size;
  }
}

// Calls `check` for the proof with each bit flipped, each hash dropped, repeated and swapped, and
// one added.
template <typename Check>
void ForEveryMutation(const Proof& proof, const Check& check) {
  for (size_t i = 0; i < proof.size(); ++i) {
    for (size_t bit = 0; bit < 256; ++bit) {
      Proof bad = proof;
      bad[i].bytes[bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
      check(bad, "a flipped bit");
    }
    Proof dropped = proof;
    dropped.erase(dropped.begin() + static_cast<ptrdiff_t>(i));
    check(dropped, "a dropped hash");
    if (i > 0 && proof[i] != proof[i - 1]) {
      Proof swapped = proof;
      std::swap(swapped[i], swapped[i - 1]);
      check(swapped, "swapped hashes");
    }
  }
  Proof longer = proof;
  longer.push_back(EmptyRoot());
  check(longer, "trailing garbage");
}

TEST(Merkle, ProvesEveryInclusionOfSmallTreesAndRefusesEveryMutation) {
  const MerkleTree tree = TreeOf(22);
  for (uint64_t size = 1; size <= 21; ++size) {
    const Digest root = tree.RootAt(size);
    for (uint64_t index = 0; index < size; ++index) {
      const Proof proof = tree.ProveInclusion(index, size);
      ASSERT_TRUE(VerifyInclusion(tree.Leaf(index), index, size, proof, root))
          << index << " of " << size;
      ForEveryMutation(proof, [&](const Proof& bad, const char* what) {
        ASSERT_FALSE(VerifyInclusion(tree.Leaf(index), index, size, bad, root)) << what;
      });
      for (uint64_t other = 0; other < size + 2; ++other) {
        const bool same = other == index;
        ASSERT_EQ(VerifyInclusion(tree.Leaf(index), other, size, proof, root), same);
        ASSERT_EQ(VerifyInclusion(tree.Leaf(std::min(other, size)), index, size, proof, root),
                  same);
      }
    }
  }
}

TEST(Merkle, ProvesEveryConsistencyOfSmallTreesAndRefusesEveryMutation) {
  const MerkleTree tree = TreeOf(21);
  for (uint64_t to = 0; to <= 21; ++to) {
    for (uint64_t from = 0; from <= to; ++from) {
      const Proof proof = tree.ProveConsistency(from, to);
      const Digest old_root = tree.RootAt(from);
      ASSERT_TRUE(VerifyConsistency(from, old_root, to, tree.RootAt(to), proof))
          << from << " to " << to;
      ForEveryMutation(proof, [&](const Proof& bad, const char* what) {
        ASSERT_FALSE(VerifyConsistency(from, old_root, to, tree.RootAt(to), bad)) << what;
      });
      if (from == 0) continue;
      const Digest other = TreeOf(from, 1000).Root();
      ASSERT_FALSE(VerifyConsistency(from, other, to, tree.RootAt(to), proof));
      ASSERT_FALSE(VerifyConsistency(from, old_root, to, TreeOf(to, 1000).Root(), proof));
      if (from < to) {
        ASSERT_FALSE(VerifyConsistency(to, tree.RootAt(to), from, old_root, proof));
      }
    }
  }
}

TEST(Merkle, ProvesRandomLargeTrees) {
  SeededRandom random(6962);
  const MerkleTree tree = TreeOf(5000);
  for (int i = 0; i < 2000; ++i) {
    const uint64_t size = 1 + random.Below(5000);
    const uint64_t index = random.Below(size);
    const uint64_t from = random.Below(size + 1);
    EXPECT_TRUE(VerifyInclusion(tree.Leaf(index), index, size, tree.ProveInclusion(index, size),
                                tree.RootAt(size)));
    EXPECT_TRUE(VerifyConsistency(from, tree.RootAt(from), size, tree.RootAt(size),
                                  tree.ProveConsistency(from, size)));
  }
}

}  // namespace
}  // namespace dure::ledger
