// The aggregator's half of one masked round attempt: pure, an event goes in, effects come out.
//
// It relays, keeps commitments, and puts together the secrets that undo the sum, never those of a
// single site: sites give it one of two. It is trusted with availability only. Life: construct with
// a checked context (or Load after a restart), Handle(Begin{}), which repeats what is outstanding,
// then every event as it happens, from one thread. The driver promises:
//   - Persist as in site_half.h.
//   - Send may lose, repeat, delay and reorder. After SiteConnected all that the site needs in this
//     phase is sent again. A message that is said again is answered again, and sites say theirs
//     again until they have the answer; only the opening has no such question, so that OpenAgain
//     comes every kSayAgainAfter while the half is advertising.
//   - UnmaskSegment is answered by SegmentUnmasked, from the payloads that Stored named, and
//     MeasureSegment by SegmentMeasured, from the planes that came of it.
//   - PhaseOverdue when a phase has taken as long as it may. Whoever is missing is then left out,
//   if
//     the rules allow it; otherwise the attempt is abandoned with nothing released, and another may
//     be opened with a smaller cohort and fresh keys.
// A segment's sum is exact over its survivors or there is none: the aggregator too finishes only
// with a sum that is what the survivors say they sent. An upload that changed on its disk, or a
// site that states a false check value, ends the attempt and not the federation.
#pragma once

#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "federation/masking/masks.h"
#include "federation/masking/merkle.h"
#include "federation/masking/messages.h"

namespace dure::masking {

// Events
struct Begin {};
struct FromSite {
  uint32_t site = 0;  // as the transport authenticated it
  Bytes message;
};
struct SiteConnected {
  uint32_t site = 0;
};
// A payload is whole and durable here.
struct Stored {
  uint32_t site = 0;
  uint32_t segment = 0;
  Digest payload;
  uint64_t bytes = 0;
};
struct PhaseOverdue {};
// The driver comes to no sum, whatever the half thinks of it: the attempt is abandoned.
struct Failed {
  std::string why;
};
// To whoever has not answered the opening.
struct OpenAgain {};
// Answers UnmaskSegment. Not exact (a sum beyond reach): the attempt is abandoned.
struct SegmentUnmasked {
  uint32_t segment = 0;
  bool exact = false;
  Digest planes;
  Scalars scalars{};
};
// Answers MeasureSegment.
struct SegmentMeasured {
  uint32_t segment = 0;
  uint64_t product = 0;
};
using AggregatorEvent = std::variant<Begin, FromSite, SiteConnected, Stored, PhaseOverdue, Failed,
                                     OpenAgain, SegmentUnmasked, SegmentMeasured>;

// Effects
struct PersistAggregator {};
struct Send {
  uint32_t site = 0;
  Bytes message;
};
struct SegmentPayload {
  uint32_t site = 0;
  Digest payload;
};
struct UnmaskSegment {
  uint32_t segment = 0;
  std::vector<SegmentPayload> survivors;
  std::vector<Mask> undo;
};
// The inner product of the published sum, of so many survivors, with these coefficients.
struct MeasureSegment {
  uint32_t segment = 0;
  StreamKey coefficients;
  SegmentResult result;
  uint32_t survivors = 0;
};
// A site did what no honest one does, or says that another did.
struct Culprit {
  uint32_t site = 0;
  Refused refused;
};
struct Abandon {
  std::string why;
  Sites missing;  // or to blame; another attempt may leave them out
};
// The outcome is out. Sites check it next.
struct Published {
  Outcome outcome;
};
// `unverified`: survivors whose check values are missing; their segments stand unchecked.
struct Finish {
  Sites unverified;
};
using AggregatorEffect = std::variant<PersistAggregator, Send, UnmaskSegment, MeasureSegment,
                                      Culprit, Abandon, Published, Finish>;

enum class AggregatorPhase : uint8_t {
  kNew = 0,
  kAdvertising = 1,
  kSharing = 2,
  kAgreeing = 3,  // on T2
  kUploading = 4,
  kSurviving = 5,  // agreeing on T3
  kRevealing = 6,
  kUnmasking = 7,
  kOpening = 8,
  kChecking = 9,
  kFinished = 10,
  kAbandoned = 11,
};
std::string_view Name(AggregatorPhase phase);
bool IsOpen(AggregatorPhase phase);  // neither finished nor abandoned
inline uint8_t EnumMax(AggregatorPhase) {
  return static_cast<uint8_t>(AggregatorPhase::kAbandoned);
}

class AggregatorHalf {
 public:
  // The signer's key is context.agreed.aggregator. What signs, verifies and agrees outlives it.
  // REQUIRES: context.Check(), CheckThreshold and CheckCohort pass.
  AggregatorHalf(Context context, const Signer& signer, const Verifier& verifier,
                 const KeyAgreement& agreement = kX25519);
  static Result<AggregatorHalf> Load(ByteView state, const Signer& signer, const Verifier& verifier,
                                     const KeyAgreement& agreement = kX25519);  // kCorrupt
  Bytes Save() const;

