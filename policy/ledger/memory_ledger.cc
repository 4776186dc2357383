#include "policy/ledger/memory_ledger.h"

#include <mutex>

#include "federation/check.h"
#include "policy/ledger/group_writer.h"

namespace dure::ledger {
namespace {

class MemoryLedger final : public StoredReader<Ledger> {
 public:
  MemoryLedger(std::unique_ptr<StoredLog> stored, const Signer& signer, const Verifier& verifier)
      : StoredReader(std::move(stored)), verifier_(verifier), writer_(log(), signer) {
    DURE_CHECK(writer_.StartEmpty().has_value(), "memory takes an empty tree's head");
  }

  std::optional<uint64_t> Find(std::string_view key) const override { return log().FindEntry(key); }
  Status AddCosignature(uint64_t size, std::string_view line) override {
    return log().AddCosignature(size, line, verifier_);
  }
  const Verifier& verifier() const override { return verifier_; }

 private:
  void Submit(OpenedEntry entry, std::string key, OnRepeat on_repeat, AppendCallback done,
              std::optional<uint64_t> only_at) override {
    std::vector<PendingAppend> group;
    // The answer is given outside the lock, so that it may append again.
    Result<Appended> answer = Fail(ErrorCode::kInternal, "not answered");
    group.push_back({std::move(entry), std::move(key), on_repeat,
                     [&answer](Result<Appended> given) { answer = std::move(given); }, only_at});
    {
      const std::lock_guard lock(mutex_);
      writer_.Write(std::move(group));
    }
    done(std::move(answer));
  }

  const Verifier& verifier_;
  std::mutex mutex_;  // guards the writer
  GroupWriter writer_;
};

}  // namespace

std::unique_ptr<Ledger> MakeMemoryLedger(NoteKey log_key, const Signer& log_signer,
                                         const Verifier& verifier) {
  DURE_CHECK(log_signer.Key() == log_key.key, "the log's signer holds the log's key");
  auto stored = std::make_unique<StoredLog>(std::move(log_key), MakeMemoryStore());
  return std::make_unique<MemoryLedger>(std::move(stored), log_signer, verifier);
}

}  // namespace dure::ledger
