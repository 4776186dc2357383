#include "federation/codec/files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "federation/check.h"
#include "federation/codec/typed.h"
#include "federation/free_room.h"

namespace dure::codec {
namespace {

constexpr uint64_t kStretchBytes = uint64_t{1} << 20;  // sent to the disk at a time

ErrorCode CodeOf(int error) {
  switch (error) {
    case ENOENT:
      return ErrorCode::kNotFound;
    case EEXIST:
      return ErrorCode::kAlreadyExists;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return ErrorCode::kExhausted;
    default:
      return ErrorCode::kUnavailable;
  }
}

tl::unexpected<Error> FailErrno(const std::string& doing) {
  const int error = errno;
  return Fail(CodeOf(error), doing + ": " + std::strerror(error));
}

Status SyncAt(const std::string& path, int flags) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | flags);
  if (descriptor < 0) return FailErrno("opening " + path);
  const bool synced = ::fsync(descriptor) == 0;
  const auto failure = FailErrno("making " + path + " durable");
  ::close(descriptor);
  return synced ? Status() : Status(failure);
}

}  // namespace

Status SyncFile(const std::string& path) { return SyncAt(path, 0); }

Status SyncFolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  return SyncAt(folder, O_DIRECTORY);
}

Result<MappedFile> MappedFile::Open(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return FailErrno("opening " + path);
  MappedFile file;
  struct stat status {};
  void* data = nullptr;
  if (::fstat(descriptor, &status) == 0 && status.st_size > 0) {
    file.size_ = static_cast<size_t>(status.st_size);
    data = ::mmap(nullptr, file.size_, PROT_READ, MAP_SHARED, descriptor, 0);
  }
  const int error = errno;
  ::close(descriptor);  // the map keeps the file
  if (data == MAP_FAILED) {
    file.size_ = 0;
    errno = error;
    return FailErrno("mapping " + path);
  }
  file.data_ = static_cast<const uint8_t*>(data);
  return file;
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<uint8_t*>(data_), size_);
}

std::span<const float> MappedFile::Floats(uint64_t offset) const {
  if (offset >= size_) return {};
  return {Typed<float>(data_ + offset), (size_ - offset) / sizeof(float)};
}

Result<InputFile> InputFile::Open(const std::string& path) {
  DURE_ASSIGN(auto map, MappedFile::Open(path));
  InputFile file(std::move(map));
  file.descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file.descriptor_ < 0) return FailErrno("opening " + path);
  file.direct_ = ::open(path.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC);
  return file;
}

