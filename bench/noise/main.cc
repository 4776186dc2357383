// Measures what noise costs a site, one thread: draws a second of each sampler, coordinates rotated
// and rounded a second, beside the same source's raw 64-bit words of the same run; and how long an
// account takes to answer. Prints one JSON object.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <functional>
#include <vector>

#include "federation/noise/discrete_gaussian.h"
#include "federation/noise/secret_random.h"
#include "federation/noise/skellam.h"
#include "federation/noise/vectors.h"
#include "policy/privacy/accountant.h"

namespace dure::noise {
namespace {

constexpr size_t kCount = 1 << 20;

double BestSeconds(const std::function<void()>& work) {
  double best = 1e9;
  for (int i = 0; i < 3; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    best = std::min(best, took.count());
  }
  return best;
}

double MillionsASecond(const std::function<void()>& work) {
  return kCount / BestSeconds(work) / 1e6;
}

double AccountMilliseconds(double noise, double sampling, uint64_t steps) {
  const privacy::Charge charge{privacy::SampledGaussian{noise, sampling}, steps};
  volatile double epsilon = 0;
  return 1000 * BestSeconds([&] { epsilon = privacy::EpsilonOf({&charge, 1}, 1e-6).epsilon; });
}

void Measure() {
  SecretRandom random(SecretRandom::Key{1});
  BitSource bits(random);
  std::vector<int32_t> integers(kCount);
  std::vector<float> floats(kCount, 0.25F);
  volatile uint64_t sink = 0;
  const double words = MillionsASecond([&] {
    uint64_t sum = 0;
    for (size_t i = 0; i < kCount; ++i) sum += bits.Word();
    sink = sum;
  });
  std::printf("{\"random_words_millions_s\": %.1f", words);
  for (const uint64_t variance : {uint64_t{100}, uint64_t{1} << 32}) {
    const DiscreteGaussian sampler = *DiscreteGaussian::Make(variance);
    const double rate = MillionsASecond([&] {
      std::fill(integers.begin(), integers.end(), 0);
      sampler.AddTo(integers, bits);
    });
    std::printf(", \"discrete_gaussian_%.0f_millions_s\": %.2f",
                std::sqrt(static_cast<double>(variance)), rate);
  }
  for (const uint64_t variance : {uint64_t{100}, Skellam::kVarianceMax}) {
    const Skellam sampler = *Skellam::Make(variance);
    const double rate = MillionsASecond([&] {
      std::fill(integers.begin(), integers.end(), 0);
      sampler.AddTo(integers, bits);
    });
    std::printf(", \"skellam_%.0f_millions_s\": %.2f", std::sqrt(static_cast<double>(variance)),
                rate);
  }
  const Digest seed = Sha256(AsBytes("bench"));
  std::printf(", \"rotated_millions_s\": %.1f", MillionsASecond([&] { Rotate(seed, 0, floats); }));
  std::fill(floats.begin(), floats.end(), 0.25F);
  std::printf(", \"rounded_millions_s\": %.1f", MillionsASecond([&] {
                if (!RoundToGrid(floats, 1000.7, bits, integers)) std::abort();
              }));
  std::printf(", \"account_ms\": {\"2250_steps\": %.0f, \"30000_steps\": %.0f, \"whole\": %.2f}}\n",
              AccountMilliseconds(1.5, 0.04, 2250), AccountMilliseconds(1.0, 1e-3, 30000),
              AccountMilliseconds(20, 1, 1000));
}

}  // namespace
}  // namespace dure::noise

int main() {
  dure::noise::Measure();
  return 0;
}
