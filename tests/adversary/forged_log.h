// A log whose keeper lies: the adversarial aggregator's. For tests; never installed.
//
// It holds what the honest ledger held when it was made, takes entries without any check, signs
// every head with the log's own key, and commits one act of wrongdoing when it is told to. Nothing
// of it is on disk. Everybody, the aggregator itself too, reads the forged log, so that all its
// messages fit the lie. Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "policy/ledger/ledger.h"

namespace dure::adversary {

enum class Act : uint8_t {
  kNone,
  kRewrite,    // the entry that proposed the last run says another purpose
  kDrop,       // the last contribution is gone
  kReorder,    // the last contribution changes places with the entry after it
  kBackdate,   // the aggregator's next entry is dated an hour back
  kReplay,     // the last contribution stands in the log once more
  kTally,      // the last proposed policy is adopted with votes that nobody cast
  kAdmit,      // what was decided as a refusal is recorded as an admission
  kWeight,     // the next closing counts a contribution with another weight
  kSwallow,    // a member's withdrawal is answered with a receipt and not recorded
  kVoid,       // a colluding site's contribution that says too many tokens is counted
  kWithdrawn,  // what was trained on withdrawn data, and left out, is counted after all
  kPostdate,   // from now on the aggregator's entries are dated ten days ahead: every vote is over
  kImpersonate,     // a key of the aggregator's is let in as an officer of a member, and withdraws
  kReword,          // a decision's sentences are altered, and said to be in older words
  kBase,            // the next round is opened from another model than the last one left
  kMeasure,         // what may not be measured on is recorded as what may
  kOver,            // a round opens with data that a colluding site's owner has just withdrawn
  kGrantUnknown,    // a model that no round made is let be used by anybody, for anything
  kMeasureUnknown,  // the same of a site's data: any weights may be measured on it
  kSlow,            // no lie: a withdrawal is answered after the contribution that comes behind it
  kSilent,          // from the approval of the next run on, sites are shown no entry any more
  kUnadmitted,      // the same from its first admission on
  kMislabel,        // the next run is recorded as one that hides single updates
  kTwice,           // a colluding site's contribution is another's, and both are counted
  kUnsettled,       // a vote's outcome is never recorded, and more than half an hour goes by
};
Result<Act> ParseAct(std::string_view word);  // "rewrite", …

inline constexpr std::chrono::hours kAhead{240};
// Of kUnsettled: how much later each entry of the aggregator is dated than the one before, so that
// time goes by and it is never silent for long.
inline constexpr std::chrono::minutes kCreep{11};
std::string Moved(const std::string& time, std::chrono::minutes by);

struct Keys {
  const Signer* log = nullptr;         // signs heads
  const Signer* aggregator = nullptr;  // signs the aggregator's entries
  const Signer* colluder = nullptr;    // signs a site's; of kVoid, kOver and kTwice
};

class ForgedLog final : public ledger::Ledger {
 public:
  // `honest` stays open and unchanged. The act is committed at the first append after the file
  // `when` is there.
  static Result<std::unique_ptr<ForgedLog>> Make(std::unique_ptr<ledger::Ledger> honest, Keys keys,
                                                 Act act, std::string when);

  const ledger::NoteKey& log_key() const override { return honest_->log_key(); }
  ledger::SignedHead Head() const override;
  Result<ledger::Proof> ProveInclusion(uint64_t index, uint64_t size) const override;
  Result<ledger::Proof> ProveConsistency(uint64_t from, uint64_t to) const override;
  Result<std::vector<Bytes>> Read(uint64_t begin, uint64_t end, size_t bytes_max) const override;
  Result<ledger::SignedHead> HeadFor(uint64_t from, uint64_t entries_max) const override;
  // What sites are shown, where that is less than the aggregator itself reads.
  std::optional<ledger::SignedHead> Shown() const;
  Digest Leaf(uint64_t index) const override;
  Digest RootAt(uint64_t size) const override;
  ledger::ActorChain ChainOf(const PublicKey& key) const override;
  std::optional<ledger::AdmittedKey> FindKey(const PublicKey& key) const override;
  std::shared_ptr<const ledger::CosignerRoll> Cosigners() const override {
    return honest_->Cosigners();
  }
  Result<ledger::CosignedHead> Cosigned(uint64_t size) const override;
  std::optional<ledger::CosignedHead> Agreed() const override { return std::nullopt; }
  Result<std::optional<uint64_t>> CosignedSizeBelow(uint64_t) const override {
    return std::optional<uint64_t>();
  }
  Status AddCosignature(uint64_t, std::string_view) override { return {}; }
  std::optional<uint64_t> Find(std::string_view key) const override;
  const Verifier& verifier() const override { return honest_->verifier(); }

 private:
  ForgedLog(std::unique_ptr<ledger::Ledger> honest, Keys keys, Act act, std::string when);
  void Submit(ledger::OpenedEntry entry, std::string key, ledger::OnRepeat on_repeat,
              ledger::AppendCallback done, std::optional<uint64_t> only_at) override;

  bool Due() const;
  Result<ledger::Appended> Take(ledger::OpenedEntry entry, const std::string& key);
  // Commits the act, where it concerns what is there; `next` is what is about to be appended.
  void Commit(ledger::OpenedEntry& next);
  void Put(const ledger::OpenedEntry& entry);
  void Rebuild();
  static ledger::OpenedEntry Resealed(const ledger::Record& record, const Signer& signer);
  ledger::OpenedEntry Resealed(const ledger::Record& record) const {
    return Resealed(record, *keys_.aggregator);
  }
  bool Overstate(ledger::OpenedEntry& next) const;
  bool Copy(ledger::OpenedEntry& next) const;
  template <typename Decided>
  bool AdmitRefused(ledger::OpenedEntry& next) const;
  bool Reword(ledger::OpenedEntry& next) const;
  bool Reweigh(ledger::OpenedEntry& next) const;
  bool Alter(ledger::OpenedEntry& next);
  bool OpenElsewhere(ledger::OpenedEntry& next) const;
  bool Mislabel(ledger::OpenedEntry& next) const;
  bool Rewrite();
  bool Hide(ledger::EventType next);
  bool CountLeftOut(ledger::OpenedEntry& next) const;
  std::optional<uint64_t> First(ledger::EventType type) const;
  std::optional<uint64_t> Last(ledger::EventType type) const;
  void ForgeTally(ledger::OpenedEntry& next);
  void Impersonate(ledger::OpenedEntry& next);
  // forged_decisions.cc
  bool OpenOver(ledger::OpenedEntry& next);
  bool DecideUnknown(ledger::OpenedEntry& next);
  bool Withhold(ledger::OpenedEntry& next);
  void PutBefore(ledger::OpenedEntry& next, const ledger::Event& event);

  std::unique_ptr<ledger::Ledger> honest_;
  Keys keys_;
  Act act_;
  std::string when_;
  mutable std::recursive_mutex mutex_;  // what follows
  bool done_ = false;
  bool misstated_ = false;         // of kVoid and kTwice
  std::optional<uint64_t> shown_;  // of kSilent and kUnadmitted: the size that sites are shown
  std::function<void()> late_;     // of kSlow: the answer
  bool withheld_ = false;          // of kUnsettled: an outcome was
  std::chrono::minutes crept_{};   // of kUnsettled
  std::vector<ledger::OpenedEntry> entries_;
  ledger::MerkleTree tree_;
  std::map<std::string, uint64_t, std::less<>> by_key_;
  std::map<PublicKey, ledger::ActorChain> chains_;
  std::map<PublicKey, ledger::AdmittedKey> admitted_;
};

}  // namespace dure::adversary
