// RunDriver: performs what the pure round core decides, for one run.
//
// Life: Create for a new run or Restore after a restart, then Start, then Feed events from the
// loop; destroyed on the loop. It owns the run's state in the journal (key run/<id>/state) and
// nothing else.
//
// Written before told: effects wait in a queue, and a Persist that the disk refuses holds back
// everything behind it until the disk takes it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "aggregator/coalitions.h"
#include "aggregator/masking_desk.h"
#include "aggregator/protection.h"
#include "aggregator/run_view.h"
#include "aggregator/stall.h"
#include "aggregator/workshop.h"
#include "federation/blob/kept_names.h"
#include "federation/derivation/alarm.h"
#include "federation/loop/effect_queue.h"
#include "federation/round/round.h"

namespace dure::aggregator {

class RunDriver {
 public:
  // kNotFound, kInvalid: the initial model is not in the store or is no model, or the run's noise
  // cannot be had.
  static Result<std::unique_ptr<RunDriver>> Create(Workshop& shop, round::RunManifest manifest,
                                                   std::vector<SiteId> invited);
  static Result<std::unique_ptr<RunDriver>> Restore(Workshop& shop, ByteView state,
                                                    std::vector<SiteId> invited);
  ~RunDriver();

  void Start();
  void Feed(const round::Event& event);
  // A masking message of a site.
  void Take(const SiteId& site, const round::Masked& message);

  bool Invites(const SiteId& site) const;
  const std::vector<SiteId>& invited() const { return invited_; }
  const round::Rounds& rounds() const { return rounds_; }
  uint64_t parameter_count() const { return parameter_count_; }
  // Of a contribution that a site may upload now. kInvalid: this run has none of any size.
  Result<uint64_t> ContributionBytes() const;
  // Everything this run may still need: its base, aggregate, tokenizer and first model.
  std::vector<Digest> Needs() const;
  void NameKept(blob::KeptNames& names) const;  // what its state names, kept or to be kept
  RunView& view() { return view_; }
  const std::optional<Protection>& protection() const { return protection_; }  // of its noise

 private:
  RunDriver(Workshop& shop, round::Rounds rounds, std::vector<SiteId> invited,
            uint64_t parameter_count, std::optional<Protection> protection);
  // False: the effect must be tried again later, and nothing behind it may be done before.
  bool Perform(const round::Effect& effect);
  void TellEnd();
  // For the time in which sites train: what their round will fill.
  void KeepFilesReady(size_t cohort);
  void Do(const round::Append& effect);
  // A run is proposed once its proposal is recorded and approved.
  void Approve(const round::Event& proposed);
  void Do(const round::DecideAdmissions& effect);
  void Do(const round::VerifySubmission& effect);
  void Do(const round::StartMerge& effect);
  struct Merging {
    MergeResult whole;
    Coalitions::Made parts;
  };
  void TakeMerge(const round::StartMerge& effect, const Merging& merged);
  // The sum is there: looked at for what people should know of it, then told to the rounds.
  void Conclude(const round::Merged& merged);
  void Do(const round::SetTimer& effect);
  void Do(const round::RemoveBlobs& effect);
  // run_removal.cc
  void RemoveSoon(const round::RemoveBlobs& effect);
  void NoteLeaving(journal::Change& change) const;
  std::string LeavingKey() const;  // in the journal: what was removed last, or is to be
  void RemoveLeaving();
  ledger::RunProposed Describe() const;
  // Why the record would not count the submission that this entry says, as a code; empty: it would.
  std::string ObjectionTo(const Bytes& envelope) const;
  bool IsVoid(const round::Appended& submission) const;
  // Why the record would not have these counted together, though each has its receipt, as a code;
  // empty: it would.
  std::string WhyNotMerged(const round::StartMerge& merge) const;
  std::string ModelKey(
      const Digest& model) const;  // marks, in the journal, a digest that is a model

  Workshop& shop_;
  round::Rounds rounds_;
  std::vector<SiteId> invited_;  // ascending; empty: everybody
  uint64_t parameter_count_ = 0;
  std::optional<Protection> protection_;
  RunView view_;
  std::unique_ptr<MaskingDesk> masking_;  // of a masked run
  Coalitions coalitions_;
  loop::EffectQueue<round::Effect> queue_;
  Stall keeping_;
  Stall merging_;
  round::RemoveBlobs leaving_;  // in a moment; noted in the journal
  journal::Change with_state_;  // durable together with the state that the next Persist saves
  size_t summing_ = 0;          // contributions of the merge under way
  derivation::Growths growths_;
  uint64_t timer_ =
      0;  // of the latest SetTimer: an earlier one finds another number and does nothing
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace dure::aggregator
