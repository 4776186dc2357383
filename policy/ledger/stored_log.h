// What a log, a mirror and a copy have in common: a store, and in memory the tree, the chronicle
// and the head that are published. Inside this room only.
//
// One writer stages leaves, has the store commit them, then publishes (or takes them back). Readers
// see sizes up to the published head only; a staged leaf lies beyond every size they may ask for.
#pragma once

#include <shared_mutex>

#include "policy/ledger/entry_store.h"
#include "policy/ledger/ledger.h"

namespace dure::ledger {

// Who else may be writing the store.
enum class Beside : uint8_t { kNobody, kAWriter };

class StoredLog {
 public:
  StoredLog(NoteKey log_key, std::unique_ptr<EntryStore> store);

  // Re-hashes and folds every stored entry and compares with the stored head. Signatures are not
  // checked again. True if the store held a head. kCorrupt: entries and head disagree.
  Result<bool> Load(const Verifier& verifier, Beside beside);

  // The writer's side.
  const MerkleTree& tree() const { return tree_; }  // published and staged leaves
  const Chronicle& chronicle() const { return chronicle_; }
  EntryStore& store() { return *store_; }
  void Stage(const std::vector<Digest>& leaves);
  void Unstage();
  void Publish(SignedHead head, Chronicle chronicle);

  // Ledger's and Mirror's methods, on any thread.
  Status AddCosignature(uint64_t size, std::string_view line, const Verifier& verifier);
  Result<std::optional<Refusal>> TakeCosigned(std::string_view note, const Verifier& verifier);

  // LogReader's methods.
  const NoteKey& log_key() const { return log_key_; }
  SignedHead Head() const;
  Result<Proof> ProveInclusion(uint64_t index, uint64_t size) const;
  Result<Proof> ProveConsistency(uint64_t from, uint64_t to) const;
  Result<std::vector<Bytes>> Read(uint64_t begin, uint64_t end, size_t bytes_max) const;
  Result<SignedHead> HeadFor(uint64_t from, uint64_t entries_max) const;
  Digest Leaf(uint64_t index) const;
  Digest RootAt(uint64_t size) const;
  ActorChain ChainOf(const PublicKey& key) const;
  std::optional<AdmittedKey> FindKey(const PublicKey& key) const;
  std::shared_ptr<const CosignerRoll> Cosigners() const;
  Result<CosignedHead> Cosigned(uint64_t size) const;
  std::optional<CosignedHead> Agreed() const;
  Result<std::optional<uint64_t>> CosignedSizeBelow(uint64_t below) const {
    return store_->CosignedSizeBelow(below);
  }
  std::optional<uint64_t> FindEntry(std::string_view key) const;

 private:
  Status LoadEntries(uint64_t size);
  Status LoadAgreed();
  Result<bool> IsAgreed(uint64_t size) const;
  Status Put(const SignedHead& head, const std::vector<Cosignature>& cosignatures);

  const NoteKey log_key_;
  const std::unique_ptr<EntryStore> store_;
  mutable std::shared_mutex mutex_;  // guards what follows
  MerkleTree tree_;
  Chronicle chronicle_;
  SignedHead head_;
  std::optional<uint64_t> agreed_;  // size of the largest agreed head
};

// LogReader by way of a StoredLog, for every implementation: `Base` is LogReader, Ledger or Mirror.
template <typename Base>
class StoredReader : public Base {
 public:
  explicit StoredReader(std::unique_ptr<StoredLog> log) : log_(std::move(log)) {}
  const NoteKey& log_key() const override { return log_->log_key(); }
  SignedHead Head() const override { return log_->Head(); }
  Result<Proof> ProveInclusion(uint64_t index, uint64_t size) const override {
    return log_->ProveInclusion(index, size);
  }
  Result<Proof> ProveConsistency(uint64_t from, uint64_t to) const override {
    return log_->ProveConsistency(from, to);
  }
  Result<std::vector<Bytes>> Read(uint64_t begin, uint64_t end, size_t bytes_max) const override {
    return log_->Read(begin, end, bytes_max);
  }
  Result<SignedHead> HeadFor(uint64_t from, uint64_t entries_max) const override {
    return log_->HeadFor(from, entries_max);
  }
  Digest Leaf(uint64_t index) const override { return log_->Leaf(index); }
  Digest RootAt(uint64_t size) const override { return log_->RootAt(size); }
  ActorChain ChainOf(const PublicKey& key) const override { return log_->ChainOf(key); }
  std::optional<AdmittedKey> FindKey(const PublicKey& key) const override {
    return log_->FindKey(key);
  }
  std::shared_ptr<const CosignerRoll> Cosigners() const override { return log_->Cosigners(); }
  Result<CosignedHead> Cosigned(uint64_t size) const override { return log_->Cosigned(size); }
  std::optional<CosignedHead> Agreed() const override { return log_->Agreed(); }
  Result<std::optional<uint64_t>> CosignedSizeBelow(uint64_t below) const override {
    return log_->CosignedSizeBelow(below);
  }

 protected:
  StoredLog& log() const { return *log_; }

 private:
  const std::unique_ptr<StoredLog> log_;
};

}  // namespace dure::ledger
