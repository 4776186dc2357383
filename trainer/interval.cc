#include "trainer/interval.h"

#include <algorithm>
#include <vector>

namespace dure::trainer {
namespace {

// SplitMix64 (Steele, Lea, Flood 2014).
uint64_t NextRandom(uint64_t& state) {
  state += 0x9e3779b97f4a7c15;
  uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

// The bias of this map is below `count` / 2^64.
size_t IndexBelow(size_t count, uint64_t& state) {
  return static_cast<size_t>((static_cast<unsigned __int128>(NextRandom(state)) * count) >> 64);
}

}  // namespace

std::optional<MeanInterval> IntervalOfMean(std::span<const SequenceLoss> losses, uint64_t draws,
                                           uint64_t seed) {
  if (losses.size() < 2) return std::nullopt;
  std::vector<double> means;
  means.reserve(draws);
  uint64_t state = seed;
  for (uint64_t draw = 0; draw < draws; ++draw) {
    SequenceLoss sum;
    for (size_t i = 0; i < losses.size(); ++i) {
      const SequenceLoss& one = losses[IndexBelow(losses.size(), state)];
      sum.nats += one.nats;
      sum.bytes += one.bytes;
    }
    if (sum.bytes > 0) means.push_back(sum.nats / static_cast<double>(sum.bytes));
  }
  if (means.empty()) return std::nullopt;
  std::ranges::sort(means);
  const size_t out = means.size() / 40;  // on either side: 2.5 of 100
  return MeanInterval{means[out], means[means.size() - 1 - out]};
}

}  // namespace dure::trainer
