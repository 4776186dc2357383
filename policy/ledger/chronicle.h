// The chronicle: who may say what at which index, folded from the entries before it. Pure and
// copyable.
//
// The log folds each entry before it stores it, a mirror before it believes it, an auditor over the
// whole record; so the three cannot differ. The answer depends on the entries alone, never on a
// clock.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "policy/ledger/cosigner_roll.h"
#include "policy/ledger/events.h"
#include "policy/ledger/note.h"

namespace dure::ledger {

// Why an entry or a head is refused.
enum class RefusalReason : uint8_t {
  kMalformedHead,     // the note is not a tree head of this log
  kForeignKey,        // the tree head is not signed by the log's key
  kRollback,          // the offered head is smaller than the one already held
  kFork,              // two heads that cannot both be of one append-only log
  kTruncated,         // fewer or more entries than the head speaks of
  kRewritten,         // the entries do not hash to the signed root
  kMalformedEntry,    // not an event this version understands
  kBadSignature,      // the envelope is not signed by the key it names
  kKeyNotAdmitted,    // the key was not admitted, or was revoked, or not in this role, as of this
                      // index
  kActorChainBroken,  // a gap, repeat or reorder in one actor's own events
  kAnchorMismatch,    // the actor saw another log than this one: a split view, proven by a signed
                      // event
  kRuleBroken,        // e.g. a round closed over a submission that is not in the log
};
std::string_view Name(RefusalReason reason);  // "anchor-mismatch"

struct Refusal {
  RefusalReason reason = RefusalReason::kMalformedEntry;
  std::optional<uint64_t> index;  // the entry, where one is to blame
  std::string text;               // what was expected and what was found
  std::string own_note;           // evidence, where heads disagree: what was held
  std::string offered_note;       // and what was offered
};
// For callers that speak Result: the refusal's code and text.
Error AsError(const Refusal& refusal);
Refusal RefusalOf(const Error& opening, uint64_t index);  // of an OpenEntry failure

// What the next event of a key must carry.
struct ActorChain {
  uint64_t next_seq = 0;
  Digest prev_digest;
  bool operator==(const ActorChain&) const = default;
};

struct AdmittedKey {
  MemberId member;
  SiteId site;  // empty for the aggregator
  Role role = Role::kSite;
  bool revoked = false;
  bool operator==(const AdmittedKey&) const = default;
};

// The root of the log at a size up to the one being folded; nullopt if it is not known.
using RootLookup = std::function<std::optional<Digest>(uint64_t size)>;

class Chronicle {
 public:
  explicit Chronicle(NoteKey log_key) : log_key_(std::move(log_key)) {}

  // Takes the entry of the next index, or says why not and stays unchanged.
  std::optional<Refusal> Admit(const OpenedEntry& entry, const RootLookup& root_at);

  uint64_t size() const { return size_; }
  ActorChain ChainOf(const PublicKey& key) const;
  // nullptr: never admitted.
  const AdmittedKey* Find(const PublicKey& key) const;
  const std::map<PublicKey, AdmittedKey>& keys() const { return keys_; }
  // As of this entry: another is made when it changes.
  std::shared_ptr<const CosignerRoll> cosigners() const { return cosigners_; }

 private:
  struct OpenRound {
    Digest base_model;
    std::set<SiteId> cohort;
  };
  struct Submission {
    RoundAttempt at;
    SiteId site;
    uint64_t weight = 0;
    Digest leaf;
  };

  std::optional<Refusal> CheckSpeaker(const Record& record) const;
  std::optional<Refusal> CheckCommon(const Record& record, const RootLookup& root_at) const;
  std::optional<Refusal> CheckEvent(const Record& record) const;
  std::optional<Refusal> Check(const RoundOpened& event) const;
  std::optional<Refusal> Check(const ContributionSubmitted& event,
                               const AdmittedKey& speaker) const;
  std::optional<Refusal> Check(const ContributionReceipted& event) const;
  std::optional<Refusal> Check(const RoundClosed& event) const;
  std::optional<Refusal> CheckKeyEvent(const Record& record) const;
  Refusal Refuse(RefusalReason reason, std::string text) const;
  void Apply(const OpenedEntry& entry);
  void Forget(const RoundAttempt& at);

  NoteKey log_key_;
  uint64_t size_ = 0;
  std::map<PublicKey, AdmittedKey> keys_;
  std::map<PublicKey, ActorChain> chains_;
  // Every key that was ever announced. A chronicle is copied for each group of entries, so copies
  // share it, and readers too, until one of them folds what changes it.
  std::shared_ptr<CosignerRoll> cosigners_ = std::make_shared<CosignerRoll>();
  std::set<RunId> runs_;
  std::map<RoundAttempt, OpenRound> open_;
  std::map<uint64_t, Submission> submissions_;  // of open rounds
};

}  // namespace dure::ledger
