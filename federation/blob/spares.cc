#include "federation/blob/spares.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <filesystem>

#include "federation/blob/file.h"
#include "federation/limits.h"

namespace dure::blob {
namespace {

// Taken from us the moment anybody else opens the file; refused while anybody else has it open or
// mapped. Asked for and given back at once: the file has no name that others know, and but one.
bool OnlyOurs(const std::string& path) {
  const auto file = File::Open(path, O_RDWR);
  struct stat status {};
  if (!file || ::fstat(file->descriptor(), &status) != 0 || status.st_nlink != 1) return false;
  if (::fcntl(file->descriptor(), F_SETLEASE, F_WRLCK) != 0) return false;
  ::fcntl(file->descriptor(), F_SETLEASE, F_UNLCK);
  return true;
}

}  // namespace

uint64_t Spares::Room() const {
  struct statvfs disk {};
  if (::statvfs(folder_.c_str(), &disk) != 0) return 0;
  return static_cast<uint64_t>(disk.f_bavail) * disk.f_frsize;
}

bool Spares::Keep(const std::string& path, uint64_t bytes) {
  if (bytes < limits::kSpareBytesMin || bytes > limits::kSpareBytesMax) return false;
  if (Room() < limits::kSparesBytesMax) return false;
  std::string kept;
  {
    std::lock_guard lock(mutex_);
    kept = folder_ + "/" + std::to_string(count_++);
  }
  if (::rename(path.c_str(), kept.c_str()) != 0) return false;
  ::chmod(kept.c_str(), 0600);
  if (!SyncFolder(std::filesystem::path(path).parent_path().string())) {
    ::unlink(kept.c_str());
    return true;
  }
  std::lock_guard lock(mutex_);
  spares_.push_back({kept, bytes});
  uint64_t total = 0;
  for (const Spare& spare : spares_) total += spare.bytes;
  while (total > limits::kSparesBytesMax ||
         spares_.size() > limits::kSparesMax) {  // the oldest are the least likely to be in memory
    ::unlink(spares_.front().path.c_str());
    total -= spares_.front().bytes;
    spares_.pop_front();
  }
  return true;
}

bool Spares::Take(uint64_t bytes, const std::string& path) {
  {
    std::lock_guard lock(mutex_);
    for (size_t i = spares_.size(); i-- > 0;) {
      if (spares_[i].bytes != bytes) continue;
      const std::string spare = spares_[i].path;
      spares_.erase(spares_.begin() + static_cast<ptrdiff_t>(i));
      if (OnlyOurs(spare) && ::rename(spare.c_str(), path.c_str()) == 0) return true;
      ::unlink(spare.c_str());  // whoever has it open keeps it until closing it
    }
  }
  if (Room() < 2 * bytes) Clear();
  return false;
}

void Spares::Clear() {
  std::lock_guard lock(mutex_);
  spares_.clear();
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(folder_, failed)) {
    std::filesystem::remove(entry.path(), failed);
  }
}

}  // namespace dure::blob
