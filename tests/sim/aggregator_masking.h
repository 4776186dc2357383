// The simulated aggregator's masking: the production AggregatorHalf, and a driver over a durable
// state. What the aggregator's MaskingDesk is in the daemon.
#pragma once

#include <deque>
#include <optional>
#include <string>

#include "federation/masking/aggregator_half.h"
#include "federation/round/round.h"
#include "tests/sim/sim_signer.h"

namespace dure::sim {

class World;
class AggregatorNode;

class AggregatorMasking {
 public:
  AggregatorMasking(World& world, AggregatorNode& node);

  void Start();
  void Stop();
  void Resume();
  void Look();
  std::vector<SiteId> SetApart(const std::vector<round::Candidate>& candidates) const;
  void Take(const SiteId& site, const Bytes& message);
  void Connected(const SiteId& site);
  void Sum(const round::StartMerge& merge);

 private:
  struct Attempt {
    round::RoundAttempt at;
    masking::AggregatorHalf half;
  };
  struct KeptAttempt {
    round::RoundAttempt at;
    Bytes half;
  };
  struct Durable {
    std::optional<KeptAttempt> attempt;
    std::optional<KeptAttempt> former;
    std::optional<masking::Released> released;
    masking::History history;
    uint64_t skipped = 0;
    std::string refusal;
  };

  Result<masking::Context> Compose() const;
  void Begin();
  void Push(const masking::AggregatorEvent& event);
  void Drain();
  bool Perform(const masking::AggregatorEffect& effect);  // false: it died
  using Release = masking::AggregatorHalf::Release;
  void AfterEvent(masking::AggregatorPhase before, const Release& release);
  void UseUp(const Release& release);
  masking::Objection ObjectionTo(const round::StartMerge& merge) const;
  void Learn(const Release& release);
  void Do(const masking::Send& effect);
  // What a lying aggregator makes of it.
  void Bend(uint32_t to, Bytes& message);
  void BendChecks(const masking::Message& said, Bytes& message);
  void Mangle(uint32_t to, Bytes& message);
  Bytes Renamed(const masking::Message& said);
  void Do(const masking::UnmaskSegment& effect);
  void Do(const masking::MeasureSegment& effect);
  void Do(const masking::Culprit& effect);
  void Do(const masking::Abandon& effect);
  void Do(const masking::Published& effect);
  void Do(const masking::Finish& effect);
  void Relay(Attempt& attempt, const masking::AggregatorEvent& event);
  void LeaveOut();
  void FixSurvivors(bool overdue);
  round::Sums SumsToRecord() const;
  void Derive();
  void TryFinish();
  void Fail(std::string reason);
  void Forsake();
  void OpenAgainLater();
  void ArmTimer();
  void Keep();
  bool Lives() const { return attempt_.has_value(); }

  World& world_;
  AggregatorNode& node_;
  SimSigner signer_;
  SimVerifier verifier_;
  Durable kept_;  // durable
  // Of one life.
  std::optional<Attempt> attempt_;
  std::optional<Attempt> former_;
  std::optional<masking::Released> released_;
  masking::History history_;
  uint64_t skipped_ = 0;
  std::string refusal_;
  std::optional<round::StartMerge> merge_;
  std::optional<masking::Outcome> published_;
  std::optional<round::Base> derived_;
  bool unmasking_ = false;
  bool deriving_ = false;
  bool finished_ = false;
  bool failed_ = false;
  bool disputed_ = false;
  uint64_t timer_ = 0;
  std::vector<Bytes> said_;  // kOldMessages: ever, to anybody
  // kMangled, by site: what it said last, and what it was told last
  std::map<uint32_t, Bytes> heard_;
  std::map<uint32_t, Bytes> told_each_;
  // kUnheard
  masking::Survivors told_;                       // last, to anybody
  std::map<Digest, std::set<uint32_t>> checked_;  // whose check values came, by context
  std::deque<masking::AggregatorEffect> queue_;
  bool draining_ = false;
};

}  // namespace dure::sim
