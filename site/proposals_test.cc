#include "site/proposals.h"

#include <gmock/gmock.h>

#include "federation/round/testing.h"
#include "policy/standing/manifest.h"
#include "policy/standing/testing.h"

namespace dure::site {
namespace {

using ::testing::HasSubstr;

ProposedRun AsRecorded(const round::RunManifest& manifest) {
  ProposedRun recorded{manifest.digest(), standing::FieldsOf(manifest),
                       standing::BoundsOf(manifest)};
  recorded.fields.emplace("parameters", "1024");
  return recorded;
}

// A run that has every field that there is.
round::RunManifest Everything() {
  round::RunManifest manifest = round::TestManifest();
  manifest.saturation_limit = 0.25;
  manifest.from_model = true;
  manifest.masking = round::Masking::kPairwise;
  manifest.masking_rules.forbid_differences = false;
  manifest.privacy.noise = round::Noise::kSkellam;
  manifest.privacy.delta = 1e-6;
  manifest.privacy.record_clip = 1;
  return manifest;
}

std::string Objection(const round::RunManifest& manifest, const ProposedRun& recorded) {
  const auto objection = RecordObjection(manifest, &recorded);
  return objection ? objection->code + ": " + objection->text : "";
}

TEST(ProposalsTest, ARunAsRecordedIsTaken) {
  for (const round::RunManifest& manifest : {round::TestManifest(), Everything()}) {
    EXPECT_EQ(Objection(manifest, AsRecorded(manifest)), "");
    EXPECT_EQ(RecordObjection(manifest, nullptr)->code, "run-not-as-recorded");
  }
}

TEST(ProposalsTest, AManifestOtherThanTheRecordedOneIsObjectedTo) {
  round::RunManifest manifest = round::TestManifest();
  const ProposedRun recorded = AsRecorded(manifest);
  manifest.rounds += 1;
  EXPECT_EQ(RecordObjection(manifest, &recorded)->code, "run-not-as-recorded");
}

// Terms, rules and votes go by the fields: none of them may be another than what is trained.
TEST(ProposalsTest, AnEntryThatSaysAnythingElseOfTheRunIsObjectedTo) {
  const round::RunManifest manifest = Everything();
  const ProposedRun honest = AsRecorded(manifest);
  ASSERT_GT(honest.fields.size(), 24u);
  for (const auto& [name, value] : standing::FieldsOf(manifest)) {
    ProposedRun recorded = honest;
    recorded.fields[name] = "another";
    EXPECT_THAT(Objection(manifest, recorded), HasSubstr("says " + name + " another, and it is"));
    recorded.fields.erase(name);
    EXPECT_THAT(Objection(manifest, recorded), HasSubstr("does not say " + name));
  }
}

TEST(ProposalsTest, AnEntryThatSaysMoreOfTheRunThanItHasIsObjectedTo) {
  const round::RunManifest manifest = round::TestManifest();
  for (const char* name : {"startsFrom", "noise", "noiseToSignal", "privacyEpsilon", "dpSgd",
                           "saturationLimit", "differences", "anything"}) {
    ProposedRun recorded = AsRecorded(manifest);
    recorded.fields[name] = "2.5";
    EXPECT_THAT(Objection(manifest, recorded), HasSubstr(std::string("says ") + name)) << name;
  }
}

TEST(ProposalsTest, AnEntryThatTellsReadersOtherBoundsIsObjectedTo) {
  round::RunManifest manifest = round::TestManifest();
  manifest.code = {Sha256(AsBytes("trainer"))};
  ProposedRun recorded = AsRecorded(manifest);
  recorded.bounds->code.clear();
  EXPECT_NE(Objection(manifest, recorded), "");
  recorded = AsRecorded(manifest);
  recorded.bounds->step_tokens *= 1000;
  EXPECT_NE(Objection(manifest, recorded), "");
  recorded.bounds.reset();
  EXPECT_NE(Objection(manifest, recorded), "");
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
