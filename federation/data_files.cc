#include "federation/data_files.h"

#include <algorithm>

namespace dure {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTermsFile = "terms.toml";

bool IsHidden(const fs::path& path) { return path.filename().string().starts_with('.'); }

Result<DataFiles> ListFolder(const fs::path& folder) {
  DataFiles found;
  std::error_code failed;
  fs::path at = folder;  // what a failure is about
  for (fs::recursive_directory_iterator walk(folder, failed);
       !failed && walk != fs::recursive_directory_iterator(); walk.increment(failed)) {
    at = walk->path();
    std::error_code ignored;
    const fs::file_type type = walk->symlink_status(ignored).type();
    if (IsHidden(at)) {
      if (type == fs::file_type::directory) walk.disable_recursion_pending();
      continue;
    }
    if (walk.depth() == 0 && at.filename() == kTermsFile) continue;
    const std::string name = at.lexically_relative(folder).generic_string();
    if (type == fs::file_type::symlink) found.links.push_back(name);
    if (type == fs::file_type::regular) found.files.push_back({at, name});
    if (found.files.size() + found.links.size() > kDataFilesMax) {
      return Fail(ErrorCode::kExhausted, folder.string() + " holds more than a million files");
    }
  }
  if (failed) {
    return Fail(ErrorCode::kFailedPrecondition,
                "the folder " + at.string() + " cannot be read: " + failed.message());
  }
  std::ranges::sort(found.files, {}, &DataFile::name);
  std::ranges::sort(found.links);
  return found;
}

}  // namespace

Result<DataFiles> ListDataFiles(const fs::path& path) {
  std::error_code failed;
  const fs::file_status status = fs::status(path, failed);
  if (fs::is_regular_file(status)) {
    return DataFiles{.files = {{path, path.filename().generic_string()}}, .links = {}};
  }
  if (fs::is_directory(status)) return ListFolder(path);
  if (fs::exists(status)) {
    return Fail(ErrorCode::kInvalid, path.string() + " is neither a file nor a folder");
  }
  if (status.type() == fs::file_type::not_found) {
    return Fail(ErrorCode::kNotFound, "there is no file or folder " + path.string());
  }
  return Fail(ErrorCode::kFailedPrecondition,
              path.string() + " cannot be read: " + failed.message());
}

}  // namespace dure
