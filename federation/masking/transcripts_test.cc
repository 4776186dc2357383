// What a member signs about another transcript than the one it was given: whoever hears it first
// names that member. Unheard, it would reach the others, who could only accuse the aggregator.
#include <gmock/gmock.h>

#include <algorithm>
#include <utility>

#include "federation/masking/testing/attack.h"

namespace dure::masking {
namespace {

constexpr uint32_t kLiar = 3;

bool AccusesTheAggregator(const World& world) {
  return std::ranges::any_of(
      world.refusals, [](const auto& refusing) { return refusing.second.accused == kAggregator; });
}

void ExpectNamed(const World& world, Refusal rule, const std::string& why) {
  ASSERT_FALSE(world.culprits.empty());
  for (const Culprit& culprit : world.culprits) {
    EXPECT_EQ(culprit.site, kLiar);
    EXPECT_EQ(culprit.refused.rule, rule);
    EXPECT_THAT(culprit.refused.why, ::testing::HasSubstr(why));
  }
  EXPECT_FALSE(AccusesTheAggregator(world));
}

TEST(Transcripts, AMemberThatDealsUnderAnotherRosterIsNamedByTheAggregator) {
  World world({.sites = 5});
  world.tamper = [&](bool to_site, uint32_t site, Bytes& message) {
    if (to_site || site != kLiar) return;
    Change<Shares>(message, [&](Shares& shares) {
      auto head = DecodeSigned<ShareHead>(shares.head).value();
      head.body.roster = DigestOf("another roster");
      shares.head = Sign(world.signer(kLiar), head.header, head.body).carried;
    });
  };
  world.RunAttempt(0);
  ExpectNamed(world, Refusal::kShares, "do not fit its head or the roster");
}

TEST(Transcripts, TwoShareHeadsOfOneSiteNameIt) {
  World world({.sites = 5});
  bool said = false;
  world.tamper = [&](bool to_site, uint32_t site, Bytes& message) {
    if (!to_site || site != 0) return;
    Bytes other = message;
    const bool of_liar = Change<Delivery>(other, [&](Delivery& delivery) {
      auto head = DecodeSigned<ShareHead>(delivery.head).value();
      head.body.root = DigestOf("another root");
      if (head.header.site != kLiar) return message.clear();  // it still waits for the others
      delivery.head = Sign(world.signer(kLiar), head.header, head.body).carried;
    });
    if (!of_liar || message.empty() || std::exchange(said, true)) return;
    world.Inject(0, std::exchange(message, std::move(other)));  // what it dealt comes first
  };
  world.RunAttempt(0);
  EXPECT_TRUE(said);
  ExpectRefused(world, 0, "REFUSE_TRANSCRIPT", kLiar, "two share heads of one site");
  ExpectNothingReleased(world);
}

void StateAnotherResult(const World& world, Bytes& message) {
  Resign<CheckValues>(message, world.signer(kLiar), [](Header& header, CheckValues& body) {
    if (header.site == kLiar) body.result = DigestOf("another result");
  });
}

TEST(Transcripts, CheckValuesOfAnotherResultAreNamedByTheAggregatorAndPassedToNobody) {
  World world({.sites = 5});
  world.tamper = [&](bool to_site, uint32_t site, Bytes& message) {
    if (!to_site && site == kLiar) StateAnotherResult(world, message);
  };
  world.RunAttempt(0);
  ExpectNamed(world, Refusal::kTranscript, "its check values are of another result");
}

// An aggregator that shows each site other openings has their signatures against itself.
TEST(Transcripts, CheckValuesOfAnotherResultThatArriveAreATranscriptRefusal) {
  World world({.sites = 5});
  world.tamper = [&](bool to_site, uint32_t site, Bytes& message) {
    Message decoded;
    const auto* values = As<CheckValues>(message, decoded);
    if (to_site && site == 0 && values != nullptr && values->header.site == kLiar) {
      StateAnotherResult(world, message);
    }
  };
  world.RunAttempt(0);
  ExpectRefused(world, 0, "REFUSE_TRANSCRIPT", kAggregator, "a peer was given other openings");
  EXPECT_FALSE(world.accepted.contains(0));
}

TEST(Transcripts, TwoCheckValuesOfOneSiteNameIt) {
  World world({.sites = 5});
  bool said = false;
  world.tamper = [&](bool to_site, uint32_t site, Bytes& message) {
    Message decoded;
    const auto* values = As<CheckValues>(message, decoded);
    if (!to_site || site != 0 || values == nullptr) return;
    if (values->header.site != kLiar) return message.clear();  // it still waits for the others
    if (std::exchange(said, true)) return;
    Bytes other = message;
    Resign<CheckValues>(other, world.signer(kLiar),
                        [](Header&, CheckValues& body) { body.values[0] ^= 1; });
    world.Inject(0, std::move(other));
  };
  world.RunAttempt(0);
  EXPECT_TRUE(said);
  ExpectRefused(world, 0, "REFUSE_TRANSCRIPT", kLiar, "two check values of one site");
  EXPECT_FALSE(world.accepted.contains(0));
}

}  // namespace
}  // namespace dure::masking
