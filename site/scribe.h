// Scribe: the site's own copy of the log (a clerk's), and its pen.
//
// Every entry of a site carries its sequence number, the digest of its previous entry and the tree
// head it last verified; so the pen writes one entry at a time: the next is sealed only when the
// one before it stands in the mirror or has been given up. What the copy came to is co-signed a
// moment later, once for all that came in it: nobody waits for that. Life: Open, Sync and Write
// from the loop, destroyed on the loop. Network and disk are on one thread of its own; callbacks
// run on the loop.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "clerk/clerk.h"
#include "federation/identity/identity.h"
#include "federation/loop/loop.h"
#include "federation/loop/workers.h"
#include "federation/steady_wall.h"
#include "site/auditor_key.h"
#include "site/proposals.h"

namespace dure::site {

class Scribe {
 public:
  // `dir` is the home of ledger.db; errors as ledger::Mirror::Open.
  static Result<std::unique_ptr<Scribe>> Open(const std::string& dir,
                                              const identity::Identity& self,
                                              loop::EventLoop& loop);
  ~Scribe();

  // Called on the loop whenever the copy has grown, before the answer to whoever had it brought up.
  void OnGrowth(std::function<void()> grown) { grown_ = std::move(grown); }
  // Called on the loop once for every other key that the record lets speak for this site's member,
  // or for another under this site's name, and for a house or a country of it that is not its own:
  // that is the aggregator's word, and only the member knows itself and its people.
  void OnForeignKey(std::function<void(const std::string&)> told) { foreign_ = std::move(told); }

  // Brings the copy up to the aggregator's head, verifying and replaying everything. kCorrupt: the
  // log is refused or this site dissents; evidence is in <dir>/evidence, and the site must not
  // contribute any more.
  void Sync(std::function<void(Status)> done);
  // The same until the mirror holds at least `size` entries; kUnavailable when the head is not
  // there yet.
  void SyncTo(uint64_t size, std::function<void(Status)> done);

  // What the mirror, brought up to the aggregator's head first, says of a run, and of what stands
  // before this round of it; nullopt: it was never proposed. Errors as Sync.
  void FindRun(const RunId& run, RoundNumber round,
               std::function<void(Result<std::optional<ProposedRun>>)> done);

  // Seals an event of this site when it is its turn, over a copy of at least `size` entries that
  // holds the entry sealed before; 0: over one brought up to the aggregator's head. The writer then
  // sends it, and calls Wrote when the entry is in the mirror or will never be appended; until then
  // nobody else writes. kFailedPrecondition: by this copy it would be void, so nothing is signed.
  void Write(ledger::Event event, uint64_t size, std::function<void(Result<Bytes>)> sealed);
  void Wrote();

  const ledger::Mirror& mirror() const { return clerk_->mirror(); }
  const ledger::NoteKey& log_key() const { return clerk_->log_key(); }
  const Verifier& verifier() const { return clerk_->verifier(); }
  // As Clerk::WithStanding; any thread.
  void WithStanding(const std::function<void(const standing::Auditor&)>& look) const {
    clerk_->WithStanding(look);
  }
  // A whole entry of its own, when it is its turn: sealed, sent, and followed to. Its index.
  void Say(ledger::Event event, std::function<void(Result<uint64_t>)> said);
  // Has the record name this site's auditor key, if it does not yet.
  void AnnounceAuditor(std::function<void(Status)> done);
  // Shows the aggregator the head this copy holds: an aggregator that was restored from an older
  // copy must know before it writes. kCorrupt: it lacks what this copy holds. Entries that rotted
  // on its disk it is given from this copy.
  void ShowHeld(std::function<void(Status)> shown);
  // As Clerk::StartScrubbing and Scrub; `done` when the part has been read.
  void StartScrubbing(Duration period, std::function<void(const std::string&)> say) {
    clerk_->StartScrubbing(period, std::move(say));
  }
  void Scrub(std::function<void()> done);
  // As Clerk::Waits.
  std::optional<std::string> Waits() const { return clerk_->Waits(); }
  ledger::ScrubState scrub_state() const { return clerk_->scrub_state(); }
  void UseDial(const transport::Dial& dial);

 private:
  struct Waiting {
    ledger::Event event;
    uint64_t size = 0;
    std::function<void(Result<Bytes>)> sealed;   // by Write: the writer sends it
    std::function<void(Result<uint64_t>)> said;  // by Say: sent here
  };
  Scribe(std::string dir, const identity::Identity& self, loop::EventLoop& loop)
      : dir_(std::move(dir)), self_(self), loop_(loop), wall_(loop) {}
  void Follow(std::function<Status()> work, std::function<void(Status)> done);
  void NextTurn();
  void TellGrowth();
  void TellKeys();
  void SayNow(Waiting next);
  void SealNow(Waiting next);
  Status Holds(ByteView envelope) const;  // by this copy's standing
  void CosignSoon();
  Result<uint64_t> CosignNow(uint64_t before);  // on the thread; the size co-signed

  const std::string dir_;
  const identity::Identity& self_;
  loop::EventLoop& loop_;
  SteadyWall wall_;
  AuditorKey auditor_;     // written on the thread only
  uint64_t cosigned_ = 0;  // the size co-signed last
  bool cosigning_ = false;
  Status forked_;  // why this copy follows no further: others co-signed another log
  // The sequence number that the copy gives the next entry if it holds the one sealed before.
  // Unknown: only the aggregator can say.
  std::optional<uint64_t> sequence_;
  std::unique_ptr<clerk::Clerk> clerk_;
  std::deque<Waiting> waiting_;
  bool writing_ = false;
  std::function<void()> grown_;
  std::function<void(const std::string&)> foreign_;
  std::set<PublicKey> keys_told_;
  bool domicile_told_ = false;
  std::set<PublicKey> ends_told_;
  uint64_t told_ = 0;  // the size that was told of last
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::unique_ptr<loop::WorkerPool> thread_;  // last: ends first
};

}  // namespace dure::site