InputFile::InputFile(InputFile&& other) noexcept
    : map_(std::move(other.map_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      direct_(std::exchange(other.direct_, -1)) {}

InputFile& InputFile::operator=(InputFile&& other) noexcept {
  std::swap(map_, other.map_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(direct_, other.direct_);
  return *this;
}

InputFile::~InputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (direct_ >= 0) ::close(direct_);
}

// Not asked by a read that does not wait: that one fills memory from the disk all the same.
bool InputFile::InMemory(uint64_t offset, size_t bytes) const {
  if (offset + bytes > map_.bytes().size()) return false;
  std::vector<uint8_t> pages((bytes + kDirectBytes - 1) / kDirectBytes);
  auto* const from = const_cast<uint8_t*>(map_.bytes().data() + offset);
  if (::mincore(from, bytes, pages.data()) != 0) return false;
  return std::ranges::all_of(pages, [](uint8_t page) { return (page & 1) != 0; });
}

Status InputFile::ReadAt(uint64_t offset, std::span<uint8_t> room) const {
  const auto at = static_cast<off_t>(offset);
  const size_t whole = (room.size() + kDirectBytes - 1) / kDirectBytes * kDirectBytes;
  if (direct_ >= 0 && !InMemory(offset, room.size()) &&
      ::pread(direct_, room.data(), whole, at) >= static_cast<ssize_t>(room.size()))
    return {};
  while (!room.empty()) {
    const ssize_t got = ::pread(descriptor_, room.data(), room.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FailErrno("reading at offset " + std::to_string(offset));
    if (got == 0) return Fail(ErrorCode::kCorrupt, "a file ended while it was read");
    room = room.subspan(static_cast<size_t>(got));
    offset += static_cast<uint64_t>(got);
  }
  return {};
}

// Pages that leave memory between the question and the look are faulted in, no more.
Result<ByteView> InputFile::View(uint64_t offset, std::span<uint8_t> room) const {
  if (InMemory(offset, room.size())) return map_.bytes().subspan(offset, room.size());
  DURE_TRY(ReadAt(offset, room));
  return ByteView(room);
}

void DropFromMemory(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
  ::close(descriptor);
}

Result<OutputFile> OutputFile::Create(const std::string& path, uint64_t bytes, Caching caching) {
  OutputFile file;
  file.descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file.descriptor_ < 0) return FailErrno("creating " + path);
  file.owned_ = true;
  file.size_ = bytes;
  if (caching == Caching::kAround) {
    file.direct_ = ::open(path.c_str(), O_WRONLY | O_DIRECT | O_CLOEXEC);
  }
  const auto size = static_cast<off_t>(bytes);
  // Reserved at once: a full disk says so here, and filling the page cache takes two thirds of the
  // time.
  const bool room = HasRoom(file.descriptor_, bytes);
  if (size == 0 || (room && ::fallocate(file.descriptor_, 0, 0, size) == 0)) return file;
  if (!room) errno = ENOSPC;
  const bool cannot_reserve = errno == EOPNOTSUPP || errno == ENOSYS;
  if (cannot_reserve && ::ftruncate(file.descriptor_, size) == 0) return file;
  const auto failure = FailErrno("reserving " + std::to_string(bytes) + " bytes for " + path);
  ::unlink(path.c_str());
  return failure;
}

Result<OutputFile> OutputFile::Reuse(const std::string& path, uint64_t bytes, Caching caching) {
  OutputFile file;
  file.descriptor_ = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (file.descriptor_ < 0) return FailErrno("opening " + path);
  file.owned_ = true;
  file.size_ = bytes;
  struct stat status {};
  if (::fstat(file.descriptor_, &status) != 0) return FailErrno("the size of " + path);
  if (static_cast<uint64_t>(status.st_size) != bytes)
    return Fail(ErrorCode::kInvalid, path + " has another size than what replaces it");
  if (caching == Caching::kAround) {
    file.direct_ = ::open(path.c_str(), O_WRONLY | O_DIRECT | O_CLOEXEC);
  }
  return file;
}

OutputFile OutputFile::Borrow(int descriptor, uint64_t bytes) {
  OutputFile file;
  file.descriptor_ = descriptor;
  file.size_ = bytes;
  return file;
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      direct_(std::exchange(other.direct_, -1)),
      owned_(std::exchange(other.owned_, false)),
      size_(std::exchange(other.size_, 0)) {}

OutputFile& OutputFile::operator=(OutputFile&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(direct_, other.direct_);
  std::swap(owned_, other.owned_);
  std::swap(size_, other.size_);
  return *this;
}

OutputFile::~OutputFile() {
  if (direct_ >= 0) ::close(direct_);
  if (owned_) ::close(descriptor_);
}

Status OutputFile::WriteAt(uint64_t offset, ByteView bytes) const {
  DURE_CHECK(offset <= size_ && bytes.size() <= size_ - offset, "a write stays in its file");
  const auto whole = [](uint64_t value) { return value % kDirectBytes == 0; };
  if (direct_ >= 0 && whole(offset) && whole(reinterpret_cast<uintptr_t>(bytes.data()))) {
    const size_t count = bytes.size() / kDirectBytes * kDirectBytes;
    DURE_TRY(WriteThrough(direct_, offset, bytes.first(count)));
    offset += count;
    bytes = bytes.subspan(count);
  }
  if (bytes.empty()) return {};
  DURE_TRY(WriteThrough(descriptor_, offset, bytes));
  StartSync(offset, offset + bytes.size());
  return {};
}

// Each request to the disk costs the processor as much as copying its bytes, if they are few.
void OutputFile::StartSync(uint64_t begin, uint64_t end) const {
  begin = begin / kStretchBytes * kStretchBytes;
  if (end != size_) end = end / kStretchBytes * kStretchBytes;
  if (begin >= end) return;  // whoever completes the stretch sends it
  // A hint: what fails here shows in Sync.
  ::sync_file_range(descriptor_, static_cast<off_t>(begin), static_cast<off_t>(end - begin),
                    SYNC_FILE_RANGE_WRITE);
}

Status OutputFile::WriteThrough(int descriptor, uint64_t offset, ByteView bytes) const {
  while (!bytes.empty()) {
    const ssize_t written =
        ::pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    // A file system may take the flag and not the write.
    if (written < 0 && errno == EINVAL && descriptor == direct_) {
      return WriteThrough(descriptor_, offset, bytes);
    }
    if (written < 0) return FailErrno("writing at offset " + std::to_string(offset));
    if (written == 0) return Fail(ErrorCode::kExhausted, "a write took no bytes");
    bytes = bytes.subspan(static_cast<size_t>(written));
    offset += static_cast<uint64_t>(written);
  }
  return {};
}

Status OutputFile::Sync() const {
  if (::fdatasync(descriptor_) != 0) return FailErrno("making an output durable");
  return {};
}

}  // namespace dure::codec