  std::vector<AggregatorEffect> Handle(const AggregatorEvent& event);

  AggregatorPhase phase() const { return s_.phase; }
  const Context& context() const { return context_; }
  const Digest& survivors_transcript() const { return s_.survivors; }
  const Sites& sharers() const { return s_.sharers; }  // from kAgreeing on
  bool has_uploaded(uint32_t site, uint32_t segment) const {
    return s_.uploaded.contains({segment, site});
  }
  Sites survivors(uint32_t segment) const;  // from kSurviving on
  // Of whom this phase has not heard yet.
  Sites Awaited() const;
  // Who says that it uploaded what its submission, signed as well, does not name.
  Sites Contradicting() const;
  // Whether some site may have given its shares: it needs t agreements, its own among them. Of an
  // attempt that is abandoned nothing is known any more: asked before.
  bool may_be_released() const;
  // How far that is, and of which sum.
  struct Release {
    bool may_be = false;
    Digest transcript;
    std::vector<SiteId> sites;  // the survivors
  };
  Release release() const;

 private:
  struct KeptShares {
    Bytes head;
    std::vector<ShareEntry> entries;
    template <typename A>
    void Visit(A& a) {
      a(head, entries);
    }
  };
  using SegmentSite = std::pair<uint32_t, uint32_t>;
  struct State {
    AggregatorPhase phase = AggregatorPhase::kNew;
    Bytes context;
    std::map<uint32_t, Bytes> advertised;
    Digest roster;
    std::map<SegmentSite, KeptShares> shares;
    Sites sharers;
    Digest agreed;                      // T2
    std::map<uint32_t, Bytes> agreed1;  // statements on T2
    std::map<SegmentSite, Bytes> uploaded;
    std::map<SegmentSite, std::pair<Digest, uint64_t>> stored;
    std::map<uint32_t, Sites> survived;  // by segment
    Digest survivors;                    // T3
    std::map<uint32_t, Bytes> agreed2;
    std::map<SegmentSite, std::vector<std::pair<uint8_t, Secret>>> revealed;  // (segment, owner)
    std::set<SegmentSite> revealers;
    std::map<uint32_t, SegmentResult> results;
    Bytes outcome;
    std::map<uint32_t, Bytes> opened;
    Bytes openings;  // as sent
    Digest result;   // T4
    std::map<uint32_t, Bytes> checked;
    std::string why;  // it was abandoned
    Sites missing;
    template <typename A>
    void Visit(A& a) {
      a(phase, context, advertised, roster, shares, sharers, agreed, agreed1, uploaded, stored,
        survived, survivors, agreed2, revealed, revealers, results, outcome, opened, openings,
        result, checked, why, missing);
    }
  };

  void On(const Begin&);
  void On(const FromSite&);
  void OnLate(const FromSite&);
  void On(const SiteConnected&);
  void On(const Stored&);
  void On(const PhaseOverdue&);
  void On(const Failed& event) { GiveUp(event.why, {}); }
  void On(const OpenAgain&);
  void On(const SegmentUnmasked&);
  void On(const SegmentMeasured&);

