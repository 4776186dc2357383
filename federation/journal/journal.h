// Journal: a daemon's small durable state: named byte strings in one SQLite file.
//
// Life: Open once at start, then Apply/Get/Scan from the loop thread, destroyed at exit. It owns
// its file; one process opens it at a time (a second Open fails with kFailedPrecondition). Nothing
// large belongs here: a value is a state machine's canonical bytes or a name, at most
// kValueBytesMax.
//
// Written before told: Apply returns after the change survives a power cut (WAL, synchronous FULL).
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "federation/bytes.h"

namespace dure::journal {

inline constexpr size_t kValueBytesMax = 16 * 1024 * 1024;

// A set of changes that happen together or not at all.
class Change {
 public:
  Change& Put(std::string key, Bytes value);
  Change& Erase(std::string key);
  bool empty() const { return edits_.empty(); }

 private:
  friend class Journal;
  std::vector<std::pair<std::string, std::optional<Bytes>>> edits_;
};

class Journal {
 public:
  // Creates the file if absent. kFailedPrecondition: another process holds it. kCorrupt: not a
  // journal. kUnavailable: the folder cannot be written.
  static Result<std::unique_ptr<Journal>> Open(const std::string& path);
  ~Journal();

  // All of `change` is durable on success; nothing of it is on failure (kExhausted: disk full).
  Status Apply(const Change& change);
  // What was erased or written over is in no file any more: not in the database, where freed pages
  // are zeros, and not in its write-ahead log. Some megabytes and four waits for the disk: for when
  // secrets have served. Open and the destructor do the same. kUnavailable: the disk failed, and
  // the bytes may still be there; entries are what they were.
  Status Forget();
  Result<std::optional<Bytes>> Get(std::string_view key) const;
  // Every entry whose key starts with `prefix`, in key order.
  Result<std::map<std::string, Bytes>> Scan(std::string_view prefix) const;

 private:
  struct State;
  explicit Journal(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace dure::journal
