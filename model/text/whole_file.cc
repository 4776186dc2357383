#include "model/text/whole_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace dure::text {
namespace {

Status WriteAll(int fd, const std::filesystem::path& path, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Fail(FileError("write", path));
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

Status WriteAs(const std::filesystem::path& path, std::string_view bytes, bool is_synced) {
  const std::filesystem::path temporary = path.string() + ".new";
  const int fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return Fail(FileError("create", temporary));
  Status written = WriteAll(fd, temporary, bytes);
  if (written && is_synced && fsync(fd) != 0) written = Fail(FileError("sync", temporary));
  close(fd);
  if (!written) {
    unlink(temporary.c_str());
    return written;
  }
  if (rename(temporary.c_str(), path.c_str()) != 0) return Fail(FileError("rename to", path));
  return {};
}

}  // namespace

Error FileError(std::string_view action, const std::filesystem::path& path) {
  const int number = errno;
  ErrorCode code = ErrorCode::kUnavailable;
  if (number == ENOENT || number == ENOTDIR) code = ErrorCode::kNotFound;
  if (number == ENOSPC || number == EDQUOT || number == EFBIG) code = ErrorCode::kExhausted;
  if (number == EACCES || number == EPERM) code = ErrorCode::kPermissionDenied;
  return {code, "could not " + std::string(action) + " " + path.string() + ": " + strerror(number)};
}

Result<std::string> ReadWhole(const std::filesystem::path& path, size_t bytes_max) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return Fail(FileError("open", path));
  std::string bytes;
  char part[65536];
  ssize_t n = 0;
  while ((n = read(fd, part, sizeof part)) != 0) {
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 || bytes.size() + static_cast<size_t>(n) > bytes_max) break;
    bytes.append(part, static_cast<size_t>(n));
  }
  const Error error = FileError("read", path);
  close(fd);
  if (n < 0) return Fail(error);
  if (n > 0) {
    return Fail(ErrorCode::kExhausted,
                path.string() + " is larger than " + std::to_string(bytes_max) + " bytes");
  }
  return bytes;
}

Status WriteWhole(const std::filesystem::path& path, std::string_view bytes) {
  return WriteAs(path, bytes, true);
}

Status WriteWholeUnsynced(const std::filesystem::path& path, std::string_view bytes) {
  return WriteAs(path, bytes, false);
}

}  // namespace dure::text
