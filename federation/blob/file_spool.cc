#include "federation/blob/file_spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>

#include "federation/free_room.h"

namespace dure::blob {
namespace {

constexpr size_t kBootIdBytes = 36;

Status Reserve(const File& file, uint64_t size, const std::string& what) {
  if (size == 0) return {};
  const int failed = HasRoomBesideWhatIsKept(file.descriptor(), size)
                         ? ::posix_fallocate(file.descriptor(), 0, static_cast<off_t>(size))
                         : ENOSPC;
  if (failed == 0) return {};
  return Fail(SystemError("reserving " + std::to_string(size) + " bytes for " + what, failed));
}

}  // namespace

// So that a power cut between two openings is noticed.
std::string BootId() {
  static const std::string id = [] {
    std::string text(kBootIdBytes,
                     kUnknownBoot);  // an unreadable id never equals a stored one's text
    const int file = ::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (file < 0) return text;
    if (::read(file, text.data(), kBootIdBytes) != static_cast<ssize_t>(kBootIdBytes)) {
      text.assign(kBootIdBytes, kUnknownBoot);
    }
    ::close(file);
    return text;
  }();
  return id;
}

Result<std::shared_ptr<FileSpool>> FileSpool::Open(const std::string& stem,
                                                   const Manifest& manifest, Lasting lasting,
                                                   Spares& spares, Settle settle) {
  std::shared_ptr<FileSpool> spool(new FileSpool(stem, manifest, lasting, std::move(settle)));
  spool->held_.assign((manifest.ChunkCount() + 7) / 8, 0);
  DURE_TRY(spool->Create(spares));
  return spool;
}

void FileSpool::Delete(const std::string& stem) {
  // The bits first: without them no chunk is believed to be held.
  for (const char* suffix : {".bits", ".part", ".manifest"}) ::unlink((stem + suffix).c_str());
}

Status FileSpool::Create(Spares& spares) {
  if (::access((stem_ + ".part").c_str(), F_OK) != 0) {
    ::unlink((stem_ + ".bits").c_str());  // of a part that is gone: void for a spare's bytes
    (void)spares.Take(manifest_.size, stem_ + ".part");
  }
  Files files;
  DURE_ASSIGN(files.part, File::Open(stem_ + ".part", O_RDWR | O_CREAT));
  DURE_ASSIGN(const uint64_t present, files.part.Size());
  if (present != manifest_.size) {
    if (::ftruncate(files.part.descriptor(), 0) != 0) return Fail(SystemError(stem_, errno));
    if (Status reserved = Reserve(files.part, manifest_.size, stem_); !reserved) {
      Delete(stem_);  // gives back what part of the room was there
      return reserved;
    }
  }
  // Not synced: whoever opens the spool again brings the manifest along.
  DURE_TRY(WriteAside(stem_ + ".manifest", manifest_.Encode()).map([](const File&) {}));
  DURE_ASSIGN(files.bits, File::Open(stem_ + ".bits", O_RDWR | O_CREAT));
  if (present == manifest_.size) DURE_TRY(LoadBits(files));
  DURE_TRY(files.bits.WriteAt(AsBytes(BootId()), 0, stem_));
  DURE_TRY(files.bits.WriteAt(held_, kBootIdBytes, stem_));
  files_ = std::move(files);
  return {};
}

Status FileSpool::LoadBits(const Files& files) {
  DURE_ASSIGN(const Bytes stored, files.bits.ReadAll(kBootIdBytes + held_.size(), stem_));
  if (stored.size() != kBootIdBytes + held_.size()) return {};  // never finished: nothing is held
  held_.assign(stored.begin() + kBootIdBytes, stored.end());
  for (uint64_t bit = manifest_.ChunkCount(); bit < held_.size() * 8; ++bit) {
    held_[bit / 8] &= static_cast<uint8_t>(~(1u << (bit % 8)));
  }
  const std::string boot(AsText(ByteView(stored).first(kBootIdBytes)));
  if (boot != BootId() || boot.front() == kUnknownBoot) DURE_TRY(VerifyHeld(files.part));
  for (const uint8_t byte : held_) held_count_ += static_cast<uint64_t>(std::popcount(byte));
  return {};
}

Status FileSpool::VerifyHeld(const File& part) {
  DURE_ASSIGN(const Mapping mapping, Mapping::Of(part, manifest_.size, stem_));
  for (uint64_t index = 0; index < manifest_.ChunkCount(); ++index) {
    if (!Held(index)) continue;
    const ByteView bytes =
        mapping.bytes().subspan(manifest_.ChunkOffset(index), manifest_.ChunkSize(index));
    if (manifest_.ChunkMatches(index, bytes)) continue;
    held_[index / 8] &= static_cast<uint8_t>(~(1u << (index % 8)));
  }
  return {};
}

class FileSpool::Writing {
 public:
  // REQUIRES: the spool's mutex_ is held, and its files are open.
  explicit Writing(FileSpool& spool) : spool_(spool), files_(*spool.files_) { ++spool.writing_; }
  Writing(const Writing&) = delete;
  Writing& operator=(const Writing&) = delete;
  ~Writing() {
    const std::lock_guard lock(spool_.mutex_);
    if (--spool_.writing_ == 0) spool_.calm_.notify_all();
  }
  const Files& files() const { return files_; }

