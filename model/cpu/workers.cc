#include "model/cpu/workers.h"

#include "federation/check.h"

// libgomp's, which oneDNN runs on. Declared here because clang ships no omp.h.
extern "C" void omp_set_num_threads(int);
extern "C" int omp_get_max_threads(void);

namespace dure::model::cpu {
namespace {

constexpr int kSpins = 500;  // tens of microseconds: longer than a wake-up costs

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

void WaitWhile(const std::atomic<uint32_t>& value, uint32_t old) {
  for (int i = 0; i < kSpins; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
    Pause();
  }
  while (value.load(std::memory_order_acquire) == old) value.wait(old, std::memory_order_acquire);
}

}  // namespace

Workers::Workers(uint32_t size) : size_(size) {
  DURE_CHECK(size >= 1 && size <= kWorkersMax, "options are validated before");
  for (uint32_t i = 1; i < size; ++i) team_.emplace_back([this, i] { Serve(i); });
}

Workers::~Workers() {
  ending_.store(true);
  generation_.fetch_add(1);
  generation_.notify_all();
  for (std::thread& thread : team_) thread.join();
}

void Workers::Run(const std::function<void(uint32_t)>& work) {
  const int library_threads = omp_get_max_threads();
  omp_set_num_threads(1);
  work_ = &work;
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  work(0);
  Barrier();
  omp_set_num_threads(library_threads);
}

void Workers::Barrier() {
  const uint32_t phase = phase_.load(std::memory_order_relaxed);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == size_) {
    arrived_.store(0, std::memory_order_relaxed);
    phase_.fetch_add(1, std::memory_order_release);
    phase_.notify_all();
    return;
  }
  WaitWhile(phase_, phase);
}

void Workers::Serve(uint32_t index) {
  omp_set_num_threads(1);
  uint32_t generation = 0;
  for (;;) {
    WaitWhile(generation_, generation);
    ++generation;
    if (ending_.load()) return;
    (*work_)(index);
    Barrier();
  }
}

}  // namespace dure::model::cpu
