// The store on disk. A blob is there when both of its files are; the manifest is made durable
// first, the bytes are renamed into place last; one without the other counts as nothing.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <set>

#include "federation/blob/file.h"
#include "federation/blob/file_reader.h"
#include "federation/blob/file_spools.h"
#include "federation/blob/spares.h"
#include "federation/blob/store.h"

namespace dure::blob {
namespace {

namespace fs = std::filesystem;

class FileBlobStore final : public BlobStore {
 public:
  explicit FileBlobStore(std::string folder)
      : folder_(std::move(folder)),
        passing_folder_(folder_ + "/passing/" + BootId()),
        spares_(folder_ + "/spare"),
        spools_(folder_ + "/spools", spares_) {}
  Status Prepare();

  Result<Digest> Put(ByteView bytes) override;
  Result<std::vector<Digest>> ImportAll(std::span<const Incoming> files) override;
  Result<std::unique_ptr<Reader>> Open(const Digest& digest) const override;
  bool Has(const Digest& digest) const override;
  Result<std::string> PathOf(const Digest& digest) const override;
  Status Remove(const Digest& digest) override {
    return Forget(digest, std::nullopt).map([](auto) {});
  }
  bool Recycle(uint64_t bytes, const std::string& path) override {
    return spares_.Take(bytes, path);
  }
  void Scrap(const std::string& path) override;
  std::vector<Digest> List() const override;
  uint64_t TotalBytes() const override;
  Result<std::shared_ptr<Spool>> OpenSpool(const Manifest& manifest, Lasting lasting) override;
  Status DiscardSpool(const Digest& digest) override {
    spools_.Discard(digest);
    return {};
  }
  std::vector<Digest> ListSpools() const override { return spools_.List(); }
  uint64_t NewAge() override { return ++age_; }
  Idle IdleSince(uint64_t age) const override;
  uint64_t RemoveIdle(const Idle& idle, uint64_t age) override;

 private:
  std::string BlobFolder() const { return WholeBlobsIn(folder_); }
  std::string BlobPath(const Digest& digest) const { return BlobFolder() + "/" + digest.Hex(); }
  std::string PassingPath(const Digest& digest) const {
    return passing_folder_ + "/" + digest.Hex();
  }
  std::string PathTo(const Digest& digest) const;
  bool Lasts(const Digest& digest) const;  // it is here, and a power cut does not change that
  // A file that has all its bytes, on the blobs' file system.
  struct Whole {
    std::string path;
    const Manifest& manifest;
    Digest digest;
    File bytes = {};
    File encoded = {};  // its manifest, under a name of this attempt's own
    std::string manifest_path = {};
  };
  // Makes files part of the store; for this boot, without waiting for the disk.
  Status Settle(std::vector<Whole> files);
  Status SettleForNow(Whole file);
  Status MakeDurable(std::vector<Whole>& files);
  std::string NewName();
  // The same file, or a copy on the blobs' file system.
  Result<std::string> BringNear(const std::string& path, const Digest& digest) const;
  void Load(const std::string& blobs, bool lasts);
  // Its size; 0: it was not there, or, given an age, it was used since that began.
  Result<uint64_t> Forget(const Digest& digest, std::optional<uint64_t> idle_since);

