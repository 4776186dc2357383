#include "federation/blob/file_spools.h"

#include <algorithm>
#include <filesystem>
#include <set>

namespace dure::blob {
namespace {

namespace fs = std::filesystem;

std::vector<Digest> NamesIn(const std::string& folder, std::string_view suffix) {
  std::set<Digest> names;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(folder, failed)) {
    if (!suffix.empty() && entry.path().extension() != suffix) continue;
    if (const auto digest = Digest::FromHex(entry.path().stem().string())) names.insert(*digest);
  }
  return {names.begin(), names.end()};
}

}  // namespace

Result<std::shared_ptr<Spool>> FileSpools::Open(const Manifest& manifest, Lasting lasting,
                                                uint64_t age, const std::function<bool()>& is_here,
                                                FileSpool::Settle settle) {
  const Digest digest = manifest.BlobDigest();
  // Held while the spool opens, so that two streams of one blob get one spool.
  const std::lock_guard lock(mutex_);
  if (is_here()) {
    return Fail(ErrorCode::kAlreadyExists, "blob " + digest.Hex() + " is here already");
  }
  if (const auto found = opened_.find(digest); found != opened_.end()) {
    found->second.age = age;
    if (auto open = found->second.spool.lock()) return open;
  }
  DURE_ASSIGN(std::shared_ptr<FileSpool> spool,
              FileSpool::Open(Stem(digest), manifest, lasting, spares_, std::move(settle)));
  std::erase_if(opened_, [this](const auto& one) {
    std::error_code failed;
    return one.second.spool.expired() && !fs::exists(Stem(one.first) + ".part", failed);
  });
  opened_[digest] = {spool, age};
  return spool;
}

void FileSpools::Discard(const Digest& digest) {
  const std::lock_guard lock(mutex_);
  if (const auto found = opened_.find(digest); found != opened_.end()) {
    if (const auto open = found->second.spool.lock()) open->Discard();
    opened_.erase(found);
  }
  FileSpool::Delete(Stem(digest));
}

std::vector<Digest> FileSpools::List() const { return NamesIn(folder_, ".manifest"); }

bool FileSpools::IsIdle(const Digest& digest, uint64_t age) const {
  const auto found = opened_.find(digest);
  return found == opened_.end() || (found->second.spool.expired() && found->second.age < age);
}

std::vector<Digest> FileSpools::IdleSince(uint64_t age) const {
  std::vector<Digest> idle = NamesIn(folder_, {});
  const std::lock_guard lock(mutex_);
  std::erase_if(idle, [&](const Digest& digest) { return !IsIdle(digest, age); });
  return idle;
}

uint64_t FileSpools::RemoveIdle(const Digest& digest, uint64_t age) {
  const std::lock_guard lock(mutex_);
  if (!IsIdle(digest, age)) return 0;
  uint64_t freed = 0;
  for (const char* suffix : {".bits", ".part", ".manifest"}) {
    std::error_code failed;
    const uint64_t bytes = fs::file_size(Stem(digest) + suffix, failed);
    freed += failed ? 0 : bytes;
  }
  FileSpool::Delete(Stem(digest));
  opened_.erase(digest);
  return freed;
}

}  // namespace dure::blob
