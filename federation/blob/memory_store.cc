#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>

#include "federation/blob/store.h"

namespace dure::blob {
namespace {

// Shared by the store and by readers, which stay valid after Remove.
struct Held {
  Manifest manifest;
  Bytes bytes;
};
struct Blob {
  std::shared_ptr<const Held> held;
  mutable uint64_t used = 0;  // in which age, last
};

class MemoryReader final : public Reader {
 public:
  explicit MemoryReader(std::shared_ptr<const Held> held) : held_(std::move(held)) {}
  const Manifest& manifest() const override { return held_->manifest; }
  ByteView bytes() const override { return held_->bytes; }

 private:
  std::shared_ptr<const Held> held_;
};

class MemoryStore;

class MemorySpool final : public Spool {
 public:
  MemorySpool(MemoryStore& store, const Manifest& manifest)
      : store_(store), manifest_(manifest), bytes_(manifest.size), held_(manifest.ChunkCount()) {}
  const Manifest& manifest() const override { return manifest_; }
  Status WriteChunk(uint64_t index, ByteView bytes) override;
  bool HasChunk(uint64_t index) const override;
  Bytes MissingBitmap() const override;
  uint64_t MissingCount() const override;
  bool Discarded() const override;
  Status Complete() override;
  void Discard();

 private:
  MemoryStore& store_;
  const Manifest manifest_;
  mutable std::mutex mutex_;
  Bytes bytes_;             // guarded by mutex_
  std::vector<bool> held_;  // guarded by mutex_
  bool complete_ = false;   // guarded by mutex_
  bool discarded_ = false;  // guarded by mutex_
};

class MemoryStore final : public BlobStore {
 public:
  Result<Digest> Put(ByteView bytes) override {
    return Keep(ManifestOf(bytes), Bytes(bytes.begin(), bytes.end()));
  }
  Result<std::vector<Digest>> ImportAll(std::span<const Incoming> files) override {
    std::vector<Digest> digests;
    for (const auto& [path, manifest] : files) {
      std::ifstream file(path, std::ios::binary);
      if (!file) return Fail(ErrorCode::kNotFound, path + ": no such file");
      const std::string text{std::istreambuf_iterator<char>(file),
                             std::istreambuf_iterator<char>()};
      if (text.size() != manifest.size) {
        return Fail(ErrorCode::kCorrupt, path + ": its size is not the manifest's");
      }
      digests.push_back(Keep(manifest, ToBytes(text)));
      ::unlink(path.c_str());
    }
    return digests;
  }
  Result<std::unique_ptr<Reader>> Open(const Digest& digest) const override {
    std::lock_guard lock(mutex_);
    const auto found = blobs_.find(digest);
    if (found == blobs_.end()) return Fail(ErrorCode::kNotFound, "no blob " + digest.Hex());
    found->second.used = age_;
    return std::make_unique<MemoryReader>(found->second.held);
  }
  bool Has(const Digest& digest) const override {
    std::lock_guard lock(mutex_);
    return Look(digest);
  }
  Result<std::string> PathOf(const Digest& digest) const override {
    if (!Has(digest)) return Fail(ErrorCode::kNotFound, "no blob " + digest.Hex());
    return Fail(ErrorCode::kFailedPrecondition, "a store in memory keeps no files");
  }
  Status Remove(const Digest& digest) override {
    std::lock_guard lock(mutex_);
    blobs_.erase(digest);
    return {};
  }
  bool Recycle(uint64_t, const std::string&) override { return false; }
  void Scrap(const std::string& path) override {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
  }
  std::vector<Digest> List() const override {
    std::lock_guard lock(mutex_);
    std::vector<Digest> digests;
    for (const auto& [digest, blob] : blobs_) digests.push_back(digest);
    return digests;
  }
  uint64_t TotalBytes() const override {
    std::lock_guard lock(mutex_);
    uint64_t total = 0;
    for (const auto& [digest, blob] : blobs_) total += blob.held->bytes.size();
    return total;
  }
  Result<std::shared_ptr<Spool>> OpenSpool(const Manifest& manifest, Lasting) override {
    const Digest digest = manifest.BlobDigest();
    std::lock_guard lock(mutex_);
    if (Look(digest)) {
      return Fail(ErrorCode::kAlreadyExists, "blob " + digest.Hex() + " is here already");
    }
    auto& spool = spools_[digest];
    if (!spool.held) spool.held = std::make_shared<MemorySpool>(*this, manifest);
    spool.used = age_;
    return spool.held;
  }
  Status DiscardSpool(const Digest& digest) override {
    std::lock_guard lock(mutex_);
    if (const auto found = spools_.find(digest); found != spools_.end()) {
      found->second.held->Discard();
      spools_.erase(found);
    }
    return {};
  }
  std::vector<Digest> ListSpools() const override {
    std::lock_guard lock(mutex_);
    std::vector<Digest> digests;
    for (const auto& [digest, spool] : spools_) digests.push_back(digest);
    return digests;
  }
  uint64_t NewAge() override {
    std::lock_guard lock(mutex_);
    return ++age_;
  }
  Idle IdleSince(uint64_t age) const override {
    std::lock_guard lock(mutex_);
    Idle idle;
    for (const auto& [digest, blob] : blobs_) {
      if (blob.used < age) idle.blobs.push_back(digest);
    }
    for (const auto& [digest, spool] : spools_) {
      if (spool.IsIdle(age)) idle.spools.push_back(digest);
    }
    return idle;
  }
  uint64_t RemoveIdle(const Idle& idle, uint64_t age) override {
    std::lock_guard lock(mutex_);
    uint64_t freed = 0;
    for (const Digest& digest : idle.spools) {
      const auto found = spools_.find(digest);
      if (found == spools_.end() || !found->second.IsIdle(age)) continue;
      freed += found->second.held->manifest().size;
      spools_.erase(found);
    }
    for (const Digest& digest : idle.blobs) {
      const auto found = blobs_.find(digest);
      if (found == blobs_.end() || found->second.used >= age) continue;
      freed += found->second.held->bytes.size();
      blobs_.erase(found);
    }
    return freed;
  }

