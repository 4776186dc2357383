#include "cli/scratch_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

namespace dure::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPrefix = "dure-run-";
constexpr time_t kLeftoverSeconds = 60;  // a younger one may not be locked yet

int OpenFolder(const fs::path& path) {
  return open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

// `own`: a folder that was made just now, and whose time is the file system's own.
void RemoveLeftovers(const fs::path& below, int own) {
  struct stat now {};
  if (own < 0 || fstat(own, &now) != 0) return;
  const auto is_leftover = [&now](int folder) {
    struct stat about {};
    return fstat(folder, &about) == 0 && about.st_uid == now.st_uid &&
           now.st_mtime - about.st_mtime >= kLeftoverSeconds &&
           flock(folder, LOCK_EX | LOCK_NB) == 0;
  };
  std::error_code failed;
  for (fs::directory_iterator at(below, failed); !failed && at != fs::directory_iterator();
       at.increment(failed)) {
    if (!at->path().filename().string().starts_with(kPrefix)) continue;
    const int folder = OpenFolder(at->path());
    if (folder < 0) continue;
    std::error_code ignored;
    if (is_leftover(folder)) fs::remove_all(at->path(), ignored);
    close(folder);
  }
}

}  // namespace

ScratchFolder::ScratchFolder(const fs::path& below) {
  std::string pattern = (below / (std::string(kPrefix) + "XXXXXX")).string();
  if (mkdtemp(pattern.data()) == nullptr) return;
  path_ = pattern;
  lock_ = OpenFolder(path_);
  if (lock_ >= 0) flock(lock_, LOCK_EX | LOCK_NB);
  RemoveLeftovers(below, lock_);
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
  if (lock_ >= 0) close(lock_);
}

}  // namespace dure::cli
