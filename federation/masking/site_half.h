// A site's half of masked rounds: pure, an event goes in, effects come out in order.
//
// Life: construct for a run (or Load after a restart, then Handle(Resumed{})), then every event as
// it happens, from one thread. The driver performs the effects in their order and promises:
//   - Persist: Save()'s bytes are durable before any later effect of the same Handle is performed.
//     They hold secrets: the site's own disk only, mode 0600.
//   - Examine, MaskSegment, UploadSegment and CheckSegment are answered by the event that says so,
//     once or more. Not a byte of a masked segment leaves before UploadSegment names it.
//   - Tell may lose, repeat, delay and reorder. On Resumed all that is outstanding is told again;
//   while waits(), the driver hands in SayAgain whenever nothing has come for kSayAgainAfter. What
//   is told again is byte for byte what was told before.
//
// One attempt: open - (examined) advertise - all advertised: shares - all delivered: agree on T2 -
// all agreed: mask and upload, segment by segment - survivors: agree on T3 - t agreed: reveal - the
// outcome: open the nonce - all opened: check values - accepted, or refused. A refusal ends the
// attempt for this site and wipes its secrets; a later attempt or round opens anew.
#pragma once

#include <map>
#include <string>
#include <variant>
#include <vector>

#include "federation/masking/masks.h"
#include "federation/masking/messages.h"

namespace dure::masking {

// Events
struct FromAggregator {
  Bytes message;
};
// Answers Examine: what this site knows of the round by itself, and 32 fresh random bytes. Not
// ready (it does not hold the base yet): answered later.
struct Examined {
  Pinned pinned;
  Secret seed;
};
// Answers MaskSegment: the segment is masked, and durable here, under this digest.
struct SegmentEncoded {
  Digest context;  // as in MaskSegment: an answer to a former attempt is no answer
  uint32_t segment = 0;
  Digest payload;
};
// Answers UploadSegment: the payload is whole and durable at the aggregator.
struct SegmentMasked {
  Digest context;
  uint32_t segment = 0;
  Digest payload;
  uint64_t bytes = 0;
};
// Answers CheckSegment.
struct SegmentChecked {
  Digest context;
  uint32_t segment = 0;
  uint64_t own = 0;     // of this site's lanes and scalars
  uint64_t result = 0;  // of the published sums and scalars
};
// Instead of it: the sum may be what was sent, and breaks a rule of the run all the same.
struct SumRefused {
  Digest context;
  Refused refused;
};
struct CheckOverdue {};  // nobody waits any longer for check values
struct GiveUp {};        // the driver cannot go on with this attempt
struct Resumed {};       // after Load, or when a link is up again
struct SayAgain {};      // nothing came for a while: the answer, or what it answers, may be lost
using SiteEvent = std::variant<FromAggregator, Examined, SegmentEncoded, SegmentMasked,
                               SegmentChecked, SumRefused, CheckOverdue, GiveUp, Resumed, SayAgain>;

// Effects
struct Persist {};
struct Tell {
  Bytes message;
};
struct Examine {
  Context context;
};
// Mask the lanes of a segment with these, scalars behind them. Asked for again after a restart, it
// has to come to the same bytes: two payloads under the same masks show their difference, so that
// another than the first is REFUSE_KEY, and the attempt ends.
struct MaskSegment {
  Digest context;
  uint32_t segment = 0;
  std::vector<Mask> masks;
};
// The one payload of that segment in this attempt is known from now on; it may leave.
struct UploadSegment {
  Digest context;
  uint32_t segment = 0;
  Digest payload;
};
// Fetch the published planes and give the inner products with these coefficients.
struct CheckSegment {
  Digest context;
  uint32_t segment = 0;
  StreamKey coefficients;
  Digest planes;
  Scalars scalars{};
  uint32_t survivors = 0;  // sites in the sum: its layout
};
struct RefuseRound {
  Refused refused;
  Context context;  // of the attempt that is refused; another may be under way
};
// Something came that was set aside: not of this attempt, or not signed by whom it names.
struct SetAside {
  Refused refused;
};
struct SegmentAccepted {
  Sites survivors;
  Digest planes;
  Scalars scalars{};
  bool verified = false;  // every survivor's check value was there and they fit
};
struct Accept {
  std::vector<SegmentAccepted> segments;
};
using SiteEffect = std::variant<Persist, Tell, Examine, MaskSegment, UploadSegment, CheckSegment,
                                RefuseRound, SetAside, Accept>;

enum class SitePhase : uint8_t {
  kIdle = 0,
  kExamining = 1,
  kAdvertised = 2,
  kShared = 3,
  kAgreeing = 4,   // T2 signed
  kMasking = 5,    // until the survivors of every segment are known
  kSurviving = 6,  // T3 signed
  kRevealed = 7,
  kOpened = 8,
  kChecking = 9,
  kChecked = 10,
  kAccepted = 11,
  kRefused = 12,
  kLeftOut = 13,  // the round goes on without this site
};
std::string_view Name(SitePhase phase);
inline uint8_t EnumMax(SitePhase) { return static_cast<uint8_t>(SitePhase::kLeftOut); }

class SiteHalf {
 public:
  // What signs, verifies and agrees on keys outlives it.
  SiteHalf(SiteId self, const Signer& signer, const Verifier& verifier,
           const KeyAgreement& agreement = kX25519);
  // kCorrupt: not the bytes that Save made.
  static Result<SiteHalf> Load(ByteView state, const Signer& signer, const Verifier& verifier,
                               const KeyAgreement& agreement = kX25519);
  // Of the bytes that an older version's Save made, only what outlives an attempt: what was signed,
  // released and begun. The attempt itself is given up, its secrets are never used again, and an
  // opening of it is refused as stale. kCorrupt: not such bytes.
  enum class Form : uint8_t { kPresentHistory, kHistoryBefore };
  static Result<SiteHalf> TakeOver(ByteView state, Form form, const Signer& signer,
                                   const Verifier& verifier);
  Bytes Save() const;

