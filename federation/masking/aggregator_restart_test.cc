// What an aggregator may still say of a release after it died, or gave an attempt up.
#include <gtest/gtest.h>

#include "federation/masking/testing/attack.h"

namespace dure::masking {
namespace {

bool AgreesOnSurvivors(const Bytes& message) {
  Message decoded;
  const auto* agreement = As<Agreement>(message, decoded);
  return agreement != nullptr && agreement->body.step == 2;
}

// Five sites, of which four must agree. The aggregator hears of the survivors from those in `heard`
// only, and dies with what it had kept when it named them.
class WhileSurvivorsAreAgreedOn : public testing::Test {
 protected:
  void SetUp() override {
    world_.tamper = [this](bool to_site, uint32_t site, Bytes& message) {
      const auto decoded = DecodeMessage(message);
      const bool names = to_site && decoded && std::holds_alternative<Survivors>(*decoded);
      if (names && kept_.empty()) kept_ = world_.aggregator().Save();
      const bool loses = !to_site && AgreesOnSurvivors(message) && !heard_.contains(site);
      if (loses) message.clear();
    };
    world_.Open(0);
    world_.RunUntilQuiet();
    ASSERT_EQ(world_.context().threshold, 4U);
    ASSERT_EQ(world_.aggregator().phase(), AggregatorPhase::kSurviving);
  }
  void Restart() {
    world_.aggregator() =
        AggregatorHalf::Load(kept_, world_.aggregator_signer(), world_.verifier()).value();
  }
  World world_{{.sites = 5}};
  Bytes kept_;
  std::set<uint32_t> heard_{0, 1};
};

TEST_F(WhileSurvivorsAreAgreedOn, ASiteMayHaveAQuorumOfTwoLivesOfTheAggregator) {
  EXPECT_FALSE(world_.aggregator().release().may_be)
      << "two agreed, and no site has more than three";
  Restart();
  heard_ = {2, 3};
  world_.SayAgain();
  ASSERT_TRUE(world_.site(4).history().released()) << "it has those of both lives";
  ASSERT_EQ(world_.aggregator().phase(), AggregatorPhase::kSurviving) << "it has two of this life";
  const auto release = world_.aggregator().release();
  EXPECT_TRUE(release.may_be);
  EXPECT_EQ(release.transcript, world_.site(4).history().released()->transcript);
  EXPECT_EQ(release.sites.size(), 5U);
  world_.Overdue();
  EXPECT_TRUE(world_.abandoned.has_value());
  EXPECT_FALSE(world_.aggregator().release().may_be) << "it was asked before, and counts once";
}

TEST_F(WhileSurvivorsAreAgreedOn, SoItIsAfterEveryFurtherRestart) {
  Restart();
  EXPECT_TRUE(world_.aggregator().release().may_be);
  kept_ = world_.aggregator().Save();
  Restart();
  EXPECT_TRUE(world_.aggregator().release().may_be);
  heard_ = {0, 1, 2, 3, 4};
  world_.SayAgain();
  EXPECT_EQ(world_.accepted.size(), 5U) << "and the attempt goes on to its sum";
  EXPECT_TRUE(world_.SumsAreExact());
}

TEST(AggregatorRestart, BeforeSurvivorsWereNamedNothingCanHaveBeenReleased) {
  World world({.sites = 5});
  world.deaths[3] = {SitePhase::kMasking, 0};
  world.Open(0);
  world.RunUntilQuiet();
  ASSERT_EQ(world.aggregator().phase(), AggregatorPhase::kUploading);
  world.aggregator() =
      AggregatorHalf::Load(world.aggregator().Save(), world.aggregator_signer(), world.verifier())
          .value();
  EXPECT_FALSE(world.aggregator().release().may_be);
}

// Whatever the driver gives up is over in the half as well, with why, and is counted once.
TEST(AggregatorRestart, WhatTheDriverFailedStaysFailed) {
  for (const bool finished : {false, true}) {
    World world({.sites = 4});
    world.tamper = [finished](bool to_site, uint32_t, Bytes& message) {
      if (!finished && !to_site && AgreesOnSurvivors(message)) message.clear();
    };
    world.Open(0);
    world.RunUntilQuiet();
    AggregatorHalf& half = world.aggregator();
    ASSERT_EQ(half.phase(), finished ? AggregatorPhase::kFinished : AggregatorPhase::kSurviving);
    EXPECT_EQ(half.release().may_be, finished);
    const auto ended = half.Handle(Failed{"masking-unverified"});
    ASSERT_EQ(ended.size(), 2U);
    EXPECT_TRUE(std::holds_alternative<PersistAggregator>(ended[0])) << "before anybody is told";
    EXPECT_EQ(std::get<Abandon>(ended[1]).why, "masking-unverified");
    EXPECT_TRUE(half.Handle(Failed{"again"}).empty());
    AggregatorHalf loaded =
        AggregatorHalf::Load(half.Save(), world.aggregator_signer(), world.verifier()).value();
    EXPECT_FALSE(loaded.release().may_be);
    const auto again = loaded.Handle(Begin{});
    ASSERT_EQ(again.size(), 1U);
    EXPECT_EQ(std::get<Abandon>(again[0]).why, "masking-unverified");
  }
}

}  // namespace
}  // namespace dure::masking
