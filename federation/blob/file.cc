#include "federation/blob/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace dure::blob {

Error SystemError(const std::string& what, int number) {
  ErrorCode code = ErrorCode::kUnavailable;
  if (number == ENOSPC || number == EDQUOT || number == EFBIG || number == ENOMEM) {
    code = ErrorCode::kExhausted;
  } else if (number == ENOENT) {
    code = ErrorCode::kNotFound;
  }
  return {code, what + ": " + std::strerror(number)};
}

File::~File() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

File& File::operator=(File&& other) noexcept {
  if (this != &other) {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = other.Release();
  }
  return *this;
}

int File::Release() { return std::exchange(descriptor_, -1); }

Result<File> File::Open(const std::string& path, int flags) {
  const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC, 0600);
  if (descriptor < 0) return Fail(SystemError(path, errno));
  return File(descriptor);
}

Result<uint64_t> File::Size() const {
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0) return Fail(SystemError("the size of a file", errno));
  return static_cast<uint64_t>(status.st_size);
}

Status File::WriteAt(ByteView bytes, uint64_t offset, const std::string& what) const {
  while (!bytes.empty()) {
    const ssize_t wrote =
        ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return Fail(SystemError(what, errno));
    bytes = bytes.subspan(static_cast<size_t>(wrote));
    offset += static_cast<uint64_t>(wrote);
  }
  return {};
}

Result<Bytes> File::ReadAll(size_t bytes_max, const std::string& what) const {
  DURE_ASSIGN(const uint64_t size, Size());
  if (size > bytes_max) return Fail(ErrorCode::kCorrupt, what + ": larger than it can be");
  Bytes bytes(size);
  size_t done = 0;
  while (done < size) {
    const ssize_t got =
        ::pread(descriptor_, bytes.data() + done, size - done, static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Fail(SystemError(what, errno));
    if (got == 0) return Fail(ErrorCode::kCorrupt, what + ": shrank while it was read");
    done += static_cast<size_t>(got);
  }
  return bytes;
}

void File::StartSync() const { ::sync_file_range(descriptor_, 0, 0, SYNC_FILE_RANGE_WRITE); }

// Its times are nobody's concern: a file that was written over in place then leaves the file
// system's journal alone.
Status File::Sync(const std::string& what) const {
  if (::fdatasync(descriptor_) != 0) return Fail(SystemError("syncing " + what, errno));
  return {};
}

Result<Mapping> Mapping::Of(const File& file, uint64_t size, const std::string& what) {
  Mapping mapping;
  if (size == 0) return mapping;
  void* start = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.descriptor(), 0);
  if (start == MAP_FAILED) return Fail(SystemError("mapping " + what, errno));
  mapping.start_ = static_cast<const uint8_t*>(start);
  mapping.size_ = size;
  return mapping;
}

Mapping::~Mapping() {
  if (start_ != nullptr) ::munmap(const_cast<uint8_t*>(start_), size_);
}

Mapping::Mapping(Mapping&& other) noexcept
    : start_(std::exchange(other.start_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  std::swap(start_, other.start_);
  std::swap(size_, other.size_);
  return *this;
}

// What writing a file changes in the file system is in its journal once the bytes are written: then
// the first sync has all of that committed, and the others find it so.
Status SyncTogether(const std::vector<const File*>& files, const std::string& what) {
  constexpr unsigned kWritten =
      SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
  // Where bytes were not written back that is told once for each open file, so it is heard here;
  // whoever cannot wait so (a file system may not) has it from Sync.
  for (const File* file : files) {
    const bool failed = ::sync_file_range(file->descriptor(), 0, 0, kWritten) != 0;
    if (failed && (errno == EIO || errno == ENOSPC || errno == EDQUOT)) {
      return Fail(SystemError("syncing " + what, errno));
    }
  }
  for (const File* file : files) DURE_TRY(file->Sync(what));
  return {};
}

Status SyncFolder(const std::string& folder) {
  DURE_ASSIGN(const File directory, File::Open(folder, O_RDONLY | O_DIRECTORY));
  if (::fsync(directory.descriptor()) != 0) return Fail(SystemError("syncing " + folder, errno));
  return {};
}

Result<File> WriteAside(const std::string& path, ByteView bytes) {
  DURE_ASSIGN(File file, File::Open(path, O_WRONLY | O_CREAT | O_TRUNC));
  if (Status written = file.WriteAt(bytes, 0, path); !written) {
    ::unlink(path.c_str());
    return Fail(std::move(written.error()));
  }
  file.StartSync();
  return file;
}

}  // namespace dure::blob
