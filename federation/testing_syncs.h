// Which files and folders a test's program has made durable: its own fsync and fdatasync, in place
// of the C library's, note what they are called for. Included by one file of a test program.
#pragma once

#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <functional>
#include <map>
#include <mutex>
#include <string>

namespace dure::testing_syncs {

struct Syncs {
  std::mutex mutex;
  std::map<ino_t, int> counts;    // guarded by mutex
  std::function<void()> watched;  // before each; set while nothing runs
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
}
