// What a site signed and never saw released: when it may forget it, and that a run goes on then.
#include <gtest/gtest.h>

#include "federation/masking/history.h"
#include "federation/masking/testing/attack.h"

namespace dure::masking {
namespace {

using Claim = std::optional<Released>;

SiteId SiteAt(size_t i) { return SiteId::Parse("s" + std::to_string(100 + i)).value(); }

ReleasedSum SumOver(const std::vector<size_t>& sites) {
  ReleasedSum sum;
  for (const size_t i : sites) sum.sites.push_back(SiteAt(i));
  return sum;
}

Quorum QuorumOfFirst(uint32_t count, uint32_t corrupt_max) {
  Quorum quorum{{}, ThresholdFor(count), corrupt_max};
  for (size_t i = 0; i < count; ++i) quorum.cohort.push_back(SiteAt(i));
  return quorum;
}

// Of four sites, all of which were to be summed in the first attempt, and three in the second.
class Disproved : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_FALSE(history_.Sign({7}, 1, first_.transcript, {SumOver({0, 1, 2, 3})}, quorum_));
    ASSERT_FALSE(history_.Sign({7}, 2, second_.transcript, {SumOver({0, 1, 3})}, quorum_));
  }
  bool Takes(const std::vector<size_t>& sites) const {
    return !history_.CheckDifferences({}, {8}, SumOver(sites), {});
  }

  const Released first_{{7}, Sha256(AsBytes("first"))};
  const Released second_{{7}, Sha256(AsBytes("second"))};
  const Released before_{{6}, Sha256(AsBytes("before"))};
  const Released later_{{8}, Sha256(AsBytes("later"))};
  const Quorum quorum_ = QuorumOfFirst(4, 1);
  History history_;
};

TEST_F(Disproved, AnAttemptThatTooFewCanHaveGivenSharesForIsForgotten) {
  EXPECT_FALSE(Takes({0, 1, 3})) << "both count";
  EXPECT_FALSE(Takes({0, 1, 2, 3})) << "both count";
  history_.Disprove({{SiteAt(0), before_}, {SiteAt(1), second_}, {SiteAt(3), Claim()}});
  EXPECT_TRUE(Takes({0, 1, 3})) << "the second stays: one gave shares for it, and one may lie";
  EXPECT_FALSE(Takes({0, 1, 2, 3}));
  EXPECT_TRUE(history_.CheckReleased({}, SumOver({0, 1, 2, 3}), {}) == std::nullopt);
}

TEST_F(Disproved, BothAreForgottenIfThreeGaveNoShares) {
  history_.Disprove({{SiteAt(0), Claim()}, {SiteAt(2), before_}, {SiteAt(3), Claim()}});
  EXPECT_TRUE(Takes({0, 1, 3}));
  EXPECT_TRUE(Takes({0, 1, 2, 3}));
}

TEST_F(Disproved, OneLiarIsNotEnough) {
  // Two gave no shares; whoever says a third time so may be the one that colludes.
  history_.Disprove({{SiteAt(0), Claim()}, {SiteAt(3), Claim()}});
  EXPECT_FALSE(Takes({0, 1, 3}));
  EXPECT_FALSE(Takes({0, 1, 2, 3}));
}

TEST_F(Disproved, WhoWasNotInItsCohortOrWentOnSaysNothingOfIt) {
  history_.Disprove({{SiteAt(0), Claim()},
                     {SiteAt(3), Claim()},
                     {SiteAt(1), later_},
                     {SiteAt(2), first_},
                     {SiteAt(4), Claim()},
                     {SiteAt(5), Claim()}});
  EXPECT_FALSE(Takes({0, 1, 3}));
  EXPECT_FALSE(Takes({0, 1, 2, 3}));
}

TEST_F(Disproved, WhatThisSiteGaveItsOwnSharesForItKeeps) {
  const auto known = [this] { return history_.CheckReleased({}, SumOver({0, 1, 2, 3}), {}); };
  EXPECT_FALSE(known()) << "it was only signed";
  history_.Release({7}, 2, second_.transcript);
  EXPECT_TRUE(known()) << "before anybody else says anything";
  history_.Disprove({{SiteAt(1), Claim()}, {SiteAt(2), Claim()}, {SiteAt(3), Claim()}});
  EXPECT_TRUE(Takes({0, 1, 3}));
  EXPECT_FALSE(Takes({0, 1, 2, 3}));
  EXPECT_TRUE(known());
  EXPECT_FALSE(history_.CheckReleased({}, SumOver({0, 1, 3}), {}))
      << "the same again shows nothing";
  ASSERT_FALSE(history_.Sign({8}, 3, later_.transcript, {SumOver({0, 1, 3})}, quorum_));
  EXPECT_TRUE(known()) << "of an earlier number";
}