  Digest Keep(const Manifest& manifest, Bytes bytes) {
    const Digest digest = manifest.BlobDigest();
    auto held = std::make_shared<const Held>(Held{manifest, std::move(bytes)});
    std::lock_guard lock(mutex_);
    blobs_[digest] = {std::move(held), age_};
    spools_.erase(digest);
    return digest;
  }

 private:
  struct Arriving {
    std::shared_ptr<MemorySpool> held;
    uint64_t used = 0;
    bool IsIdle(uint64_t age) const { return held.use_count() == 1 && used < age; }
  };
  bool Look(const Digest& digest) const {  // with mutex_ held
    const auto found = blobs_.find(digest);
    if (found == blobs_.end()) return false;
    found->second.used = age_;
    return true;
  }

  mutable std::mutex mutex_;
  uint64_t age_ = 0;                   // guarded by mutex_
  std::map<Digest, Blob> blobs_;       // guarded by mutex_
  std::map<Digest, Arriving> spools_;  // guarded by mutex_
};

Status MemorySpool::WriteChunk(uint64_t index, ByteView bytes) {
  if (index >= manifest_.ChunkCount()) {
    return Fail(ErrorCode::kInvalid, "no chunk " + std::to_string(index) + " in this blob");
  }
  std::lock_guard lock(mutex_);
  if (discarded_) return Fail(ErrorCode::kCancelled, "the blob is no longer wanted");
  if (held_[index]) return {};
  if (!manifest_.ChunkMatches(index, bytes)) {
    return Fail(ErrorCode::kCorrupt,
                "chunk " + std::to_string(index) + " does not match its digest");
  }
  std::copy(bytes.begin(), bytes.end(),
            bytes_.begin() + static_cast<std::ptrdiff_t>(manifest_.ChunkOffset(index)));
  held_[index] = true;
  return {};
}

bool MemorySpool::HasChunk(uint64_t index) const {
  std::lock_guard lock(mutex_);
  return index < held_.size() && held_[index];
}

Bytes MemorySpool::MissingBitmap() const {
  std::lock_guard lock(mutex_);
  Bytes missing((held_.size() + 7) / 8, 0);
  for (size_t index = 0; index < held_.size(); ++index) {
    if (!held_[index]) missing[index / 8] |= static_cast<uint8_t>(1u << (index % 8));
  }
  return missing;
}

uint64_t MemorySpool::MissingCount() const {
  std::lock_guard lock(mutex_);
  return static_cast<uint64_t>(std::count(held_.begin(), held_.end(), false));
}

Status MemorySpool::Complete() {
  Bytes whole;
  {
    std::lock_guard lock(mutex_);
    if (complete_) return {};
    if (discarded_) return Fail(ErrorCode::kCancelled, "the blob is no longer wanted");
    const auto missing = std::count(held_.begin(), held_.end(), false);
    if (missing > 0) {
      return Fail(ErrorCode::kFailedPrecondition, std::to_string(missing) + " chunks are missing");
    }
    complete_ = true;
    whole = std::move(bytes_);
  }
  store_.Keep(manifest_, std::move(whole));  // takes the store's lock: not under ours
  return {};
}

bool MemorySpool::Discarded() const {
  std::lock_guard lock(mutex_);
  return discarded_;
}

void MemorySpool::Discard() {
  std::lock_guard lock(mutex_);
  discarded_ = true;
  bytes_ = {};
}

}  // namespace

std::unique_ptr<BlobStore> MemoryBlobStore() { return std::make_unique<MemoryStore>(); }

Result<ByteView> Reader::ReadChunk(uint64_t index) const {
  if (index >= manifest().ChunkCount()) {
    return Fail(ErrorCode::kInvalid, "no chunk " + std::to_string(index) + " in this blob");
  }
  const ByteView chunk =
      bytes().subspan(manifest().ChunkOffset(index), manifest().ChunkSize(index));
  if (!manifest().ChunkMatches(index, chunk)) {
    return Fail(ErrorCode::kCorrupt,
                "chunk " + std::to_string(index) + " does not match its digest");
  }
  return chunk;
}

Result<Digest> BlobStore::Import(const std::string& path, const Manifest& manifest) {
  const Incoming file{path, manifest};
  DURE_ASSIGN(const std::vector<Digest> digests, ImportAll({&file, 1}));
  return digests.front();
}

Status BlobStore::Scrub(const Digest& digest) const {
  DURE_ASSIGN(const std::unique_ptr<Reader> reader, Open(digest));
  for (uint64_t index = 0; index < reader->manifest().ChunkCount(); ++index) {
    if (Result<ByteView> chunk = reader->ReadChunk(index); !chunk) {
      return Within(chunk.error(), "blob " + digest.Hex());
    }
  }
  return {};
}

}  // namespace dure::blob
