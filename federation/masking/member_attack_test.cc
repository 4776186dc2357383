// The attack suite's part of members, and bits that flip on the way.
#include <gmock/gmock.h>

#include <utility>

#include "federation/codec/encode.h"
#include "federation/masking/merkle.h"
#include "federation/masking/run_terms.h"
#include "federation/masking/testing/attack.h"
#include "federation/masking/weighing.h"
#include "federation/random.h"

namespace dure::masking {
namespace {

// 8: sites 0 to 2 collude. A first attempt is agreed upon by all, and 7 to 9 do not hear of it; a
// second at the same number, of 7 to 9 and the three, would have a sum without 3's part.
TEST(Attack8, TwoSumsOverTheSameUpdatesUnderOneNumberAreRefusedByWhoSignedTheFirst) {
  World world({.sites = 10, .forbid_differences = true});
  world.tamper = [](bool to_site, uint32_t site, Bytes& message) {
    Message decoded;
    const bool late = site >= 4 && site <= 6;
    if (!to_site && late && As<Uploaded>(message, decoded)) return message.clear();
    const auto* agreement = to_site ? As<Agreement>(message, decoded) : nullptr;
    const bool withheld = agreement != nullptr && agreement->body.step == 2 && site >= 7;
    if (withheld || As<Outcome>(message, decoded)) message.clear();
  };
  world.RunAttempt(0);
  ASSERT_TRUE(world.published.has_value()) << "four honest sites gave their shares";
  const Ed25519Verifier verifier;
  for (uint32_t i = 0; i < 3; ++i) {
    world.site(i) = SiteHalf(world.context().seats[i].site, world.signer(i), verifier);
  }
  for (uint32_t i = 7; i < 10; ++i) ASSERT_FALSE(world.site(i).history().released()) << i;
  world.tamper = nullptr;
  world.absent = {3, 4, 5, 6};
  world.compose = [](Context& context) { context.previous.reset(); };
  world.RunAttempt(0, 1);
  EXPECT_FALSE(world.published.has_value()) << "what it lacks of the first is one site's update";
  for (uint32_t i = 7; i < 10; ++i) EXPECT_EQ(world.refusals.at(i).name, "REFUSE_MEMBERSHIP");
}

// 13
TEST(Attack13, AMaliciousDealerIsNamedByItsReceiver) {
  for (const bool sealed : {true, false}) {
    World world({.sites = 4});
    // Site 1 deals site 2 a ciphertext, or a commitment, that does not fit, and signs it all.
    world.tamper = [&](bool to_site, uint32_t site, Bytes& message) {
      const auto decoded = DecodeMessage(message);
      if (to_site || site != 1 || !decoded) return;
      const auto* shares = std::get_if<Shares>(&*decoded);
      if (shares == nullptr) return;
      Shares bad = *shares;
      if (sealed) {
        bad.entries[2].sealed[5] ^= 1;
      } else {
        bad.entries[2].mask = DigestOf("another share");
      }
      auto head = DecodeSigned<ShareHead>(shares->head).value();
      std::vector<Digest> leaves;
      for (uint32_t i = 0; i < 4; ++i) leaves.push_back(bad.entries[i].Leaf(i));
      head.body.root = RootOf(leaves);
      bad.head = Sign(world.signer(1), head.header, head.body).carried;
      message = EncodeMessage(bad);
    };
    world.RunAttempt(0);
    EXPECT_EQ(world.refusals.at(2).name, "REFUSE_SHARES");
    EXPECT_EQ(world.refusals.at(2).accused, 1U);
    ASSERT_TRUE(world.abandoned.has_value());
    EXPECT_EQ(world.abandoned->missing, Sites{1});
    EXPECT_EQ(world.masked_bytes, 0U);
  }
}

TEST(Attack13, AMaliciousResponderIsNamedAndTheSumIsExact) {
  World world({.sites = 5, .threshold = 4, .corrupt_max = 2});
  world.tamper = [&](bool to_site, uint32_t site, Bytes& message) {
    if (to_site || site != 3) return;
    Resign<Reveal>(message, world.signer(3),
                   [](Header&, Reveal& body) { body.shares[0].share.bytes[7] ^= 1; });
  };
  world.RunAttempt(0);
  ASSERT_EQ(world.accepted.size(), 5U);
  EXPECT_TRUE(world.SumsAreExact());
  ASSERT_FALSE(world.culprits.empty());
  EXPECT_EQ(world.culprits[0].site, 3U);
  EXPECT_EQ(world.culprits[0].refused.rule, Refusal::kShares);
}

TEST(CheckValues, ThatAreFalseEndTheAttemptAndAreNoSum) {
  World world({.sites = 4});
  world.tamper = [&](bool to_site, uint32_t site, Bytes& message) {
    if (to_site || site != 3) return;
    Resign<CheckValues>(message, world.signer(3),
                        [](Header&, CheckValues& body) { body.values[0] ^= 1; });
  };
  world.RunAttempt(0);
  EXPECT_TRUE(world.abandoned.has_value());
  EXPECT_FALSE(world.finished.has_value()) << "the aggregator took a sum that no site would take";
  EXPECT_EQ(world.refusals.at(0).name, "REFUSE_AGGREGATE");
}

// 15
TEST(Attack15, AContributionOutOfRangeIsNotMasked) {
  World world({.sites = 5});
  world.contribute = [](uint32_t site, Bytes& lanes) {
    if (site == 3) lanes[0] = 0x80;
  };
  world.RunAttempt(0);
  ASSERT_EQ(world.accepted.size(), 5U) << "it is dropped and the others go on";
  EXPECT_EQ(world.accepted.begin()->second.segments[0].survivors, (Sites{0, 1, 2, 4}));
  EXPECT_TRUE(world.SumsAreExact());
}

// All is consistent in it, one contribution is left out or counted twice. Four bits a lane and five
// sites: a byte of the planes is a parameter's sum.
TEST(Attack14, ASumWithoutOneContributionOrWithOneTwiceIsRefusedByEverySite) {
  for (const bool twice : {false, true}) {
    World world({.sites = 5, .lane_max = 7});
    world.contribute = [](uint32_t, Bytes& lanes) { lanes.assign(lanes.size(), 1); };
    world.falsify = [&world, twice](Bytes& planes, Scalars& sums) {
      const Bytes& lanes = world.lanes(2, 0);
      ASSERT_EQ(planes.size(), lanes.size());
      for (size_t k = 0; k < lanes.size(); ++k) {
        planes[k] = static_cast<uint8_t>(twice ? planes[k] + lanes[k] : planes[k] - lanes[k]);
      }
      for (size_t k = 0; k < kScalars; ++k) {
        sums[k] += twice ? world.scalars(2)[k] : 0 - world.scalars(2)[k];
      }
    };
    world.RunAttempt(0);
    ASSERT_TRUE(world.published.has_value());
    EXPECT_TRUE(world.accepted.empty());
    for (uint32_t i = 0; i < 5; ++i) EXPECT_EQ(world.refusals.at(i).name, "REFUSE_AGGREGATE");
  }
}

TEST(Attack14, ASumThatBreaksARuleOfTheRunIsNotSaidToBeRight) {
  World world({.sites = 5});
  world.object = {Refusal::kSaturation, "too much was cut", kNobody};
  world.RunAttempt(0);
  ASSERT_FALSE(world.refusals.empty());
  for (const auto& [site, refusal] : world.refusals) {
    EXPECT_EQ(refusal.name, "REFUSE_SATURATION");
  }
  EXPECT_TRUE(world.accepted.empty());
}

TEST(Saturation, OfASumIsHeldAgainstAllLanesInIt) {
  round::RunManifest manifest;
  const Scalars sums{3 << 20, 0, 0, 31};
  EXPECT_EQ(CheckSaturation(manifest, sums, 1000, 3), std::nullopt);
  manifest.saturation_limit = 0.01;
  const auto refused = CheckSaturation(manifest, sums, 1000, 3);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->rule, Refusal::kSaturation);
  EXPECT_THAT(refused->why, testing::HasSubstr("31 of 3000 lanes"));
  EXPECT_EQ(CheckSaturation(manifest, {3 << 20, 0, 0, 30}, 1000, 3), std::nullopt);
}

TEST(Attack15, AWeightThatNoSiteHasMakesNoSum) {
  round::RunManifest manifest;
  manifest.weighting = round::Weighting::kEqual;
  const auto asks = [&](uint64_t weight) {
    return CheckWeights(WeighingOf(manifest), {weight, 0, 0, 0}, 4);
  };
  EXPECT_EQ(asks(4 << 20), std::nullopt);
  for (const uint64_t lie : {uint64_t{0}, uint64_t{4}, uint64_t{(4 << 20) - 1}, ~uint64_t{0}}) {
    const auto refused = asks(lie);
    ASSERT_TRUE(refused) << lie;
    EXPECT_EQ(refused->rule, Refusal::kAggregate);
    EXPECT_THAT(refused->why, testing::HasSubstr("4 sites of this run weigh 4194304"));
  }
  manifest.weighting = round::Weighting::kTokens;
  for (const uint64_t sum : {4, 4 << 20}) EXPECT_EQ(asks(sum), std::nullopt);
  for (const uint64_t lie : {3, (4 << 20) + 1}) EXPECT_TRUE(asks(lie)) << lie;
  manifest.weighting = round::Weighting::kEqual;
  manifest.merge.kind = round::MergeKind::kDirectionNorm;
  EXPECT_EQ(asks((4 << 20) / 12), std::nullopt) << "as long as int8 lanes reach";
  EXPECT_TRUE(asks((4 << 20) / 13));
}

// By tokens everybody's weight may be small, and then everybody's lanes are.
TEST(Attack15, ASumOfLanesIsNotBeyondTheSumOfTheirWeights) {
  const WordLayout sums = WordLayout::Make(127, 4, 1000).value();
  const auto most = [&](const Weighing& weighing, uint64_t weight) {
    return LaneSumMax(weighing, sums, {weight, 0, 0, 0});
  };
  const Weighing by_tokens{1, true};
  EXPECT_EQ(most(by_tokens, 4 << 20), 4 * 127);
  EXPECT_EQ(most(by_tokens, 1 << 20), 127 + 3) << "each site's bound is rounded up";
  EXPECT_EQ(most(by_tokens, 4), 4);
  EXPECT_EQ(most({codec::kWeightOne / 12, false}, 1 << 20), 4 * 127);
  // No four honest weights make lanes that are beyond.
  SeededRandom chance(9);
  for (int trial = 0; trial < 1000; ++trial) {
    uint64_t weight = 0;
    int64_t lanes = 0;
    for (int site = 0; site < 4; ++site) {
      const uint64_t one = 1 + chance.Below(uint64_t{1} << chance.Below(21));
      weight += one;
      lanes += static_cast<int64_t>((127 * one + codec::kWeightOne - 1) >> 20);
    }
    ASSERT_GE(most(by_tokens, weight), lanes) << weight;
  }
}

// 18
TEST(Attack18, KeysOfLowOrderOrOutOfFormOrTwiceAreRefused) {
  AgreementKey low{};
  low[0] = 1;
  AgreementKey beyond;
  beyond.fill(0xff);
  for (const AgreementKey& key : {low, beyond}) {
    World world({.sites = 4});
    world.tamper = [&](bool to_site, uint32_t site, Bytes& message) {
      if (to_site || site != 1) return;
      Resign<Advertise>(message, world.signer(1),
                        [&](Header&, Advertise& body) { body.mask_keys[0] = key; });
    };
    world.RunAttempt(0);
    EXPECT_EQ(world.refusals.at(0).name, "REFUSE_KEY");
    EXPECT_EQ(world.refusals.at(0).accused, 1U);
    ExpectNothingReleased(world);
  }
  World twice({.sites = 4});
  twice.tamper = [&](bool to_site, uint32_t site, Bytes& message) {
    if (to_site || site != 1) return;
    Resign<Advertise>(message, twice.signer(1),
                      [](Header&, Advertise& body) { body.seal_key = body.mask_keys[0]; });
  };
  twice.RunAttempt(0);
  EXPECT_EQ(twice.refusals.at(0).name, "REFUSE_KEY");
}

// "every single-bit flip in any signed message": what an attacker on the way can do at most.
TEST(Flips, OfAnyBitToASiteNeverGiveAWrongSumOrASecret) {
  SeededRandom chance(5);
  for (int trial = 0; trial < 60; ++trial) {
    World world({.sites = 4, .parameters = 50, .seed = 40 + static_cast<uint64_t>(trial)});
    uint64_t countdown = chance.Below(120);
    const bool direction = chance.Below(2) == 0;
    world.tamper = [&](bool to_site, uint32_t, Bytes& message) {
      if (to_site != direction || countdown-- != 0) return;
      const uint64_t bit = chance.Below(8 * message.size());
      message[bit / 8] ^= static_cast<uint8_t>(1U << (bit % 8));
    };
    world.RunAttempt(0);
    if (!world.accepted.empty()) {
      EXPECT_TRUE(world.SumsAreExact()) << "trial " << trial;
    }
    EXPECT_EQ(world.Unmaskable({}), "") << "trial " << trial;
  }
}

// 10: all that a site was told in one round, but for its opening, at every step of the next.
TEST(Attack10, WhatTheAggregatorSaidInAnEarlierRoundIsSetAsideAtEveryStep) {
  World world({.sites = 4});
  std::map<uint32_t, std::vector<Bytes>> told;
  std::set<std::string> kinds;
  world.tamper = [&](bool to_site, uint32_t site, Bytes& message) {
    const auto decoded = DecodeMessage(message);
    if (!to_site || !decoded || std::holds_alternative<Open>(*decoded)) return;
    told[site].push_back(message);
    kinds.insert(std::string(KindName(*decoded)));
  };
  world.RunAttempt(0);
  EXPECT_GE(kinds.size(), 8U) << "deliveries, sharers, survivors and openings among them";
  std::map<uint32_t, SitePhase> last;
  world.tamper = [&](bool to_site, uint32_t site, Bytes&) {
    const SitePhase phase = world.site(site).phase();
    if (!to_site || std::exchange(last[site], phase) == phase) return;
    for (const Bytes& message : told[site]) world.Inject(site, message);
  };
  world.RunAttempt(1);
  EXPECT_EQ(world.accepted.size(), 4U);
  EXPECT_TRUE(world.SumsAreExact());
  EXPECT_TRUE(world.refusals.empty()) << world.refusals.begin()->second.why;
  for (uint32_t i = 0; i < 4; ++i) {
    EXPECT_EQ(world.set_aside.at(i), "REFUSE_STALE");
    EXPECT_NE(last[i], SitePhase::kIdle);
  }
}

// 8
// The first sum with the second without the third is twice site 2's part. Of those in the third,
// each was in one of the others only: the record tells it of the other.
TEST(Attack8, ThreeSumsThatTogetherShowOneAreRefusedByWhoIsToldOfThem) {
  for (const bool recorded : {false, true}) {
    World world({.sites = 5, .forbid_differences = true, .corrupt_max = 1});
    world.pin = [recorded](uint32_t, Pinned& pinned) {
      const auto of = [&pinned](size_t i) { return pinned.admitted[i].site; };
      const ReleasedSum first{0, {of(0), of(1), of(2)}}, second{0, {of(2), of(3), of(4)}};
      if (recorded) pinned.recorded = {first, second};
    };
    world.absent = {3, 4};
    world.RunAttempt(0);
    ASSERT_EQ(world.accepted.size(), 3U);
    world.absent = {0, 1};
    world.RunAttempt(1);
    ASSERT_EQ(world.accepted.size(), 3U);
    world.absent = {2};
    world.RunAttempt(2);
    EXPECT_EQ(world.published.has_value(), !recorded) << "nobody alone knows of both";
    for (const uint32_t i : {0U, 1U, 3U, 4U}) {
      ASSERT_EQ(world.refusals.contains(i), recorded);
      if (recorded) {
        EXPECT_EQ(world.refusals.at(i).name, "REFUSE_MEMBERSHIP");
      }
    }
  }
}

// Two that come together hide one another from everybody else, and not from one another.
TEST(Attack8, TwoNewcomersOfWhomOneMayHelpTheAggregatorAreRefused) {
  for (const uint32_t helpers : {0U, 1U}) {
    World world({.sites = 5, .forbid_differences = true, .corrupt_max = 1});
    world.pin = [helpers](uint32_t, Pinned& pinned) { pinned.helpers = helpers; };
    world.absent = {3, 4};
    world.RunAttempt(0);
    ASSERT_EQ(world.accepted.size(), 3U);
    world.absent.clear();
    world.RunAttempt(1);
    EXPECT_EQ(world.published.has_value(), helpers == 0);
    for (const uint32_t i : {0U, 1U, 2U}) {
      ASSERT_EQ(world.refusals.contains(i), helpers > 0);
      if (helpers > 0) {
        EXPECT_EQ(world.refusals.at(i).name, "REFUSE_MEMBERSHIP");
      }
    }
  }
}

}  // namespace
}  // namespace dure::masking
