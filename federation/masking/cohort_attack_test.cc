// Attack 5, where an aggregator has honest sites and chooses who is in the sum with them: as many
// may collude as the smallest cohort that the run allows withstands, so it has no smaller one.
#include <gtest/gtest.h>

#include "federation/masking/run_terms.h"
#include "federation/masking/testing/attack.h"

namespace dure::masking {
namespace {

void ExpectNobodyKeysWith(const World& world, uint32_t sites) {
  for (uint32_t i = 0; i < sites; ++i) EXPECT_EQ(world.refusals.at(i).name, "REFUSE_COHORT");
  for (const auto& [from, bytes] : world.seen) {
    Message decoded;
    EXPECT_EQ(As<Advertise>(bytes, decoded), nullptr) << "no key is made for it";
  }
  ExpectNothingReleased(world);
}

TEST(Attack5, ACohortOfFewerThanTheRecordOpenedTheRoundWithIsRefused) {
  World world({.sites = 5});
  world.absent = {3, 4};
  world.pin = [&world](uint32_t, Pinned& pinned) {
    pinned.cohort.clear();
    for (const Seat& seat : pinned.admitted) pinned.cohort.push_back(seat.site);
  };
  world.RunAttempt(0);
  ExpectNobodyKeysWith(world, 3);
}

TEST(Attack5, ACohortOfOthersThanTheRecordOpenedTheRoundWithIsRefused) {
  World world({.sites = 5});
  world.absent = {4};
  world.pin = [](uint32_t, Pinned& pinned) { pinned.cohort.back() = pinned.admitted[4].site; };
  world.RunAttempt(0);
  ExpectNobodyKeysWith(world, 4);
}

TEST(Attack5, ACohortBelowWhatTheRunAllowsIsRefusedWhateverTheRecordSays) {
  World world({.sites = 5});
  world.absent = {3, 4};
  world.pin = [](uint32_t, Pinned& pinned) { pinned.sites_min = 4; };
  world.RunAttempt(0);
  ExpectNobodyKeysWith(world, 3);
}

TEST(Attack7, SurvivorsBelowTheRunsQuorumGetNoShare) {
  World world({.sites = 5});
  world.deaths[4] = {SitePhase::kMasking, 0};
  world.pin = [](uint32_t, Pinned& pinned) { pinned.survivors_min = 5; };
  world.RunAttempt(0);
  for (uint32_t i = 0; i < 4; ++i) EXPECT_EQ(world.refusals.at(i).name, "REFUSE_COHORT");
  ExpectNothingReleased(world);
}

// Of two runs from one model a site sends the same update. The other sum may have been there before
// this attempt, or have come while it went on.
TEST(Attack8, ASumThatAnotherRunsSumWouldMakeASitesUpdateIsNotReleased) {
  for (const bool meanwhile : {false, true}) {
    World world({.sites = 5, .forbid_differences = true, .corrupt_max = 1});
    ReleasedSum all;
    for (const Seat& seat : world.PinnedOf(0).admitted) all.sites.push_back(seat.site);
    world.absent = {4};
    for (uint32_t i = 0; i < 4 && !meanwhile; ++i) world.site(i).CountBeside({all});
    world.tamper = [&](bool to_site, uint32_t site, Bytes& message) {
      const auto decoded = DecodeMessage(message);
      const bool names_them = decoded && std::holds_alternative<Survivors>(*decoded);
      if (to_site && meanwhile && names_them) world.site(site).CountBeside({all});
    };
    world.RunAttempt(0);
    for (uint32_t i = 0; i < 4; ++i) EXPECT_EQ(world.refusals.at(i).name, "REFUSE_MEMBERSHIP");
    ExpectNothingReleased(world);
    EXPECT_EQ(world.masked_bytes != 0, meanwhile);
  }
}

TEST(Colluders, AreThoseOfTheSmallestCohortThatARunAllows) {
  const auto withstood = [](uint32_t quorum, uint32_t most) {
    round::RunManifest manifest;
    manifest.quorum = quorum;
    manifest.cohort_min = quorum;
    manifest.cohort_max = most;
    return CorruptMaxOf(manifest);
  };
  EXPECT_EQ(withstood(20, 20), 7U);
  EXPECT_EQ(withstood(14, 20), 5U);
  EXPECT_EQ(withstood(3, 20), 1U);
  EXPECT_EQ(withstood(5, 5), 2U);
  EXPECT_EQ(withstood(6, 7), 2U) << "of seven fewer may than of six";
}

}  // namespace
}  // namespace dure::masking
