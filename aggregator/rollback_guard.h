// The rollback guard: keeps an aggregator from writing after an older copy of its log.
//
// Whoever restores a backup, or starts a cloned machine, has a log that looks whole and lacks its
// end; the next entry would fork it for good. So after a start nothing is appended until enough
// sites of every house have shown the head that they hold, and this log contains each: all of them,
// or once every site that runs has had the time to come (kHeadsWait), as many as a head needs to be
// agreed, since an agreed head is then among them; sites whose access is ended do not count. Of a
// log that nobody co-signs yet nobody knows who would hold more: whoever shows a head first opens
// it, or the time. A site that holds more closes the log, before it is open and after: it must be
// healed from a member's copy (dure ledger heal). An empty log is open. Thread-safe.
#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <set>
#include <string>

#include "policy/ledger/ledger.h"

namespace dure::aggregator {

// Longer than a site ever waits between two attempts to connect (15 s, federation/transport): who
// runs and is not shut out has come by then. An honest log whose sites are gone waits no longer.
inline constexpr std::chrono::seconds kHeadsWait{20};

class RollbackGuard {
 public:
  // `alone`: the operator answers for it that no member holds more.
  RollbackGuard(bool alone, std::function<void(const std::string&)> say)
      : say_(std::move(say)), open_(alone) {}
  // Once, when the log is open and before anything is heard; else nothing is guarded. REQUIRES: log
  // outlives this.
  void Watch(const ledger::Ledger& log);
  // Called once when the log opens: inside Watch, or on whoever's thread was heard last.
  void OnOpen(std::function<void()> opened);

  // kUnavailable: not compared yet. kCorrupt: it lost its end, or is another log than the members'.
  Status MayAppend() const;
  // The head that a site holds. kInvalid, kUnauthenticated: no head of this log. kCorrupt: this log
  // does not contain it, and is closed from now on.
  Status Hear(const SiteId& site, std::string_view note);
  // The access of this site is ended: it cannot come any more, and is not waited for.
  void Excuse(const SiteId& site);
  // Its founding broke off before any key but the aggregator's own was admitted: nobody was let in
  // who could hold more, or who will come and show a head.
  void FoundedByItself();
  // kHeadsWait has passed since members could first connect.
  void WaitedLongEnough();

 private:
  Status Compare(const SiteId& site, const ledger::SignedHead& held) const;
  bool Enough() const;
  // Opens the log if enough was heard, and then calls whoever waits for that outside the lock.
  void MayOpen();

  const std::function<void(const std::string&)> say_;
  const ledger::Ledger* log_ = nullptr;
  std::function<void()> opened_;
  mutable std::mutex mutex_;  // of what follows
  bool open_;
  Status lost_;
  std::set<SiteId> agreed_;
  std::set<SiteId> excused_;
  bool waited_ = false;
};

}  // namespace dure::aggregator
