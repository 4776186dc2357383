// The attack suite's part of bytes behind a message that is well formed, whoever signed them.
#include <gtest/gtest.h>

#include <set>

#include "federation/masking/testing/attack.h"

namespace dure::masking {
namespace {

Bytes WithAByteMore(Bytes bytes) {
  bytes.push_back(0);
  return bytes;
}

// As above, but whoever said it has signed the byte too; what nobody signs is left as it is.
Bytes SignedWithAByteMore(const World& world, const Bytes& bytes) {
  const auto message = DecodeMessage(bytes);
  uint32_t by = kNobody;
  const auto look = [&](const auto& one) {
    if constexpr (requires { one.header; }) by = one.header.site;
  };
  if (message) std::visit(look, *message);
  if (by == kNobody) return bytes;
  Bytes longer(bytes.begin(), bytes.end() - sizeof(Signature));
  longer.push_back(0);
  const Ed25519Signer& signer = by == kAggregator ? world.aggregator_signer() : world.signer(by);
  const Signature signature = signer.Sign(kSignatureDomain, longer);
  longer.insert(longer.end(), signature.begin(), signature.end());
  return longer;
}

TEST(Trailing, AByteBehindAnyMessageMakesItOneOutOfFormAndTheSumIsExact) {
  for (const bool signs_it : {false, true}) {
    World world({.sites = 4});
    std::map<bool, std::set<std::string_view>> kinds;  // by direction
    bool adds = false;
    world.tamper = [&](bool to_site, uint32_t site, Bytes& message) {
      if (adds) return;
      const Bytes longer = signs_it ? SignedWithAByteMore(world, message) : WithAByteMore(message);
      if (longer == message) return;
      const auto decoded = DecodeMessage(longer);
      ASSERT_FALSE(decoded.has_value());
      EXPECT_EQ(decoded.error().code, ErrorCode::kInvalid);
      kinds[to_site].insert(KindName(*DecodeMessage(message)));
      adds = true;
      to_site ? world.Inject(site, longer) : world.Speak(site, longer);
      adds = false;
    };
    world.RunAttempt(0);
    ExpectExactAndNobodyRefuses(world, 4);
    EXPECT_EQ(kinds[true].size(), signs_it ? 4U : 9U);
    EXPECT_EQ(kinds[false].size(), signs_it ? 6U : 7U);
    std::set<uint32_t> blamed;
    for (const Culprit& culprit : world.culprits) {
      EXPECT_EQ(culprit.refused.rule, Refusal::kSchema);
      blamed.insert(culprit.site);
    }
    EXPECT_EQ(blamed.size(), 4U);
    ASSERT_EQ(world.set_aside.size(), 4U);
    for (const auto& [site, name] : world.set_aside) EXPECT_EQ(name, "REFUSE_SCHEMA") << site;
  }
}

TEST(Trailing, AByteBehindTheContextOfAnOpeningIsOutOfForm) {
  World world({.sites = 4});
  world.tamper = [](bool to_site, uint32_t, Bytes& message) {
    if (!to_site) return;
    Change<Open>(message, [](Open& open) { open.context.push_back(0); });
  };
  world.RunAttempt(0);
  for (uint32_t i = 0; i < 4; ++i) EXPECT_EQ(world.set_aside.at(i), "REFUSE_SCHEMA");
  EXPECT_TRUE(world.seen.empty()) << "nobody answers";
}

// Signed with it: the aggregator passes on what a site signed, and looks at it too.
TEST(Trailing, AByteBehindWhatAMessageHoldsIsRefusedByName) {
  const auto with = [](const std::function<void(World&, Bytes&)>& change) {
    auto world = std::make_unique<World>(WorldShape{.sites = 4});
    world->tamper = [&world = *world, change](bool to_site, uint32_t site, Bytes& message) {
      if (to_site && site == 2) change(world, message);
    };
    world->RunAttempt(0);
    EXPECT_FALSE(world->accepted.contains(2));
    return world;
  };
  const auto dealt = with([](World& world, Bytes& message) {
    Change<Delivery>(message, [&](Delivery& one) {
      if (HeaderOf(one).site == 1) one.head = SignedWithAByteMore(world, one.head);
    });
  });
  ExpectRefused(*dealt, 2, "REFUSE_SCHEMA", kAggregator, "");
  ExpectNothingReleased(*dealt);
  const auto survived = with([](World& world, Bytes& message) {
    Change<Survivors>(message, [&](Survivors& all) {
      all.uploads[1] = SignedWithAByteMore(world, all.uploads[1]);
    });
  });
  ExpectRefused(*survived, 2, "REFUSE_SURVIVOR_SET", kAggregator, "without its statement");
  const auto opened = with([](World& world, Bytes& message) {
    Change<Openings>(message, [&](Openings& all) {
      all.openings[1] = SignedWithAByteMore(world, all.openings[1]);
    });
  });
  ExpectRefused(*opened, 2, "REFUSE_TRANSCRIPT", kAggregator, "out of form");
}

TEST(Trailing, AByteBehindADealersHeadIsTheDealersFault) {
  World world({.sites = 4});
  world.tamper = [&](bool to_site, uint32_t site, Bytes& message) {
    if (to_site || site != 1) return;
    Change<Shares>(message,
                   [&](Shares& shares) { shares.head = SignedWithAByteMore(world, shares.head); });
  };
  world.RunAttempt(0);
  ASSERT_FALSE(world.culprits.empty());
  EXPECT_EQ(world.culprits[0].site, 1U);
  EXPECT_EQ(world.culprits[0].refused.rule, Refusal::kSchema);
}

}  // namespace
}  // namespace dure::masking
