#include "cli/text_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "cli/language.h"

namespace dure::cli {
namespace {

Error CannotWrite(const std::string& path, int number, const Context& context) {
  const std::string why = std::generic_category().message(number);
  return {
      number == ENOSPC || number == EDQUOT || number == EFBIG ? ErrorCode::kExhausted
                                                              : ErrorCode::kFailedPrecondition,
      Pick(context, path + " cannot be written: " + why, path + " 파일을 쓸 수 없습니다: " + why)};
}

std::string Aside(const std::string& path) { return path + ".writing"; }

// 0, or what the system says against it. The descriptor is closed either way.
int WriteAll(int descriptor, std::string_view bytes) {
  int number = 0;
  while (!bytes.empty() && number == 0) {
    const ssize_t written = write(descriptor, bytes.data(), bytes.size());
    if (written >= 0) bytes.remove_prefix(static_cast<size_t>(written));
    if (written < 0 && errno != EINTR) number = errno;
  }
  if (number == 0 && fsync(descriptor) != 0) number = errno;
  if (close(descriptor) != 0 && number == 0) number = errno;
  return number;
}

// A new file, never one that somebody else put there.
Result<int> OpenAside(const std::string& path, const Context& context) {
  std::error_code none;
  const auto there = std::filesystem::status(path, none);
  if (std::filesystem::exists(there) && !std::filesystem::is_regular_file(there)) {
    return Fail(ErrorCode::kInvalid,
                Pick(context, path + " is there and is no file that could be replaced",
                     path + " 자리에 바꿀 수 없는 것이 이미 있습니다"));
  }
  unlink(Aside(path).c_str());
  const int descriptor =
      open(Aside(path).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
  if (descriptor < 0) return Fail(CannotWrite(path, errno, context));
  return descriptor;
}

}  // namespace

Status CheckWritable(const std::string& path, const Context& context) {
  DURE_ASSIGN(const int descriptor, OpenAside(path, context));
  close(descriptor);
  unlink(Aside(path).c_str());
  return {};
}

Status WriteTextFile(const std::string& path, std::string_view bytes, const Context& context) {
  DURE_ASSIGN(const int descriptor, OpenAside(path, context));
  int number = WriteAll(descriptor, bytes);
  if (number == 0 && std::rename(Aside(path).c_str(), path.c_str()) != 0) number = errno;
  if (number == 0) return {};
  unlink(Aside(path).c_str());
  return Fail(CannotWrite(path, number, context));
}

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