  std::vector<SiteEffect> Handle(const SiteEvent& event);

  SitePhase phase() const { return s_.phase; }
  const History& history() const { return s_.history; }
  History& history() { return s_.history; }  // to Learn
  // Sums of other runs that count beside those of the attempt at hand (History::CheckDifferences).
  // Not kept: the driver says them anew before Examined, and before each message while kMasking.
  void CountBeside(std::set<ReleasedSum> sums) { beside_ = std::move(sums); }
  const Context& context() const { return context_; }  // of the attempt under way, or the last
  const Digest& context_id() const { return context_id_; }
  // Whether it is the aggregator's turn, so that SayAgain would say something.
  bool waits() const;
  // Whether this site is in the sum of a segment, once its survivors are known.
  bool survives(uint32_t segment) const;

 private:
  // What this site holds of another's secrets of one segment.
  struct Held {
    Digest head;  // as carried
    Secret mask;
    Secret self;
    template <typename A>
    void Visit(A& a) {
      a(head, mask, self);
    }
  };
  struct Survived {
    Sites sites;
    std::vector<Digest> uploads;
    template <typename A>
    void Visit(A& a) {
      a(sites, uploads);
    }
  };
  using SegmentSite = std::pair<uint32_t, uint32_t>;
  // Of one attempt; wiped when it ends.
  struct Attempt {
    Bytes context;
    Secret seed;
    std::map<SiteId, MemberId> members;  // of all admitted sites
    uint32_t survivors_min = 0;          // the run's quorum
    uint32_t helpers = 0;                // of the aggregator, in any round of the run
    std::map<uint32_t, Bytes> advertised;
    Digest roster;  // T1, once all advertised
    std::map<SegmentSite, Held> held;
    Sites sharers;  // U2, once told
    Digest shares;  // T2
    std::map<uint32_t, Digest> agreed_shares;
    std::map<uint32_t, Digest> payloads;         // by segment, once masked: no other is under them
    std::map<uint32_t, uint64_t> payload_bytes;  // of those that are whole at the aggregator
    std::map<uint32_t, Survived> survived;
    Digest survivors;  // T3
    std::map<uint32_t, Digest> agreed_survivors;
    Bytes outcome;
    Digest result;  // T4
    std::map<uint32_t, uint64_t> own_products;
    std::map<uint32_t, uint64_t> result_products;
    std::map<uint32_t, std::vector<uint64_t>> check_values;
    template <typename A>
    void Visit(A& a) {
      a(context, seed, members, survivors_min, helpers, advertised, roster, held, sharers, shares,
        agreed_shares, payloads, payload_bytes, survived, survivors, agreed_survivors, outcome,
        result, own_products, result_products, check_values);
    }
  };
  // The first four stand at the beginning in every version, and TakeOver reads them.
  struct State {
    SiteId self;
    SitePhase phase = SitePhase::kIdle;
    History history;
    // Round and attempt that had keys last; what is only being examined may be made up.
    std::optional<std::pair<uint64_t, uint32_t>> last;
    Attempt attempt;
    // Check values or a complaint, as signed: they outlive the attempt, for whoever missed them.
    Bytes last_said;
    Digest ended;  // the opening of the attempt that ended last
    template <typename A>
    void Visit(A& a) {
      a(self, phase, history, last, attempt, last_said, ended);
    }
  };

