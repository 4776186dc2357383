// What stops an attack where the check that stops it first is patched out. A context of its own for
// one site is found out by comparing contexts; here nobody compares them, as in a build without
// that check: whatever passes between the site and the others is said again, under the sayer's own
// key, in the context of whoever hears it.
#include <gtest/gtest.h>

#include <algorithm>

#include "federation/masking/testing/attack.h"

namespace dure::masking {
namespace {

constexpr uint32_t kOdd = 1;  // the site that was told of another model

class Unchecked {
 public:
  // `rosters`: the roster that a dealer names is not compared either.
  explicit Unchecked(bool rosters) : rosters_(rosters) {
    world.tell = [this](uint32_t site, Context& context) {
      if (site != kOdd) return;
      context.agreed.model = DigestOf("another");
      odd_ = context.Id();
    };
    world.pin = [](uint32_t site, Pinned& pinned) {
      // It does not compare the model with its own either.
      if (site == kOdd) pinned.agreed.model = DigestOf("another");
    };
    world.tamper = [this](bool to_site, uint32_t site, Bytes& message) {
      if (site == kOdd) Translate(to_site, message);
      if (!to_site) NoteRoster(site, message);
    };
  }
  World world{{.sites = 5}};
  uint32_t translated = 0;

 private:
  const Signer& KeyOf(const Header& header) const {
    if (header.site == kAggregator) return world.aggregator_signer();
    return world.signer(header.site);
  }
  template <typename T>
  void Say(Bytes& message, const Digest& context) {
    Message decoded;
    const Signed<T>* said = As<T>(message, decoded);
    if (said == nullptr) return;
    Header header = said->header;
    header.context = context;
    message = Sign(KeyOf(header), header, said->body).carried;
    ++translated;
  }
  void SayHead(Bytes& carried, const Digest& context, std::optional<Digest> roster) {
    const auto head = DecodeSigned<ShareHead>(carried).value();
    Header header = head.header;
    header.context = context;
    ShareHead body = head.body;
    if (roster) body.roster = *roster;
    carried = Sign(KeyOf(header), header, body).carried;
    ++translated;
  }
  void Translate(bool to_site, Bytes& message) {
    const Digest context = to_site ? odd_ : world.context().Id();
    Say<Advertise>(message, context);
    // The aggregator helps: at its own end it compares nothing.
    const auto roster = to_site ? (rosters_ ? odd_roster_ : std::nullopt) : roster_;
    Change<Shares>(message, [&](Shares& shares) {
      odd_roster_ = DecodeSigned<ShareHead>(shares.head).value().body.roster;
      SayHead(shares.head, context, roster);
    });
    Change<Delivery>(message, [&](Delivery& delivery) { SayHead(delivery.head, context, roster); });
    Change<Sharers>(message, [&](Sharers& sharers) { sharers.context = context; });
  }
  // That of the others, whose shares come first.
  void NoteRoster(uint32_t site, Bytes& message) {
    if (site == kOdd) return;
    Change<Shares>(message, [&](Shares& shares) {
      roster_ = DecodeSigned<ShareHead>(shares.head).value().body.roster;
    });
  }

  const bool rosters_;
  Digest odd_;
  std::optional<Digest> roster_;
  std::optional<Digest> odd_roster_;
};

TEST(SecondLine, ContextsThatNobodyComparesMakeOtherTranscripts) {
  Unchecked unchecked(false);
  World& world = unchecked.world;
  world.RunAttempt(0);
  EXPECT_GT(unchecked.translated, 8U);
  ASSERT_TRUE(world.refusals.contains(kOdd));
  EXPECT_EQ(world.refusals.at(kOdd).name, "REFUSE_TRANSCRIPT");
  for (const uint32_t peer : {0, 2, 3, 4}) {
    ASSERT_TRUE(world.refusals.contains(peer)) << peer;
    EXPECT_EQ(world.refusals.at(peer).name, "REFUSE_SHARES") << "sealed under another roster";
  }
  EXPECT_EQ(world.masked_bytes, 0U);
  ExpectNothingReleased(world);
}

TEST(SecondLine, RostersThatNobodyComparesOpenNoShare) {
  Unchecked unchecked(true);
  World& world = unchecked.world;
  world.RunAttempt(0);
  for (uint32_t site = 0; site < 5; ++site) {
    ASSERT_TRUE(world.refusals.contains(site)) << site;
    EXPECT_EQ(world.refusals.at(site).name, "REFUSE_SHARES");
  }
  EXPECT_EQ(world.masked_bytes, 0U);
  ExpectNothingReleased(world);
}

// Masks are made from the transcript: one site's of another context cancel against nobody's.
std::vector<Mask> OfAnotherTranscript(std::vector<Mask> masks) {
  for (Mask& mask : masks) {
    const Digest other = Sha256(ByteView(mask.key.key.bytes));
    std::ranges::copy(other.bytes, mask.key.key.bytes.begin());
  }
  return masks;
}

TEST(SecondLine, MasksOfAnotherTranscriptHaveNoSum) {
  World world({.sites = 5});
  world.remask = [](uint32_t site, const std::vector<Mask>& masks) {
    return site == kOdd ? OfAnotherTranscript(masks) : masks;
  };
  world.RunAttempt(0);
  EXPECT_GT(world.masked_bytes, 0U);
  EXPECT_TRUE(world.abandoned.has_value());
  EXPECT_FALSE(world.finished.has_value());
  EXPECT_TRUE(world.accepted.empty());
}

TEST(SecondLine, WhatAnAggregatorTakesForItAllTheSameIsRefusedByEverySite) {
  World world({.sites = 5});
  world.remask = [](uint32_t site, const std::vector<Mask>& masks) {
    return site == kOdd ? OfAnotherTranscript(masks) : masks;
  };
  world.takes_any_sum = true;
  world.RunAttempt(0);
  EXPECT_TRUE(world.published.has_value()) << "it is said to be the sum";
  EXPECT_TRUE(world.accepted.empty());
  for (uint32_t site = 0; site < 5; ++site) {
    ASSERT_TRUE(world.refusals.contains(site)) << site;
    EXPECT_EQ(world.refusals.at(site).name, "REFUSE_AGGREGATE");
  }
}

}  // namespace
}  // namespace dure::masking
