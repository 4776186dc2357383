// Record: the aggregator's hand on the log. Turns what a round decides into entries, and admits
// seats.
//
// What a log says already is asked of its entries, not of the keys under which they were written:
// of a log that was healed from a member's copy there are none.
//
// Life: Open at start (writes the genesis entry once), Admit after every enrolment, Append from the
// loop, destroyed before the loop. Callbacks are posted to the loop.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "aggregator/rollback_guard.h"
#include "aggregator/stall.h"
#include "aggregator/timekeeper.h"
#include "federation/identity/identity.h"
#include "federation/identity/issuing.h"
#include "federation/loop/loop.h"
#include "federation/round/round.h"
#include "policy/ledger/ledger.h"
#include "policy/ledger/scrubbing.h"
#include "policy/standing/state.h"

namespace dure::aggregator {

// What stands in the place of the log on disk; nothing, unless a test says otherwise.
using LogSeam =
    std::function<Result<std::unique_ptr<ledger::Ledger>>(std::unique_ptr<ledger::Ledger> on_disk)>;

struct RecordOptions {
  LogSeam seam;
  bool alone = false;                           // rollback_guard.h
  std::function<void(const std::string&)> say;  // a line for the daemon's log
  Duration scrub{};  // the whole file is read back once in this time; zero: never
};

// The members that stand in a house already.
std::set<MemberId> DescribedIn(const standing::State& state);

class Record {
 public:
  // `dir` holds log.key and becomes the home of ledger.db. kNotFound: no log key there; else as
  // OpenSqliteLedger.
  static Result<std::unique_ptr<Record>> Open(const std::string& dir,
                                              const identity::Identity& self, loop::EventLoop& loop,
                                              RecordOptions options = {});
  ~Record();

  ledger::Ledger& log() { return *log_; }
  const ledger::Ledger& log() const { return *log_; }
  // Nothing is appended until it opens: then kUnavailable is the answer, or kCorrupt for good.
  RollbackGuard& guard() { return *guard_; }
  const RollbackGuard& guard() const { return *guard_; }
  // Whether it is written to by this machine's clock: kUnavailable while that is in doubt.
  Timekeeper& time() { return *time_; }
  // Reads the log's file back, a part at each Step; what rotted and is not mended keeps entries
  // out (kUnavailable). Null when something stands in the place of the log on disk.
  ledger::Scrubbing* scrubbing() { return scrubbing_.get(); }

  // Every member that is not `described` yet is described, and every seat whose key the log does
  // not know admitted, durably, before this returns. REQUIRES: `described` is of the log as it
  // stands. Blocks; any thread.
  Status Admit(const std::vector<identity::Seat>& seats, const std::set<MemberId>& described);
  // From the next index on the seat's key speaks for nobody. Blocks; any thread.
  Status Revoke(const identity::Seat& seat, const std::string& reason);
  // Revoked on the record: the key never speaks again, whatever becomes of the seat. Any thread.
  bool KeyEnded(const identity::Seat& seat) const;
  bool KeyEnded(const PublicKey& key) const;

  // Answers with Appended or AppendRefused on the loop, once, as often as it takes. `proposed` is
  // what a run-proposed entry says of the run besides its name and manifest.
  void Append(const round::Append& append, ledger::RunProposed proposed,
              std::function<void(round::Event)> answer);
  // The same of an entry that is made when it is its turn (ledger::Recorder).
  void Append(const std::string& key, const ledger::Recorder::Make& make,
              std::function<void(round::Event)> answer);
  // An event of the aggregator itself. Blocks until durable; any thread.
  Status Write(ledger::Event event, const std::string& key);
  // The same, made when it is its turn (ledger::Recorder); `done` on the loop.
  void Make(ledger::Recorder::Make make, std::string key, ledger::AppendCallback done);
  // The aggregator's time, which never runs backwards in the log. Any thread.
  WallTime Now() { return time_->Now(); }
  void NotBefore(WallTime time) { time_->NotBefore(time); }
  // A site's own signed entry, under `key`.
  void AppendEnvelope(Bytes envelope, std::string key, ledger::AppendCallback done);

 private:
  explicit Record(loop::EventLoop& loop) : loop_(loop) {}
  Result<ledger::Event> EventOf(const round::Append& append, ledger::RunProposed proposed) const;
  Status MayAppend() const;
  // Of an entry that is sealed now. Errors as MayAppend: by a time in doubt none is sealed, for the
  // doubt may be over, and another time the right one, before the log is asked whether it takes it.
  Result<WallTime> Stamp();
  // Says what became of the disk. On the loop.
  void NoteDisk(const Result<ledger::Appended>& appended);
  void ScrubBeside(const std::string& dir, const RecordOptions& given);
  void Try(std::function<void(ledger::AppendCallback)> attempt, std::string key,
           std::function<void(round::Event)> answer);

  loop::EventLoop& loop_;
  std::shared_ptr<bool> alive_ =
      std::make_shared<bool>(true);  // posted answers may outlive the record
  Ed25519Verifier verifier_;
  std::unique_ptr<Ed25519Signer> log_signer_;
  std::unique_ptr<RollbackGuard> guard_;
  std::unique_ptr<Timekeeper> time_;
  // What the log asks before each entry goes after it: it ends what waits as it goes.
  std::unique_ptr<ledger::Scrubbing> scrubbing_;
  std::unique_ptr<ledger::Ledger> log_;
  std::unique_ptr<Stall> appending_;  // on the loop
  const identity::Identity* self_ = nullptr;
  std::unique_ptr<ledger::Recorder> recorder_;
};

}  // namespace dure::aggregator
