// A folder for the first blobs of a run, which may be as large as its model: gone at its end, and
// if whoever made it was interrupted or killed, gone when the next one is made.
#pragma once

#include <filesystem>
#include <string>

namespace dure::cli {

class ScratchFolder {
 public:
  // Removes what earlier ones left in `below`: of this user, held by no process, a minute old.
  explicit ScratchFolder(const std::filesystem::path& below);
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }  // empty: it could not be made

 private:
  std::filesystem::path path_;
  int lock_ = -1;  // held as long as the process lives, so that nobody takes it for a leftover
};

}  // namespace dure::cli
