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
  EXPECT_FALSE(LeftBy(*RunId::Parse("another"), {0}, world.Now().state(), world.log()));
}

}  // namespace
}  // namespace dure::site
