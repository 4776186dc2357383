#include <algorithm>
#include <fstream>
#include <string>

#include "federation/canonical.h"
#include "federation/data_files.h"
#include "policy/terms/passport.h"

namespace dure::terms {
namespace {

namespace fs = std::filesystem;

constexpr size_t kBufferBytes = size_t{1} << 20;

Status AddFile(const DataFile& file, Sha256Hasher& hasher, Measurement& measured) {
  std::error_code error;
  const uint64_t size = fs::file_size(file.path, error);
  std::ifstream in(file.path, std::ios::binary);
  if (error || !in)
    return Fail(ErrorCode::kFailedPrecondition, file.path.string() + " cannot be read");
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
  if (in.bad()) return Fail(ErrorCode::kFailedPrecondition, file.path.string() + " cannot be read");
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
  DURE_ASSIGN(const DataFiles found, ListDataFiles(path));
  if (found.files.empty()) {
    return Fail(ErrorCode::kInvalid,
                path.string() + (found.links.empty()
                                     ? " holds no file"
                                     : " holds links only, which are not followed: copy the files, "
                                       "or name the one that a link leads to"));
  }
  Measurement measured;
  Sha256Hasher hasher;
  hasher.Update(ByteView(salt));
  for (const DataFile& file : found.files) DURE_TRY(AddFile(file, hasher, measured));
  measured.digest = hasher.Finish();
  return measured;
}

}  // namespace dure::terms
