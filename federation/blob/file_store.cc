// The store on disk. A blob is there when both of its files are; the manifest is made durable
// first, the bytes are renamed into place last; one without the other counts as nothing.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>

#include "federation/blob/file.h"
#include "federation/blob/file_spool.h"
#include "federation/blob/spares.h"
#include "federation/blob/store.h"

namespace dure::blob {
namespace {

namespace fs = std::filesystem;

constexpr size_t kManifestBytesMax = size_t{3} << 30;  // at kBlobBytesMax: 2^26 digests of 32 bytes

class FileReader final : public Reader {
 public:
  FileReader(Manifest manifest, Mapping mapping)
      : manifest_(std::move(manifest)), mapping_(std::move(mapping)) {}
  const Manifest& manifest() const override { return manifest_; }
  ByteView bytes() const override { return mapping_.bytes(); }

 private:
  const Manifest manifest_;
  const Mapping mapping_;
};

class FileBlobStore final : public BlobStore {
 public:
  explicit FileBlobStore(std::string folder)
      : folder_(std::move(folder)),
        passing_folder_(folder_ + "/passing/" + BootId()),
        spares_(folder_ + "/spare") {}
  Status Prepare();

  Result<Digest> Put(ByteView bytes) override;
  Result<std::vector<Digest>> ImportAll(std::span<const Incoming> files) override;
  Result<std::unique_ptr<Reader>> Open(const Digest& digest) const override;
  bool Has(const Digest& digest) const override;
  Result<std::string> PathOf(const Digest& digest) const override;
  Status Remove(const Digest& digest) override;
  bool Recycle(uint64_t bytes, const std::string& path) override {
    return spares_.Take(bytes, path);
  }
  void Scrap(const std::string& path) override;
  std::vector<Digest> List() const override;
  uint64_t TotalBytes() const override;
  Result<std::shared_ptr<Spool>> OpenSpool(const Manifest& manifest, Lasting lasting) override;
  Status DiscardSpool(const Digest& digest) override;
  std::vector<Digest> ListSpools() const override;

 private:
  std::string BlobFolder() const { return WholeBlobsIn(folder_); }
  std::string BlobPath(const Digest& digest) const { return BlobFolder() + "/" + digest.Hex(); }
  std::string PassingPath(const Digest& digest) const {
    return passing_folder_ + "/" + digest.Hex();
  }
  std::string PathTo(const Digest& digest) const;
  bool Lasts(const Digest& digest) const;  // it is here, and a power cut does not change that
  std::string SpoolStem(const Digest& digest) const { return folder_ + "/spools/" + digest.Hex(); }
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

