// The attack suite's part of whoever carries messages, with or without a member's key: what a site
// said itself comes back as another's; sealed shares are handed to whom, or said to be of what,
// they are not.
#include <gmock/gmock.h>

#include "federation/codec/lane.h"
#include "federation/masking/merkle.h"
#include "federation/masking/testing/attack.h"

namespace dure::masking {
namespace {

// Says that it is another site's; the signature is what it was.
template <typename T>
Bytes AsIfOf(uint32_t site, const Bytes& carried) {
  auto message = DecodeSigned<T>(carried).value();
  message.header.site = site;
  const auto signer = std::move(*Ed25519Signer::FromSeed(Bytes(32, 1)));
  Bytes bytes = Sign(*signer, message.header, message.body).carried;
  std::copy(carried.end() - sizeof(Signature), carried.end(), bytes.end() - sizeof(Signature));
  return bytes;
}

uint32_t SegmentOf(const Bytes& head) { return DecodeSigned<ShareHead>(head)->body.segment; }

// What a dealer has sealed goes elsewhere, with its own signature under it.
void Redeal(const World& world, uint32_t dealer, Bytes& bytes,
            const std::function<void(Shares&)>& change) {
  Change<Shares>(bytes, [&](Shares& shares) {
    change(shares);
    auto head = DecodeSigned<ShareHead>(shares.head).value();
    head.body.root = RootOf(LeavesOf(shares.entries));
    shares.head = Sign(world.signer(dealer), head.header, head.body).carried;
  });
}

// A site's own words come back
// --------------------------------------------------------------------------------------------

TEST(Reflection, OfWhatASiteSaysToItselfChangesNothing) {
  World world({.sites = 4});
  world.tamper = [&](bool to_site, uint32_t site, Bytes& message) {
    if (!to_site) world.Inject(site, message);
  };
  world.RunAttempt(0);
  ExpectExactAndNobodyRefuses(world, 4);
  EXPECT_TRUE(world.culprits.empty());
}

template <typename T>
void ExpectABadSignatureOfItsOwn() {
  World world({.sites = 4});
  world.tamper = [&](bool to_site, uint32_t site, Bytes& message) {
    Message decoded;
    if (to_site || site != 0 || As<T>(message, decoded) == nullptr) return;
    world.Inject(0, AsIfOf<T>(1, message));
  };
  world.RunAttempt(0);
  ExpectRefused(world, 0, "REFUSE_BAD_SIGNATURE", kAggregator, "whom it names");
  EXPECT_FALSE(world.accepted.contains(0));
  EXPECT_EQ(world.Unmaskable({}), "");
}

TEST(Reflection, AsAnothersIsABadSignatureWhateverItIs) {
  ExpectABadSignatureOfItsOwn<Advertise>();
  ExpectABadSignatureOfItsOwn<Agreement>();
  ExpectABadSignatureOfItsOwn<CheckValues>();
}

TEST(Reflection, OfWhatLiesWithinAMessageIsRefusedByName) {
  const auto with = [](const std::function<bool(Bytes&)>& change) {
    auto world = std::make_unique<World>(WorldShape{.sites = 4});
    world->tamper = [change](bool to_site, uint32_t site, Bytes& message) {
      if (to_site && site == 0) change(message);
    };
    world->RunAttempt(0);
    EXPECT_FALSE(world->accepted.contains(0));
    return world;
  };
  for (const bool renamed : {false, true}) {
    const auto own = [renamed]<typename T>(const Bytes& said, T*) {
      return renamed ? AsIfOf<T>(1, said) : said;
    };
    const auto survived = with([&](Bytes& message) {
      return Change<Survivors>(message, [&](Survivors& all) {
        all.uploads[1] = own(all.uploads[0], static_cast<Uploaded*>(nullptr));
      });
    });
    ExpectRefused(*survived, 0, renamed ? "REFUSE_BAD_SIGNATURE" : "REFUSE_SURVIVOR_SET",
                  kAggregator, renamed ? "" : "out of order");
    const auto opened = with([&](Bytes& message) {
      return Change<Openings>(message, [&](Openings& all) {
        all.openings[1] = own(all.openings[0], static_cast<Opening*>(nullptr));
      });
    });
    ExpectRefused(*opened, 0, renamed ? "REFUSE_BAD_SIGNATURE" : "REFUSE_TRANSCRIPT", kAggregator,
                  renamed ? "" : "out of order");
  }
}

TEST(Reflection, OfAnothersMessageToTheAggregatorIsNotTakenForTheSendersOwn) {
  World world({.sites = 4});
  bool adds = false;
  world.tamper = [&](bool to_site, uint32_t site, Bytes& message) {
    if (adds || to_site || site != 0) return;
    adds = true;
    world.Speak(1, message);
    adds = false;
  };
  world.RunAttempt(0);
  ExpectExactAndNobodyRefuses(world, 4);
  ASSERT_FALSE(world.culprits.empty());
  for (const Culprit& culprit : world.culprits) {
    EXPECT_EQ(culprit.site, 1U);
    EXPECT_EQ(culprit.refused.rule, Refusal::kBadSignature);
  }
}

// Those who collude may sign what another said: it does not become theirs.
TEST(Reflection, AnothersKeysUnderAMembersOwnNameAreRefused) {
  World world({.sites = 4});
  Advertise of_0;
  world.tamper = [&](bool to_site, uint32_t site, Bytes& message) {
    Message decoded;
    const auto* advertised = to_site ? nullptr : As<Advertise>(message, decoded);
    if (advertised != nullptr && site == 0) of_0 = advertised->body;
    if (to_site || site != 1) return;
    Resign<Advertise>(message, world.signer(1), [&](Header&, Advertise& body) {
      body.seal_key = of_0.seal_key;
      body.mask_keys = of_0.mask_keys;
    });
  };
  world.RunAttempt(0);
  ASSERT_FALSE(of_0.mask_keys.empty());
  ExpectRefused(world, 0, "REFUSE_KEY", 1, "twice");
  ExpectNothingReleased(world);
}

TEST(Reflection, AnothersNonceUnderAMembersOwnNameIsRefused) {
  for (const bool by_aggregator : {false, true}) {
    World world({.sites = 4});
    Opening of_0;
    world.tamper = [&](bool to_site, uint32_t site, Bytes& message) {
      Message decoded;
      const auto* opening = As<Opening>(message, decoded);
      if (!to_site && site == 0 && opening != nullptr) of_0 = opening->body;
      const auto say_the_same = [&](Header&, Opening& body) { body = of_0; };
      if (!to_site && site == 1 && !by_aggregator) {
        Resign<Opening>(message, world.signer(1), say_the_same);
      }
      if (!to_site || site != 2 || !by_aggregator) return;
      Change<Openings>(message, [&](Openings& all) {
        Resign<Opening>(all.openings[1], world.signer(1), say_the_same);
      });
    };
    world.RunAttempt(0);
    const Digest context = world.context().Id();
    EXPECT_NE(NonceCommitment(context, 0, of_0.nonce), NonceCommitment(context, 1, of_0.nonce));
    if (by_aggregator) {
      ExpectRefused(world, 2, "REFUSE_TRANSCRIPT", 1, "its commitment contradicts");
      continue;
    }
    ASSERT_FALSE(world.culprits.empty());
    EXPECT_EQ(world.culprits[0].site, 1U);
    EXPECT_EQ(world.culprits[0].refused.rule, Refusal::kTranscript);
  }
}

// Sealed shares that go astray
// --------------------------------------------------------------------------------------------

TEST(Misdelivery, OfSharesSealedForAnotherIsTheAggregatorsFault) {
  World world({.sites = 4});
  Delivery of_2;
  world.tamper = [&](bool to_site, uint32_t site, Bytes& message) {
    if (!to_site) return;
    Change<Delivery>(message, [&](Delivery& delivery) {
      if (HeaderOf(delivery).site != 1) return;
      if (site == 2) of_2 = delivery;
      if (site == 3) delivery = of_2;
    });
  };
  world.RunAttempt(0);
  ASSERT_FALSE(of_2.head.empty());
  ExpectRefused(world, 3, "REFUSE_TRANSCRIPT", kAggregator, "sender's root");
  EXPECT_EQ(world.masked_bytes, 0U);
  ExpectNothingReleased(world);
}

TEST(Misdelivery, ByADealerOfWhatItSealedForAnotherIsTheDealersFault) {
  World world({.sites = 4});
  world.tamper = [&](bool to_site, uint32_t site, Bytes& message) {
    if (to_site || site != 1) return;
    Redeal(world, 1, message, [](Shares& shares) { shares.entries[3] = shares.entries[2]; });
  };
  world.RunAttempt(0);
  ExpectRefused(world, 3, "REFUSE_SHARES", 1, "do not open");
  EXPECT_EQ(world.masked_bytes, 0U);
  ExpectNothingReleased(world);
}

// 0 and 1 have one key between them. Sent back under 1's name, 0's shares would be what 0 holds of
// 1's secrets, and it would give them away with its own.
TEST(Misdelivery, OfSharesToTheirOwnerAsItsRecipientsDoesNotOpen) {
  World world({.sites = 4});
  ShareEntry from_0_to_1;
  world.tamper = [&](bool to_site, uint32_t site, Bytes& message) {
    if (to_site || site > 1) return;
    if (site == 0) Change<Shares>(message, [&](Shares& all) { from_0_to_1 = all.entries[1]; });
    if (site == 1) {
      Redeal(world, 1, message, [&](Shares& shares) { shares.entries[0] = from_0_to_1; });
    }
  };
  world.RunAttempt(0);
  ASSERT_FALSE(from_0_to_1.sealed.empty());
  ExpectRefused(world, 0, "REFUSE_SHARES", 1, "do not open");
  EXPECT_EQ(world.masked_bytes, 0U);
  ExpectNothingReleased(world);
}

TEST(Misdelivery, OfSharesOfAnotherSegmentIsRefusedWhoeverDoesIt) {
  for (const bool by_dealer : {false, true}) {
    World world({.sites = 4, .parameters = codec::kSegmentParameters + 100});
    std::map<uint32_t, ShareEntry> first;  // of segment 0, by recipient
    world.tamper = [&](bool to_site, uint32_t site, Bytes& message) {
      if (to_site == by_dealer) return;
      if (by_dealer && site == 1) {
        Redeal(world, 1, message, [&](Shares& shares) {
          if (SegmentOf(shares.head) == 0) first[2] = shares.entries[2];
          if (SegmentOf(shares.head) == 1) shares.entries[2] = first.at(2);
        });
      }
      Change<Delivery>(message, [&](Delivery& one) {
        if (by_dealer || site != 2 || HeaderOf(one).site != 1) return;
        if (SegmentOf(one.head) == 0) first[2] = one.entry;
        if (SegmentOf(one.head) == 1) one.entry = first.at(2);
      });
    };
    world.RunAttempt(0);
    ASSERT_FALSE(first.empty());
    if (by_dealer) ExpectRefused(world, 2, "REFUSE_SHARES", 1, "do not open");
    if (!by_dealer) ExpectRefused(world, 2, "REFUSE_TRANSCRIPT", kAggregator, "sender's root");
    EXPECT_EQ(world.masked_bytes, 0U);
    ExpectNothingReleased(world);
  }
}

// A first attempt in which all dealt, and which came to a sum, or to nothing.
void DealOnce(World& world, bool ends, const std::function<void(Bytes&)>& look) {
  world.tamper = [&, ends](bool to_site, uint32_t site, Bytes& message) {
    Message decoded;
    if (!to_site && !ends && As<Agreement>(message, decoded) != nullptr) message.clear();
    if (to_site && site == 2) look(message);
  };
  world.RunAttempt(0);
  ASSERT_EQ(world.finished.has_value(), ends);
  ASSERT_EQ(world.abandoned.has_value(), !ends);
}

TEST(Misdelivery, OfSharesOfAnEarlierAttemptOrRoundIsSetAside) {
  for (const bool round : {false, true}) {
    World world({.sites = 4});
    std::vector<Bytes> earlier;  // to 2
    DealOnce(world, round, [&](Bytes& message) {
      if (Change<Delivery>(message, [](Delivery&) {})) earlier.push_back(message);
    });
    ASSERT_EQ(earlier.size(), 3U);
    world.tamper = [&](bool to_site, uint32_t site, Bytes& message) {
      const bool deals = to_site && site == 2 && Change<Delivery>(message, [](Delivery&) {});
      if (!deals || earlier.empty()) return;
      for (const Bytes& bytes : earlier) world.Inject(2, bytes);
      earlier.clear();
    };
    world.RunAttempt(round ? 1 : 0, round ? 0 : 1);
    EXPECT_TRUE(earlier.empty());
    EXPECT_EQ(world.set_aside.at(2), "REFUSE_STALE");
    ExpectExactAndNobodyRefuses(world, 4);
  }
}

TEST(Misdelivery, ByADealerOfWhatItSealedInAnEarlierAttemptOrRoundDoesNotOpen) {
  for (const bool round : {false, true}) {
    World world({.sites = 4});
    ShareEntry earlier;  // of 1 to 2
    DealOnce(world, round, [&](Bytes& message) {
      Change<Delivery>(message, [&](Delivery& one) {
        if (HeaderOf(one).site == 1) earlier = one.entry;
      });
    });
    ASSERT_FALSE(earlier.sealed.empty());
    world.tamper = [&](bool to_site, uint32_t site, Bytes& message) {
      if (to_site || site != 1) return;
      Redeal(world, 1, message, [&](Shares& shares) { shares.entries[2] = earlier; });
    };
    const uint64_t before = world.masked_bytes;
    world.RunAttempt(round ? 1 : 0, round ? 0 : 1);
    ExpectRefused(world, 2, "REFUSE_SHARES", 1, "do not open");
    EXPECT_FALSE(world.published.has_value());
    EXPECT_TRUE(world.accepted.empty());
    EXPECT_EQ(world.masked_bytes, before);
    EXPECT_EQ(world.Unmaskable({}), "");
  }
}

}  // namespace
}  // namespace dure::masking
