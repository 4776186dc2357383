#include "federation/codec/wide_hash.h"

#include <gmock/gmock.h>

#include <vector>

#include "federation/random.h"

namespace dure::codec {
namespace {

TEST(WideHasher, GivesOpenSslsDigestsForEveryLengthAndEverySplit) {
  SeededRandom random(4);
  for (const auto way : {WideHasher::Way::kBest, WideHasher::Way::kOpenSsl}) {
    WideHasher hasher(way);
    for (size_t blocks = 0; blocks < 40; ++blocks) {
      std::vector<Bytes> messages(WideHasher::kMessages, Bytes(blocks * 64));
      for (Bytes& message : messages) random.Fill(message);
      for (size_t at = 0; at < blocks;) {
        const size_t count = std::min<size_t>(blocks - at, random.Below(9));
        WideHasher::Fronts fronts;
        for (size_t i = 0; i < fronts.size(); ++i) fronts[i] = messages[i].data() + at * 64;
        hasher.Update(fronts, count * 64);
        at += count;
      }
      const auto digests = hasher.Finish();
      for (size_t i = 0; i < digests.size(); ++i) {
        ASSERT_EQ(digests[i], Sha256(messages[i])) << "message " << i << ", " << blocks;
      }
    }
  }
}

TEST(WideHasher, HashesLongMessages) {
  std::vector<Bytes> messages(WideHasher::kMessages, Bytes(1 << 20));
  SeededRandom random(5);
  WideHasher::Fronts fronts;
  for (size_t i = 0; i < fronts.size(); ++i) {
    random.Fill(messages[i]);
    fronts[i] = messages[i].data();
  }
  WideHasher hasher;
  hasher.Update(fronts, messages[0].size());
  const auto digests = hasher.Finish();
  for (size_t i = 0; i < digests.size(); ++i) EXPECT_EQ(digests[i], Sha256(messages[i]));
}

TEST(WideHasherDeathTest, WantsWholeBlocks) {
  const Bytes message(65);
  WideHasher::Fronts fronts;
  fronts.fill(message.data());
  WideHasher hasher;
  EXPECT_DEATH(hasher.Update(fronts, message.size()), "whole blocks");
}

}  // namespace
}  // namespace dure::codec