TEST_F(Disproved, OneThatWasTriedAgainIsNotDeniedByItsEarlierTranscript) {
  const Released third{{7}, Sha256(AsBytes("third"))};
  ASSERT_FALSE(history_.Sign({7}, 3, third.transcript, {SumOver({0, 1, 2, 3})}, quorum_));
  // The first attempt, over the same sites, was released by three sites, of which none lies.
  history_.Disprove({{SiteAt(0), Claim()}, {SiteAt(1), first_}, {SiteAt(2), first_}});
  EXPECT_FALSE(Takes({0, 1, 3}));
}

TEST(DisprovedQuorum, NeedsAsManyAsLeaveTooFewWithAllThatCollude) {
  // Against the definition: of a cohort in which `corrupt` sites give shares and deny it, and
  // `silent` honest ones may have given theirs, the shares must be fewer than the threshold.
  for (const uint32_t count : {3U, 4U, 5U, 7U, 10U, 20U}) {
    const uint32_t threshold = ThresholdFor(count);
    const uint32_t corrupt = CorruptMax(count, threshold);
    for (uint32_t denials = 0; denials <= count; ++denials) {
      History history;
      const Quorum quorum = QuorumOfFirst(count, corrupt);
      ASSERT_FALSE(history.Sign({0}, 0, Sha256(AsBytes("t")), {{0, quorum.cohort}}, quorum));
      std::map<SiteId, Claim> claims;
      for (uint32_t i = 0; i < denials; ++i) claims[SiteAt(i)] = {};
      history.Disprove(claims);
      const uint32_t lying = std::min(corrupt, denials);
      const bool possible = lying + (count - denials) >= threshold;
      const ReleasedSum without{0, {quorum.cohort.begin(), quorum.cohort.end() - 1}};
      const bool refused = history.CheckDifferences({}, {1}, without, {}).has_value();
      EXPECT_EQ(refused, possible) << count << " sites, " << denials;
      EXPECT_EQ(refused, denials < (count == 3 ? 2 : threshold)) << "as decision 0030 says";
    }
  }
}

// In the protocol
// -----------------------------------------------------------------------------------------

bool IsConsent(const Bytes& message) {
  Message decoded;
  const auto* agreement = As<Agreement>(message, decoded);
  return agreement != nullptr && agreement->body.step == 2;
}

// Under one number, all four sign the sum of all, of which the aggregator hears nothing; then,
// without site 2's shares, three sign theirs. Site 1 gives its shares, and its consent is lost, so
// that the others never learn of a quorum.
class ReplacedAttempt : public testing::Test {
 protected:
  void SetUp() override {
    world_.tamper = [](bool to_site, uint32_t, Bytes& message) {
      if (!to_site && IsConsent(message)) message.clear();
    };
    world_.RunAttempt(0, 1);
    ASSERT_TRUE(world_.abandoned);
    world_.tamper = [](bool to_site, uint32_t site, Bytes& message) {
      const auto decoded = DecodeMessage(message);
      const bool shares = decoded && std::holds_alternative<Shares>(*decoded);
      if (!to_site && site == 2 && shares) message.clear();
      if (!to_site && site == 1 && IsConsent(message)) message.clear();
    };
    world_.RunAttempt(0, 2);
    ASSERT_TRUE(world_.abandoned);
    world_.tamper = nullptr;
    for (const uint32_t site : {0U, 2U, 3U}) ASSERT_FALSE(world_.site(site).history().released());
    ASSERT_TRUE(world_.site(1).history().released());
  }
  World world_{{.sites = 4, .forbid_differences = true}};
};

TEST_F(ReplacedAttempt, IsForgottenOnceItsSitesSayThatTheyGaveNoShares) {
  world_.absent = {2};
  world_.RunAttempt(1, 3);
  EXPECT_TRUE(world_.refusals.empty()) << world_.refusals.begin()->second.why;
  EXPECT_EQ(world_.accepted.size(), 3U);
  EXPECT_EQ(world_.Unmaskable({}), "");
}

TEST_F(ReplacedAttempt, IsForgottenForGoodAlsoAcrossARestart) {
  world_.absent = {2};
  world_.restart_chance = 0.5;
  world_.RunAttempt(1, 3);
  EXPECT_EQ(world_.accepted.size(), 3U);
  world_.RunAttempt(2, 4);
  EXPECT_EQ(world_.accepted.size(), 3U);
  world_.absent.clear();
  world_.RunAttempt(3, 5);
  EXPECT_EQ(world_.refusals.at(0).name, "REFUSE_MEMBERSHIP") << "what was released counts";
}

TEST_F(ReplacedAttempt, ThatWasReleasedIsHeldAgainstASumWithTheLostSite) {
  const size_t before = world_.seen.size();
  world_.RunAttempt(1, 3);
  EXPECT_EQ(world_.refusals.at(1).name, "REFUSE_MEMBERSHIP") << "site 1 gave its shares";
  for (size_t i = before; i < world_.seen.size(); ++i) {
    Message decoded;
    const bool advertises = As<Advertise>(world_.seen[i].second, decoded) != nullptr;
    EXPECT_FALSE(advertises && world_.seen[i].first == 1) << "it makes no key for that";
  }
  EXPECT_EQ(world_.refusals.count(0), 0U);
}

}  // namespace
}  // namespace dure::masking
