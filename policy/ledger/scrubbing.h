// Scrubbing: a daemon's slow reading of its own record, and what it found.
//
// Life: made beside an open log or mirror; the daemon calls Step now and then on a thread that may
// block, and the whole file is read once a period. What has rotted is said once, mended as soon as
// somebody shows it whole, and said again. Step is for one thread at a time; the rest is
// thread-safe. REQUIRES: outlived by the log and the verifier.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "federation/clock.h"
#include "policy/ledger/scrub.h"

namespace dure::ledger {

inline constexpr size_t kWantedMax = 16;  // entries asked for at once: one control message's names

struct ScrubState {
  uint64_t readings = 0;            // of the whole file, since the start
  std::optional<WallTime> last;     // when the last one ended
  uint64_t mended = 0;              // things, since the start
  std::vector<std::string> rotted;  // what is not mended yet
};

struct ScrubOptions {
  std::string dir;                              // holds ledger.db, which this process may write
  Duration period{};                            // of one reading of all; zero: never
  std::function<void(const std::string&)> say;  // a line for the daemon's log
  Spares spares;                                // may block; called from Step
};

class Scrubbing {
 public:
  Scrubbing(const LogReader& log, const Verifier& verifier, ScrubOptions options);

  // Mends what can be, reads what is due.
  void Step(MonoTime now, WallTime wall);

  // The whole file is due now: somebody asks, or a read just failed.
  void Hurry() { hurry_ = true; }

  // Entries that nobody has shown whole yet; at most kWantedMax.
  std::vector<uint64_t> Wanted() const;
  // What somebody's copy has there; the next Step puts it in its place. kInvalid: it is not what
  // the signed head counts, or nobody asked.
  Status Offer(uint64_t index, Bytes bytes, std::string from);
  // kUnavailable: something has rotted and is not mended yet; the text names it.
  Status Whole() const;
  ScrubState state() const;

 private:
  void MendOpen(const Truth& truth);
  void Note(std::vector<Damage> found);
  std::optional<Bytes> EntryFor(uint64_t index);

  const LogReader& log_;
  const ScrubOptions options_;
  const Scrub scrub_;
  std::optional<MonoTime> began_;  // the reading under way; Step's thread
  uint64_t next_ = 0;              // its next entry
  std::atomic<bool> hurry_ = false;

  struct Offered {
    Bytes bytes;
    std::string from;
  };
  mutable std::mutex mutex_;  // of what follows
  ScrubState state_;
  std::vector<Damage> open_;
  std::map<uint64_t, Offered> offered_;
};

}  // namespace dure::ledger
