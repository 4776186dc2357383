// A site of a simulated world: the production Participation, and a driver over a durable state,
// store, residual files and training results.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "federation/round/participation.h"
#include "tests/sim/sim_log.h"
#include "tests/sim/site_masking.h"
#include "tests/sim/tiny_model.h"

namespace dure::sim {

class World;

// The statement a site signs; nullopt if the bytes are not a statement sealed by that site.
Bytes SealStatement(const SiteId& site, const round::Submission& submission);
std::optional<round::Submission> OpenStatement(const SiteId& site, ByteView envelope);

class SiteNode {
 public:
  SiteNode(World& world, uint32_t index, const RunId& run, round::Lane lane);

  void Start();
  void Stop();
  bool up() const { return core_.has_value(); }
  void Feed(const round::SiteEvent& event);

  const SiteId& id() const { return id_; }
  uint32_t index() const { return index_; }
  const round::Participation& core() const { return *core_; }
  // Out of the round there is nothing more to encode, and what it was encoded from may be gone.
  bool Encodes(const round::RoundAttempt& at) const {
    return core_->phase() == round::SitePhase::kEncoding && core_->at() == at;
  }
  Vector Residual(uint64_t version) const;
  bool IsLost(uint64_t version) const { return lost_.contains(version); }

  // For the masking.
  bool Fetch(const Digest& digest);
  std::optional<Lanes> EncodeLanes(const round::EncodeUpdate& encode);
  void Encoded(const round::EncodeUpdate& encode, const Lanes& lanes, const Digest& blob);

 private:
  MonoTime Now() const;
  void Later(double seconds, round::SiteEvent event);
  void Do(const round::PersistSite&);
  void Do(const round::Tell&);
  void Do(const round::DecideLocally&);
  void Do(const round::FetchBase&);
  void Do(const round::StartTraining&);
  void Do(const round::StopTraining&);
  void Do(const round::EncodeUpdate&);
  void Do(const round::UploadBlob&);
  void Do(const round::SignSubmission&);
  void Do(const round::VerifyReceipt&);
  void Do(const round::CommitResidual&);
  void Do(const round::FoldBack&);
  void Do(const round::DropWork&);
  void Do(const round::FetchAggregate&);
  void Do(const round::DeriveModel&);
  void Do(const round::PublishModel&);
  void Do(const round::SetSiteTimer&);
  void Do(const round::AnnounceSite&);
  void LoseFiles();
  bool CheckReceipt(const round::VerifyReceipt& verify);
  void AnswerDerived(const round::DeriveModel& derive, const round::Base& derived);
  Digest WorkOf(RoundNumber round) const;
  Vector UpdateOf(RoundNumber round, const round::Base& base) const;
  Vector ScalesOf(const round::Base& base) const;
  round::Base DeriveNow(const round::DeriveModel& derive);

  World& world_;
  uint32_t index_;
  SiteId id_;
  RunId run_;
  codec::Lane lane_;
  SiteMasking masking_;
  // Durable.
  std::optional<Bytes> state_;
  std::set<Digest> blobs_;
  std::map<uint64_t, Vector> residuals_;
  Carried carried_;
  std::set<uint64_t> lost_;     // versions of them
  uint64_t residual_kept_ = 0;  // in force in the state that was persisted last
  std::map<uint64_t, std::pair<Digest, Vector>> folds_;  // work and update, by residual version
  std::map<uint64_t, Vector> trained_;                   // by round
  std::map<uint64_t, std::vector<round::OfferedDataset>> trained_on_;  // by round
  std::map<uint64_t, uint64_t> trained_as_;    // by round: the number of its training
  Head mirrored_{0, ledger::EmptyRoot(), {}};  // the last head verified
  // Of one life.
  std::optional<round::Participation> core_;
  std::optional<Digest> uploading_;
  int64_t clock_offset_ = 0;
  uint64_t timer_ = 0;
  uint64_t training_ = 0;
  uint64_t encoding_ = 0;
};

}  // namespace dure::sim
