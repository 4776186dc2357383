// The checkers' own view of a world: what each site really made, and what the log says became of
// it.
#pragma once

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "tests/sim/sim_log.h"
#include "tests/sim/tiny_model.h"

namespace dure::sim {

class World;

class Oracle {
 public:
  explicit Oracle(World& world) : world_(world) {}

  // A site finished encoding: its lanes stand for `update` plus what its residual held.
  void Encoded(uint32_t site, const Digest& blob, const Digest& work, const Vector& update,
               uint64_t weight, const Vector& scales,
               const std::vector<round::OfferedDataset>& datasets);
  // What stands under the masks of a contribution.
  void Clear(const Digest& masked, const Digest& lanes) { clear_[masked] = lanes; }
  // A residual into which a site folded this work back is in force.
  void Folded(uint32_t site, const Digest& work, const Vector& update);
  // A site that carried withdrawn data has begun another residual: what it held is nowhere.
  void Disowned(uint32_t site);
  // A site takes a residual into force on the strength of a receipt.
  void Committed(uint32_t site, const Digest& blob);
  void ReceiptHeld(uint32_t site, const round::Submission& submission, const SimReceipt& receipt);
  void UploadBegun(uint32_t site, const Digest& blob);
  void UploadKnownDone(uint32_t site, const Digest& blob);  // and persisted
  void BlobLost(const Digest& blob);
  // A round-closed entry became durable.
  void Closed(const round::RecordClosed& closed);
  // A site takes an outcome in which it was counted for what it is.
  void Followed(uint32_t site, const round::Outcome& outcome);
  // A site holds this model after so many rounds.
  void Published(uint32_t site, RoundNumber rounds, const round::Base& base);
  // At the end, when everybody is settled.
  void CheckEnd();

 private:
  struct Made {
    Digest work;
    Vector update;
    uint64_t weight = 0;
    Vector scales;
    std::vector<round::OfferedDataset> datasets;
  };
  const Bytes& LanesOf(const Digest& contribution) const;
  uint64_t WeightOf(const Digest& contribution) const;
  void CheckReceipts();
  void CheckKeys();
  void CheckAdmitted(const SiteId& site, const round::Submission& stated);
  void CheckExcluded(const round::RecordClosed& closed);
  void CheckCounted(const round::RecordClosed& closed, const round::Counted& one);
  void CheckConservation(uint32_t site);
  // What a site made and has not given away: counted, folded back, disowned.
  std::vector<double> Held(uint32_t site) const;

  World& world_;
  std::map<std::pair<uint32_t, Digest>, Made> made_;    // by site and blob
  std::map<Digest, Digest> clear_;                      // lanes by masked blob
  std::map<std::pair<uint32_t, Digest>, Vector> kept_;  // by site and work: counted or folded
  std::map<uint32_t, std::vector<double>> given_;       // counted, as the lanes carried it
  std::map<uint32_t, std::vector<double>> disowned_;    // went with withdrawn data
  std::set<std::pair<uint32_t, Digest>> counted_work_;
  std::set<uint64_t> counted_submissions_;
  std::set<uint64_t> closed_rounds_;
  std::set<std::pair<uint32_t, Digest>> uploaded_;
  std::vector<std::tuple<uint32_t, round::Submission, SimReceipt>> receipts_;
};

}  // namespace dure::sim