 private:
  FileSpool& spool_;
  const Files& files_;
};

void FileSpool::Close(std::unique_lock<std::mutex>& lock) {
  calm_.wait(lock, [this] { return writing_ == 0; });
  files_.reset();
}

Status FileSpool::WriteChunk(uint64_t index, ByteView bytes) {
  if (index >= manifest_.ChunkCount()) {
    return Fail(ErrorCode::kInvalid, "no chunk " + std::to_string(index) + " in this blob");
  }
  std::optional<Writing> writing;  // destroyed after the locks below
  {
    std::lock_guard lock(mutex_);
    if (discarded_) return Fail(ErrorCode::kCancelled, "the blob is no longer wanted");
    if (Held(index)) return {};
    writing.emplace(*this);
  }
  const Files& files = writing->files();
  if (!manifest_.ChunkMatches(index, bytes)) {
    return Fail(ErrorCode::kCorrupt,
                "chunk " + std::to_string(index) + " does not match its digest");
  }
  const uint64_t offset = manifest_.ChunkOffset(index);
  DURE_TRY(files.part.WriteAt(bytes, offset, stem_));
  // Starts writeback now, so that Complete's fsync finds little left to do. A hint: its failure
  // shows there.
  if (lasting_ == Lasting::kThroughPowerCuts) {
    ::sync_file_range(files.part.descriptor(), static_cast<off_t>(offset),
                      static_cast<off_t>(bytes.size()), SYNC_FILE_RANGE_WRITE);
  }
  std::lock_guard lock(mutex_);
  if (discarded_) return Fail(ErrorCode::kCancelled, "the blob is no longer wanted");
  if (Held(index)) return {};  // another stream was faster with the same bytes
  const uint8_t byte = static_cast<uint8_t>(held_[index / 8] | 1u << (index % 8));
  DURE_TRY(files.bits.WriteAt(ByteView(&byte, 1), kBootIdBytes + index / 8, stem_));
  held_[index / 8] = byte;
  ++held_count_;
  return {};
}

bool FileSpool::HasChunk(uint64_t index) const {
  std::lock_guard lock(mutex_);
  return index < manifest_.ChunkCount() && Held(index);
}

Bytes FileSpool::MissingBitmap() const {
  std::lock_guard lock(mutex_);
  Bytes missing(held_.size(), 0);
  for (uint64_t index = 0; index < manifest_.ChunkCount(); ++index) {
    if (!Held(index)) missing[index / 8] |= static_cast<uint8_t>(1u << (index % 8));
  }
  return missing;
}

uint64_t FileSpool::MissingCount() const {
  std::lock_guard lock(mutex_);
  return manifest_.ChunkCount() - held_count_;
}

Status FileSpool::Complete() {
  std::lock_guard one_at_a_time(complete_mutex_);
  {
    std::lock_guard lock(mutex_);
    if (complete_) return {};
    if (discarded_) return Fail(ErrorCode::kCancelled, "the blob is no longer wanted");
    if (held_count_ != manifest_.ChunkCount()) {
      return Fail(ErrorCode::kFailedPrecondition,
                  std::to_string(manifest_.ChunkCount() - held_count_) + " chunks are missing");
    }
  }
  DURE_TRY(settle_(stem_ + ".part", manifest_));
  Delete(stem_);
  std::unique_lock lock(mutex_);
  complete_ = true;
  Close(lock);  // of the spool's files only the blob's bytes still have a name
  return {};
}

bool FileSpool::Discarded() const {
  std::lock_guard lock(mutex_);
  return discarded_;
}

void FileSpool::Discard() {
  std::lock_guard one_at_a_time(complete_mutex_);
  std::unique_lock lock(mutex_);
  discarded_ = true;
  Close(lock);
}

}  // namespace dure::blob
