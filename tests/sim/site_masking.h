// A simulated site's masking: the production SiteHalf, and a driver over a durable state. What the
// site's MaskingDesk is in the daemon.
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "federation/masking/site_half.h"
#include "federation/round/participation.h"
#include "tests/sim/sim_signer.h"
#include "tests/sim/tiny_model.h"

namespace dure::sim {

class World;
class SiteNode;

class SiteMasking {
 public:
  SiteMasking(World& world, SiteNode& node);

  void Start();  // a life begins from what is durable
  void Stop();
  void Resume();
  void Take(const Bytes& message);
  void Look();
  void Encode(const round::EncodeUpdate& effect);
  void Uploaded(const Digest& payload);

  enum class Judgement : uint8_t { kHolds, kWaits, kDissent };
  Judgement Judge(const round::Outcome& outcome) const;

 private:
  struct Conclusion {
    Digest base;
    uint32_t attempt = 0;
    Digest planes;
    masking::Scalars sums{};
    std::vector<SiteId> survivors;
  };
  struct Bound {  // as the daemon's
    Digest context;
    round::RoundAttempt at;
    uint64_t work = 0;
  };
  struct Durable {
    Bytes half;
    std::optional<Bound> bound;
    masking::Scalars own{};
    Bytes lanes;
    std::optional<Conclusion> concluded;
  };

  void Push(const masking::SiteEvent& event);
  void SayAgainLater();
  void Drain();
  bool Perform(const masking::SiteEffect& effect);  // false: the site died
  void Keep();
  void Do(const masking::Tell& effect);
  void Do(const masking::Examine& effect);
  void Do(const masking::MaskSegment& effect);
  void Do(const masking::UploadSegment& effect);
  void Do(const masking::CheckSegment& effect);
  void Do(const masking::RefuseRound& effect);
  void Do(const masking::SetAside& effect);
  void Do(const masking::Accept& effect);
  void Conclude(const masking::Accept& accept);
  void ExamineNow(const Digest& context);
  void TryEncode();
  void EncodeNow(uint64_t turn);
  void CheckNow(const masking::CheckSegment& effect);
  bool IsCurrent(const masking::Context& context) const;
  bool IsBound(const Digest& context) const;
  void GiveUpFormer();
  // What the planted bugs make of a message that leaves, and of what is known of the peers.
  void Bend(const Bytes& message);
  void ForgeAgreements(const masking::Signed<masking::Agreement>& own);
  void RevealBoth(const masking::Signed<masking::Reveal>& reveal);

  World& world_;
  SiteNode& node_;
  SimSigner signer_;
  SimVerifier verifier_;
  std::optional<Durable> kept_;  // durable
  // Of one life.
  std::optional<masking::SiteHalf> half_;
  masking::Scalars own_{};
  masking::Scalars sum_in_hand_{};  // whose check is under way
  Bytes lanes_;                     // in the clear, of the update that was masked last
  std::optional<Bound> bound_;
  std::optional<Conclusion> concluded_;
  std::optional<Digest> examines_;
  bool examining_ = false;
  std::optional<masking::MaskSegment> masks_;
  masking::MaskSegment under_;  // which the update in hand was put under
  std::optional<masking::MaskSegment> former_masks_;  // kStaleMasks
  std::optional<round::EncodeUpdate> wanted_;
  std::optional<round::Encoded> encoded_;
  uint64_t turn_ = 0;
  bool encoding_ = false;
  bool checking_ = false;
  uint64_t timer_ = 0;
  std::deque<masking::SiteEffect> queue_;
  bool draining_ = false;
};

}  // namespace dure::sim
