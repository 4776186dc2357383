// Channel: lines over a stream socket. One thread may send while another receives.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "federation/result.h"
#include "model/seat/messages.h"

namespace dure::seat {

// Cuts a byte stream into lines; total and bounded: a line longer than kLineBytesMax is dropped
// whole and reported once.
class LineCutter {
 public:
  void Feed(std::string_view bytes) { pending_.append(bytes); }
  // The next whole line without its line feed; nullopt: feed more. kExhausted: the line was too
  // long and is skipped; later lines are fine.
  Result<std::optional<std::string>> Next();

 private:
  std::string pending_;
  size_t searched_ = 0;  // no line feed before it
  bool skipping_ = false;
};

// Owns what it reads and writes: one socket, or two ends of pipes.
class Channel {
 public:
  explicit Channel(int fd) : fd_(fd), out_(fd) {}
  Channel(int in, int out) : fd_(in), out_(out) {}
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // Blocks while the peer does not read. kUnavailable: the peer is gone.
  Status Send(std::string_view line);
  // Blocks for a line; nullopt when the peer closed. kExhausted as LineCutter::Next.
  Result<std::optional<std::string>> Receive();
  // Ends sending: the peer reads what was sent, then sees the end.
  void CloseSending();
  int fd() const { return fd_; }

 private:
  const int fd_;
  const int out_;
  std::mutex sending_;
  LineCutter cutter_;
};

}  // namespace dure::seat
