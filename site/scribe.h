// Scribe: the site's own copy of the log, and its pen.
//
// Every entry of a site carries its sequence number, the digest of its previous entry and the tree
// head it last verified; so the pen writes one entry at a time: the next is sealed only when the
// one before it stands in the mirror or has been given up. Life: Open, Sync and Write from the
// loop, destroyed on the loop. Network and disk are on one thread of its own; callbacks run on the
// loop.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "federation/identity/identity.h"
#include "federation/loop/loop.h"
#include "federation/loop/workers.h"
#include "federation/transport/client.h"
#include "policy/ledger/mirror.h"
#include "site/proposals.h"

namespace dure::site {

class Scribe {
 public:
  // `dir` is the home of ledger.db; errors as ledger::Mirror::Open.
  static Result<std::unique_ptr<Scribe>> Open(const std::string& dir,
                                              const identity::Identity& self,
                                              loop::EventLoop& loop);
  ~Scribe();

  // Brings the mirror up to the aggregator's head, verifying everything. A refusal by the mirror is
  // kCorrupt, its evidence is kept in <dir>/evidence, and the site must not contribute any more.
  void Sync(std::function<void(Status)> done);
  // The same until the mirror holds at least `size` entries; kUnavailable when the head is not
  // there yet.
  void SyncTo(uint64_t size, std::function<void(Status)> done);

  // What the mirror, brought up to the aggregator's head first, says of a run; nullopt: it was
  // never proposed. Errors as Sync.
  void FindRun(const RunId& run, std::function<void(Result<std::optional<ProposedRun>>)> done);

  // Seals an event of this site when it is its turn. The writer then sends it, and calls Wrote when
  // the entry is in the mirror or will never be appended; until then nobody else writes.
  void Write(ledger::Event event, std::function<void(Result<Bytes>)> sealed);
  void Wrote();

  const ledger::Mirror& mirror() const { return *mirror_; }
  const ledger::NoteKey& log_key() const { return log_key_; }
  const Verifier& verifier() const { return verifier_; }
  void UseDial(const transport::Dial& dial);

 private:
  struct Waiting {
    ledger::Event event;
    std::function<void(Result<Bytes>)> sealed;
  };
  explicit Scribe(loop::EventLoop& loop) : loop_(loop) {}
  Status SyncNow(uint64_t size);                                    // on the thread
  Result<std::optional<ProposedRun>> FindRunNow(const RunId& run);  // on the thread
  Status Keep(const ledger::Refusal& refusal) const;
  void NextTurn();

  loop::EventLoop& loop_;
  std::string dir_;
  const identity::Identity* self_ = nullptr;
  Ed25519Verifier verifier_;
  ledger::NoteKey log_key_;
  std::unique_ptr<ledger::Mirror> mirror_;
  std::shared_ptr<transport::LedgerLink>
      link_;             // replaced on renewal while a call may be under way
  Proposals proposals_;  // of the thread
  std::deque<Waiting> waiting_;
  bool writing_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::unique_ptr<loop::WorkerPool> thread_;  // last: ends first
};

}  // namespace dure::site
