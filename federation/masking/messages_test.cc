#include "federation/masking/messages.h"

#include <gtest/gtest.h>

#include "federation/limits.h"
#include "federation/masking/merkle.h"
#include "federation/masking/testing/world.h"

namespace dure::masking {
namespace {

const Ed25519Signer& TestSigner() {
  static const auto signer = std::move(*Ed25519Signer::FromSeed(Bytes(32, 9)));
  return *signer;
}

template <typename T>
size_t SignedBytes(T body) {
  return Sign(TestSigner(), Header{}, std::move(body)).carried.size();
}

TEST(Messages, StayUnderTheBoundAtTheLargestCohortAndSegments) {
  Advertise advertise;
  advertise.mask_keys.resize(kSegmentsMax);
  advertise.released = Released{};
  Outcome outcome;
  outcome.segments.resize(kSegmentsMax);
  CheckValues check;
  check.values.resize(kSegmentsMax);
  Reveal reveal;
  reveal.shares.resize(kSitesMax);
  EXPECT_LT(SignedBytes(advertise), limits::kControlMessageBytesMax);
  EXPECT_LT(SignedBytes(outcome), limits::kControlMessageBytesMax);
  EXPECT_LT(SignedBytes(check), limits::kControlMessageBytesMax);
  EXPECT_LT(SignedBytes(reveal), limits::kControlMessageBytesMax);
  Shares shares;
  shares.head = Bytes(SignedBytes(ShareHead{}));
  shares.entries.resize(kSitesMax);
  for (ShareEntry& entry : shares.entries) entry.sealed.resize(80);
  Survivors survivors;
  survivors.uploads.assign(kSitesMax, Bytes(SignedBytes(Uploaded{})));
  Openings openings;
  openings.openings.assign(kSitesMax, Bytes(SignedBytes(Opening{})));
  for (const Message& message : {Message(shares), Message(survivors), Message(openings)}) {
    const Bytes bytes = EncodeMessage(message);
    EXPECT_LT(bytes.size(), limits::kControlMessageBytesMax) << KindName(message);
    EXPECT_TRUE(DecodeMessage(bytes).has_value()) << KindName(message);
  }
  Context context;
  context.agreed.federation = std::string(64, 'f');
  context.agreed.parameter_count = 1;
  for (uint32_t i = 0; i < kSitesMax; ++i) {
    const std::string name = std::string(61, 'x') + std::to_string(100 + i);
    Seat seat{SiteId::Parse(name).value(), MemberId::Parse(name).value(), {}, i};
    seat.key[0] = static_cast<uint8_t>(i);
    context.seats.push_back(seat);
  }
  const Bytes bytes = EncodeMessage(Open{context.Canonical()});
  EXPECT_LT(bytes.size(), limits::kControlMessageBytesMax);
  EXPECT_TRUE(DecodeMessage(bytes).has_value());
}

TEST(Messages, OfAWholeRoundDecodeToThemselvesAndRefuseEveryCut) {
  World world({.sites = 4});
  world.RunAttempt(0);
  ASSERT_FALSE(world.seen.empty());
  for (const auto& [from, bytes] : world.seen) {
    const auto message = DecodeMessage(bytes);
    ASSERT_TRUE(message.has_value());
    EXPECT_EQ(EncodeMessage(*message), bytes);
    Bytes longer = bytes;
    longer.insert(longer.end() - 64, 0);
    EXPECT_FALSE(DecodeMessage(longer).has_value()) << KindName(*message);
    for (const size_t cut : {size_t{1}, size_t{64}, size_t{65}, bytes.size() - 1}) {
      EXPECT_FALSE(DecodeMessage(ByteView(bytes).first(bytes.size() - cut)).has_value());
    }
  }
}

TEST(Messages, RefuseAnOwnerTwiceAndASiteTwice) {
  Reveal reveal;
  reveal.shares = {{1, SecretKind::kSelf, {}}, {1, SecretKind::kMask, {}}};
  const Bytes both = Sign(TestSigner(), Header{}, reveal).carried;
  EXPECT_FALSE(DecodeMessage(both).has_value()) << "both secrets of one site have no encoding";
  EXPECT_FALSE(DecodeMessage(EncodeMessage(Sharers{{}, {1, 1}})).has_value());
  EXPECT_FALSE(DecodeMessage(EncodeMessage(Sharers{{}, {2, 1}})).has_value());
}

TEST(Signatures, HoldForTheirBytesOnly) {
  Ed25519Verifier verifier;
  const auto message = Sign(TestSigner(), Header{}, Agreement{1, {}});
  EXPECT_TRUE(IsSignedBy(verifier, TestSigner().Key(), message.carried));
  for (size_t bit = 0; bit < 8 * message.carried.size(); ++bit) {
    Bytes changed = message.carried;
    changed[bit / 8] ^= static_cast<uint8_t>(1U << (bit % 8));
    ASSERT_FALSE(IsSignedBy(verifier, TestSigner().Key(), changed)) << "bit " << bit;
  }
}

TEST(Merkle, PathsLeadToTheRootAndToNoOther) {
  for (size_t count = 1; count <= 40; ++count) {
    std::vector<Digest> leaves;
    for (size_t i = 0; i < count; ++i) leaves.push_back(LeafOf(Bytes{static_cast<uint8_t>(i)}));
    const Digest root = RootOf(leaves);
    const MerkleTree tree(leaves);
    EXPECT_EQ(tree.root(), root);
    for (size_t i = 0; i < count; ++i) {
      const auto path = tree.PathOf(i);
      EXPECT_LE(path.size(), 8U);
      EXPECT_EQ(RootFrom(leaves[i], i, count, path).value(), root);
      const auto elsewhere = RootFrom(leaves[i], (i + 1) % count, count, path);
      EXPECT_TRUE(count == 1 || !elsewhere || *elsewhere != root);
      EXPECT_FALSE(RootFrom(leaves[i], count, count, path).has_value());
    }
  }
}

}  // namespace
}  // namespace dure::masking
