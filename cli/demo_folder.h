// DemoFolder: where a demonstration works, held by one process at a time.
//
// Everything new is prepared in fresh(), beside an earlier demonstration, which is removed by
// Replace alone: whatever is refused before leaves it as it was. Life: Take, Replace; its end
// removes what was never put in place.
#pragma once

#include <filesystem>
#include <memory>

#include "federation/result.h"

namespace dure::cli {

class DemoFolder {
 public:
  // `dir` is absolute. kAlreadyExists: it holds something else, or another demonstration works in
  // it; kUnavailable: it cannot be made.
  static Result<std::unique_ptr<DemoFolder>> Take(const std::filesystem::path& dir);
  ~DemoFolder();
  DemoFolder(const DemoFolder&) = delete;
  DemoFolder& operator=(const DemoFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path fresh() const { return path_ / ".fresh"; }
  // The earlier demonstration goes; what lies in fresh() lies in path() from now on.
  Status Replace();
  // Where a path in fresh() is after Replace; any other stays as it is.
  std::filesystem::path Placed(const std::filesystem::path& path) const;

 private:
  DemoFolder() = default;

  std::filesystem::path path_;
  int lock_ = -1;        // as long as this process lives
  bool is_new_ = false;  // there was no such folder
  bool replaced_ = false;
};

}  // namespace dure::cli