  void On(const FromAggregator&);
  void On(const Examined&);
  void On(const SegmentEncoded&);
  void On(const SegmentMasked&);
  void On(const SegmentChecked&);
  void On(const SumRefused&);
  void On(const CheckOverdue&);
  void On(const GiveUp&);
  void On(const Resumed&);
  void On(const SayAgain&);

  void OnMessage(const Open&);
  void OnMessage(const Signed<Advertise>&);
  void OnMessage(const Delivery&);
  void OnMessage(const Sharers&);
  void OnMessage(const Signed<Agreement>&);
  void OnMessage(const Survivors&);
  void OnMessage(const Signed<Outcome>&);
  void OnMessage(const Openings&);
  void OnMessage(const Signed<CheckValues>&);
  template <typename NotForUs>
  void OnMessage(const NotForUs&) {}

  // Whether a signed message is of this attempt and by whom it says; refuses or sets aside.
  template <typename T>
  bool IsAuthentic(const Signed<T>& message);
  bool CheckAdvertised(const Signed<Advertise>& message);
  bool OpenShares(const Delivery& delivery, const Signed<ShareHead>& head);
  std::optional<Survived> CheckUploads(const Survivors& message);
  // If all of the cohort survive: one of each segment.
  std::vector<ReleasedSum> CohortSums() const;
  bool CheckCohortSums();
  DifferenceRule Rule() const;
  bool CheckAllSurvivors();
  bool CheckOpenings(const Openings& openings, std::vector<Digest>& ids);
  void NoteReleases(const Openings& openings);
  bool SegmentFits(uint32_t segment, bool& verified) const;

  void AdvanceAdvertised();
  void AdvanceShared();
  void AdvanceAgreeing();
  void AdvanceMasking();
  void AdvanceSurviving();
  void AdvanceChecking();
  void AdvanceChecked(bool overdue);

  void TellAdvertise();
  void TellShares();
  void TellUploaded();
  void TellReveals();
  void TellOpening();
  void TellLast();
  void EmitMasks();
  void EmitChecks();

  Header OwnHeader() const;
  Secret Own(std::string_view label, uint32_t segment = 0) const;
  std::vector<Mask> MasksOf(uint32_t segment);
  // With another site's mask key of a segment, or its seal key. Keys were checked at advertising.
  Secret AgreedWith(uint32_t site, std::optional<uint32_t> segment) const;
  const Advertise& AdvertisedBy(uint32_t site) const { return advertised_.at(site); }
  // The message with this site's shares of a segment, the same each time; with the digest of its
  // head.
  Bytes OwnShares(uint32_t segment, Digest* head) const;

  void BeginAttempt(Context context, Bytes carried);
  void EndAttempt(SitePhase phase);
  void Refuse(Refusal rule, std::string why, uint32_t accused);
  void Refuse(const Refused& refused) { Refuse(refused.rule, refused.why, refused.accused); }
  void LeaveAside(Refusal rule, std::string why, uint32_t accused);
  void Say(Bytes message) { out_.push_back(Tell{std::move(message)}); }
  template <typename T>
  void SaySigned(T body);
  void Keep() { out_.emplace_back(std::in_place_type<Persist>); }
  Status Rebuild();            // what is derived from the state
  Status CheckLoaded() const;  // that no phase lacks what it stands on
  bool Is(SitePhase phase) const { return s_.phase == phase; }
  bool HasBegun() const;
  uint32_t segments() const { return context_.segment_count(); }

  const Signer* signer_;
  const Verifier* verifier_;
  const KeyAgreement* agreement_;
  State s_;
  // Derived from the attempt.
  Context context_;
  Digest context_id_;
  uint32_t me_ = 0;
  std::map<uint32_t, Advertise> advertised_;
  std::optional<Outcome> outcome_;
  Digest outcome_id_;
  std::set<ReleasedSum> beside_;
  // Of one Handle.
  std::vector<SiteEffect> out_;
};

}  // namespace dure::masking
