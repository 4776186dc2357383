// A fixed team of threads that run one function together.
//
// Run(f) calls f(0) on the caller and f(1) … f(size-1) on the team, and returns when all have
// returned; inside, Barrier() waits for the whole team. Waiting spins some microseconds and then
// sleeps, since several trainers may share one machine. Library GEMMs called inside use one thread
// each.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

namespace dure::model::cpu {

inline constexpr uint32_t kWorkersMax = 1024;

class Workers {
 public:
  // REQUIRES: 1 <= size <= kWorkersMax.
  explicit Workers(uint32_t size);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  uint32_t size() const { return size_; }
  // Not reentrant; one caller at a time.
  void Run(const std::function<void(uint32_t)>& work);
  // REQUIRES: called by every worker of the running Run equally often.
  void Barrier();

 private:
  void Serve(uint32_t index);

  const uint32_t size_;
  const std::function<void(uint32_t)>* work_ = nullptr;
  std::atomic<uint32_t> generation_{0};  // of Run: the team starts when it changes
  std::atomic<uint32_t> arrived_{0};
  std::atomic<uint32_t> phase_{0};  // of Barrier
  std::atomic<bool> ending_{false};
  std::vector<std::thread> team_;
};

// The part [begin, end) of `count` things that worker `index` of `size` does, in multiples of
// `unit`.
struct Share {
  size_t begin = 0;
  size_t end = 0;
  size_t size() const { return end - begin; }
};
inline Share ShareOf(size_t count, uint32_t index, uint32_t size, size_t unit = 1) {
  const size_t units = (count + unit - 1) / unit;
  const auto edge = [&](size_t i) {
    const size_t at = units * i / size * unit;
    return at < count ? at : count;
  };
  return {edge(index), edge(index + size_t{1})};
}

}  // namespace dure::model::cpu
