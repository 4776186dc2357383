// What the aggregator keeps of the largest cohort, beside what a journal takes at once.
#include <gtest/gtest.h>

#include <utility>

#include "federation/journal/journal.h"
#include "federation/masking/merkle.h"
#include "federation/masking/testing/attack.h"

namespace dure::masking {
namespace {

constexpr uint32_t kSites = 255;  // as many as have a place in the sharing

// Sites that say what honest ones say, in its form and as long. What they deal of a secret is the
// secret itself, which is as good as a share to whoever only keeps it.
class LargestCohort {
 public:
  LargestCohort() : world_({.sites = kSites}) {
    world_.Open(0);
    id_ = world_.context().Id();
  }
  AggregatorHalf& half() { return world_.aggregator(); }
  const Ed25519Signer& signer() const { return world_.aggregator_signer(); }

  void Advertise() {
    std::vector<Digest> ids;
    Each([&](uint32_t i) {
      masking::Advertise body;
      body.seal_key = PublicOf(SecretOf(i, 1));
      body.mask_keys = {PublicOf(SecretOf(i, 2))};
      body.nonce = NonceCommitment(id_, i, SecretOf(i, 3));
      body.released = Released{{7}, id_};
      ids.push_back(Say(i, body));
    });
    roster_ = RosterTranscript(id_, ids);
  }
  void Share() {
    std::vector<Digest> heads;
    Each([&](uint32_t i) {
      Shares shares;
      std::vector<Digest> leaves;
      for (uint32_t to = 0; to < kSites; ++to) {
        ShareEntry entry;
        if (to != i) entry.sealed.resize(80);  // two shares and a tag
        entry.mask = ShareCommitment(SecretKind::kMask, {0, i, to}, SecretOf(i, 2));
        entry.self = ShareCommitment(SecretKind::kSelf, {0, i, to}, SecretOf(i, 4));
        leaves.push_back(entry.Leaf(to));
        shares.entries.push_back(std::move(entry));
      }
      const ShareHead head{roster_, 0, SelfCommitment(id_, 0, i, SecretOf(i, 4)), RootOf(leaves)};
      const auto said = Sign(world_.signer(i), HeaderOf(i), head);
      heads.push_back(said.Id());
      shares.head = said.carried;
      dealt_[i] = EncodeMessage(shares);
      Hear(FromSite{i, dealt_[i]});
    });
    shares_ = ShareTranscript(roster_, AllOf(world_.context().seats), heads);
  }
  void Agree(uint8_t step) {
    const Digest transcript = step == 1 ? shares_ : half().survivors_transcript();
    Each([&](uint32_t i) { Say(i, Agreement{step, transcript}); });
  }
  void Upload() {
    const uint64_t bytes = world_.context().SegmentLayout(0).PayloadBytes();
    Each([&](uint32_t i) {
      half().Handle(Stored{i, 0, id_, bytes});
      Say(i, Uploaded{0, id_, bytes});
    });
  }
  // By as many sites as must.
  void Reveal() {
    const uint32_t threshold = world_.context().threshold;
    for (uint32_t i = 0; i < threshold; ++i) {
      masking::Reveal body;
      for (uint32_t owner = 0; owner < kSites; ++owner) {
        body.shares.push_back({owner, SecretKind::kSelf, SecretOf(owner, 4)});
      }
      Say(i, body);
    }
    largest_ = half().Save().size();
  }
  void OpenAndCheck() {
    const Bytes outcome = OutcomeOf(half().Handle(SegmentUnmasked{0, true, id_, {}}));
    std::vector<Digest> ids;
    Each([&](uint32_t i) { ids.push_back(Say(i, Opening{Sha256(outcome), SecretOf(i, 3)})); });
    const Digest result = ResultTranscript(half().survivors_transcript(), Sha256(outcome), ids);
    half().Handle(SegmentMeasured{0, 0});
    Each([&](uint32_t i) { Say(i, CheckValues{result, {0}}); });
  }
  size_t largest() const { return largest_; }

  const Bytes& dealt(uint32_t site) const { return dealt_.at(site); }
  std::vector<AggregatorEffect> Hear(const AggregatorEvent& event) {
    const uint64_t before = DigestsMade();
    auto effects = half().Handle(event);
    digests_ += DigestsMade() - before;
    return effects;
  }
  // Of trees, by the half, since asked last.
  uint64_t digests() { return std::exchange(digests_, 0); }
  void RestartNow() {
    world_.aggregator() = AggregatorHalf::Load(half().Save(), signer(), verifier_).value();
  }
  template <typename Body>
  Bytes Said(uint32_t i, Body body) const {
    return Sign(world_.signer(i), HeaderOf(i), std::move(body)).carried;
  }

