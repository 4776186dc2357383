#include "model/seat/channel.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace dure::seat {

Result<std::optional<std::string>> LineCutter::Next() {
  for (;;) {
    // Bytes searched before are not searched again, or many small feeds of one line would be
    // quadratic.
    const size_t end = pending_.find('\n', searched_);
    if (end == std::string::npos) {
      searched_ = pending_.size();
      if (!skipping_ && pending_.size() <= kLineBytesMax) return std::nullopt;
      const bool first = !skipping_;
      skipping_ = true;
      pending_.clear();
      searched_ = 0;
      if (first) return Fail(ErrorCode::kExhausted, "a line is longer than 64 KiB");
      return std::nullopt;
    }
    std::string line = pending_.substr(0, end);
    pending_.erase(0, end + 1);
    searched_ = 0;
    if (skipping_) {  // the rest of a line that was reported already
      skipping_ = false;
      continue;
    }
    if (line.size() > kLineBytesMax) {
      return Fail(ErrorCode::kExhausted, "a line is longer than 64 KiB");
    }
    return line;
  }
}

Channel::~Channel() {
  close(fd_);
  if (out_ != fd_) close(out_);
}

Status Channel::Send(std::string_view line) {
  const std::lock_guard lock(sending_);
  while (!line.empty()) {
    // A pipe's reader that is gone raises a signal, which whoever has one here ignores.
    const ssize_t n = out_ == fd_ ? send(fd_, line.data(), line.size(), MSG_NOSIGNAL)
                                  : write(out_, line.data(), line.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      return Fail(ErrorCode::kUnavailable,
                  std::string("the other end is gone: ") + strerror(errno));
    }
    line.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

Result<std::optional<std::string>> Channel::Receive() {
  for (;;) {
    auto line = cutter_.Next();
    if (!line || line->has_value()) return line;
    char part[16384];
    const ssize_t n = read(fd_, part, sizeof part);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return std::nullopt;  // closed, or reset by a peer that died
    cutter_.Feed({part, static_cast<size_t>(n)});
  }
}

void Channel::CloseSending() { shutdown(out_, SHUT_WR); }

}  // namespace dure::seat
