// Evidence: what a clerk keeps when the aggregator contradicts its copy, and how it says so.
//
// Files in <dir>/evidence, written once each: heads that cannot both be true, the entry that does
// not hold, what was said about it. `stop` is there from a proof of wrongdoing on, until a person
// has looked and removes it. Called by the clerk alone, on its thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "policy/ledger/ledger.h"

namespace dure::clerk {

// Entries of the aggregator's log as it serves them now, from `begin` on; at least one.
using FetchEntries = std::function<Result<std::vector<Bytes>>(uint64_t begin, uint64_t end)>;

// Where a log that was offered first differs from the copy, and by what act.
struct Difference {
  uint64_t index = 0;
  std::string text;  // "entry 17 (run-proposed of kt) was rewritten: …"
  Bytes offered;     // the entry that now stands there
};
// Compares the first min(held, offered) entries. nullopt: all are the same.
Result<std::optional<Difference>> FirstDifference(const ledger::LogReader& own,
                                                  uint64_t offered_size, const FetchEntries& fetch);

// Of one entry: "round-closed of trial at 2026-10-01T09:00:00Z".
std::string Describe(ByteView entry);

inline constexpr size_t kDissentFilesMax = 256;         // a copy stops at the first
inline constexpr size_t kDissentBytesMax = 256 * 1024;  // one quotes a decision at most

// Of a file's name in the folder.
bool IsDissent(std::string_view name);

class EvidenceFolder {
 public:
  explicit EvidenceFolder(std::string site_dir) : dir_(std::move(site_dir) + "/evidence") {}

  // What stops this copy; nullopt: nothing does.
  std::optional<std::string> Stopped() const;
  // Keeps heads, entry and text of a refusal, and stops the copy if they prove wrongdoing. What is
  // to be said of it. A file that cannot be written is missing from the promise, not from the
  // refusal.
  std::string Keep(const ledger::Refusal& refusal, uint64_t held, ByteView entry) const;
  // The dissents that are kept, as standing::SealDissent wrote them; those of no more than
  // kDissentFilesMax files.
  std::vector<std::string> Dissents() const;
  std::string path() const { return dir_; }
  void Make() const;

 private:
  std::string dir_;
};

}  // namespace dure::clerk
