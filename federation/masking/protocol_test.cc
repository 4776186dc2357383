// Whole masked rounds in memory: dropouts in every phase, restarts, and what nobody may learn.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "federation/masking/testing/world.h"

namespace dure::masking {
namespace {

TEST(Protocol, AllSitesSumExactlyAndEverySiteVerifiesIt) {
  for (const int32_t lane_max : {7, 127, 32767}) {
    World world({.sites = 5, .lane_max = lane_max, .seed = 3});
    world.RunAttempt(0);
    ASSERT_TRUE(world.published.has_value()) << (world.abandoned ? world.abandoned->why : "");
    EXPECT_EQ(world.accepted.size(), 5U);
    for (const auto& [site, accept] : world.accepted) {
      EXPECT_TRUE(accept.segments[0].verified) << "site " << site;
      EXPECT_EQ(accept.segments[0].survivors.size(), 5U);
    }
    EXPECT_TRUE(world.SumsAreExact());
    EXPECT_TRUE(world.refusals.empty());
    EXPECT_TRUE(world.culprits.empty());
    EXPECT_EQ(world.Unmaskable({0}), "");
  }
}

TEST(Protocol, RoundsFollowOneAnother) {
  World world({.sites = 4, .seed = 4});
  for (uint64_t round = 0; round < 4; ++round) {
    world.RunAttempt(round);
    ASSERT_EQ(world.accepted.size(), 4U) << "round " << round;
    EXPECT_TRUE(world.SumsAreExact());
  }
}

// What every site ever said, by kind and step, each thing once.
using Sayings = std::map<std::pair<uint32_t, std::string>, std::set<Bytes>>;

std::string KindAndStep(const Bytes& bytes) {
  const Message message = DecodeMessage(bytes).value();
  const auto* agreed = std::get_if<Signed<Agreement>>(&message);
  return std::string(KindName(message)) + (agreed ? std::to_string(agreed->body.step) : "");
}

// Of three messages one is lost, either way, and nothing tells so.
Sayings RunOverLossyLinks(World& world) {
  Sayings said;
  SeededRandom chance(31);
  world.tamper = [&](bool to_site, uint32_t site, Bytes& message) {
    if (!to_site) said[{site, KindAndStep(message)}].insert(message);
    if (chance.Below(3) == 0) message.clear();
  };
  world.Open(0);
  world.RunUntilQuiet();
  for (int i = 0; i < 200 && world.accepted.size() < 5; ++i) world.SayAgain();
  return said;
}

TEST(Protocol, WhatIsLostWithoutAWordIsSaidAgainUntilItIsAnswered) {
  for (const double restarts : {0.0, 0.15}) {
    for (uint64_t seed = 50; seed < 60; ++seed) {
      World world({.sites = 5, .seed = seed});
      world.restart_chance = restarts;
      const Sayings said = RunOverLossyLinks(world);
      EXPECT_EQ(world.accepted.size(), 5U) << "seed " << seed;
      EXPECT_TRUE(world.SumsAreExact());
      EXPECT_TRUE(world.refusals.empty()) << world.refusals.begin()->second.why;
      EXPECT_TRUE(world.culprits.empty()) << world.culprits.front().refused.why;
      EXPECT_GE(said.size(), 5U * 7) << "who missed the others' consent takes the outcome";
      for (const auto& [what, messages] : said) {
        EXPECT_EQ(messages.size(), 1U) << "site " << what.first << " said another " << what.second;
      }
      EXPECT_EQ(world.Unmaskable({0}), "");
    }
  }
}

TEST(Protocol, SayingAgainChangesNothingThatASiteKeeps) {
  World world({.sites = 4, .seed = 61});
  world.tamper = [&](bool to_site, uint32_t, Bytes&) {
    if (to_site) return;
    for (uint32_t i = 0; i < 4; ++i) {
      const Bytes before = world.site(i).Save();
      const bool waits = world.site(i).waits();
      const auto effects = world.site(i).Handle(masking::SayAgain{});
      EXPECT_EQ(!effects.empty(), waits) << Name(world.site(i).phase());
      for (const SiteEffect& effect : effects) EXPECT_TRUE(std::holds_alternative<Tell>(effect));
      EXPECT_EQ(world.site(i).Save(), before) << Name(world.site(i).phase());
    }
  };
  world.RunAttempt(0);
  EXPECT_EQ(world.accepted.size(), 4U);
}

TEST(Protocol, ASurvivorThatMissedThePhasesOfTheOthersIsLedThroughThem) {
  // Three of four are enough to agree on the survivors and to give the shares.
  World world({.sites = 4, .seed = 62});
  bool away = true;
  world.tamper = [&](bool to_site, uint32_t site, Bytes& message) {
    const auto decoded = DecodeMessage(message);
    const bool late = decoded && !std::holds_alternative<Open>(*decoded) &&
                      world.aggregator().phase() >= AggregatorPhase::kSurviving;
    if (to_site && site == 3 && late && away) message.clear();
  };
  world.Open(0);
  world.RunUntilQuiet();
  EXPECT_EQ(world.aggregator().phase(), AggregatorPhase::kOpening);
  EXPECT_EQ(world.site(3).phase(), SitePhase::kMasking);
  away = false;
  for (int i = 0; i < 4; ++i) world.SayAgain();
  EXPECT_EQ(world.accepted.size(), 4U);
  EXPECT_TRUE(world.finished && world.finished->unverified.empty());
}

TEST(Protocol, TheSharersOfAnotherAttemptAreSetAside) {
  World world({.sites = 4, .seed = 63});
  Bytes old;
  world.tamper = [&](bool to_site, uint32_t, Bytes& message) {
    const auto decoded = DecodeMessage(message);
    if (to_site && decoded && std::holds_alternative<Sharers>(*decoded)) old = message;
  };
  world.deaths[3] = {SitePhase::kShared, 0};
  world.RunAttempt(0);  // without one: its sharers are three
  world.deaths.clear();
  world.absent.insert(3);
  world.tamper = [&](bool to_site, uint32_t site, Bytes& message) {
    const auto decoded = DecodeMessage(message);
    const bool first = decoded && std::holds_alternative<Delivery>(*decoded);
    if (to_site && first) world.Inject(site, old);
  };
  world.RunAttempt(1);
  EXPECT_EQ(world.accepted.size(), 3U);
  EXPECT_TRUE(world.refusals.empty()) << world.refusals.begin()->second.why;
  EXPECT_EQ(world.set_aside.at(0), "REFUSE_STALE");
}

class Dropouts : public testing::TestWithParam<SitePhase> {};

TEST_P(Dropouts, EndInAnExactSumOverSurvivorsOrInNothing) {
  for (const uint32_t sites : {3U, 4U, 5U, 7U, 10U}) {
    const uint32_t spare = sites - ThresholdFor(sites);
    for (const uint32_t lost : {uint32_t{1}, spare, spare + 1}) {
      if (lost == 0) continue;
      World world({.sites = sites, .seed = sites * 100 + lost});
      for (uint32_t i = 0; i < lost; ++i) world.deaths[(i * 2 + 1) % sites] = {GetParam(), 0};
      world.RunAttempt(0);
      SCOPED_TRACE("sites " + std::to_string(sites) + ", lost " + std::to_string(lost));
      EXPECT_EQ(world.Unmaskable({}), "");
      EXPECT_TRUE(world.refusals.empty()) << world.refusals.begin()->second.why;
      // Until all have agreed on the shares an attempt needs everybody that it began with.
      const bool early = GetParam() == SitePhase::kExamining ||
                         GetParam() == SitePhase::kAdvertised || GetParam() == SitePhase::kAgreeing;
      const bool survivable = lost <= spare && !early;
      if (survivable) {
        ASSERT_TRUE(world.published.has_value()) << world.abandoned->why;
        EXPECT_TRUE(world.SumsAreExact());
      }
      if (!world.published) {
        EXPECT_TRUE(world.accepted.empty());
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(EveryPhase, Dropouts,
                         testing::Values(SitePhase::kExamining, SitePhase::kAdvertised,
                                         SitePhase::kShared, SitePhase::kAgreeing,
                                         SitePhase::kMasking, SitePhase::kSurviving,
                                         SitePhase::kRevealed, SitePhase::kOpened,
                                         SitePhase::kChecking),
                         [](const auto& phase) {
                           std::string name(Name(phase.param));
                           return name;
                         });

TEST(Protocol, ASiteLostWithinItsUploadCostsItsLaterSegmentsOnly) {
  for (uint32_t uploaded = 0; uploaded <= 3; ++uploaded) {
    World world({.sites = 4, .parameters = 2 * codec::kSegmentParameters + 100, .seed = uploaded});
    world.deaths[2] = {SitePhase::kMasking, uploaded};
    world.RunAttempt(0);
    ASSERT_TRUE(world.published.has_value()) << world.abandoned->why;
    ASSERT_EQ(world.accepted.size(), 3U);
    const Accept& accept = world.accepted.begin()->second;
    for (uint32_t g = 0; g < 3; ++g) {
      // Of the segment whose statement it no longer sent, nothing counts.
      const bool counted = g + 1 < uploaded;
      EXPECT_EQ(accept.segments[g].survivors.size(), counted ? 4U : 3U) << "segment " << g;
      EXPECT_EQ(accept.segments[g].verified, !counted) << "the lost site answers no check";
    }
    EXPECT_TRUE(world.SumsAreExact());
    EXPECT_EQ(world.Unmaskable({1}), "");
  }
}

TEST(Protocol, AnAbandonedAttemptIsFollowedByASmallerOneWithFreshKeys) {
  World world({.sites = 6, .seed = 8, .corrupt_max = 2});
  world.deaths[4] = {SitePhase::kAgreeing, 0};
  world.RunAttempt(0);
  ASSERT_TRUE(world.abandoned.has_value());
  EXPECT_EQ(world.abandoned->missing, Sites{4});
  EXPECT_EQ(world.masked_bytes, 0U) << "nothing is uploaded before all agree";
  world.absent.insert(4);
  world.RunAttempt(0, 1);
  ASSERT_EQ(world.accepted.size(), 5U);
  EXPECT_TRUE(world.SumsAreExact());
}

TEST(Protocol, AWholeBatchLeavesWithItsLostMember) {
  World world({.sites = 9, .sites_per_batch = 3, .seed = 9});
  world.deaths[4] = {SitePhase::kMasking, 0};
  world.RunAttempt(0);
  ASSERT_FALSE(world.published.has_value());
  EXPECT_NE(world.abandoned->why.find("too few sites uploaded"), std::string::npos)
      << "six are fewer than the threshold of seven";

  World larger({.sites = 12, .sites_per_batch = 3, .seed = 9});
  larger.deaths[4] = {SitePhase::kMasking, 0};
  larger.RunAttempt(0);
  ASSERT_TRUE(larger.published.has_value()) << larger.abandoned->why;
  EXPECT_EQ(larger.accepted.begin()->second.segments[0].survivors,
            (Sites{0, 1, 2, 6, 7, 8, 9, 10, 11}));
  EXPECT_TRUE(larger.SumsAreExact());
}

TEST(Protocol, RandomWorldsSumExactlyOrReleaseNothing) {
  SeededRandom chance(77);
  int exact = 0;
  for (int trial = 0; trial < 80; ++trial) {
    const auto sites = static_cast<uint32_t>(3 + chance.Below(trial % 10 == 0 ? 18 : 7));
    const uint32_t least = ThresholdFor(sites);
    const auto threshold = static_cast<uint32_t>(least + chance.Below(sites - least + 1));
    World world({.sites = sites,
                 .threshold = threshold,
                 .lane_max = trial % 3 == 0 ? 32767 : 127,
                 .parameters = 1 + chance.Below(3000),
                 .seed = 1000 + static_cast<uint64_t>(trial)});
    for (uint64_t i = chance.Below(sites - threshold + 2); i > 0; --i) {
      const auto phase = static_cast<SitePhase>(1 + chance.Below(10));
      world.deaths[static_cast<uint32_t>(chance.Below(sites))] = {phase, 0};
    }
    world.restart_chance = trial % 4 == 0 ? 0.05 : 0;
    world.RunAttempt(0);
    SCOPED_TRACE("trial " + std::to_string(trial));
    EXPECT_TRUE(world.refusals.empty()) << world.refusals.begin()->second.name;
    if (!world.accepted.empty()) {
      EXPECT_TRUE(world.SumsAreExact());
      ++exact;
    }
    std::set<uint32_t> colluding;
    const uint32_t corrupt = CorruptMax(sites, threshold);
    while (colluding.size() < corrupt) colluding.insert(static_cast<uint32_t>(chance.Below(sites)));
    EXPECT_EQ(world.Unmaskable(colluding), "");
    EXPECT_TRUE(world.told_too_early.empty()) << world.told_too_early.front();
  }
  EXPECT_GT(exact, 30) << "the worlds are not all hopeless";
}

TEST(Protocol, RestartsAtEveryPersistChangeNothing) {
  for (uint64_t seed = 0; seed < 8; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world({.sites = 4, .seed = 500 + seed});
    world.restart_chance = 0.3;
    world.RunAttempt(0);
    EXPECT_TRUE(world.refusals.empty()) << world.refusals.begin()->second.why;
    ASSERT_TRUE(world.finished.has_value() || world.abandoned.has_value())
        << Name(world.aggregator().phase()) << ", site 0 " << Name(world.site(0).phase());
    if (!world.accepted.empty()) {
      EXPECT_TRUE(world.SumsAreExact());
    }
    EXPECT_EQ(world.Unmaskable({0}), "");
  }
}

// How far the masked words of one site are from uniform: chi-squared over all values that a word of
// 10 bits may take, in standard deviations of a truly uniform stream.
double DistanceFromUniform(const std::vector<int32_t>& words) {
  std::vector<double> counts(1024);
  for (const int32_t word : words) ++counts[static_cast<size_t>(word & 1023)];
  const double expected = static_cast<double>(words.size()) / 1024;
  double chi = 0;
  for (const double count : counts) chi += (count - expected) * (count - expected) / expected;
  return (chi - 1023) / std::sqrt(2 * 1023.0);
}

// Of four sites' int8: ten bits, of which the upper two stand four to a byte in their block's
// plane.
std::vector<int32_t> WordsOf(const World& world, const Bytes& payload) {
  const WordLayout layout = world.context().SegmentLayout(0);
  const uint64_t count = layout.parameter_count();
  std::vector<int32_t> words(count);
  for (uint64_t k = 0; k < count; ++k) {
    const uint64_t block = k / 1024 * 1024;
    const uint64_t stride = (2 * std::min<uint64_t>(1024, count - block) + 7) / 8;
    const uint64_t at = k - block;
    const unsigned high = payload[count + block / 4 + at % stride] >> (2 * (at / stride)) & 3U;
    words[k] = static_cast<int32_t>(high << 8 | payload[k]);
  }
  return words;
}

TEST(Protocol, AnEmptyUpdateMaskedLooksLikeNoiseAndDiffersEachAttempt) {
  World world({.sites = 4, .parameters = 300'000, .seed = 10});
  world.contribute = [](uint32_t, Bytes& lanes) { std::fill(lanes.begin(), lanes.end(), 0); };
  std::set<Digest> payloads;
  for (uint64_t round = 0; round < 2; ++round) {
    world.seen.clear();
    world.RunAttempt(round);
    ASSERT_TRUE(world.SumsAreExact());
    for (const auto& [from, bytes] : world.seen) {
      const auto message = DecodeMessage(bytes);
      const auto* upload = std::get_if<Signed<Uploaded>>(&*message);
      if (upload == nullptr) continue;
      EXPECT_TRUE(payloads.insert(upload->body.payload).second) << "no two are alike";
      EXPECT_LT(std::abs(DistanceFromUniform(WordsOf(world, world.blob(upload->body.payload)))), 5);
    }
  }
  EXPECT_EQ(payloads.size(), 8U);
  // The test must see what is not uniform: nothing masked, and masks that never reach the largest
  // word, as generators with an inclusive bound off by one make them.
  EXPECT_GT(DistanceFromUniform(std::vector<int32_t>(300'000, 0)), 5);
  SeededRandom chance(1);
  std::vector<int32_t> short_of_one(300'000);
  for (int32_t& word : short_of_one) word = static_cast<int32_t>(chance.Below(1023));
  EXPECT_GT(DistanceFromUniform(short_of_one), 5);
}

TEST(Protocol, SavedStatesAreOneFormAndRefuseDamage) {
  World world({.sites = 3, .seed = 11});
  world.RunAttempt(0);
  const Bytes saved = world.site(0).Save();
  Ed25519Verifier verifier;
  const auto loaded = SiteHalf::Load(saved, world.signer(0), verifier);
  ASSERT_TRUE(loaded.has_value());
  EXPECT_EQ(loaded->Save(), saved);
  EXPECT_FALSE(SiteHalf::Load(ByteView(saved).first(saved.size() - 1), world.signer(0), verifier)
                   .has_value());
  const Bytes at_aggregator = world.aggregator().Save();
  const auto again = AggregatorHalf::Load(at_aggregator, world.aggregator_signer(), verifier);
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->Save(), at_aggregator);
}

TEST(Refusals, NameTheAttemptThatIsRefusedAndNotTheOneUnderWay) {
  World world({.sites = 4});
  world.RunAttempt(3);
  Context other = world.context();
  other.agreed.plan = Sha256(AsBytes("another"));
  world.RunAttempt(4, 1);
  const auto effects = world.site(0).Handle(FromAggregator{EncodeMessage(Open{other.Canonical()})});
  ASSERT_EQ(effects.size(), 1U);
  const auto& refused = std::get<RefuseRound>(effects.front());
  EXPECT_EQ(refused.refused.rule, Refusal::kStale);
  EXPECT_EQ(refused.context.Id(), other.Id());
  EXPECT_EQ(world.site(0).context().attempt, 1U) << "what is under way goes on";
}

TEST(Silence, NamesWhomAPhaseHasNotHeard) {
  World world({.sites = 4});
  world.tamper = [](bool to_site, uint32_t site, Bytes& message) {
    if (!to_site && site == 2) message.clear();
  };
  world.Open(0);
  world.RunUntilQuiet();
  EXPECT_EQ(world.aggregator().phase(), AggregatorPhase::kAdvertising);
  EXPECT_EQ(world.aggregator().Awaited(), Sites{2});
  world.Overdue();
  ASSERT_TRUE(world.abandoned.has_value());
  EXPECT_EQ(world.abandoned->missing, Sites{2});
  EXPECT_EQ(world.aggregator().Awaited(), Sites{});
}

// 9
TEST(Attack9, AStateOfJustBeforeTheLastReleaseIsKnownByWhoeverWasInIt) {
  World world({.sites = 4});
  Bytes before;
  world.tamper = [&](bool to_site, uint32_t site, Bytes& message) {
    const auto decoded = DecodeMessage(message);
    const bool told = to_site && decoded && std::holds_alternative<Survivors>(*decoded);
    if (told && site == 3 && before.empty()) before = world.site(3).Save();
  };
  world.RunAttempt(0);
  ASSERT_EQ(world.accepted.size(), 4U);
  world.site(3) = SiteHalf::Load(before, world.signer(3), world.verifier()).value();
  world.RunAttempt(1);
  for (uint32_t i = 0; i < 3; ++i) EXPECT_EQ(world.refusals.at(i).name, "REFUSE_STALE");
  EXPECT_TRUE(world.accepted.empty());
}

}  // namespace
}  // namespace dure::masking
