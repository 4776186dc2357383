#include "policy/ledger/mirror.h"

#include <mutex>

#include "federation/check.h"
#include "policy/ledger/stored_log.h"

namespace dure::ledger {
namespace {

class VerifiedMirror final : public StoredReader<Mirror> {
 public:
  VerifiedMirror(std::unique_ptr<StoredLog> stored, MirrorOptions options)
      : StoredReader(std::move(stored)), options_(std::move(options)) {}

  Result<std::optional<Refusal>> Extend(const Extension& extension) override {
    const std::lock_guard lock(mutex_);
    const SignedHead own = log().Head();
    SignedHead offered;
    if (auto refusal = CheckHead(own, extension, offered))
      return WithNotes(*refusal, own, extension);
    if (offered.head.size == own.head.size) return std::optional<Refusal>();
    const std::vector<Result<OpenedEntry>> opened =
        OpenEntries(extension.entries, *options_.verifier, options_.threads);
    std::vector<Digest> leaves;
    for (const Bytes& entry : extension.entries) leaves.push_back(LeafHash(entry));
    log().Stage(leaves);
    Chronicle chronicle = log().chronicle();
    if (auto refusal = CheckEntries(offered, opened, chronicle)) {
      log().Unstage();
      return WithNotes(*refusal, own, extension);
    }
    if (Status stored = Store(own, offered, opened, leaves); !stored) {
      log().Unstage();
      return Fail(stored.error());
    }
    log().Publish(std::move(offered), std::move(chronicle));
    return std::optional<Refusal>();
  }

  Result<std::optional<Refusal>> TakeCosigned(std::string_view note) override {
    return log().TakeCosigned(note, *options_.verifier);
  }
  Status AddCosignature(uint64_t size, std::string_view line) override {
    return log().AddCosignature(size, line, *options_.verifier);
  }

 private:
  static std::optional<Refusal> WithNotes(Refusal refusal, const SignedHead& own,
                                          const Extension& extension) {
    refusal.own_note = own.note;
    refusal.offered_note = extension.note;
    return refusal;
  }

  std::optional<Refusal> CheckHead(const SignedHead& own, const Extension& extension,
                                   SignedHead& offered) const {
    Result<SignedHead> opened = OpenHead(extension.note, options_.log_key, *options_.verifier);
    if (!opened) {
      const bool foreign = opened.error().code == ErrorCode::kUnauthenticated;
      return Refusal{foreign ? RefusalReason::kForeignKey : RefusalReason::kMalformedHead,
                     {},
                     opened.error().message,
                     {},
                     {}};
    }
    offered = std::move(*opened);
    const std::string sizes = "held " + std::to_string(own.head.size) + " entries, offered " +
                              std::to_string(offered.head.size);
    if (offered.head.size < own.head.size)
      return Refusal{RefusalReason::kRollback, {}, sizes, {}, {}};
    const bool extends = VerifyConsistency(own.head.size, own.head.root, offered.head.size,
                                           offered.head.root, extension.consistency);
    if (!extends) {
      return Refusal{RefusalReason::kFork,
                     {},
                     "the offered head does not extend the one held: " + sizes,
                     {},
                     {}};
    }
    if (extension.entries.size() != offered.head.size - own.head.size) {
      return Refusal{RefusalReason::kTruncated,
                     {},
                     sizes + ", came with " + std::to_string(extension.entries.size()),
                     {},
                     {}};
    }
    return std::nullopt;
  }

  // The root first: what does not hash to it was never signed for, so no entry of it is worth
  // reading.
  std::optional<Refusal> CheckEntries(const SignedHead& offered,
                                      const std::vector<Result<OpenedEntry>>& opened,
                                      Chronicle& chronicle) const {
    const bool root_holds = log().tree().Root() == offered.head.root;
    if (!root_holds) {
      return Refusal{
          RefusalReason::kRewritten,
          {},
          "the entries do not hash to the signed root of " + std::to_string(offered.head.size),
          {},
          {}};
    }
    const auto root_at = [this](uint64_t size) { return log().tree().RootAt(size); };
    for (const Result<OpenedEntry>& entry : opened) {
      if (!entry) return RefusalOf(entry.error(), chronicle.size());
      if (auto refusal = chronicle.Admit(*entry, root_at)) return refusal;
    }
    return std::nullopt;
  }

  Status Store(const SignedHead& own, const SignedHead& offered,
               const std::vector<Result<OpenedEntry>>& opened, const std::vector<Digest>& leaves) {
    std::vector<NewEntry> group;
    for (const Result<OpenedEntry>& entry : opened) group.push_back({&*entry, {}});
    return log().store().Commit(
        own.head.size, group, [&](const std::vector<Digest>& stored) -> Result<std::string> {
          if (stored == leaves) return offered.note;
          return Fail(ErrorCode::kCorrupt, "the mirror's store gave back other bytes");
        });
  }

  const MirrorOptions options_;
  std::mutex mutex_;  // one Extend at a time
};

}  // namespace

Result<std::unique_ptr<Mirror>> Mirror::Open(MirrorOptions options) {
  DURE_CHECK(options.verifier != nullptr, "a mirror has a verifier");
  std::unique_ptr<EntryStore> store;
  if (options.dir.empty()) {
    store = MakeMemoryStore();
  } else {
    DURE_ASSIGN(store, OpenSqliteStore({options.dir, false, 0}));
  }
  auto stored = std::make_unique<StoredLog>(options.log_key, std::move(store));
  DURE_TRY(stored->Load(*options.verifier, Beside::kNobody).map([](bool) {}));
  return std::make_unique<VerifiedMirror>(std::move(stored), std::move(options));
}

}  // namespace dure::ledger
