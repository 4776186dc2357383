#include "model/safetensors.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "federation/check.h"
#include "federation/free_room.h"

namespace dure::model {
namespace {

Error SystemError(const std::filesystem::path& path, const char* what) {
  const int number = errno;
  ErrorCode code = ErrorCode::kInternal;
  if (number == ENOENT) code = ErrorCode::kNotFound;
  if (number == ENOSPC || number == EDQUOT || number == EFBIG) code = ErrorCode::kExhausted;
  if (number == EACCES || number == EPERM) code = ErrorCode::kPermissionDenied;
  return {code, std::string(what) + " " + path.string() + ": " + std::strerror(number)};
}

// Owns a descriptor for as long as a mapping is being made.
class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (value_ >= 0) close(value_);
  }
  int value() const { return value_; }

 private:
  int value_;
};

Result<uint8_t*> Map(const Descriptor& file, size_t bytes, bool writable,
                     const std::filesystem::path& path) {
  const int protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
  void* map = mmap(nullptr, bytes, protection, MAP_SHARED, file.value(), 0);
  if (map == MAP_FAILED) return Fail(SystemError(path, "cannot map"));
  return static_cast<uint8_t*>(map);
}

Status WriteAll(const Descriptor& file, ByteView bytes, const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t written = write(file.value(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Fail(SystemError(path, "cannot write"));
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  return {};
}

Status SyncDirectory(const std::filesystem::path& file) {
  std::filesystem::path directory = file.parent_path();
  if (directory.empty()) directory = ".";
  const Descriptor handle(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (handle.value() < 0 || fsync(handle.value()) != 0)
    return Fail(SystemError(directory, "cannot sync"));
  return {};
}

Status WriteParameters(const std::filesystem::path& path, const Layout& layout,
                       std::span<const float> parameters) {
  const Descriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (file.value() < 0) return Fail(SystemError(path, "cannot create"));
  const auto* bytes = reinterpret_cast<const uint8_t*>(parameters.data());
  DURE_TRY(WriteAll(file, SafetensorsHeader(layout), path));
  DURE_TRY(WriteAll(file, {bytes, parameters.size_bytes()}, path));
  if (fsync(file.value()) != 0) return Fail(SystemError(path, "cannot sync"));
  return {};
}

}  // namespace

Result<SafetensorsFile> SafetensorsFile::Create(const std::filesystem::path& path,
                                                const Layout& layout) {
  const Bytes header = SafetensorsHeader(layout);
  const uint64_t bytes = header.size() + layout.parameter_count() * sizeof(float);
  // A file that is mapped elsewhere keeps its own inode: it is unlinked, never truncated.
  if (unlink(path.c_str()) != 0 && errno != ENOENT)
    return Fail(SystemError(path, "cannot replace"));
  const Descriptor file(open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (file.value() < 0) return Fail(SystemError(path, "cannot create"));
  const int error = HasRoom(file.value(), bytes)
                        ? posix_fallocate(file.value(), 0, static_cast<off_t>(bytes))
                        : ENOSPC;
  if (error != 0) {
    errno = error;
    Error failure = SystemError(path, "cannot reserve space for");
    unlink(path.c_str());
    return Fail(std::move(failure));
  }
  DURE_TRY(WriteAll(file, header, path));
  DURE_ASSIGN(uint8_t * map, Map(file, bytes, true, path));
  SafetensorsFile result;
  result.layout_ = layout;
  result.data_offset_ = header.size();
  result.map_ = map;
  result.map_bytes_ = bytes;
  result.writable_ = true;
  return result;
}

Result<SafetensorsFile> SafetensorsFile::Open(const std::filesystem::path& path, Access access) {
  const bool writable = access == Access::kReadWrite;
  const Descriptor file(open(path.c_str(), (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC));
  if (file.value() < 0) return Fail(SystemError(path, "cannot open"));
  struct stat status {};
  if (fstat(file.value(), &status) != 0) return Fail(SystemError(path, "cannot inspect"));
  if (!S_ISREG(status.st_mode) || status.st_size < 8) {
    return Fail(ErrorCode::kInvalid, path.string() + ": not a safetensors file");
  }
  SafetensorsFile result;
  const size_t bytes = static_cast<size_t>(status.st_size);
  DURE_ASSIGN(result.map_, Map(file, bytes, writable, path));
  result.map_bytes_ = bytes;
  result.writable_ = writable;
  auto parsed = ParseSafetensors({result.map_, bytes}, bytes);
  if (!parsed) return Within(parsed.error(), path.string());
  result.layout_ = std::move(parsed->layout);
  result.data_offset_ = parsed->data_offset;
  return result;
}

SafetensorsFile::SafetensorsFile(SafetensorsFile&& other) noexcept { *this = std::move(other); }

SafetensorsFile& SafetensorsFile::operator=(SafetensorsFile&& other) noexcept {
  std::swap(layout_, other.layout_);
  std::swap(data_offset_, other.data_offset_);
  std::swap(map_, other.map_);
  std::swap(map_bytes_, other.map_bytes_);
  std::swap(writable_, other.writable_);
  return *this;
}

SafetensorsFile::~SafetensorsFile() {
  if (map_ != nullptr) munmap(map_, map_bytes_);
}

std::span<const float> SafetensorsFile::flat() const {
  return {reinterpret_cast<const float*>(map_ + data_offset_), layout_.parameter_count()};
}

std::span<float> SafetensorsFile::mutable_flat() {
  DURE_CHECK(writable_, "only a file opened for writing gives a writable vector");
  return {reinterpret_cast<float*>(map_ + data_offset_), layout_.parameter_count()};
}

ByteView SafetensorsFile::data() const { return {map_ + data_offset_, map_bytes_ - data_offset_}; }

Status SafetensorsFile::Sync() {
  if (msync(map_, map_bytes_, MS_SYNC) != 0)
    return Fail(SystemError("a model file", "cannot sync"));
  return {};
}

Status WriteSafetensors(const std::filesystem::path& path, const Layout& layout,
                        std::span<const float> parameters) {
  if (parameters.size() != layout.parameter_count()) {
    return Fail(ErrorCode::kInvalid, "the parameters are not as many as the layout says");
  }
  const std::filesystem::path temporary = path.string() + ".writing";
  const Status written = WriteParameters(temporary, layout, parameters);
  if (!written) {
    unlink(temporary.c_str());  // a full disk needs the room
    return written;
  }
  if (rename(temporary.c_str(), path.c_str()) != 0)
    return Fail(SystemError(path, "cannot replace"));
  return SyncDirectory(path);
}

}  // namespace dure::model
