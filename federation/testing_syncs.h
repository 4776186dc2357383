// Which files and folders a test's program has made durable: its own fsync and fdatasync, in place
// of the C library's, note what they are called for; sync_file_range fails when a test says so.
// Included by one file of a test program.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>

namespace dure::testing_syncs {

struct Syncs {
  std::mutex mutex;
  std::map<ino_t, int> counts;    // guarded by mutex
  std::function<void()> watched;  // before each; set while nothing runs
  int write_back = 0;  // an errno: bytes were not written back, told once to whoever waits for them
};

inline Syncs& All() {
  static Syncs syncs;
  return syncs;
}

inline int Note(int number, int descriptor) {
  struct stat status = {};
  if (fstat(descriptor, &status) == 0) {
    const std::lock_guard lock(All().mutex);
    ++All().counts[status.st_ino];
  }
  if (All().watched) All().watched();
  return static_cast<int>(syscall(number, descriptor));
}

inline bool FailsToWriteBack() {
  const std::lock_guard lock(All().mutex);
  const int failure = std::exchange(All().write_back, 0);
  if (failure != 0) errno = failure;
  return failure != 0;
}

inline void Forget() {
  const std::lock_guard lock(All().mutex);
  All().counts.clear();
}

// Since Forget, of whatever has that name now.
inline int SyncsOf(const std::string& path) {
  struct stat status = {};
  if (stat(path.c_str(), &status) != 0) return 0;
  const std::lock_guard lock(All().mutex);
  const auto found = All().counts.find(status.st_ino);
  return found == All().counts.end() ? 0 : found->second;
}

}  // namespace dure::testing_syncs

extern "C" {
int fsync(int descriptor) { return dure::testing_syncs::Note(SYS_fsync, descriptor); }
int fdatasync(int descriptor) { return dure::testing_syncs::Note(SYS_fdatasync, descriptor); }
int sync_file_range(int descriptor, off64_t begin, off64_t size, unsigned flags) {
  constexpr unsigned kWaits = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WAIT_AFTER;
  if ((flags & kWaits) != 0 && dure::testing_syncs::FailsToWriteBack()) return -1;
  return static_cast<int>(syscall(SYS_sync_file_range, descriptor, begin, size, flags));
}
}
