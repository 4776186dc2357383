// For tests: what every device must compute, tried on one with fresh inputs and poisoned outputs.
//
// Without a GPU the devices are the emulated one in both orders, which must give the same bits;
// with DURE_CUDA_PLUGIN=path of the plug-in it is the real one (bench/gpu/verify.sh). Inputs come
// from a new seed each run; DURE_SEED repeats one.
#pragma once

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "federation/check.h"
#include "federation/random.h"
#include "model/cuda/device.h"
#include "model/cuda/emulated/emulated_device.h"
#include "model/cuda/plugin.h"

namespace dure::model::cuda {

// Memory on a device, as floats on this side.
class Board {
 public:
  explicit Board(const DeviceTable& table) : device_(Device::Open(table, 0)) {
    DURE_CHECK(device_, device_ ? "" : device_.error().message.c_str());
  }

  Device& device() { return **device_; }

  template <typename T>
  T* In(const std::vector<T>& values) {
    T* const memory = Room<T>(values.size());
    device().CopyIn(memory, std::span(values));
    return memory;
  }
  template <typename T>
  T* Numbers(const std::vector<float>& values) {
    std::vector<T> numbers;
    for (const float x : values) numbers.push_back(FromFloat<T>(x));
    return In(numbers);
  }
  // Poisoned: every byte 0xff, which is NaN in each type.
  template <typename T>
  T* Room(size_t count) {
    auto memory = device().Allocate(std::max<size_t>(count, 1) * sizeof(T));
    DURE_CHECK(memory, "tests fit any device");
    device().CopyIn(static_cast<uint8_t*>(*memory),
                    std::span<const uint8_t>(std::vector<uint8_t>(count * sizeof(T), 0xff)));
    return static_cast<T*>(*memory);
  }
  template <typename T>
  std::vector<T> Raw(const T* memory, size_t count) {
    std::vector<T> values(count);
    const Status copied = device().CopyOut(std::span(values), memory);
    EXPECT_TRUE(copied) << copied.error().message;
    return values;
  }
  template <typename T>
  std::vector<float> Out(const T* memory, size_t count) {
    std::vector<float> floats;
    for (const T x : Raw(memory, count)) floats.push_back(ToFloat(x));
    return floats;
  }

 private:
  Result<std::unique_ptr<Device>> device_;
};

inline const DeviceTable* RealTable() {
  const char* path = std::getenv("DURE_CUDA_PLUGIN");
  if (path == nullptr) return nullptr;
  static const auto table = LoadPlugin(path);
  DURE_CHECK(table, table ? "" : table.error().message.c_str());
  return *table;
}

inline bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

// What `work` gives on the device; the same bits in both orders of the emulated one.
using Results = std::vector<std::vector<float>>;
inline Results OnEachDevice(const std::function<Results(Board&)>& work) {
  if (const DeviceTable* real = RealTable()) {
    Board board(*real);
    return work(board);
  }
  Board up(EmulatedTable(Order::kUpwards));
  Board down(EmulatedTable(Order::kDownwards));
  const Results results = work(up);
  const Results again = work(down);
  EXPECT_EQ(results.size(), again.size());
  for (size_t i = 0; i < results.size(); ++i) {
    EXPECT_TRUE(SameBits(results[i], again[i]))
        << "result " << i << " depends on the threads' order";
  }
  return results;
}

inline uint64_t FreshSeed() {
  static const uint64_t seed = [] {
    const char* given = std::getenv("DURE_SEED");
    const uint64_t fresh =
        given ? std::strtoull(given, nullptr, 10) : SystemRandom().Next64() >> 32;
    testing::Test::RecordProperty("seed", std::to_string(fresh));
    std::fprintf(stderr, "inputs of DURE_SEED=%llu\n", static_cast<unsigned long long>(fresh));
    return fresh;
  }();
  return seed;
}

// Uniform in [-scale, scale), and exact in T, so that the oracle begins with the same numbers.
template <typename T>
std::vector<float> Fresh(size_t count, uint64_t which, float scale = 1) {
  SeededRandom random(FreshSeed() * 1000 + which);
  std::vector<float> floats(count);
  for (float& x : floats) {
    const float uniform = static_cast<float>(random.Below(1 << 20)) / (1 << 19) - 1.0F;
    x = ToFloat(FromFloat<T>(uniform * scale));
  }
  return floats;
}

// Every value within `relative` of the expected one's magnitude, or of `floor` where that is small.
inline void ExpectClose(const std::vector<float>& values, const std::vector<float>& expected,
                        double relative, double floor = 1.0) {
  ASSERT_EQ(values.size(), expected.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const double wanted = static_cast<double>(expected[i]);
    const double allowed = relative * std::max(std::abs(wanted), floor);
    ASSERT_TRUE(std::abs(static_cast<double>(values[i]) - wanted) <= allowed)
        << "element " << i << ": " << values[i] << ", expected " << wanted << " within " << allowed;
  }
}

// The stated errors: one rounding of T, and what sums of some hundred terms lose in fp32.
template <typename T>
inline constexpr double kError = sizeof(T) == 2 ? 1.0 / 128 : 3e-5;

}  // namespace dure::model::cuda
