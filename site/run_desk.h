// RunDesk: performs what a site's half of a run decides: fetch, train, encode, upload, sign,
// derive.
//
// Life: made at a run's first plan or after a restart, then Start, then Feed events; on the loop,
// destroyed there. It owns the run's state in the journal (key run/<id>/state) and its folder; the
// heavy work is on workers and in the trainer, which answer with events.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "federation/blob/kept_names.h"
#include "federation/derivation/alarm.h"
#include "federation/loop/effect_queue.h"
#include "federation/round/participation.h"
#include "site/masking_desk.h"
#include "site/record_check.h"
#include "site/run_folder.h"
#include "site/training_mark.h"
#include "site/workshop.h"

namespace dure::site {

class RunDesk {
 public:
  RunDesk(Workshop& shop, const RunId& run);
  static Result<std::unique_ptr<RunDesk>> Restore(Workshop& shop, const RunId& run, ByteView state);
  ~RunDesk();

  void Start();
  void Feed(const round::SiteEvent& event);
  // Of the aggregator's half of a masked round.
  void Take(const round::Masked& message) { masking_.Take(message.message); }
  const round::Participation& participation() const { return participation_; }
  bool Needs(const Digest& blob) const;
  // sweep.cc
  void NameKept(blob::KeptNames& names) const;  // what its state names, kept or to be kept
  // Of a run that is over: its error feedback, results, optimizer state, lanes and payloads.
  void RemoveFilesOfEnded();
  std::set<masking::ReleasedSum> Summed() const { return masking_.Summed(); }
  const round::SiteStatus& status() const { return status_; }  // of this site's own eyes only

 private:
  RunDesk(Workshop& shop, const RunId& run, round::Participation participation);
  void FeedNow(const round::SiteEvent& event);
  bool Perform(const round::SiteEffect& effect);
  void Do(const round::DecideLocally& effect);
  void Do(const round::FetchBase& effect);
  void Do(const round::StartTraining& effect);
  void Do(const round::StopTraining& effect);
  void Do(const round::EncodeUpdate& effect);
  void Do(const round::UploadBlob& effect);
  void Do(const round::SignSubmission& effect);
  void Do(const round::VerifyReceipt& effect);
  void Do(const round::FoldBack& effect);
  void Do(const round::DropWork& effect);
  void Do(const round::FetchAggregate& effect);
  void Do(const round::DeriveModel& effect);
  void Do(const round::PublishModel& effect);
  void Do(const round::SetSiteTimer& effect);

