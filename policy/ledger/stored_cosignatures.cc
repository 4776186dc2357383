// The part of StoredLog that keeps cosignatures beside heads.
#include <algorithm>
#include <mutex>

#include "policy/ledger/stored_log.h"

namespace dure::ledger {
namespace {

std::vector<CosignerKey> KeysOf(const std::vector<Cosigner>& cosigners) {
  std::vector<CosignerKey> keys;
  for (const Cosigner& one : cosigners) keys.push_back(one.key);
  return keys;
}

}  // namespace

std::shared_ptr<const CosignerRoll> StoredLog::Cosigners() const {
  const std::shared_lock lock(mutex_);
  return chronicle_.cosigners();
}

Result<CosignedHead> StoredLog::Cosigned(uint64_t size) const {
  DURE_ASSIGN(const std::optional<StoredHead> head, store_->HeadAt(size));
  if (!head || size > Head().head.size) {
    return Fail(ErrorCode::kNotFound,
                "there is no tree head of " + std::to_string(size) + " entries");
  }
  DURE_ASSIGN(const std::vector<StoredCosignature> lines, store_->CosignaturesAt(size));
  CosignedHead cosigned;
  {
    const std::shared_lock lock(mutex_);
    cosigned.head = {{log_key_.name, size, tree_.RootAt(size)}, head->note};
  }
  for (const StoredCosignature& stored : lines) {
    DURE_ASSIGN(Cosignature one, Cosignature::Parse(stored.line));
    cosigned.cosignatures.push_back(std::move(one));
  }
  return cosigned;
}

std::optional<CosignedHead> StoredLog::Agreed() const {
  std::optional<uint64_t> size;
  {
    const std::shared_lock lock(mutex_);
    size = agreed_;
  }
  if (!size) return std::nullopt;
  Result<CosignedHead> agreed = Cosigned(*size);
  return agreed ? std::optional(std::move(*agreed)) : std::nullopt;
}

// Judged by the names of stored lines; each was verified when it was stored.
Result<bool> StoredLog::IsAgreed(uint64_t size) const {
  DURE_ASSIGN(const std::vector<StoredCosignature> lines, store_->CosignaturesAt(size));
  std::vector<CosignerKey> cosigned;
  for (const StoredCosignature& stored : lines) {
    DURE_ASSIGN(CosignerKey key, CosignerKey::Parse(stored.cosigner));
    cosigned.push_back(std::move(key));
  }
  const std::shared_lock lock(mutex_);
  return AllAgree(chronicle_.cosigners()->Count(size, cosigned));
}

Status StoredLog::LoadAgreed() {
  uint64_t below = head_.head.size + 1;
  while (true) {
    DURE_ASSIGN(const std::optional<uint64_t> size, store_->CosignedSizeBelow(below));
    if (!size) return {};
    DURE_ASSIGN(const bool agreed, IsAgreed(*size));
    if (agreed) {
      agreed_ = *size;
      return {};
    }
    below = *size;
  }
}

Status StoredLog::Put(const SignedHead& head, const std::vector<Cosignature>& cosignatures) {
  std::vector<StoredCosignature> lines;
  const uint64_t size = head.head.size;
  for (const Cosigner& cosigner : Cosigners()->At(size)) {
    for (const Cosignature& one : cosignatures) {
      if (one.cosigner != cosigner.key.name || one.key_id != cosigner.key.Id()) continue;
      lines.push_back({cosigner.key.Vkey(), one.Line()});
    }
  }
  DURE_TRY(store_->PutCosignatures({size, head.note}, lines));
  DURE_ASSIGN(const bool agreed, IsAgreed(size));
  const std::unique_lock lock(mutex_);
  if (agreed && (!agreed_ || *agreed_ < size)) agreed_ = size;
  return {};
}

Status StoredLog::AddCosignature(uint64_t size, std::string_view line, const Verifier& verifier) {
  DURE_ASSIGN(const Cosignature cosignature, Cosignature::Parse(line));
  DURE_ASSIGN(const CosignedHead cosigned, Cosigned(size));
  const std::shared_ptr<const CosignerRoll> roll = Cosigners();
  const std::vector<CosignerKey> keys = KeysOf(roll->At(size));
  const auto key = std::find_if(keys.begin(), keys.end(), [&](const CosignerKey& one) {
    return one.name == cosignature.cosigner && one.Id() == cosignature.key_id;
  });
  if (key == keys.end() || roll->IsRevoked(key->key)) {
    return Fail(ErrorCode::kPermissionDenied, cosignature.cosigner + " does not co-sign heads of " +
                                                  std::to_string(size) + " entries");
  }
  if (!VerifyCosignature(cosigned.head.head, cosignature, *key, verifier)) {
    return Fail(ErrorCode::kUnauthenticated, "the cosignature by " + key->name +
                                                 " is not over this log's head of " +
                                                 std::to_string(size) + " entries");
  }
  return Put(cosigned.head, {cosignature});
}

Result<std::optional<Refusal>> StoredLog::TakeCosigned(std::string_view note,
                                                       const Verifier& verifier) {
  const SignedHead own = Head();
  const Result<SignedHead> head = OpenHead(note, log_key_, verifier);
  const auto refuse = [&](RefusalReason reason, std::string text) {
    return std::optional(Refusal{reason, {}, std::move(text), own.note, std::string(note)});
  };
  if (!head) {
    const bool foreign = head.error().code == ErrorCode::kUnauthenticated;
    return refuse(foreign ? RefusalReason::kForeignKey : RefusalReason::kMalformedHead,
                  head.error().message);
  }
  const uint64_t size = head->head.size;
  if (size > own.head.size) {
    return Fail(ErrorCode::kFailedPrecondition, "the copy ends before that head's entries");
  }
  bool same = false;
  {
    const std::shared_lock lock(mutex_);
    same = tree_.RootAt(size) == head->head.root;
  }
  if (!same) {
    return refuse(RefusalReason::kFork, "the co-signed head of " + std::to_string(size) +
                                            " entries has another root than this copy");
  }
  const Result<CosignedHead> opened =
      OpenCosigned(note, log_key_, KeysOf(Cosigners()->At(size)), verifier);
  if (!opened) return refuse(RefusalReason::kBadSignature, opened.error().message);
  DURE_TRY(Put(opened->head, opened->cosignatures));
  return std::optional<Refusal>();
}

}  // namespace dure::ledger
