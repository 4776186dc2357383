// The standing of the consortium: what holds after the first n entries of its log.
//
// Life: make one, Take every entry from index 0 on, in order; ask. The aggregator asks before it
// decides, each site asks whether what was decided holds (docs/decisions/0007). Both fold with this
// code, so they can differ only in what they were shown. The answer depends on the entries alone:
// no clock, no disk. Not thread-safe; copyable.
//
// An entry that does not hold changes nothing but the size. If a member said it, it is void: a vote
// after the window, say. If the aggregator said it, everybody dissents.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "policy/ledger/events.h"
#include "policy/rules/policy.h"
#include "policy/standing/ready_sets.h"
#include "policy/standing/recency.h"
#include "policy/standing/state.h"

namespace dure::standing {

struct Finding {
  uint64_t index = 0;
  ledger::EventType type = ledger::EventType::kConsortiumGenesis;
  bool dissent = false;  // false: void
  std::string rule;      // a code: "tally-differs", "decision-differs", ...
  std::string text;      // what was due and what was found
  std::string due;       // what this fold comes to, where it is a text
};

// An obligation of a decision, and rules::CodesOf it.
struct Owing {
  rules::Obligation obligation;
  std::string clause;
};

class Standing {
 public:
  uint64_t size() const { return size_; }
  const State& state() const { return state_; }

  // What Take would find, without taking it, and what may be in an older record but not be said
  // today. REQUIRES: the entry passed the chronicle of this log.
  std::optional<Finding> Check(const ledger::OpenedEntry& entry) const;
  std::optional<Finding> Take(const ledger::OpenedEntry& entry);

  // The first size from which decisions are what they are now: an admission made as of less is
  // stale.
  uint64_t decisive_size() const { return decisive_size_; }
  // From which size on decisions about data for this run are what they are now, at one moment.
  uint64_t decided_alike_since(const RunId& run) const { return recency_.SizeFor(run); }
  // The document of a text that was ever in force; nullptr: there is none.
  const rules::PolicyDocument* Document(const Digest& digest) const;
  // The texts of an edition and the emergency texts of the moment, each once.
  std::vector<const rules::PolicyDocument*> DecidingTexts(const std::vector<Digest>& edition,
                                                          rules::Instant now) const;
  // A set of documents that stand here, or that are made of what does. Errors as
  // rules::PolicySet::Make.
  Result<rules::PolicySet> SetOf(const std::vector<const rules::PolicyDocument*>& documents) const {
    return ready_->Of(documents);
  }
  // The aggregator's clock in the log: no later entry of it may be earlier.
  rules::Instant latest() const { return latest_; }

 private:
  friend class Fold;
  uint64_t size_ = 0;
  uint64_t decisive_size_ = 0;
  Recency recency_;
  rules::Instant latest_;
  State state_;
  // Parsed once, immutable: copies of a standing share them.
  std::map<Digest, std::shared_ptr<const rules::PolicyDocument>> documents_;
  // What decisions oblige to, by their text up to there: a run's say the same each round. Bounded.
  std::map<std::string, std::vector<Owing>> obligations_;
  // Named by what is in them, so copies of a standing share these, too.
  std::shared_ptr<ReadySets> ready_ = std::make_shared<ReadySets>();
};

// Names a set of policies, whatever their order: what runs pin and decisions cite.
Digest PoliciesDigest(const std::map<std::string, AdoptedPolicy>& in_force);

}  // namespace dure::standing