  void NotEncoded(const round::EncodeUpdate& effect, const Error& error);
  void Fold(const round::FoldBack& effect);
  void FinishPublishing();
  void CheckRecord(const round::DecideLocally& effect);
  void CheckBase(const round::DecideLocally& effect, const ProposedRun& recorded);
  // run_admission.cc. True: it waits for the record, or behind what does.
  bool Holds(const round::SiteEvent& event);
  void TakeRoster(const round::Roster& roster, const Status& synced);
  void SayOfRoster(const round::RoundAttempt& at, const std::string& what);
  std::optional<NotHeld> WhyHeldBack() const;
  bool HoldsBack(const round::UploadBlob& effect);
  // Checks once more in a moment, if the site is still in this phase then.
  void RecordAgain(round::SitePhase phase, std::function<void()> check);
  void CheckEnd(const round::FetchBase& effect);
  void Fetch(const round::FetchBase& effect);
  bool KeepState();
  void NotePublished(const round::PublishModel& effect, journal::Change& change) const;
  std::vector<Digest> Leaving() const;
  void RemoveLeaving();
  void RemoveDropped();
  void PrepareFiles(const round::DecideLocally& effect);
  void Object(const round::RoundAttempt& at, const std::string& objection);
  void PrepareData(const round::DecideLocally& effect);
  void Prepared(const round::RoundAttempt& at, const Result<Answer>& answer);
  void DeclineUnprepared(const round::RoundAttempt& at, const Error& error);
  // Answers with what is lent, once that is on record.
  void Offer(const round::RoundAttempt& at);
  // Whether it is not even offered: this site's own decision refuses it, and the log's, in older
  // words, might not. What both refuse is offered, so that everybody can read why.
  bool KeepsBack(const round::RoundAttempt& at, const round::OfferedDataset& offered) const;
  std::string OwnObjection(const round::RoundAttempt& at,
                           const round::OfferedDataset& offered) const;
  void Train(const round::StartTraining& effect);
  void TrainLater(const round::StartTraining& effect, Duration wait);
  void Trained(const round::StartTraining& effect, Result<Answer> answer);
  void NotTrained(const round::StartTraining& effect, const Error& error, bool hung = false);
  void NoteTraining(const round::StartTraining& effect, const TrainingMark& mark);
  // What is kept of that training; nullopt: nothing.
  std::optional<TrainingMark> MarkOf(RoundNumber round, uint64_t number) const;
  // run_privacy.cc: what noise costs is on the accounts of the datasets before it is used.
  void ReservePrivacy(const round::RoundAttempt& at, std::vector<round::OfferedDataset> offered);
  uint64_t EpsilonLent(const round::OfferedDataset& offered) const;
  void ChargeTraining(const round::StartTraining& effect, const round::TrainingDone& result);
  void EncodeNoised(const round::EncodeUpdate& effect);
  Status ChargeUpdate() const;
  void OnProgress(const seat::ProgressEvent& progress);
  void SendStatus();  // where this site stands, for whoever watches
  void CheckOutcome(const round::DeriveModel& effect, Result<round::Base> derived);
  // What the model that is being checked shows of the sum behind it.
  struct Seen {
    uint64_t parameters = 0;
    double growth = 0;
  };
  void LookAtSum(const round::Outcome& said, const ledger::RoundClosed& closed);
  bool TooMuchWasCut(const round::DeriveModel& effect, const ledger::RoundClosed& closed) const;
  // Under masking: whether the sum is what this site checked. False: it was answered, or is asked
  // again later.
  bool JudgeSum(const round::DeriveModel& effect, const ledger::RoundClosed& closed,
                const round::Base& base);
  bool ReceiptHolds(const round::VerifyReceipt& effect) const;
  // False: the disk did not take it, and the whole check comes again.
  bool Kept(const round::VerifyReceipt& effect);
  void GivePenBack();
  std::string Key(std::string_view what) const;
  std::string TrainedKey(RoundNumber round) const;  // of what its training came to
  // Work on a pool whose answer comes back to this desk, if it still stands.
  template <typename Work, typename Done>
  void Run(loop::WorkerPool& pool, Work work, Done done);
  Status Download(const std::vector<Digest>& digests) const;

  Workshop& shop_;
  RunId run_;
  RunFolder folder_;
  round::Participation participation_;
  MaskingDesk masking_;
  round::RunManifest manifest_;   // of the latest plan that was decided or trained
  std::string recorded_epsilon_;  // what the record says that the run costs
  Digest aggregate_;              // of the outcome being derived
  // What nobody needs any more: to go when the outcome is derived.
  std::vector<Digest> dropped_;
  std::vector<std::filesystem::path> scraps_;
  bool leaves_soon_ = false;    // what a model that was published left behind
  journal::Change with_state_;  // to be kept with the state that is kept next
  bool published_ = false;      // the model that is to be published, kept with the state
  round::Base coming_;          // what is being derived or fetched, or was last
  Seen seen_;
  derivation::Growths growths_;
  loop::EffectQueue<round::SiteEffect> queue_;
  bool looking_up_ = false;                 // a roster, in the record
  std::deque<round::FromAggregator> held_;  // meanwhile
  std::string said_of_roster_;              // once
  std::string unsigned_because_;            // said once
  bool data_told_ = false;                  // what its text came to, in the log
  uint64_t timer_ = 0;
  uint64_t preparing_task_ = 0;  // at most one waits in the trainer's seat, or is worked on
  uint64_t preparing_turn_ = 0;
  seat::PrepareTask preparing_;
  round::RoundAttempt preparing_at_;  // for whom
  uint64_t training_task_ = 0;
  MonoTime training_began_{};
  std::optional<Digest> new_blob_;  // trained and encoded by this process, and not yet offered
  std::optional<RoundNumber> training_round_;
  uint32_t trainer_deaths_ = 0;      // before any training came to its end
  uint32_t roomless_trainings_ = 0;  // that ended for want of room, one after the other
  uint64_t training_turn_ = 0;       // an answer of a training given up carries an earlier one
  uint32_t roomless_encodings_ = 0;  // one after the other
  uint64_t encode_turn_ = 0;         // as training_turn_
  MonoTime last_status_{};
  // The link's counts when this desk was made: what it moved for earlier runs is not this one's.
  const uint64_t sent_before_;
  const uint64_t received_before_;
  round::SiteStatus status_;  // of the training under way, or the last one
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace dure::site
