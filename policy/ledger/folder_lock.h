// A folder that one process writes. Inside this room only.
#pragma once

#include <string>

#include "federation/result.h"

namespace dure::ledger {

// Held while this process may write; the kernel lets go of it when the process dies.
class FolderLock {
 public:
  FolderLock() = default;
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;
  ~FolderLock();
  // kFailedPrecondition: another process holds it. kUnavailable: the file cannot be made.
  Status Take(const std::string& path);

 private:
  int fd_ = -1;
};

}  // namespace dure::ledger
