#include "federation/codec/paired_hash.h"

#include <gmock/gmock.h>

#include "federation/random.h"

namespace dure::codec {
namespace {

TEST(PairedHasher, GivesOpenSslsDigestsForEveryLengthAndEverySplit) {
  SeededRandom random(1);
  for (const auto way : {PairedHasher::Way::kBest, PairedHasher::Way::kOpenSsl}) {
    PairedHasher hasher(way);
    for (size_t length = 0; length < 700; ++length) {
      Bytes first(length), second(length);
      random.Fill(first);
      random.Fill(second);
      for (size_t at = 0; at < length;) {
        const size_t count = std::min<size_t>(length - at, random.Below(200));
        hasher.Update(ByteView(first).subspan(at, count), ByteView(second).subspan(at, count));
        at += count;
      }
      const auto digests = hasher.Finish();
      ASSERT_EQ(digests[0], Sha256(first)) << length << " bytes";
      ASSERT_EQ(digests[1], Sha256(second)) << length << " bytes";
    }
  }
}

TEST(PairedHasher, HashesLongMessages) {
  Bytes first(3'000'001), second(3'000'001);
  SeededRandom(2).Fill(first);
  SeededRandom(3).Fill(second);
  PairedHasher hasher;
  hasher.Update(first, second);
  EXPECT_EQ(hasher.Finish(), (std::array{Sha256(first), Sha256(second)}));
}

TEST(PairedHasher, KnowsTheVectorsOfFips180) {
  PairedHasher hasher;
  hasher.Update(AsBytes("abc"), AsBytes("abd"));
  const auto digests = hasher.Finish();
  EXPECT_EQ(digests[0].Hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(digests[1], Sha256(AsBytes("abd")));
}

TEST(PairedHasherDeathTest, WantsEqualLengths) {
  PairedHasher hasher;
  EXPECT_DEATH(hasher.Update(AsBytes("a"), AsBytes("ab")), "grow together");
}

}  // namespace
}  // namespace dure::codec
