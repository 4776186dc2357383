// MaskingDesk: performs the aggregator's half of the masked rounds of one run (federation/masking).
//
// Life: with the run's driver, on the loop; Restore after a restart, Resume at the start. An
// attempt begins when the round collects (Look) and ends with a sum (Merged) or without
// (AttemptFailed), both fed to the rounds. It owns the half's state in the journal (key
// run/<id>/masking). It is trusted with availability only: what it must not learn, it is not given.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "aggregator/accusations.h"
#include "aggregator/stall.h"
#include "aggregator/workshop.h"
#include "federation/canonical.h"
#include "federation/loop/effect_queue.h"
#include "federation/masking/aggregator_half.h"
#include "federation/round/round.h"
#include "policy/standing/cohort.h"

namespace dure::aggregator {

class MaskingDesk {
 public:
  using Feed = std::function<void(const round::Event&)>;
  // All outlive it.
  MaskingDesk(Workshop& shop, const round::Rounds& rounds, uint64_t parameter_count, Feed feed);
  ~MaskingDesk();

  // What cannot be read is never guessed: no attempt of the run is begun any more, since its number
  // may have been used, and whoever watches is told why. Of a run that has ended, nothing is
  // missed. Errors of the journal.
  Status Restore();
  void Resume();
  // The rounds have moved: an attempt that collects begins here.
  void Look();
  // Of sites that could be in the next cohort: those that a sum with them would show (RefusalReason
  // kSetApart).
  std::vector<SiteId> SetApart(const std::vector<round::Candidate>& candidates) const;
  void Take(const SiteId& site, const Bytes& message);
  void Connected(const SiteId& site);
  // The uploads are over: the sum of exactly these.
  void Sum(const round::StartMerge& merge);
  // Of a contribution to the attempt under way; 0: there is none.
  uint64_t PayloadBytes() const;
  Bytes Save() const;  // as kept, or to be kept

 private:
  // A half with what the driver must remember of it.
  struct Attempt {
    round::RoundAttempt at;
    masking::AggregatorHalf half;
  };

  Result<masking::Context> Compose() const;
  void Begin();
  void Push(const masking::AggregatorEvent& event);
  using Release = masking::AggregatorHalf::Release;
  void AfterEvent(masking::AggregatorPhase before, const Release& release);
  void UseUp(const Release& release);
  // What stands against a sum of these, as long as nobody was told of its survivors.
  masking::Objection ObjectionTo(const round::StartMerge& merge) const;
  // What other runs summed from the base at hand, by the record.
  standing::SumsByRun Beside() const;
  void Learn(const Release& release);
  bool Perform(const masking::AggregatorEffect& effect);
  void Do(const masking::Send& effect);
  void Do(const masking::UnmaskSegment& effect);
  void NoSum(const masking::UnmaskSegment& effect, const Error& error);
  void Do(const masking::Culprit& effect);
  void Do(const masking::Abandon& effect);
  void Do(const masking::MeasureSegment& effect);
  void Do(const masking::Published& effect);
  void Do(const masking::Finish& effect);

  void Tell(const SiteId& site, Bytes message);
  void Relay(Attempt& finished, const masking::AggregatorEvent& event);
  void LeaveOut();
  void Blame(const masking::Culprit& effect);
  void BarContradicting();
  // A phase took as long as it may: whom it waited for is named.
  void NoteSilent();
  void FixSurvivors(bool overdue);
  round::Sums SumsToRecord() const;
  void Derive();
  void TryFinish();
  void Fail(std::string reason);
  void Forsake();
  void TellForsaken();
  void OpenAgainLater();
  void ArmTimer();
  bool Load(ByteView kept);
  void Forget();
  Status RestoreSums(CanonicalReader& in);
  std::string Key() const { return "run/" + rounds_.manifest().run.str() + "/masking"; }
  template <typename Work, typename Done>
  void Run(Work work, Done done);

  Workshop& shop_;
  const round::Rounds& rounds_;
  uint64_t parameter_count_;
  Feed feed_;
  Ed25519Verifier verifier_;
  std::optional<Attempt> attempt_;
  std::optional<Attempt> former_;  // finished: for sites that missed its end
  std::optional<masking::Released> released_;
  masking::History history_;  // of the sums that may be known
  uint64_t skipped_ = 0;      // numbers of attempts whose shares were given and gave no sum
  std::string refusal_;       // the first complaint of this attempt, as a code
  bool lost_ = false;         // the journal's state cannot be read
  // Of this process life.
  std::optional<round::StartMerge> merge_;
  std::optional<masking::Outcome> published_;
  Accusations accusations_;  // of this attempt
  // In how many attempts of a round a site that is connected was not heard in time.
  std::pair<RoundNumber, std::map<SiteId, uint32_t>> silent_;
  std::optional<round::Base> derived_;
  bool deriving_ = false;
  bool unmasking_ = false;
  bool finished_ = false;
  bool failed_ = false;
  bool told_ = false;      // the rounds hear, or have heard, that the attempt gives no sum
  bool disputed_ = false;  // a survivor refuses: no sum comes of it
  uint64_t timer_ = 0;
  loop::EffectQueue<masking::AggregatorEffect> queue_;
  Stall keeping_;
  Stall summing_;
  Stall deriving_model_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace dure::aggregator