  const std::string folder_;
  const std::string passing_folder_;  // of this boot
  File lock_;
  Spares spares_;
  mutable std::mutex mutex_;
  struct Known {
    uint64_t bytes = 0;
    mutable uint64_t used = 0;  // in which age, last; a look is a use
  };
  std::map<Digest, Known> known_;  // guarded by mutex_
  std::set<Digest> passing_;       // of those, what lasts for this boot; guarded by mutex_
  uint64_t temporary_count_ = 0;   // guarded by mutex_
  std::atomic<uint64_t> age_ = 0;
  // Taken before mutex_: the files of a blob and what is known of it change together. Else one that
  // is removed while it comes anew would be known, and its file gone.
  std::mutex naming_mutex_;
  FileSpools spools_;  // whose lock is taken before these
};

Status FileBlobStore::Prepare() {
  std::error_code failed;
  for (const char* part : {"/blobs", "/spools", "/incoming", "/spare", "/passing"}) {
    fs::create_directories(folder_ + part, failed);
    if (failed) return Fail(ErrorCode::kUnavailable, folder_ + part + ": " + failed.message());
  }
  DURE_ASSIGN(lock_, File::Open(folder_ + "/lock", O_RDWR | O_CREAT));
  if (::flock(lock_.descriptor(), LOCK_EX | LOCK_NB) != 0) {
    return Fail(ErrorCode::kFailedPrecondition, folder_ + ": another process uses this blob store");
  }
  spares_.Clear();
  for (const auto& entry : fs::directory_iterator(folder_ + "/incoming", failed)) {
    fs::remove(entry.path(), failed);  // a Put or copy that did not finish
  }
  for (const auto& entry : fs::directory_iterator(folder_ + "/passing", failed)) {
    const bool of_this_boot = entry.path() == passing_folder_ && BootId().front() != kUnknownBoot;
    if (!of_this_boot) fs::remove_all(entry.path(), failed);
  }
  fs::create_directories(passing_folder_, failed);
  if (failed) return Fail(ErrorCode::kUnavailable, passing_folder_ + ": " + failed.message());
  Load(BlobFolder(), true);
  Load(passing_folder_, false);
  for (const Digest& digest : spools_.IdleSince(age_)) {
    if (Lasts(digest)) spools_.Discard(digest);  // it had just become whole
  }
  return {};
}

void FileBlobStore::Load(const std::string& blobs, bool lasts) {
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(blobs, failed)) {
    if (entry.path().extension() == ".manifest") {
      const fs::path bytes = fs::path(entry.path()).replace_extension();
      if (!fs::exists(bytes, failed) && !failed) fs::remove(entry.path(), failed);
      continue;
    }
    const Result<Digest> digest = Digest::FromHex(entry.path().filename().string());
    if (!digest || Has(*digest)) continue;
    if (fs::exists(entry.path().string() + ".manifest", failed)) {
      known_[*digest].bytes = entry.file_size(failed);
      if (!lasts) passing_.insert(*digest);
    } else if (!failed) {
      fs::remove(entry.path(), failed);  // half of a removal that a power cut undid
    }
  }
}

Result<Digest> FileBlobStore::Put(ByteView bytes) {
  const Manifest manifest = ManifestOf(bytes);
  const Digest digest = manifest.BlobDigest();
  if (Lasts(digest)) return digest;
  const std::string path = NewName();
  DURE_TRY(WriteAside(path, bytes).map([](const File&) {}));
  std::vector<Whole> file;
  file.push_back({path, manifest, digest});
  if (Status settled = Settle(std::move(file)); !settled) {
    ::unlink(path.c_str());
    return Fail(settled.error());
  }
  return digest;
}

Result<std::string> FileBlobStore::BringNear(const std::string& path, const Digest& digest) const {
  const std::string here = folder_ + "/incoming/" + digest.Hex();
  // A hard link tells whether rename will work, without giving anything up.
  const bool movable = ::link(path.c_str(), here.c_str()) == 0;
  ::unlink(here.c_str());
  if (movable) return path;
  std::error_code failed;
  fs::copy_file(path, here, fs::copy_options::overwrite_existing, failed);
  if (!failed) return here;
  ::unlink(here.c_str());
  return Fail(SystemError(here, failed.value()));
}

Result<std::vector<Digest>> FileBlobStore::ImportAll(std::span<const Incoming> files) {
  std::vector<Digest> digests;
  std::vector<Whole> wanted;
  for (const auto& [path, manifest] : files) {
    DURE_ASSIGN(const File file, File::Open(path, O_RDONLY));
    DURE_ASSIGN(const uint64_t size, file.Size());
    if (size != manifest.size) {
      return Fail(ErrorCode::kCorrupt, path + ": has " + std::to_string(size) +
                                           " bytes, its manifest " + std::to_string(manifest.size));
    }
    const Digest digest = manifest.BlobDigest();
    const bool twice = std::ranges::find(digests, digest) != digests.end();
    digests.push_back(digest);
    if (twice || Lasts(digest)) continue;
    DURE_ASSIGN(std::string near, BringNear(path, digest));
    wanted.push_back({std::move(near), manifest, digest});
  }
  DURE_TRY(Settle(std::move(wanted)));
  for (const Incoming& file : files) ::unlink(file.path.c_str());  // copied, or there already
  return digests;
}

// The manifests before the names: a crash leaves at most a manifest without bytes. The disk is
// waited for twice, however many files there are.
Status FileBlobStore::Settle(std::vector<Whole> files) {
  if (files.empty()) return {};
  for (Whole& file : files) file.manifest_path = NewName();
  if (Status durable = MakeDurable(files); !durable) {
    for (const Whole& file : files) ::unlink(file.manifest_path.c_str());
    return durable;
  }
  const std::lock_guard naming(naming_mutex_);
  for (const Whole& file : files) {
    const std::string target = BlobPath(file.digest);
    if (Lasts(file.digest)) {  // it came another way meanwhile
      ::unlink(file.manifest_path.c_str());
      ::unlink(file.path.c_str());
      continue;
    }
    ::chmod(file.path.c_str(), 0400);
    if (::rename(file.manifest_path.c_str(), (target + ".manifest").c_str()) != 0 ||
        ::rename(file.path.c_str(), target.c_str()) != 0)
      return Fail(SystemError(target, errno));
  }
  DURE_TRY(SyncFolder(BlobFolder()));
  std::lock_guard lock(mutex_);
  for (const Whole& file : files) {
    known_[file.digest] = {file.manifest.size, age_};
    if (passing_.erase(file.digest) == 0) continue;
    ::unlink((PassingPath(file.digest) + ".manifest").c_str());
    ::unlink(PassingPath(file.digest).c_str());
  }
  return {};
}

// The manifest before the bytes, as there; a death in between leaves what counts as nothing.
Status FileBlobStore::SettleForNow(Whole file) {
  const std::string target = PassingPath(file.digest);
  const std::lock_guard naming(naming_mutex_);
  if (Has(file.digest)) {
    ::unlink(file.path.c_str());
    return {};
  }
  DURE_TRY(WriteAside(target + ".manifest", file.manifest.Encode()).map([](const File&) {}));
  ::chmod(file.path.c_str(), 0400);
  if (::rename(file.path.c_str(), target.c_str()) != 0) return Fail(SystemError(target, errno));
  std::lock_guard lock(mutex_);
  known_[file.digest] = {file.manifest.size, age_};
  passing_.insert(file.digest);
  return {};
}

std::string FileBlobStore::NewName() {
  const std::lock_guard lock(mutex_);
  return folder_ + "/incoming/" + std::to_string(temporary_count_++);
}

Status FileBlobStore::MakeDurable(std::vector<Whole>& files) {
  std::vector<const File*> written;
  for (Whole& file : files) {
    DURE_ASSIGN(file.bytes, File::Open(file.path, O_RDONLY));
    file.bytes.StartSync();
    DURE_ASSIGN(file.encoded, WriteAside(file.manifest_path, file.manifest.Encode()));
    written.insert(written.end(), {&file.bytes, &file.encoded});
  }
  return SyncTogether(written, folder_);
}

Result<std::unique_ptr<Reader>> FileBlobStore::Open(const Digest& digest) const {
  if (!Has(digest)) return Fail(ErrorCode::kNotFound, "no blob " + digest.Hex());
  return OpenBlobFile(PathTo(digest), digest);
}

bool FileBlobStore::Has(const Digest& digest) const {
  std::lock_guard lock(mutex_);
  const auto found = known_.find(digest);
  if (found == known_.end()) return false;
  found->second.used = age_;
  return true;
}

bool FileBlobStore::Lasts(const Digest& digest) const {
  if (!Has(digest)) return false;
  std::lock_guard lock(mutex_);
  return known_.contains(digest) && !passing_.contains(digest);
}

std::string FileBlobStore::PathTo(const Digest& digest) const {
  std::lock_guard lock(mutex_);
  return passing_.contains(digest) ? PassingPath(digest) : BlobPath(digest);
}

Result<std::string> FileBlobStore::PathOf(const Digest& digest) const {
  if (!Has(digest)) return Fail(ErrorCode::kNotFound, "no blob " + digest.Hex());
  return PathTo(digest);
}

Result<uint64_t> FileBlobStore::Forget(const Digest& digest, std::optional<uint64_t> idle_since) {
  const std::lock_guard naming(naming_mutex_);
  const std::string path = PathTo(digest);
  uint64_t size = 0;
  {
    std::lock_guard lock(mutex_);
    const auto found = known_.find(digest);
    if (found == known_.end() || (idle_since && found->second.used >= *idle_since)) return size;
    size = found->second.bytes;
    known_.erase(found);
    passing_.erase(digest);
  }
  // The manifest first: without it the bytes count as nothing.
  if (::unlink((path + ".manifest").c_str()) != 0 && errno != ENOENT)
    return Fail(SystemError(path, errno));
  if (!idle_since && spares_.Keep(path, size)) return size;
  // Not synced: after a power cut the blob is there again, whole, or counts as nothing.
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return Fail(SystemError(path, errno));
  return size;
}

Idle FileBlobStore::IdleSince(uint64_t age) const {
  Idle idle;
  idle.spools = spools_.IdleSince(age);
  std::lock_guard lock(mutex_);
  for (const auto& [digest, known] : known_) {
    if (known.used < age) idle.blobs.push_back(digest);
  }
  return idle;
}

uint64_t FileBlobStore::RemoveIdle(const Idle& idle, uint64_t age) {
  uint64_t freed = 0;
  for (const Digest& digest : idle.spools) freed += spools_.RemoveIdle(digest, age);
  for (const Digest& digest : idle.blobs) freed += Forget(digest, age).value_or(0);
  return freed;
}

void FileBlobStore::Scrap(const std::string& path) {
  std::error_code failed;
  const uint64_t size = fs::file_size(path, failed);
  if (!failed && spares_.Keep(path, size)) return;
  fs::remove(path, failed);
}

std::vector<Digest> FileBlobStore::List() const {
  std::lock_guard lock(mutex_);
  std::vector<Digest> digests;
  for (const auto& [digest, known] : known_) digests.push_back(digest);
  return digests;
}

uint64_t FileBlobStore::TotalBytes() const {
  std::lock_guard lock(mutex_);
  uint64_t total = 0;
  for (const auto& [digest, known] : known_) total += known.bytes;
  return total;
}

Result<std::shared_ptr<Spool>> FileBlobStore::OpenSpool(const Manifest& manifest, Lasting lasting) {
  const Digest digest = manifest.BlobDigest();
  const bool for_now = lasting == Lasting::kThisBoot;
  const auto is_here = [&] { return Lasts(digest) || (for_now && Has(digest)); };
  auto settle = [this, digest, for_now](const std::string& path, const Manifest& whole) {
    if (for_now) return SettleForNow({path, whole, digest});
    std::vector<Whole> file;
    file.push_back({path, whole, digest});
    return Settle(std::move(file));
  };
  return spools_.Open(manifest, lasting, age_, is_here, std::move(settle));
}

}  // namespace

Result<std::unique_ptr<BlobStore>> OpenFileBlobStore(const std::string& folder) {
  auto store = std::make_unique<FileBlobStore>(folder);
  DURE_TRY(store->Prepare());
  return store;
}

}  // namespace dure::blob
