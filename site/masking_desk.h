// MaskingDesk: performs a site's half of the masked rounds of one run (federation/masking).
//
// Life: made by a run's desk, Restore and Start with it, then its calls, on the loop; destroyed
// there. It owns the half's state in the journal (key run/<id>/masking): secrets, which never leave
// the site's disk, and what the last attempt came to. Written before told, as in the run's desk.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "federation/loop/effect_queue.h"
#include "federation/masking/site_half.h"
#include "federation/round/participation.h"
#include "policy/ledger/events.h"
#include "policy/standing/cohort.h"
#include "site/run_folder.h"
#include "site/update_work.h"
#include "site/workshop.h"

namespace dure::site {

// Why a site declines a masked round of a run whose history it lost.
inline constexpr std::string_view kLost = "masking-state-lost";

class MaskingDesk {
 public:
  using Feed = std::function<void(const round::SiteEvent&)>;
  // All outlive it. `feed` takes what becomes of the masking to the run's participation.
  MaskingDesk(Workshop& shop, const RunFolder& folder, const round::Participation& participation,
              Feed feed);
  ~MaskingDesk();

  // What cannot be read is never guessed: the run is then one that this site only follows (lost),
  // and the bytes stay where they are. An older version's is taken over without the attempt that
  // was under way. Of a run that has ended, nothing is missed. Errors of the journal.
  Status Restore();
  // What was signed and released in this run is not known any more: no masked round may have this
  // site's secrets in it.
  bool lost() const { return lost_; }
  // The sums that this site signed in this run, or learned of, as may be released.
  std::set<masking::ReleasedSum> Summed() const { return half_.history().MayBeReleased(); }
  // After a restart, and when the link is up again: what is outstanding is said again.
  void Resume();
  void Take(const Bytes& message);  // of the aggregator's half
  // The participation has moved: what waited for a roster or a base may go on.
  void Look();
  // Answers Encoded or EncodeFailed once this attempt's masks are agreed upon.
  void Encode(const round::EncodeUpdate& effect);
  void Uploaded(const Digest& payload);  // it is whole and durable at the aggregator
  uint64_t PayloadBytes() const;         // of the attempt under way; 0: none is agreed upon
  void Drop(RoundNumber round);          // the lanes of that round's update may go
  Bytes Save() const;                    // as kept, or to be kept

  enum class Judgement : uint8_t {
    kHolds,    // checked and the same; or this site had no part in the sum
    kWaits,    // its check is under way
    kDissent,  // not what this site checked, or not checked to the end
  };
  // Whether an outcome, as the log has it, is the sum that this site checked. Whoever is counted
  // and came to no end of its check takes nothing for a sum: an honest aggregator records none
  // that a survivor did not check. But for a site whose state was lost, or another version's, while
  // its check was under way: that one has the record's word for it, as of a round it had no part
  // in.
  Judgement Judge(const round::Outcome& outcome, const ledger::RoundClosed& logged) const;

 private:
  enum class Verdict : uint8_t {
    kRight = 0,
    kForged = 1,   // refused: the published sum is not that of the contributions
    kGivenUp = 2,  // under way when another version's state was taken over
  };
  // What the attempt concluded last came to; which one it was, the base and the number say.
  struct Conclusion {
    Digest base;
    uint32_t attempt = 0;
    Verdict verdict = Verdict::kRight;
    Digest planes;
    masking::Scalars sums{};
    std::vector<SiteId> survivors;
  };
  // Which attempt of a round the half's context is for, and which version of the residual the one
  // update that was masked in that attempt goes with. Another is never masked in it: what makes two
  // payloads differ would show.
  struct Bound {
    Digest context;
    round::RoundAttempt at;
    uint64_t work = 0;  // 0: none yet
  };

  void Push(const masking::SiteEvent& event);
  void SayAgainLater();
  bool Perform(const masking::SiteEffect& effect);
  void Do(const masking::Tell& effect);
  void Do(const masking::Examine& effect);
  void Do(const masking::MaskSegment& effect);
  void Do(const masking::UploadSegment& effect);
  void Do(const masking::CheckSegment& effect);
  void Do(const masking::RefuseRound& effect);
  void Do(const masking::SetAside& effect);
  void Do(const masking::Accept& effect);
  // What the half concludes belongs to its state from that step on.
  void Conclude(const std::vector<masking::SiteEffect>& effects);
  // The half is in this attempt, from examining its agreement to checking its sum.
  bool IsUnderWay(const Digest& base, uint32_t attempt) const;
  bool IsUnderWay() const;

  // false: the journal's bytes are none that this version knows.
  bool Load(ByteView kept);
  bool Keep();  // false: the disk did not take it
  void ForgetSoon();
  void Sync(const Digest& context);
  void ExamineNow(const Digest& context);
  ledger::RoundAttempt RecordedAt() const;     // the attempt at hand
  std::vector<SiteId> RecordedCohort() const;  // of it; none: the copy lacks its opening
  masking::Pinned PinnedFor(const masking::Context& context, uint64_t parameter_count) const;
  // masking_beside.cc: what other runs summed from the base at hand, by the record and by what this
  // site signed in them, whether or not it was recorded.
  standing::SumsByRun Beside() const;
  void CountBeside();
  void TryEncode();
  void NotEncoded(const Error& error);
  void Encoded(const MaskedContribution& made, RoundNumber round);
  void GiveUpFormer();
  bool IsBound(const Digest& context) const;  // to the attempt at hand
  void SayWhatLeaves(const MaskedContribution& made) const;
  void CheckNow(const masking::CheckSegment& effect);
  void NotChecked(const Digest& context, const Error& error);
  void CheckAgainLater();
  void Checked();
  bool IsCurrent(const masking::Context& context) const;
  void Say(const std::string& line) const;
  template <typename Work, typename Done>
  void Run(loop::WorkerPool& pool, Work work, Done done);

  Workshop& shop_;
  const RunFolder& folder_;
  const round::Participation& participation_;
  Feed feed_;
  Ed25519Verifier verifier_;
  masking::SiteHalf half_;
  masking::Scalars own_{};  // of the update that was masked last
  RoundNumber own_round_;
  std::optional<Bound> bound_;
  std::optional<Conclusion> concluded_;
  bool lost_ = false;
  bool secrets_kept_ = false;  // of an attempt, in the journal
  // Of this process life.
  std::optional<Digest> examines_;  // the context that waits to be examined
  bool examining_ = false;
  std::optional<masking::MaskSegment> masks_;
  std::optional<round::EncodeUpdate> wanted_;
  std::optional<round::Encoded> encoded_;  // once the half has it on disk
  uint64_t encode_turn_ = 0;
  uint32_t roomless_encodings_ = 0;  // one after the other
  bool encoding_ = false;
  bool checking_ = false;
  uint64_t timer_ = 0;  // of the latest SayAgainLater
  loop::EffectQueue<masking::SiteEffect> queue_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace dure::site
