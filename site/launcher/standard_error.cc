#include "site/launcher/standard_error.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace dure::launcher {
namespace {

constexpr size_t kErrorLineBytesMax = 2000;

void CloseEnd(int& fd) {
  if (fd >= 0) close(fd);
  fd = -1;
}

// Control characters, those of two bytes in UTF-8 too, become question marks.
std::string Harmless(std::string line) {
  for (size_t i = 0; i < line.size(); ++i) {
    const auto byte = static_cast<unsigned char>(line[i]);
    const auto before = i == 0 ? 0 : static_cast<unsigned char>(line[i - 1]);
    const bool is_second = before == 0xc2 && byte >= 0x80 && byte < 0xa0;
    if (is_second) line[i - 1] = '?';
    if (byte < 0x20 || byte == 0x7f || is_second) line[i] = '?';
  }
  return line;
}

}  // namespace

StandardError::StandardError() {
  if (pipe2(ends_, O_CLOEXEC) != 0) return;
  fcntl(ends_[0], F_SETFL, O_NONBLOCK);
}

StandardError::~StandardError() {
  CloseEnd(ends_[0]);
  CloseEnd(ends_[1]);
}

void StandardError::CloseWriteEnd() { CloseEnd(ends_[1]); }

void StandardError::Read() {
  char part[4096];
  while (ends_[0] >= 0) {
    const ssize_t n = read(ends_[0], part, sizeof part);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
      CloseEnd(ends_[0]);
      if (!begun_.empty()) HandOn(std::exchange(begun_, {}));
      return;
    }
    begun_.append(part, static_cast<size_t>(n));
    for (size_t end = begun_.find('\n'); end != std::string::npos; end = begun_.find('\n')) {
      HandOn(begun_.substr(0, end));
      begun_.erase(0, end + 1);
    }
    if (begun_.size() > kErrorLineBytesMax) HandOn(std::exchange(begun_, {}));
  }
}

void StandardError::HandOn(std::string line) {
  line = Harmless(line.substr(0, kErrorLineBytesMax));
  if (line.find_first_not_of(' ') != std::string::npos) last_line_ = line;
  line += '\n';
  // Where nobody listens it is lost.
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace dure::launcher
