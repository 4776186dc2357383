// A whole masked consortium in memory, for tests: both halves, the payloads, the arithmetic, sites
// that die, messages that somebody tampers with, restarts from what was persisted.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "federation/masking/aggregator_half.h"
#include "federation/masking/site_half.h"
#include "federation/masking/unmask.h"
#include "federation/random.h"

namespace dure::masking {

struct WorldShape {
  uint32_t sites = 5;
  uint32_t threshold = 0;  // 0: ThresholdFor(sites)
  uint32_t sites_per_batch = 1;
  uint32_t members_min = 3;
  uint32_t survivors_permille = 0;
  bool forbid_differences = false;
  int32_t lane_max = 127;
  uint64_t parameters = 1500;
  uint64_t seed = 1;
  std::optional<uint32_t> corrupt_max = {};  // else the most that the threshold withstands
};

// When a site stops for good: on entering a phase, or, while masking, once it has uploaded so many
// segments.
struct Death {
  SitePhase phase = SitePhase::kIdle;
  uint32_t segments = 0;
};

class World {
 public:
  explicit World(WorldShape shape);

  // One attempt from the opening until nothing moves any more; phases that stall are overdue.
  void RunAttempt(uint64_t round, uint32_t attempt = 0);
  void Open(uint64_t round, uint32_t attempt = 0);  // the same, without running
  void RunUntilQuiet();                             // delivers what is under way
  void Overdue();
  void SayAgain();  // nothing came for a while, to anybody

  // Knobs, set before running
  std::map<uint32_t, Death> deaths;
  std::set<uint32_t> absent;  // not in the next cohorts
  double restart_chance = 0;  // of any half, whenever it persisted
  // May change, drop (clear) or keep a message; to_site is false on the way to the aggregator.
  std::function<void(bool to_site, uint32_t site, Bytes& message)> tamper;
  Objection object;                                   // what every site finds wrong with every sum
  std::function<void(uint32_t site, Pinned&)> pin;    // what a site knows
  std::function<void(uint32_t site, Context&)> tell;  // what a site is told: M0
  std::function<void(Context&)> compose;              // what all are told
  std::function<void(Bytes& planes, Scalars&)> falsify;         // the published sum
  std::function<void(uint32_t site, Bytes& lanes)> contribute;  // what a site masks
  // With what, instead of the masks that its transcript makes.
  std::function<std::vector<Mask>(uint32_t site, const std::vector<Mask>&)> remask;
  bool takes_any_sum = false;  // the aggregator publishes also what cannot be one

  // What came of it
  struct Refusing {
    std::string name;
    std::string why;
    uint32_t accused;
  };
  std::map<uint32_t, Refusing> refusals;  // by site, the last
  std::map<uint32_t, std::string> set_aside;
  std::vector<std::string> told_too_early;  // what was said before the state behind it was durable
  std::vector<Culprit> culprits;
  std::optional<Abandon> abandoned;
  std::optional<Outcome> published;
  std::optional<Finish> finished;
  std::map<uint32_t, Accept> accepted;
  std::vector<std::pair<uint32_t, Bytes>> seen;  // all that ever came to the aggregator, with from
  uint64_t masked_bytes = 0;                     // that left any site
  // What the golden transcript starts from.
  std::map<uint32_t, Bytes> signing_seeds;  // kAggregator: the aggregator's
  std::map<uint32_t, Secret> seeds;
  std::map<std::pair<uint32_t, uint32_t>, uint64_t> products;  // own, by site and segment
  const Bytes& blob(const Digest& digest) const { return blobs_.at(digest); }
  const Bytes& lanes(uint32_t i, uint32_t segment) const { return sites_[i].lanes.at(segment); }
  const Scalars& scalars(uint32_t i) const { return sites_[i].scalars; }

  // Whether the published planes and scalars of every segment are exactly the sums over the sites
  // that the sites' own transcript names.
  bool SumsAreExact() const;
  // Whether somebody who holds all that the aggregator ever saw, and all that `colluding` sites
  // hold, could unmask a site that does not collude. Names it, or is empty.
  std::string Unmaskable(const std::set<uint32_t>& colluding) const;

  SiteHalf& site(uint32_t i) { return *sites_[i].half; }
  AggregatorHalf& aggregator() { return *aggregator_; }
  const Context& context() const { return context_; }
  const Ed25519Signer& signer(uint32_t i) const { return *sites_[i].signer; }
  const Verifier& verifier() const { return verifier_; }
  const Ed25519Signer& aggregator_signer() const { return *aggregator_signer_; }
  // To site i of the cohort, as if from the aggregator.
  void Inject(uint32_t i, Bytes message);
  // From site i of the cohort.
  void Speak(uint32_t i, Bytes message);
  Pinned PinnedOf(uint32_t i) const;

 private:
  struct Site {
    std::unique_ptr<Ed25519Signer> signer;
    std::unique_ptr<SiteHalf> half;
    Bytes saved;
    std::map<uint32_t, Bytes> lanes;  // by segment
    Scalars scalars{};
    bool dead = false;
    uint32_t masked = 0;  // segments
  };
  void PerformSite(uint32_t i, std::vector<SiteEffect> effects);
  void Perform(uint32_t i, const Tell& said);
  void Perform(uint32_t i, const Examine& examine);
  void Perform(uint32_t i, const MaskSegment& mask);
  void Perform(uint32_t i, const UploadSegment& upload);
  void Perform(uint32_t i, const CheckSegment& check);
  void Perform(uint32_t i, const Accept& accept) { accepted[i] = accept; }
  void Perform(uint32_t i, const RefuseRound& refuse);
  void Perform(uint32_t i, const SetAside& aside);
  void PerformAggregator(std::vector<AggregatorEffect> effects);
  void Perform(const masking::Send& send);
  void Perform(const UnmaskSegment& unmask);
  void Perform(const MeasureSegment& measure);
  bool Dies(uint32_t i);
  void CheckDurable(uint32_t i, const Bytes& message);
  void HandleSite(uint32_t i, const SiteEvent& event);
  void HandleAggregator(const AggregatorEvent& event);
  uint32_t SiteOf(uint32_t index) const;  // of a roster index
  std::optional<uint32_t> IndexOf(uint32_t i) const;
  void DrawLanes();

  WorldShape shape_;
  SeededRandom chance_;
  Ed25519Verifier verifier_;
  std::vector<Seat> seats_;
  std::vector<Site> sites_;
  std::unique_ptr<Ed25519Signer> aggregator_signer_;
  std::unique_ptr<AggregatorHalf> aggregator_;
  Bytes aggregator_saved_;
  Context context_;
  Agreed agreed_;
  std::map<Digest, Bytes> blobs_;
  std::deque<std::function<void()>> queue_;
};

}  // namespace dure::masking
