// The attack suite, as far as the pure halves decide it: what an aggregator may try and the refusal
// it meets. The numbers are those of the suite in docs/reference/masking.md.
#include <gtest/gtest.h>

#include <algorithm>

#include "federation/masking/testing/attack.h"

namespace dure::masking {
namespace {

// 1
TEST(Attack1, AnotherModelForOneSiteIsRefusedByItAndByItsPeers) {
  World world({.sites = 5});
  world.tell = [](uint32_t site, Context& context) {
    if (site == 1) context.agreed.model = DigestOf("another");
  };
  world.pin = [](uint32_t site, Pinned& pinned) {
    // A site that does not recompute its model would not notice; its peers do.
    if (site == 1) pinned.agreed.model = DigestOf("another");
  };
  world.RunAttempt(0);
  ExpectNothingReleased(world);
  EXPECT_EQ(world.masked_bytes, 0U);
  EXPECT_EQ(world.culprits.front().refused.rule, Refusal::kContextMismatch);
}

TEST(Attack1, PeersRefuseAnAdvertisementOfAnotherContext) {
  World world({.sites = 3});
  world.tamper = [&](bool to_site, uint32_t site, Bytes& message) {
    Message decoded;
    const auto* advertised = As<Advertise>(message, decoded);
    const bool meant = to_site && site != 1 && advertised != nullptr;
    if (!meant || advertised->header.site != 1) return;
    Resign<Advertise>(message, world.signer(1), [](Header& header, Advertise&) {
      header.context = DigestOf("another context");
    });
  };
  world.RunAttempt(0);
  EXPECT_EQ(world.refusals.at(0).name, "REFUSE_CTX_MISMATCH");
  ExpectNothingReleased(world);
}

// 2
TEST(Attack2, ABaseThatTheSiteDidNotDeriveIsRefused) {
  World world({.sites = 4});
  world.compose = [](Context& context) { context.agreed.model = DigestOf("trap weights"); };
  world.RunAttempt(0);
  for (uint32_t i = 0; i < 4; ++i) EXPECT_EQ(world.refusals.at(i).name, "REFUSE_MODEL_CHAIN");
  ExpectNothingReleased(world);
}

// 3
TEST(Attack3, ASwappedKeyOfAPeerIsABadSignatureOfTheAggregator) {
  World world({.sites = 4});
  world.tamper = [&](bool to_site, uint32_t site, Bytes& message) {
    if (!to_site || site != 2) return;
    Resign<Advertise>(message, world.aggregator_signer(),
                      [](Header&, Advertise& body) { body.mask_keys[0][3] ^= 1; });
  };
  world.RunAttempt(0);
  EXPECT_EQ(world.refusals.at(2).name, "REFUSE_BAD_SIGNATURE");
  EXPECT_EQ(world.refusals.at(2).accused, kAggregator);
  ExpectNothingReleased(world);
}

// 4: a colluding site makes two advertisements, both properly signed.
TEST(Attack4, TwoRostersEndBeforeAnyMaskedByte) {
  World world({.sites = 5});
  world.tamper = [&](bool to_site, uint32_t site, Bytes& message) {
    Message decoded;
    const auto* advertised = As<Advertise>(message, decoded);
    if (!to_site || site < 3 || advertised == nullptr || advertised->header.site != 0) return;
    Advertise body = advertised->body;
    body.nonce = DigestOf("another nonce");
    message = Sign(world.signer(0), advertised->header, std::move(body)).carried;
  };
  world.RunAttempt(0);
  EXPECT_EQ(world.masked_bytes, 0U);
  bool refused = !world.culprits.empty();
  for (const auto& [site, refusal] : world.refusals) {
    EXPECT_EQ(refusal.name, "REFUSE_TRANSCRIPT");
    refused = true;
  }
  EXPECT_TRUE(refused);
  ExpectNothingReleased(world);
}

TEST(Attack4, SharesDealtUnderAnotherRosterAreATranscriptRefusal) {
  World world({.sites = 4});
  world.tamper = [&](bool to_site, uint32_t site, Bytes& message) {
    const auto decoded = DecodeMessage(message);
    if (!to_site || site != 2 || !decoded) return;
    const auto* delivery = std::get_if<Delivery>(&*decoded);
    if (delivery == nullptr) return;
    auto head = DecodeSigned<ShareHead>(delivery->head).value();
    if (head.header.site != 0) return;
    head.body.roster = DigestOf("another roster");
    Delivery changed = *delivery;
    changed.head = Sign(world.signer(0), head.header, head.body).carried;
    message = EncodeMessage(changed);
  };
  world.RunAttempt(0);
  EXPECT_EQ(world.refusals.at(2).name, "REFUSE_TRANSCRIPT");
  EXPECT_EQ(world.masked_bytes, 0U);
  ExpectNothingReleased(world);
}

TEST(Attack4, APeerThatAgreedToOtherSharesEndsTheAttemptBeforeAnyUpload) {
  World world({.sites = 4});
  world.tamper = [&](bool to_site, uint32_t site, Bytes& message) {
    Message decoded;
    const auto* agreement = As<Agreement>(message, decoded);
    const bool meant = to_site && site == 2 && agreement != nullptr;
    if (!meant || agreement->header.site != 0) return;
    Resign<Agreement>(message, world.signer(0), [](Header&, Agreement& body) {
      if (body.step == 1) body.transcript = DigestOf("other shares");
    });
  };
  std::set<uint32_t> uploaded;
  world.RunAttempt(0);
  for (const auto& [from, bytes] : world.seen) {
    Message decoded;
    if (As<Uploaded>(bytes, decoded) != nullptr) uploaded.insert(from);
  }
  EXPECT_EQ(world.refusals.at(2).name, "REFUSE_TRANSCRIPT");
  EXPECT_FALSE(uploaded.contains(2));
}

// 5
TEST(Attack5, CohortsThatHideNobodyAreRefused) {
  World two({.sites = 4, .corrupt_max = 0});
  two.absent = {0, 1};
  two.RunAttempt(0);
  EXPECT_EQ(two.refusals.at(2).name, "REFUSE_COHORT");
  ExpectNothingReleased(two);

  World few({.sites = 6, .members_min = 5, .corrupt_max = 1});
  few.absent = {0, 1};
  few.RunAttempt(0);
  EXPECT_EQ(few.refusals.at(2).name, "REFUSE_COHORT");
  EXPECT_NE(few.refusals.at(2).why.find("5"), std::string::npos) << "it says what would satisfy";

  World sybil({.sites = 4});
  sybil.compose = [](Context& context) {
    for (Seat& seat : context.seats) seat.member = context.seats[0].member;
  };
  sybil.RunAttempt(0);
  EXPECT_EQ(sybil.refusals.at(2).name, "REFUSE_IDENTITY") << "members are what the site knows";

  World stranger({.sites = 4});
  stranger.pin = [](uint32_t, Pinned& pinned) { pinned.admitted.pop_back(); };
  stranger.RunAttempt(0);
  EXPECT_EQ(stranger.refusals.at(0).name, "REFUSE_IDENTITY");
  EXPECT_EQ(stranger.refusals.at(0).accused, 3U);
  ExpectNothingReleased(stranger);
}

// 6
TEST(Attack6, DifferentSurvivorsForTwoHalvesReleaseNothing) {
  World world({.sites = 6, .threshold = 5, .corrupt_max = 2});
  world.tamper = [&](bool to_site, uint32_t site, Bytes& message) {
    const auto decoded = DecodeMessage(message);
    if (!to_site || site >= 3 || !decoded) return;
    const auto* survivors = std::get_if<Survivors>(&*decoded);
    if (survivors == nullptr) return;
    Survivors fewer = *survivors;
    fewer.uploads.pop_back();
    message = EncodeMessage(fewer);
  };
  world.RunAttempt(0);
  ExpectNothingReleased(world);
  for (const auto& [site, refusal] : world.refusals) {
    EXPECT_EQ(refusal.name, "REFUSE_SURVIVOR_SET") << "site " << site;
  }
  EXPECT_FALSE(world.refusals.empty());
}

TEST(Attack6, ASecondSetOfSurvivorsIsRefused) {
  World world({.sites = 5});
  world.tamper = [&](bool to_site, uint32_t site, Bytes& message) {
    const auto decoded = DecodeMessage(message);
    if (!to_site || site != 0 || !decoded) return;
    const auto* survivors = std::get_if<Survivors>(&*decoded);
    if (survivors == nullptr) return;
    Survivors fewer = *survivors;
    fewer.uploads.pop_back();
    world.Inject(0, EncodeMessage(fewer));
  };
  world.RunAttempt(0);
  EXPECT_EQ(world.refusals.at(0).name, "REFUSE_SURVIVOR_SET");
  EXPECT_EQ(world.Unmaskable({}), "");
}

TEST(Attack6, ASurvivorStatementThatIsNotThisSitesIsRefused) {
  World world({.sites = 4});
  world.tamper = [&](bool to_site, uint32_t site, Bytes& message) {
    const auto decoded = DecodeMessage(message);
    if (!to_site || site != 0 || !decoded) return;
    const auto* survivors = std::get_if<Survivors>(&*decoded);
    if (survivors == nullptr) return;
    // Stolen key or not, the site knows what it uploaded.
    auto own = DecodeSigned<Uploaded>(survivors->uploads[0]).value();
    own.body.payload = DigestOf("another payload");
    Survivors changed = *survivors;
    changed.uploads[0] = Sign(world.signer(0), own.header, own.body).carried;
    message = EncodeMessage(changed);
  };
  world.RunAttempt(0);
  EXPECT_EQ(world.refusals.at(0).name, "REFUSE_SURVIVOR_SET");
}

// 7
TEST(Attack7, DroppingAllButTooFewIsRefused) {
  const auto keep = [](World& world, size_t count) {
    world.tamper = [count](bool to_site, uint32_t, Bytes& message) {
      const auto decoded = DecodeMessage(message);
      if (!to_site || !decoded) return;
      const auto* survivors = std::get_if<Survivors>(&*decoded);
      if (survivors == nullptr) return;
      Survivors fewer = *survivors;
      fewer.uploads.resize(count);
      message = EncodeMessage(fewer);
    };
    world.RunAttempt(0);
  };
  World below({.sites = 7});
  keep(below, 4);
  EXPECT_EQ(below.refusals.at(0).name, "REFUSE_THRESHOLD");
  ExpectNothingReleased(below);
  World fraction({.sites = 7, .survivors_permille = 900});
  keep(fraction, 6);
  EXPECT_EQ(fraction.refusals.at(0).name, "REFUSE_MIN_FRACTION");
  ExpectNothingReleased(fraction);
}

// 8
TEST(Attack8, ARoundWithoutOneMemberIsRefusedAndWithoutItsBatchIsNot) {
  const WorldShape shape{
      .sites = 8, .sites_per_batch = 2, .forbid_differences = true, .corrupt_max = 1};
  World batch(shape);
  batch.RunAttempt(0);
  ASSERT_EQ(batch.accepted.size(), 8U);
  batch.absent = {6};
  batch.RunAttempt(1);
  EXPECT_EQ(batch.refusals.at(0).name, "REFUSE_COHORT") << "its batch is torn";
  batch.refusals.clear();
  batch.absent = {6, 7};
  batch.RunAttempt(2);
  EXPECT_TRUE(batch.refusals.empty());
  EXPECT_EQ(batch.accepted.size(), 6U);
  EXPECT_TRUE(batch.SumsAreExact());
}

TEST(Attack8, TheDifferenceRuleSeesWhatSurvivorsWouldGiveAway) {
  WorldShape shape{.sites = 8, .forbid_differences = true, .corrupt_max = 1};
  World world(shape);
  world.RunAttempt(0);
  ASSERT_EQ(world.accepted.size(), 8U);
  world.deaths[3] = {SitePhase::kMasking, 0};
  world.RunAttempt(1);
  EXPECT_EQ(world.refusals.at(0).name, "REFUSE_MEMBERSHIP");
  EXPECT_FALSE(world.published.has_value());
  EXPECT_EQ(world.Unmaskable({}), "");
}

// 9
TEST(Attack9, ARoundIsReleasedOnceAlsoAfterARestart) {
  World world({.sites = 5, .corrupt_max = 1});
  world.RunAttempt(0);
  ASSERT_EQ(world.accepted.size(), 5U);
  const Ed25519Verifier verifier;
  for (uint32_t i = 0; i < 5; ++i) {
    const Bytes saved = world.site(i).Save();
    world.site(i) = SiteHalf::Load(saved, world.signer(i), verifier).value();
  }
  const size_t before = world.seen.size();
  world.deaths[4] = {SitePhase::kMasking, 0};
  world.RunAttempt(0, 1);
  for (uint32_t i = 0; i < 4; ++i) {
    EXPECT_EQ(world.refusals.at(i).name, "REFUSE_ALREADY_RELEASED");
  }
  EXPECT_FALSE(world.published.has_value());
  EXPECT_EQ(world.seen.size(), before) << "not a byte for it";
}

TEST(Attack9, PeersSeeThatAHistoryWentBack) {
  World world({.sites = 4});
  world.RunAttempt(0);
  const Bytes old = world.site(1).Save();
  world.RunAttempt(1);
  world.RunAttempt(2);
  ASSERT_EQ(world.accepted.size(), 4U);
  Ed25519Verifier verifier;
  world.site(1) = SiteHalf::Load(old, world.signer(1), verifier).value();
  world.RunAttempt(3);
  EXPECT_EQ(world.refusals.at(0).name, "REFUSE_STALE");
  EXPECT_EQ(world.refusals.at(0).accused, 1U);
  EXPECT_FALSE(world.published.has_value());
}

// 10
TEST(Attack10, MessagesOfEarlierRoundsAreSetAside) {
  World world({.sites = 4});
  world.RunAttempt(0);
  const auto earlier = world.seen;
  world.tamper = [&](bool to_site, uint32_t site, Bytes& message) {
    Message decoded;
    if (!to_site || As<Advertise>(message, decoded) == nullptr) return;
    for (const auto& [from, bytes] : earlier) world.Inject(site, bytes);
    world.tamper = nullptr;
  };
  world.RunAttempt(1);
  EXPECT_EQ(world.accepted.size(), 4U) << "the sum is not affected";
  EXPECT_TRUE(world.SumsAreExact());
  bool stale = false;
  for (const auto& [site, rule] : world.set_aside) stale = stale || rule == "REFUSE_STALE";
  EXPECT_TRUE(stale);
}

// 11
TEST(Attack11, WeakerRulesAreRefused) {
  const std::pair<std::string, std::function<void(Context&)>> downgrades[] = {
      {"REFUSE_POLICY_HASH", [](Context& c) { c.agreed.rules.members_min = 3; }},
      {"REFUSE_POLICY_HASH", [](Context& c) { c.agreed.rules.forbid_differences = false; }},
      {"REFUSE_POLICY_HASH", [](Context& c) { c.agreed.privacy = DigestOf("no noise"); }},
      {"REFUSE_POLICY_HASH", [](Context& c) { c.agreed.policy = DigestOf("another"); }},
      {"REFUSE_POLICY_HASH", [](Context& c) { c.agreed.corrupt_max = 0; }},
      {"REFUSE_THRESHOLD", [](Context& c) { c.threshold = 3; }},
      {"REFUSE_CTX_MISMATCH", [](Context& c) { c.agreed.scales = DigestOf("others"); }},
      {"REFUSE_CTX_MISMATCH", [](Context& c) { c.agreed.lane_max = 7; }}};
  for (const auto& [name, downgrade] : downgrades) {
    World world({.sites = 5, .members_min = 4, .forbid_differences = true});
    world.compose = downgrade;
    world.RunAttempt(0);
    EXPECT_EQ(world.refusals.at(0).name, name);
    ExpectNothingReleased(world);
  }
}

TEST(Attack11, LanesWithoutRoomForASumAreNoContext) {
  World world({.sites = 4});
  world.Open(0);
  Context context = world.context();
  EXPECT_TRUE(Context::Parse(context.Canonical()));
  for (const int32_t lane : {-1, 0, 1, 100, 65535}) {
    context.agreed.lane_max = lane;
    EXPECT_FALSE(Context::Parse(context.Canonical())) << lane;
  }
}

// 14
TEST(Attack14, ASumThatTheAggregatorAlteredIsRefusedByEverySite) {
  const std::function<void(Bytes&, Scalars&)> lies[] = {
      [](Bytes& planes, Scalars&) { planes[17] ^= 1; },  // one coordinate
      [](Bytes& planes, Scalars&) { std::fill(planes.begin(), planes.end(), 0); },
      [](Bytes&, Scalars& scalars) { scalars[0] += 1; }};  // the weight
  for (const auto& lie : lies) {
    World world({.sites = 5});
    world.falsify = lie;
    world.RunAttempt(0);
    EXPECT_TRUE(world.accepted.empty());
    for (uint32_t i = 0; i < 5; ++i) EXPECT_EQ(world.refusals.at(i).name, "REFUSE_AGGREGATE");
  }
}

TEST(Attack14, TwoOutcomesAreRefused) {
  World world({.sites = 4});
  world.tamper = [&](bool to_site, uint32_t site, Bytes& message) {
    Message decoded;
    const auto* outcome = As<Outcome>(message, decoded);
    if (!to_site || site != 2 || outcome == nullptr) return;
    Outcome other = outcome->body;
    other.segments[0].planes = DigestOf("another sum");
    message = Sign(world.aggregator_signer(), outcome->header, std::move(other)).carried;
  };
  world.RunAttempt(0);
  for (const auto& [site, accept] : world.accepted) {
    EXPECT_FALSE(accept.segments[0].verified) << "site " << site;
  }
  bool refused = false;
  for (const auto& [site, refusal] : world.refusals) {
    refused = refused || refusal.name == "REFUSE_TRANSCRIPT";
  }
  EXPECT_TRUE(refused || !world.culprits.empty());
}

TEST(Attack14, ASiteThatVanishesBeforeItsCheckValueLeavesTheSumUnverified) {
  World world({.sites = 5});
  world.deaths[2] = {SitePhase::kOpened, 0};
  world.RunAttempt(0);
  ASSERT_EQ(world.accepted.size(), 4U);
  EXPECT_FALSE(world.accepted.begin()->second.segments[0].verified);
  EXPECT_EQ(world.finished->unverified, Sites{2});
}

}  // namespace
}  // namespace dure::masking
