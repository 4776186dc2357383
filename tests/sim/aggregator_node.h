// The aggregator of a simulated world: the production Rounds, and a driver over a durable log,
// state and store.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/aggregator_masking.h"
#include "tests/sim/sim_log.h"
#include "tests/sim/tiny_model.h"

namespace dure::sim {

class World;

class AggregatorNode {
 public:
  AggregatorNode(World& world, round::RunManifest manifest, std::vector<SiteId> invited);

  void Start();  // a life begins from what is durable
  void Stop();   // and ends: everything else is gone
  bool up() const { return core_.has_value(); }
  void Feed(round::Event event);

  // What was admitted and is withdrawn since is out of the attempt: told after each withdrawal and
  // at each start, as a crash may have come between.
  void ExcludeWithdrawn();

  // Durable.
  SimLog log;
  std::set<Digest> blobs;

  const round::Rounds& core() const { return *core_; }
  // For the masking.
  void Tell(const SiteId& site, Bytes masking);
  round::Base DeriveFrom(const round::Base& base, const Digest& aggregate, uint32_t sites,
                         uint64_t weight_sum);
  bool MayUpload(const SiteId& site) const { return core_ && core_->MayUpload(site); }

 private:
  MonoTime Now() const;
  void Bend(round::Event& event);
  void Perform(const round::Effect& effect);
  void Do(const round::Persist&);
  void Do(const round::Send&);
  void Do(const round::Append&);
  void Do(const round::DecideAdmissions&);
  void Do(const round::VerifySubmission&);
  void Do(const round::StartMerge&);
  void Do(const round::SetTimer&);
  void Do(const round::Announce&);
  void Do(const round::RemoveBlobs&);
  void Commit(const round::Append& append);
  std::string KeyOf(const round::Append& append) const;
  void Answer(const round::Append& append, uint64_t index);
  void MergeNow(const round::StartMerge& merge);
  round::Verdict Verify(const round::VerifySubmission& verify);
  Vector VectorOf(const Digest& digest) const;

  World& world_;
  round::RunManifest manifest_;
  std::vector<SiteId> invited_;
  std::optional<Bytes> state_;  // durable
  AggregatorMasking masking_;
  // Of one life.
  std::optional<round::Rounds> core_;
  int64_t clock_offset_ = 0;
  uint64_t life_ = 0;  // kKeyOfALife
  uint64_t timer_ = 0;
  std::set<SiteId> outcome_sent_;                                  // kOutcomeOnce
  std::map<SiteId, round::Submission> late_;                       // kMergeLate
  std::map<SiteId, std::vector<round::AdmittedDataset>> rosters_;  // kTakeOtherBase
};

}  // namespace dure::sim
