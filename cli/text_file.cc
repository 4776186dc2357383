#include "cli/text_file.h"

#include <filesystem>
#include <fstream>

#include "cli/language.h"

namespace dure::cli {

Result<std::string> ReadTextFile(const std::string& path, const Context& context) {
  std::error_code none;
  if (std::filesystem::is_directory(path, none)) {
    return Fail(ErrorCode::kNotFound, Pick(context, path + " is a folder; a file is wanted",
                                           path + " 폴더가 아니라 파일을 지정하십시오"));
  }
  std::ifstream in(path, std::ios::binary);
  std::string bytes;
  // One byte beyond the bound is enough to know that it is too long.
  std::string part(size_t{1} << 16, '\0');
  while (in && bytes.size() <= kTextFileBytesMax) {
    in.read(part.data(), static_cast<std::streamsize>(part.size()));
    bytes.append(part, 0, static_cast<size_t>(in.gcount()));
  }
  if (!in.is_open() || in.bad()) {
    return Fail(ErrorCode::kNotFound,
                Pick(context, path + " cannot be read", path + " 파일을 읽을 수 없습니다"));
  }
  if (bytes.size() <= kTextFileBytesMax) return bytes;
  return Fail(ErrorCode::kExhausted,
              Pick(context, path + " is longer than 16 MiB", path + " 파일이 16 MiB보다 깁니다"));
}

}  // namespace dure::cli
