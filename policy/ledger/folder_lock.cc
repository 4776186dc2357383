#include "policy/ledger/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace dure::ledger {

FolderLock::~FolderLock() {
  if (fd_ >= 0) close(fd_);
}

Status FolderLock::Take(const std::string& path) {
  fd_ = open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644);
  if (fd_ < 0) {
    return Fail(ErrorCode::kFailedPrecondition, "opening " + path + ": " + std::strerror(errno));
  }
  if (flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    return Fail(
        ErrorCode::kFailedPrecondition,
        path + " is held: a daemon, or another command, works in this folder; stop it first");
  }
  return {};
}

}  // namespace dure::ledger
