// For tests of the aggregator: its log with a hand on what is on its way into it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "federation/identity/private_files.h"
#include "federation/identity/testing.h"
#include "policy/ledger/ledger.h"
#include "policy/ledger/mirror.h"
#include "policy/ledger/note.h"

namespace dure::aggregator {

// Who the aggregator is whose folder this is; the log's key is put there.
inline identity::Identity SelfIn(const identity::TemporaryFolder& folder) {
  const auto log_signer = Ed25519Signer::Generate();
  identity::Must(identity::WritePrivateFile(folder / "log.key", log_signer->ToPem()));
  identity::Identity self;
  self.log_vkey = identity::Must(ledger::NoteKey::Make("hanguk/log", log_signer->Key())).Vkey();
  self.log_origin = "hanguk/log";
  self.signer = Ed25519Signer::Generate();
  self.subject.consortium = "hanguk";
  self.subject.member = identity::Must(MemberId::Parse("hanguk"));
  self.subject.site = identity::Must(SiteId::Parse("aggregator"));
  self.subject.role = identity::Role::kAggregator;
  return self;
}

// As `dure ledger heal` gives a folder without a log one: the same entries, none under the key that
// it was written with. REQUIRES: nothing has the log open.
inline void HealAnew(const std::string& dir, const ledger::Extension& whole,
                     const ledger::NoteKey& key) {
  for (const auto& file : std::filesystem::directory_iterator(dir)) {
    if (file.path().filename().string().starts_with("ledger.db")) {
      std::filesystem::remove(file.path());
    }
  }
  const Ed25519Verifier verifier;
  ledger::MirrorOptions options;
  options.dir = dir;
  options.log_key = key;
  options.verifier = &verifier;
  const auto refused = identity::Must(identity::Must(ledger::Mirror::Open(options))->Extend(whole));
  if (refused) identity::Must(Status(Fail(ledger::AsError(*refused))));
}

// A log that holds appends back until it is told to let them go, one after the other, as a slow
// disk does with what comes while a group is being made durable. Thread-safe.
class HeldLog final : public ledger::Ledger {
 public:
  explicit HeldLog(std::unique_ptr<ledger::Ledger> log) : log_(std::move(log)) {}

  // From now on every append waits.
  void Hold() {
    const std::lock_guard lock(mutex_);
    holds_ = true;
  }
  // Until so many wait: the one before may be answered to, and its writer still on its way back.
  void AwaitHeld(size_t many) const {
    std::unique_lock lock(mutex_);
    more_held_.wait(lock, [&] { return held_.size() >= many; });
  }
  // The one that has waited longest is durable and answered when this returns.
  void LetOneGo() {
    Held next;
    {
      const std::lock_guard lock(mutex_);
      next = std::move(held_.front());
      held_.pop_front();
    }
    std::promise<void> answered;
    log_->AppendAsync(
        std::move(next.entry), std::move(next.key), next.on_repeat,
        [&answered, done = std::move(next.done)](Result<ledger::Appended> answer) {
          done(std::move(answer));
          answered.set_value();
        },
        next.only_at);
    answered.get_future().wait();
  }
  // As many appends from now on find the disk full.
  void RefuseNext(int times) { refusals_ = times; }
  void AwaitRefused() const {
    for (int left = refusals_; left > 0; left = refusals_) refusals_.wait(left);
  }
  // Until so many appends that nobody held were answered.
  void AwaitAnswered(int times) const {
    for (int so_far = answered_; so_far < times; so_far = answered_) answered_.wait(so_far);
  }
  int answered() const { return answered_; }
  // All that wait, in order; later ones are not held.
  void LetGo() {
    while (true) {
      {
        const std::lock_guard lock(mutex_);
        if (held_.empty()) {
          holds_ = false;
          return;
        }
      }
      LetOneGo();
    }
  }

  const ledger::NoteKey& log_key() const override { return log_->log_key(); }
  ledger::SignedHead Head() const override { return log_->Head(); }
  Result<ledger::Proof> ProveInclusion(uint64_t index, uint64_t size) const override {
    return log_->ProveInclusion(index, size);
  }
  Result<ledger::Proof> ProveConsistency(uint64_t from, uint64_t to) const override {
    return log_->ProveConsistency(from, to);
  }
  Result<std::vector<Bytes>> Read(uint64_t begin, uint64_t end, size_t bytes_max) const override {
    return log_->Read(begin, end, bytes_max);
  }
  Result<ledger::SignedHead> HeadFor(uint64_t from, uint64_t entries_max) const override {
    return log_->HeadFor(from, entries_max);
  }
  Digest Leaf(uint64_t index) const override { return log_->Leaf(index); }
  Digest RootAt(uint64_t size) const override { return log_->RootAt(size); }
  ledger::ActorChain ChainOf(const PublicKey& key) const override { return log_->ChainOf(key); }
  std::optional<ledger::AdmittedKey> FindKey(const PublicKey& key) const override {
    return log_->FindKey(key);
  }
  std::shared_ptr<const ledger::CosignerRoll> Cosigners() const override {
    return log_->Cosigners();
  }
  Result<ledger::CosignedHead> Cosigned(uint64_t size) const override {
    return log_->Cosigned(size);
  }
  std::optional<ledger::CosignedHead> Agreed() const override { return log_->Agreed(); }
  Result<std::optional<uint64_t>> CosignedSizeBelow(uint64_t below) const override {
    return log_->CosignedSizeBelow(below);
  }
  Status AddCosignature(uint64_t size, std::string_view line) override {
    return log_->AddCosignature(size, line);
  }
  std::optional<uint64_t> Find(std::string_view key) const override { return log_->Find(key); }
  const Verifier& verifier() const override { return log_->verifier(); }

 private:
  struct Held {
    Bytes entry;
    std::string key;
    ledger::OnRepeat on_repeat = ledger::OnRepeat::kRefuse;
    ledger::AppendCallback done;
    std::optional<uint64_t> only_at;
  };
  void Submit(ledger::OpenedEntry entry, std::string key, ledger::OnRepeat on_repeat,
              ledger::AppendCallback done, std::optional<uint64_t> only_at) override {
    {
      const std::lock_guard lock(mutex_);
      if (holds_) {
        held_.push_back(
            {std::move(entry.bytes), std::move(key), on_repeat, std::move(done), only_at});
        more_held_.notify_all();
        return;
      }
    }
    if (refusals_ > 0) {
      done(Fail(ErrorCode::kExhausted, "no room on the disk"));
      --refusals_;
      return refusals_.notify_all();
    }
    auto answer = [this, done = std::move(done)](Result<ledger::Appended> appended) {
      done(std::move(appended));
      ++answered_;
      answered_.notify_all();
    };
    log_->AppendAsync(std::move(entry.bytes), std::move(key), on_repeat, std::move(answer),
                      only_at);
  }

  std::atomic<int> refusals_ = 0;
  std::atomic<int> answered_ = 0;
  const std::unique_ptr<ledger::Ledger> log_;  // below what its answers touch: goes first
  mutable std::mutex mutex_;                   // guards what follows
  mutable std::condition_variable more_held_;
  bool holds_ = false;
  std::deque<Held> held_;
};

}  // namespace dure::aggregator
