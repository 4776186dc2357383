#include "federation/identity/private_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace dure::identity {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }

 private:
  int fd_;
};

// What trying again cannot help is not unavailable.
ErrorCode CodeOfFailure(int reason) {
  switch (reason) {
    case ENOSPC:
    case EDQUOT:
      return ErrorCode::kExhausted;
    case ENOENT:
      return ErrorCode::kNotFound;
    case EACCES:
    case EPERM:
    case EROFS:
    case ENOTDIR:
    case EISDIR:
    case ELOOP:
    case ENAMETOOLONG:
      return ErrorCode::kFailedPrecondition;
    default:
      return ErrorCode::kUnavailable;
  }
}

tl::unexpected<Error> SystemFailure(std::string_view doing, const std::filesystem::path& path) {
  const int reason = errno;
  return Fail(CodeOfFailure(reason),
              std::string(doing) + " " + path.string() + ": " + std::strerror(reason));
}

Status SyncFolder(const std::filesystem::path& dir) {
  const Descriptor folder(open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid() || fsync(folder.get()) != 0) return SystemFailure("cannot sync", dir);
  return {};
}

Status WriteAll(int fd, std::string_view bytes, const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return SystemFailure("cannot write", path);
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  if (fsync(fd) != 0) return SystemFailure("cannot sync", path);
  return {};
}

}  // namespace

Status MakePrivateFolder(const std::filesystem::path& dir) {
  std::error_code ignored;  // mkdir below says what is wrong
  if (dir.has_parent_path()) std::filesystem::create_directories(dir.parent_path(), ignored);
  if (mkdir(dir.c_str(), 0700) != 0 && errno != EEXIST) {
    return SystemFailure("cannot make the folder", dir);
  }
  if (chmod(dir.c_str(), 0700) != 0) return SystemFailure("cannot make private the folder", dir);
  return {};
}

Status WritePrivateFile(const std::filesystem::path& path, std::string_view bytes) {
  const std::filesystem::path fresh = path.string() + ".writing";
  unlink(fresh.c_str());  // left by a crash
  {
    const Descriptor file(
        open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file.valid()) return SystemFailure("cannot make", fresh);
    const Status written = WriteAll(file.get(), bytes, fresh);
    if (!written) {
      unlink(fresh.c_str());
      return written;
    }
  }
  return RenamePrivate(fresh, path);
}

Result<std::string> ReadPrivateFile(const std::filesystem::path& path) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid()) return SystemFailure("cannot read", path);
  struct stat facts = {};
  if (fstat(file.get(), &facts) != 0) return SystemFailure("cannot read", path);
  if (!S_ISREG(facts.st_mode) || facts.st_size > static_cast<off_t>(kPrivateFileBytesMax)) {
    return Fail(ErrorCode::kCorrupt, path.string() + " is not a file that Dure wrote");
  }
  if ((facts.st_mode & 077) != 0) {
    return Fail(ErrorCode::kPermissionDenied,
                path.string() +
                    " can be read by others: chmod 600 it, and if others may have "
                    "read it, enrol again with new keys");
  }
  std::string bytes(static_cast<size_t>(facts.st_size), '\0');
  size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t n = read(file.get(), bytes.data() + filled, bytes.size() - filled);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return SystemFailure("cannot read", path);
    if (n == 0) break;
    filled += static_cast<size_t>(n);
  }
  bytes.resize(filled);
  return bytes;
}

Status RenamePrivate(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (rename(from.c_str(), to.c_str()) != 0) return SystemFailure("cannot put in place", to);
  return SyncFolder(to.has_parent_path() ? to.parent_path() : ".");
}

}  // namespace dure::identity
