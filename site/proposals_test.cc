#include "site/proposals.h"

#include <gmock/gmock.h>

#include "federation/round/testing.h"
#include "policy/standing/manifest.h"
#include "policy/standing/testing.h"

namespace dure::site {
namespace {

ProposedRun AsRecorded(const round::RunManifest& manifest) {
  return {manifest.digest(), std::string(Name(manifest.intent.purpose)),
          standing::BoundsOf(manifest), ""};
}

TEST(ProposalsTest, ARunAsRecordedIsTaken) {
  const round::RunManifest manifest = round::TestManifest();
  const ProposedRun recorded = AsRecorded(manifest);
  EXPECT_EQ(RecordObjection(manifest, &recorded), "");
  EXPECT_EQ(RecordObjection(manifest, nullptr), "run-not-as-recorded") << "it was never proposed";
}

TEST(ProposalsTest, AManifestOtherThanTheRecordedOneIsObjectedTo) {
  round::RunManifest manifest = round::TestManifest();
  const ProposedRun recorded = AsRecorded(manifest);
  manifest.rounds += 1;
  EXPECT_EQ(RecordObjection(manifest, &recorded), "run-not-as-recorded");
}

TEST(ProposalsTest, AnEntryThatTellsReadersAnotherPurposeIsObjectedTo) {
  const round::RunManifest manifest = round::TestManifest();
  ProposedRun recorded = AsRecorded(manifest);
  for (const char* purpose : {"statistics", ""}) {
    recorded.purpose = purpose;
    EXPECT_EQ(RecordObjection(manifest, &recorded), "run-not-as-recorded") << purpose;
  }
}

TEST(ProposalsTest, AnEntryThatTellsReadersOtherBoundsIsObjectedTo) {
  round::RunManifest manifest = round::TestManifest();
  manifest.code = {Sha256(AsBytes("trainer"))};
  ProposedRun recorded = AsRecorded(manifest);
  recorded.bounds->code.clear();
  EXPECT_EQ(RecordObjection(manifest, &recorded), "run-not-as-recorded");
  recorded = AsRecorded(manifest);
  recorded.bounds->step_tokens *= 1000;
  EXPECT_EQ(RecordObjection(manifest, &recorded), "run-not-as-recorded");
  recorded.bounds.reset();
  EXPECT_EQ(RecordObjection(manifest, &recorded), "run-not-as-recorded");
}

TEST(ProposalsTest, TheFirstRoundStartsFromTheInitialModelAndNothingElse) {
  const round::RunManifest manifest = round::TestManifest();
  const ProposedRun recorded = AsRecorded(manifest);
  const round::Base first{manifest.initial_model, {}, {}};
  const auto plan = [&](const round::Base& base) { return MakePlan(manifest, {0}, 0, base); };
  EXPECT_EQ(StartsAsRecorded(plan(first), manifest, recorded), true);
  round::Base other = first;
  other.momentum = Sha256(AsBytes("momentum"));
  EXPECT_EQ(StartsAsRecorded(plan(other), manifest, recorded), false);
  other = first;
  other.model = Sha256(AsBytes("another"));
  EXPECT_EQ(StartsAsRecorded(plan(other), manifest, recorded), false);
}

TEST(ProposalsTest, ALaterRoundStartsFromAllThatTheClosingBeforeItLeft) {
  const round::RunManifest manifest = round::TestManifest();
  ProposedRun recorded = AsRecorded(manifest);
  const round::Base left{Sha256(AsBytes("m")), Sha256(AsBytes("v")), Sha256(AsBytes("s"))};
  const auto holds = [&](const round::Base& base) {
    return StartsAsRecorded(MakePlan(manifest, {3}, 1, base), manifest, recorded);
  };
  EXPECT_EQ(holds(left), std::nullopt) << "this copy is behind";
  recorded.left = left;
  EXPECT_EQ(holds(left), true);
  for (Digest round::Base::*part :
       {&round::Base::model, &round::Base::momentum, &round::Base::scales}) {
    round::Base other = left;
    other.*part = manifest.initial_model;
    EXPECT_EQ(holds(other), false);
  }
}

TEST(ProposalsTest, ARunEndsAfterItsLastClosingWithWhatThatLeft) {
  const round::RunManifest manifest = round::TestManifest();
  const round::Base first{manifest.initial_model, {}, {}};
  const round::Base left{Sha256(AsBytes("m")), Sha256(AsBytes("v")), Sha256(AsBytes("s"))};
  ProposedRun recorded = AsRecorded(manifest);
  const auto holds = [&](uint64_t rounds, const round::Base& last) {
    const round::RunEnded ended{manifest.run, rounds, last, "complete"};
    return EndsAsRecorded(ended, manifest.initial_model, recorded);
  };
  EXPECT_EQ(holds(0, first), true);
  EXPECT_EQ(holds(0, left), false);
  EXPECT_EQ(holds(2, left), std::nullopt) << "this copy is behind";
  recorded.closed = 2;
  recorded.left = left;
  EXPECT_EQ(holds(2, left), true);
  EXPECT_EQ(holds(2, first), false);
  EXPECT_EQ(holds(1, left), false) << "rounds were closed after it";
  EXPECT_EQ(holds(0, first), false);
  EXPECT_EQ(holds(3, left), std::nullopt);
}

// As the copy has it: of several attempts the one that closed.
TEST(ProposalsTest, WhatARoundLeftIsReadFromItsClosingInThisCopy) {
  standing::testing::World world;
  world.Found();
  world.Lend("reviews", "kt", terms::testing::OpenTerms());
  world.Propose("first", "scientific-research");
  world.Approve("first");
  world.PlayRound("first", 0, {{"kt", "reviews"}});
  const RunId run = *RunId::Parse("first");
  const auto left = [&](uint64_t round) {
    return LeftBy(run, {round}, world.Now().state(), world.log());
  };
  ASSERT_TRUE(left(0));
  EXPECT_EQ(left(0)->model, standing::testing::DigestOf("first/0"));
  EXPECT_EQ(left(0)->momentum, standing::testing::DigestOf("a"));
  EXPECT_FALSE(left(1));
  EXPECT_EQ(RoundsClosed(run, world.Now().state()), 1u);
  EXPECT_EQ(RoundsClosed(*RunId::Parse("another"), world.Now().state()), 0u);
  EXPECT_FALSE(LeftBy(*RunId::Parse("another"), {0}, world.Now().state(), world.log()));
}

}  // namespace
}  // namespace dure::site
