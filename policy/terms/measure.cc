#include <algorithm>
#include <fstream>
#include <string>

#include "federation/canonical.h"
#include "policy/terms/passport.h"

namespace dure::terms {
namespace {

namespace fs = std::filesystem;

constexpr size_t kBufferBytes = size_t{1} << 20;

struct DataFile {
  std::string name;  // as it is hashed
  fs::path path;
  bool operator<(const DataFile& other) const { return name < other.name; }
};

// Every regular file that is not reached through a link.
Result<std::vector<DataFile>> FilesOf(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) return Fail(ErrorCode::kNotFound, path.string() + " does not exist");
  std::vector<DataFile> files;
  if (fs::is_regular_file(status)) {
    files.push_back({path.filename().generic_string(), path});
    return files;
  }
  fs::recursive_directory_iterator at(path, error);
  if (error) return Fail(ErrorCode::kUnavailable, path.string() + ": " + error.message());
  for (; at != fs::recursive_directory_iterator(); at.increment(error)) {
    if (at->symlink_status(error).type() == fs::file_type::regular)
      files.push_back({at->path().lexically_relative(path).generic_string(), at->path()});
    if (files.size() > kDataFilesMax)
      return Fail(ErrorCode::kInvalid,
                  path.string() + " has more than " + std::to_string(kDataFilesMax) + " files");
    if (error) break;
  }
  if (error) return Fail(ErrorCode::kUnavailable, path.string() + ": " + error.message());
  if (files.empty()) return Fail(ErrorCode::kInvalid, path.string() + " holds no file");
  std::sort(files.begin(), files.end());
  return files;
}

Status AddFile(const DataFile& file, Sha256Hasher& hasher, Measurement& measured) {
  std::error_code error;
  const uint64_t size = fs::file_size(file.path, error);
  std::ifstream in(file.path, std::ios::binary);
  if (error || !in) return Fail(ErrorCode::kUnavailable, file.path.string() + " cannot be read");
  hasher.Update(CanonicalWriter().Text(file.name).U64(size).bytes());
  std::string buffer(kBufferBytes, '\0');
  uint64_t read = 0;
  char last = '\n';
  while (in) {
    in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    const auto count = static_cast<size_t>(in.gcount());
    if (count == 0) break;
    const std::string_view part(buffer.data(), count);
    hasher.Update(part);
    measured.lines += static_cast<uint64_t>(std::count(part.begin(), part.end(), '\n'));
    last = part.back();
    read += count;
  }
  if (in.bad()) return Fail(ErrorCode::kUnavailable, file.path.string() + " cannot be read");
  if (read != size)
    return Fail(ErrorCode::kFailedPrecondition,
                file.path.string() + " changed while it was read; try again when it is at rest");
  measured.lines += last == '\n' ? 0 : 1;
  measured.files += 1;
  measured.bytes += read;
  return {};
}

}  // namespace

Result<Measurement> MeasureData(const fs::path& path, const Salt& salt) {
  DURE_ASSIGN(const std::vector<DataFile> files, FilesOf(path));
  Measurement measured;
  Sha256Hasher hasher;
  hasher.Update(ByteView(salt));
  for (const DataFile& file : files) DURE_TRY(AddFile(file, hasher, measured));
  measured.digest = hasher.Finish();
  return measured;
}

}  // namespace dure::terms
