// Stall: what fails, on a full disk, and is tried again until it works. It is said once when it
// begins, and once when it works again. On the loop.
#pragma once

#include <functional>
#include <string>

#include "federation/result.h"

namespace dure::aggregator {

class Stall {
 public:
  // `what` completes "cannot …"; `folder` is on the disk that it takes.
  Stall(std::function<void(const std::string&)> say, std::string what, std::string folder)
      : say_(std::move(say)), what_(std::move(what)), folder_(std::move(folder)) {}

  // What came of a try. Returns whether it worked.
  template <typename T>
  bool Note(const Result<T>& tried) {
    return tried ? Worked() : Failed(tried.error());
  }

 private:
  bool Worked();
  bool Failed(const Error& why);

  const std::function<void(const std::string&)> say_;
  const std::string what_;
  const std::string folder_;
  bool failing_ = false;
};

}  // namespace dure::aggregator
