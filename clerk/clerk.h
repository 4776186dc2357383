// The clerk: keeps a member's own copy of the record, in a folder of its own.
//
// It follows the aggregator's log, verifies everything into a mirror, replays every decision, and
// seals what its holder has to say. A site has one inside its daemon (site/scribe.h), an officer, a
// researcher or an operator has one while a command runs. What is refused or does not hold leaves
// evidence in <dir>/evidence, and from then on the clerk follows no further: a holder that dissents
// contributes nothing until a person has looked. What no replay comes to again, a time that was
// none by this holder's clock, is known from there after a restart.
//
// Life: Open, then Follow as often as wanted. Follow, Submit and Seal block on network and disk and
// are for one thread at a time; WithStanding may be called from any thread meanwhile.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "clerk/evidence.h"
#include "federation/identity/identity.h"
#include "federation/steady_wall.h"
#include "federation/transport/client.h"
#include "policy/ledger/mirror.h"
#include "policy/ledger/scrubbing.h"
#include "policy/standing/auditor.h"
#include "policy/standing/clocks.h"
#include "policy/standing/dissent.h"

namespace dure::clerk {

class Clerk {
 public:
  // `dir` holds the identity and becomes the home of ledger.db. `self` outlives it. Errors as
  // ledger::Mirror::Open. A copy that was there is replayed, which takes some seconds per 100,000
  // entries.
  // `wall` is asked on the follower's thread. `tries`: of each call that nobody answers; a daemon,
  // which comes back to it by itself, makes one. A daemon also gives its `steady` clock, which
  // outlives this and may be set while it runs; `wall` is not asked then.
  static Result<std::unique_ptr<Clerk>> Open(const std::string& dir, const identity::Identity& self,
                                             std::function<WallTime()> wall, int tries = 1,
                                             SteadyWall* steady = nullptr);

  // Brings copy and standing up to the aggregator's head, or at least to `size` entries.
  // kUnavailable: no answer, the log is not that long yet, or this holder's clock may be wrong
  // (Waits). kCorrupt: the log is refused, or this
  // holder dissents; the message names entry, rule and the evidence.
  Status Follow(uint64_t size = 0);
  // Of the holder's next entry, as this copy knows. Any thread.
  uint64_t NextSequence() const { return mirror_->ChainOf(Holder().key).next_seq; }
  // The holder's next entry. REQUIRES: the one before it is in the copy, or never will be.
  Result<Bytes> Seal(ledger::Event event, WallTime now) const;
  // Follows, seals, has it appended and follows to it. The index it got. kFailedPrecondition: the
  // standing says that it would be void, and why. As Follow, and what the aggregator refuses.
  Result<uint64_t> Submit(ledger::Event event, WallTime now);

  // The head of this copy, if every entry below it was replayed and holds: what may be co-signed.
  // kCorrupt: this holder dissents, or is stopped. On the follower's thread.
  Result<ledger::SignedHead> HeadThatHolds() const;
  // A cosignature of a head of this copy, kept before it is sent. Errors as Mirror::AddCosignature.
  Status KeepCosignature(uint64_t size, std::string_view line) {
    return mirror_->AddCosignature(size, line);
  }
  // A published head with the cosignatures of others, as the aggregator sends it. Empty: none yet.
  // kCorrupt: it contradicts this copy; the evidence is kept.
  Status TakeAgreed(std::string_view note);
  // Asks for it. As Ask and TakeAgreed; kFailedPrecondition: it is beyond this copy.
  Status FetchAgreed();
  // Shows the aggregator the head this copy holds, and gives it entries that rotted on its disk. As
  // Ask; kCorrupt: it lacks what this copy holds. On the follower's thread.
  Status ShowHeld();
  // From now on Scrub reads this copy's file back once in `period`, a part at each call, and has
  // what rotted from the aggregator. On the follower's thread; the state from any.
  void StartScrubbing(Duration period, std::function<void(const std::string&)> say);
  void Scrub(MonoTime now, WallTime wall);
  ledger::ScrubState scrub_state() const;
  const ledger::Mirror& mirror() const { return *mirror_; }
  const ledger::NoteKey& log_key() const { return log_key_; }
  const Verifier& verifier() const { return verifier_; }
  // What this copy comes to. `look` must be quick: followers wait.
  void WithStanding(const std::function<void(const standing::Auditor&)>& look) const;
  // Why it goes no further until its clock is set right, or for kClockPatience. Any thread.
  std::optional<std::string> Waits() const;
  // Why this holder dissents, if it does.
  std::optional<standing::Finding> dissent() const;

  // The small calls to the aggregator, over the clerk's own connection; made twice, each does no
  // more than once: what was read is read again, an entry that is in the log is answered as before.
  // Any thread.
  Result<std::string> Ask(std::string_view verb, std::string_view request);

  void UseDial(const transport::Dial& dial);  // after a renewal; from any thread

 private:
  // Kept between calls: a handshake costs more than what is asked.
  struct Links {
    explicit Links(const transport::Dial& to) : dial(to), ledger(to), admin(to) {}
    const transport::Dial dial;
    transport::LedgerLink ledger;
    transport::AdminLink admin;
  };
  Clerk(const std::string& dir, const identity::Identity& self, std::function<WallTime()> wall,
        int tries, SteadyWall* steady)
      : dir_(dir),
        self_(&self),
        wall_(std::move(wall)),
        tries_(tries),
        steady_(steady),
        evidence_(dir) {}
  template <typename Call>
  auto Over(Call call);
  Status Fetch(uint64_t size);
  Status Replay();
  standing::OwnClock OwnClock() const;
  // Whether the clock as it was set is followed from now on.
  Result<bool> CompareClocks(uint64_t held_before);
  void RecallClock();
  Status KeepRefusal(ledger::Refusal refusal, uint64_t offered_size,
                     const std::vector<Bytes>& entries);
  Status KeepDissent(const standing::Finding& finding) const;
  ledger::Actor Holder() const;

  const std::string dir_;
  const identity::Identity* self_;
  const std::function<WallTime()> wall_;
  const int tries_;
  SteadyWall* const steady_;     // may be null
  standing::ClockWatch clocks_;  // on the follower's thread
  EvidenceFolder evidence_;
  std::optional<std::string> stopped_;  // on the follower's thread
  Ed25519Verifier verifier_;
  ledger::NoteKey log_key_;
  std::unique_ptr<ledger::Mirror> mirror_;
  std::unique_ptr<ledger::Scrubbing> scrubbing_;
  mutable std::mutex mutex_;  // of auditor_, clock_ and waits_
  standing::Auditor auditor_;
  std::optional<standing::Finding> clock_;  // an entry whose time is none by this holder's clock
  std::optional<std::string> waits_;
  std::shared_ptr<Links> links_;  // replaced while a call may be under way
};

}  // namespace dure::clerk
