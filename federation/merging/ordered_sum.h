// Adds vectors of doubles in the order of their numbers, whatever order they come in: sums then
// have the same bits for any number of threads. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

namespace dure::merging {

class OrderedSum {
 public:
  explicit OrderedSum(size_t size) : total_(size) {}

  // REQUIRES: each number from 0 on once; all of the same size.
  void Put(uint64_t number, std::vector<double> values) {
    const std::lock_guard lock(mutex_);
    waiting_.emplace(number, std::move(values));
    // Work is begun in order, so no more wait than there are threads, or little more.
    while (!waiting_.empty() && waiting_.begin()->first == next_) {
      const std::vector<double>& come = waiting_.begin()->second;
      for (size_t i = 0; i < total_.size(); ++i) total_[i] += come[i];
      waiting_.erase(waiting_.begin());
      ++next_;
    }
  }
  // Once all have come.
  const std::vector<double>& total() const { return total_; }

 private:
  std::mutex mutex_;
  std::map<uint64_t, std::vector<double>> waiting_;  // under mutex_
  uint64_t next_ = 0;                                // under mutex_
  std::vector<double> total_;                        // under mutex_
};

}  // namespace dure::merging
