#include "cli/demo_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <fstream>
#include <system_error>

namespace dure::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDemoMark = "demo.json";  // whatever lies beside it was made by one of these
constexpr const char* kDemoLock = "demo.lock";

Status OrUnavailable(const std::error_code& error, const std::string& what) {
  if (!error) return {};
  return Fail(ErrorCode::kFailedPrecondition, "cannot " + what + ": " + error.message());
}

}  // namespace

Result<std::unique_ptr<DemoFolder>> DemoFolder::Take(const fs::path& dir) {
  std::error_code error;
  auto folder = std::unique_ptr<DemoFolder>(new DemoFolder());
  folder->is_new_ = !fs::exists(dir, error);
  const bool is_ours = fs::exists(dir / kDemoMark, error) || fs::exists(dir / kDemoLock, error);
  if (!folder->is_new_ && !is_ours && !(fs::is_directory(dir, error) && fs::is_empty(dir, error))) {
    return Fail(ErrorCode::kAlreadyExists,
                dir.string() + " is not empty and no earlier demonstration; choose another --keep");
  }
  fs::create_directories(dir, error);
  DURE_TRY(OrUnavailable(error, "make " + dir.string()));
  folder->lock_ = open((dir / kDemoLock).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (folder->lock_ < 0) {
    return Fail(ErrorCode::kFailedPrecondition, "cannot write in " + dir.string());
  }
  if (flock(folder->lock_, LOCK_EX | LOCK_NB) != 0) {
    return Fail(ErrorCode::kAlreadyExists, "another demonstration works in " + dir.string() +
                                               "; wait for its end, or choose another --keep");
  }
  folder->path_ = dir;
  fs::remove_all(folder->fresh(), error);  // of one that was killed
  fs::create_directories(folder->fresh(), error);
  DURE_TRY(OrUnavailable(error, "make " + folder->fresh().string()));
  return folder;
}

DemoFolder::~DemoFolder() {
  std::error_code ignored;
  if (!path_.empty() && !replaced_) fs::remove_all(is_new_ ? path_ : fresh(), ignored);
  if (lock_ >= 0) close(lock_);
}

Status DemoFolder::Replace() {
  std::ofstream(fresh() / kDemoMark) << "{}\n";
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(path_, error)) {
    const fs::path name = entry.path().filename();
    if (name == kDemoLock || entry.path() == fresh()) continue;
    fs::remove_all(entry.path(), error);
    DURE_TRY(OrUnavailable(error, "remove " + entry.path().string()));
  }
  replaced_ = true;
  for (const auto& entry : fs::directory_iterator(fresh(), error)) {
    fs::rename(entry.path(), path_ / entry.path().filename(), error);
    DURE_TRY(OrUnavailable(error, "move " + entry.path().string()));
  }
  fs::remove_all(fresh(), error);
  return OrUnavailable(error, "remove " + fresh().string());
}

fs::path DemoFolder::Placed(const fs::path& path) const {
  const fs::path inside = path.lexically_relative(fresh());
  if (inside.empty() || *inside.begin() == "..") return path;
  return (path_ / inside).lexically_normal();
}

}  // namespace dure::cli