  const std::string folder_;
  const std::string passing_folder_;  // of this boot
  File lock_;
  Spares spares_;
  mutable std::mutex mutex_;
  std::map<Digest, uint64_t> sizes_;  // guarded by mutex_
  std::set<Digest> passing_;          // of those, what lasts for this boot; guarded by mutex_
  uint64_t temporary_count_ = 0;      // guarded by mutex_
  // Taken before mutex_: the files of a blob and what is known of it change together. Else one that
  // is removed while it comes anew would be known, and its file gone.
  std::mutex naming_mutex_;
  // Taken before mutex_, and apart from it: opening a spool reserves room and may hash, while Has
  // is asked on the loop.
  std::mutex spool_mutex_;
  std::map<Digest, std::weak_ptr<FileSpool>> spools_;  // guarded by spool_mutex_
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
  return {};
}

void FileBlobStore::Load(const std::string& blobs, bool lasts) {
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(blobs, failed)) {
    const Result<Digest> digest = Digest::FromHex(entry.path().filename().string());
    if (!digest || Has(*digest)) continue;
    if (fs::exists(entry.path().string() + ".manifest", failed)) {
      sizes_[*digest] = entry.file_size(failed);
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
    sizes_[file.digest] = file.manifest.size;
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
  sizes_[file.digest] = file.manifest.size;
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
  const std::string path = PathTo(digest);
  DURE_ASSIGN(const File manifest_file, File::Open(path + ".manifest", O_RDONLY));
  DURE_ASSIGN(const Bytes encoded, manifest_file.ReadAll(kManifestBytesMax, path + ".manifest"));
  Result<Manifest> manifest = Manifest::Parse(encoded);
  if (!manifest || manifest->BlobDigest() != digest) {
    return Fail(ErrorCode::kCorrupt, path + ": its manifest does not match its name");
  }
  DURE_ASSIGN(const File file, File::Open(path, O_RDONLY));
  DURE_ASSIGN(const uint64_t size, file.Size());
  if (size != manifest->size) return Fail(ErrorCode::kCorrupt, path + ": its size is wrong");
  DURE_ASSIGN(Mapping mapping, Mapping::Of(file, size, path));
  return std::make_unique<FileReader>(std::move(*manifest), std::move(mapping));
}

bool FileBlobStore::Has(const Digest& digest) const {
  std::lock_guard lock(mutex_);
  return sizes_.contains(digest);
}

bool FileBlobStore::Lasts(const Digest& digest) const {
  std::lock_guard lock(mutex_);
  return sizes_.contains(digest) && !passing_.contains(digest);
}

std::string FileBlobStore::PathTo(const Digest& digest) const {
  std::lock_guard lock(mutex_);
  return passing_.contains(digest) ? PassingPath(digest) : BlobPath(digest);
}

Result<std::string> FileBlobStore::PathOf(const Digest& digest) const {
  if (!Has(digest)) return Fail(ErrorCode::kNotFound, "no blob " + digest.Hex());
  return PathTo(digest);
}

Status FileBlobStore::Remove(const Digest& digest) {
  const std::lock_guard naming(naming_mutex_);
  const std::string path = PathTo(digest);
  uint64_t size = 0;
  {
    std::lock_guard lock(mutex_);
    const auto found = sizes_.find(digest);
    if (found == sizes_.end()) return {};
    size = found->second;
    sizes_.erase(found);
    passing_.erase(digest);
  }
  // The manifest first: without it the bytes count as nothing.
  if (::unlink((path + ".manifest").c_str()) != 0 && errno != ENOENT)
    return Fail(SystemError(path, errno));
  if (spares_.Keep(path, size)) return {};
  // Not synced: after a power cut the blob is there again, whole, or counts as nothing.
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return Fail(SystemError(path, errno));
  return {};
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
  for (const auto& [digest, size] : sizes_) digests.push_back(digest);
  return digests;
}

uint64_t FileBlobStore::TotalBytes() const {
  std::lock_guard lock(mutex_);
  uint64_t total = 0;
  for (const auto& [digest, size] : sizes_) total += size;
  return total;
}

Result<std::shared_ptr<Spool>> FileBlobStore::OpenSpool(const Manifest& manifest, Lasting lasting) {
  const Digest digest = manifest.BlobDigest();
  // Held while the spool opens, so that two streams of one blob get one spool.
  std::lock_guard lock(spool_mutex_);
  const bool for_now = lasting == Lasting::kThisBoot;
  if (Lasts(digest) || (for_now && Has(digest))) {
    return Fail(ErrorCode::kAlreadyExists, "blob " + digest.Hex() + " is here already");
  }
  std::erase_if(spools_, [](const auto& entry) { return entry.second.expired(); });
  if (const auto found = spools_.find(digest); found != spools_.end()) {
    if (auto open = found->second.lock()) return open;
  }
  const auto settle = [this, digest, for_now](const std::string& path, const Manifest& whole) {
    if (for_now) return SettleForNow({path, whole, digest});
    std::vector<Whole> file;
    file.push_back({path, whole, digest});
    return Settle(std::move(file));
  };
  DURE_ASSIGN(std::shared_ptr<FileSpool> spool,
              FileSpool::Open(SpoolStem(digest), manifest, lasting, spares_, settle));
  spools_[digest] = spool;
  return spool;
}

Status FileBlobStore::DiscardSpool(const Digest& digest) {
  std::lock_guard lock(spool_mutex_);
  if (const auto found = spools_.find(digest); found != spools_.end()) {
    if (const auto open = found->second.lock()) open->Discard();
    spools_.erase(found);
  }
  FileSpool::Delete(SpoolStem(digest));
  return {};
}

std::vector<Digest> FileBlobStore::ListSpools() const {
  std::vector<Digest> digests;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(folder_ + "/spools", failed)) {
    if (entry.path().extension() != ".manifest") continue;
    if (const auto digest = Digest::FromHex(entry.path().stem().string())) {
      digests.push_back(*digest);
    }
  }
  std::sort(digests.begin(), digests.end());
  return digests;
}

}  // namespace

Result<std::unique_ptr<BlobStore>> OpenFileBlobStore(const std::string& folder) {
  auto store = std::make_unique<FileBlobStore>(folder);
  DURE_TRY(store->Prepare());
  return store;
}

}  // namespace dure::blob
