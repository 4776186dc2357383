// States that another version kept.
#include "federation/round/kept.h"

#include <gmock/gmock.h>

#include "federation/round/testing.h"

namespace dure::round {
namespace {

constexpr size_t kVersionBytes = 4;

// As form 5 was: without whether the run was over.
Bytes AsKeptBefore(const Bytes& kept) {
  Bytes before = {5, 0, 0, 0};
  before.insert(before.end(), kept.begin() + kVersionBytes + 1, kept.end());
  return before;
}

Bytes AsKeptLater(Bytes kept) {
  kept[0] = 7;
  kept.push_back(9);  // and something that this version does not know
  return kept;
}

Rounds SomeRounds() {
  Rounds rounds(TestManifest(), {kA, kB});
  rounds.Handle(At(0), Started{});
  rounds.Handle(At(0), Appended{"run/proposed", 0, {}, {}});
  return rounds;
}

Participation SomeParticipation() {
  Participation site(kA, TestManifest().run);
  site.Handle(At(0), LinkUp{});
  const Base base{TestManifest().initial_model, {}, {}};
  site.Handle(At(0), FromAggregator{Plan{
                         MakePlan(TestManifest(), {0}, 0, base), TestManifest(), false, {}, 0}});
  return site;
}

TEST(Kept, TheFormBeforeIsTakenOver) {
  const Bytes rounds = SomeRounds().Save(At(1));
  const auto taken = Rounds::Load(AsKeptBefore(rounds), At(1));
  ASSERT_TRUE(taken) << taken.error().message;
  EXPECT_EQ(taken->Save(At(1)), rounds);
  const Bytes site = SomeParticipation().Save();
  const auto again = Participation::Load(AsKeptBefore(site));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->Save(), site);
  EXPECT_EQ(HeadOf(AsKeptBefore(site)).version, 5u);
  EXPECT_EQ(HeadOf(AsKeptBefore(site)).over, std::nullopt);
}

TEST(Kept, ALaterFormIsRefusedByItsNumberAndSaysWhetherTheRunWasOver) {
  Rounds rounds = SomeRounds();
  const auto refused = Rounds::Load(AsKeptLater(rounds.Save(At(1))), At(1));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("in form 7"));
  EXPECT_FALSE(Participation::Load(AsKeptLater(SomeParticipation().Save())));
  EXPECT_EQ(HeadOf(AsKeptLater(rounds.Save(At(1)))).over, false);
  rounds.Handle(At(2), StopRequested{});
  ASSERT_EQ(rounds.phase(), RunPhase::kEnded);
  EXPECT_EQ(HeadOf(AsKeptLater(rounds.Save(At(2)))).over, true);
}

TEST(Kept, TooFewBytesSayNothing) {
  const Bytes kept = SomeRounds().Save(At(1));
  for (size_t size = 0; size <= kVersionBytes; ++size) {
    EXPECT_EQ(HeadOf(ByteView(kept).first(size)).over, std::nullopt);
    EXPECT_FALSE(Rounds::Load(ByteView(kept).first(size), At(1)));
  }
}

}  // namespace
}  // namespace dure::round
