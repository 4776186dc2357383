// One attempt's masks are put on one update, and an attempt has a number that its record allows.
#include <gtest/gtest.h>

#include <algorithm>

#include "federation/masking/testing/attack.h"

namespace dure::masking {
namespace {

template <typename Effect>
const Effect* Find(const std::vector<SiteEffect>& effects) {
  const auto found = std::ranges::find_if(
      effects, [](const SiteEffect& one) { return std::holds_alternative<Effect>(one); });
  return found == effects.end() ? nullptr : &std::get<Effect>(*found);
}

// Everybody has uploaded, and nobody is told who survived.
class OneUpdate : public testing::Test {
 protected:
  OneUpdate() {
    world_.tamper = [](bool to_site, uint32_t, Bytes& message) {
      const auto decoded = DecodeMessage(message);
      if (to_site && decoded && std::holds_alternative<Survivors>(*decoded)) message.clear();
    };
    world_.Open(0);
    world_.RunUntilQuiet();
  }
  SiteHalf& half() { return world_.site(0); }

  World world_{WorldShape{.sites = 4}};
  const Digest other_ = DigestOf("another update under the same masks");
};

TEST_F(OneUpdate, IsAllThatAnAttemptsMasksAreEverPutOn) {
  ASSERT_EQ(half().phase(), SitePhase::kMasking);
  const auto effects = half().Handle(SegmentEncoded{half().context_id(), 0, other_});
  EXPECT_EQ(Find<UploadSegment>(effects), nullptr) << "their difference is that of the updates";
  ASSERT_NE(Find<RefuseRound>(effects), nullptr);
  EXPECT_EQ(Find<RefuseRound>(effects)->refused.rule, Refusal::kKey);
  EXPECT_EQ(half().phase(), SitePhase::kRefused) << "its secrets are wiped";
}

TEST_F(OneUpdate, IsTheOneThatIsStated) {
  const auto effects = half().Handle(SegmentMasked{half().context_id(), 0, other_, 10});
  EXPECT_TRUE(effects.empty());
}

TEST(Restarts, UploadTheSameUpdateAgainAndNoOther) {
  World world({.sites = 4});
  Digest payload;
  Digest context;
  // Site 0's first payload never comes to an end.
  world.tamper = [&](bool to_site, uint32_t site, Bytes& message) {
    Message decoded;
    const auto* uploaded = As<Uploaded>(message, decoded);
    if (to_site || site != 0 || uploaded == nullptr) return;
    payload = uploaded->body.payload;
    context = uploaded->header.context;
    message.clear();
  };
  world.Open(0);
  world.RunUntilQuiet();
  auto restarted = SiteHalf::Load(world.site(0).Save(), world.signer(0), world.verifier());
  ASSERT_TRUE(restarted);
  const auto again = restarted->Handle(SegmentEncoded{context, 0, payload});
  ASSERT_NE(Find<UploadSegment>(again), nullptr);
  EXPECT_EQ(Find<UploadSegment>(again)->payload, payload);
  EXPECT_EQ(Find<RefuseRound>(again), nullptr);
  EXPECT_NE(Find<RefuseRound>(restarted->Handle(SegmentEncoded{context, 0, DigestOf("another")})),
            nullptr);
}

TEST(Numbers, BeyondThoseOnRecordAreRefusedAndNotUsedUp) {
  World world({.sites = 4});
  world.pin = [](uint32_t, Pinned& pinned) { pinned.round_max = {3}; };
  world.RunAttempt(limits::kRoundsMax);
  for (uint32_t i = 0; i < 4; ++i) EXPECT_EQ(world.refusals.at(i).name, "REFUSE_STALE");
  ExpectNothingReleased(world);
  world.RunAttempt(1);
  EXPECT_EQ(world.accepted.size(), 4U) << "the run's numbers are still there";
}

}  // namespace
}  // namespace dure::masking