  void OnMessage(uint32_t site, const Signed<Advertise>&);
  void OnMessage(uint32_t site, const Shares&);
  void OnMessage(uint32_t site, const Signed<Agreement>&);
  void OnMessage(uint32_t site, const Signed<Uploaded>&);
  void OnMessage(uint32_t site, const Signed<Reveal>&);
  void OnMessage(uint32_t site, const Signed<Opening>&);
  void OnMessage(uint32_t site, const Signed<CheckValues>&);
  void OnMessage(uint32_t site, const Signed<Complaint>&);
  template <typename NotForUs>
  void OnMessage(uint32_t, const NotForUs&) {}

  template <typename T>
  bool IsAuthentic(uint32_t site, const Signed<T>& message);
  bool SharesFit(uint32_t site, const Shares& message, const Signed<ShareHead>& head);
  // Over what it dealt, made once: each of its receivers gets a path.
  const MerkleTree& TreeOf(const SegmentSite& dealer);
  bool IsSharer(uint32_t site) const;
  bool HasAnswered(uint32_t site) const;

  void AdvanceAdvertising();
  void AdvanceSharing(bool overdue);
  void AdvanceAgreeing();
  void AdvanceUploading(bool overdue);
  void AdvanceSurviving();
  void AdvanceRevealing();
  void AdvanceUnmasking();
  void AdvanceOpening(bool overdue);
  void AdvanceChecking(bool overdue);

  void FixSharers(Sites sharers);
  void FixSurvivors();
  void Publish();
  // The secret of `owner` that survivors made known, checked against what it advertised.
  std::optional<Secret> Recover(uint32_t segment, uint32_t owner, bool alive);
  bool EnoughRevealed() const;
  std::vector<Mask> UndoOf(uint32_t segment, const std::map<uint32_t, Secret>& secrets) const;
  bool EmitUnmask(uint32_t segment);
  void EmitMeasures();
  // Of all survivors' check values, which are there.
  uint64_t Stated(uint32_t segment) const;

  // To a site that says again, or too late, what belongs to that phase: what it then waits for.
  void Answer(uint32_t site, AggregatorPhase said);
  void Reemit();                  // after a restart
  void SendPhase(uint32_t site);  // all that a site needs in this phase
  void SendDeliveries(uint32_t to);
  void SendSurvivors(uint32_t to);
  void SendEach(uint32_t to, const std::map<uint32_t, Bytes>& messages);
  void SendAll(const Bytes& message);
  Sites Listeners() const;     // who takes part in the phase
  Sites AnySurvivors() const;  // of some segment

  void Blame(uint32_t site, Refusal rule, std::string why);
  void GiveUp(std::string why, Sites missing);
  void Keep() { out_.push_back(PersistAggregator{}); }
  bool Is(AggregatorPhase phase) const { return s_.phase == phase; }
  bool IsWithin(AggregatorPhase first, AggregatorPhase last) const {
    return s_.phase >= first && s_.phase <= last;
  }
  Header OwnHeader() const;
  uint32_t segments() const { return context_.segment_count(); }
  const Advertise& AdvertisedBy(uint32_t site) const { return advertised_.at(site); }
  Status Rebuild();
  void ForgetShares();

  const Signer* signer_;
  const Verifier* verifier_;
  const KeyAgreement* agreement_;
  State s_;
  Context context_;
  Digest context_id_;
  std::map<uint32_t, Advertise> advertised_;
  std::map<SegmentSite, Signed<ShareHead>> heads_;
  std::map<uint32_t, uint64_t> measured_;  // by segment; asked for again after a restart
  // It was loaded while the survivors were being agreed on. Agreements are relayed before they are
  // kept, so that sites may hold some of the life before, which this one has not heard.
  bool agreed_unheard_ = false;
  std::map<SegmentSite, MerkleTree> trees_;
  // Of each site, in this process life.
  std::map<uint32_t, std::set<Digest>> complaints_;
  std::map<uint32_t, uint32_t> blames_;
  std::vector<AggregatorEffect> out_;
};

}  // namespace dure::masking
