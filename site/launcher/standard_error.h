// What the ranks of a trainer write to their standard error: a pipe, so that they hold no terminal
// of whoever started this process. It is handed on to this process's own, line by line and without
// what a terminal would obey, and the last line is kept, since it often says why a trainer ended.
#pragma once

#include <string>

namespace dure::launcher {

class StandardError {
 public:
  StandardError();
  StandardError(const StandardError&) = delete;
  StandardError& operator=(const StandardError&) = delete;
  ~StandardError();

  // For the children; -1: none to be had, and they keep this process's own.
  int write_end() const { return ends_[1]; }
  // Once they have it.
  void CloseWriteEnd();
  // To wait for; -1: nothing more will come.
  int read_end() const { return ends_[0]; }
  // Hands on what is there, without waiting.
  void Read();
  // Empty: nothing was said.
  const std::string& last_line() const { return last_line_; }

 private:
  void HandOn(std::string line);

  int ends_[2] = {-1, -1};
  std::string begun_;  // of a line
  std::string last_line_;
};

}  // namespace dure::launcher