 private:
  static Secret SecretOf(uint32_t site, uint8_t what) {
    Secret secret;
    secret.bytes[0] = static_cast<uint8_t>(site);
    secret.bytes[1] = what;
    return secret;
  }
  static Bytes OutcomeOf(const std::vector<AggregatorEffect>& effects) {
    for (const AggregatorEffect& effect : effects) {
      const auto* send = std::get_if<Send>(&effect);
      Message decoded;
      if (send != nullptr && As<Outcome>(send->message, decoded)) return send->message;
    }
    return {};
  }
  template <typename Do>
  void Each(Do what) {
    for (uint32_t i = 0; i < kSites; ++i) what(i);
  }
  Header HeaderOf(uint32_t i) const { return {id_, world_.context().round, 0, i}; }
  template <typename Body>
  Digest Say(uint32_t i, Body body) {
    const auto said = Sign(world_.signer(i), HeaderOf(i), std::move(body));
    Hear(FromSite{i, said.carried});
    return said.Id();
  }

  World world_;
  Ed25519Verifier verifier_;
  std::map<uint32_t, Bytes> dealt_;
  uint64_t digests_ = 0;
  Digest id_;
  Digest roster_;
  Digest shares_;
  size_t largest_ = 0;
};

TEST(LargestCohort, FitsTheJournalWithAnAttemptUnderWayBesideTheOneThatFinishedLast) {
  LargestCohort cohort;
  cohort.Advertise();
  cohort.Share();
  cohort.Agree(1);
  cohort.Upload();
  ASSERT_EQ(cohort.half().phase(), AggregatorPhase::kSurviving);
  cohort.Agree(2);
  cohort.Reveal();
  ASSERT_EQ(cohort.half().phase(), AggregatorPhase::kUnmasking);
  EXPECT_GT(cohort.largest(), 9U << 20) << "every share of everybody";
  cohort.OpenAndCheck();
  ASSERT_EQ(cohort.half().phase(), AggregatorPhase::kFinished);
  const Bytes finished = cohort.half().Save();
  EXPECT_LT(finished.size(), 1U << 20) << "nobody needs the shares any more";
  EXPECT_LT(cohort.largest() + finished.size(), journal::kValueBytesMax - (size_t{1} << 20));
  const Ed25519Verifier verifier;
  const auto loaded = AggregatorHalf::Load(finished, cohort.signer(), verifier);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->Save(), finished);
}

// What everybody dealt is digested once, whoever gets it and however often: in one step of the loop
// the cube of the sites would be seconds.
TEST(LargestCohort, DigestsWhatEachSiteDealtOnce) {
  constexpr uint64_t kOnce = uint64_t{kSites} * (2 * kSites - 1);
  LargestCohort cohort;
  cohort.Advertise();
  cohort.Share();
  ASSERT_EQ(cohort.half().phase(), AggregatorPhase::kAgreeing);
  EXPECT_EQ(cohort.digests(), kOnce);
  // A site that keeps its agreement to itself says its shares again and again.
  for (int again = 0; again < 3; ++again) {
    EXPECT_GE(cohort.Hear(FromSite{7, cohort.dealt(7)}).size(), kSites);
  }
  EXPECT_GE(cohort.Hear(SiteConnected{7}).size(), kSites);
  EXPECT_EQ(cohort.digests(), 0U);
  cohort.RestartNow();
  EXPECT_GE(cohort.Hear(Begin{}).size(), kSites * kSites);
  EXPECT_EQ(cohort.digests(), kOnce);
}

TEST(LargestCohort, HearsNoMoreOfASiteThanItHasToSay) {
  LargestCohort cohort;
  size_t named = 0;
  const auto say = [&](const Bytes& message) {
    for (const AggregatorEffect& effect : cohort.Hear(FromSite{7, message})) {
      named += std::holds_alternative<Culprit>(effect) ? 1 : 0;
    }
  };
  for (int i = 0; i < 100; ++i) say(Bytes{9, 9, static_cast<uint8_t>(i)});
  EXPECT_EQ(named, 8U) << "what is no message";
  named = 0;
  for (int i = 0; i < 100; ++i) {
    say(cohort.Said(7, Complaint{Refusal::kShares, 3, "for reason " + std::to_string(i)}));
  }
  EXPECT_EQ(named, 4U) << "also when the attempt is over";
}

}  // namespace
}  // namespace dure::masking
