// Prints one number made of every bit that the codec's loops give at every vector level of this
// machine. Built in several ways by same_bits.py, which wants the same number from all; so it uses
// nothing but kernels.cc and the standard library.
#include <bit>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "federation/codec/kernels.h"

namespace {

using dure::codec::BestLevel;
using dure::codec::kBlock;
using dure::codec::kBlockPadded;
using dure::codec::Kernels;
using dure::codec::KernelsAt;
using dure::codec::RoundingKey;
using dure::codec::RoundScale;
using dure::codec::VectorLevel;

class Fingerprint {
 public:
  template <typename T>
  void Add(const std::vector<T>& values) {
    const auto* bytes = reinterpret_cast<const uint8_t*>(values.data());
    for (size_t i = 0; i < values.size() * sizeof(T); ++i) {
      state_ = (state_ ^ bytes[i]) * 0x100000001b3U;
    }
  }
  void Add(uint64_t value) { Add(std::vector<uint64_t>{value}); }
  uint64_t value() const { return state_; }

 private:
  uint64_t state_ = 0xcbf29ce484222325U;
};

class Numbers {
 public:
  explicit Numbers(uint64_t seed) : state_(seed) {}
  uint32_t Next() {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    return static_cast<uint32_t>(state_ >> 32);
  }
  // Magnitudes over many powers of two: what contraction and double rounding would show in.
  std::vector<float> Floats(size_t count) {
    std::vector<float> values(count);
    for (float& value : values) {
      const uint32_t word = Next();
      value = std::bit_cast<float>((word & 0x807fffffU) | ((100 + (word >> 23) % 28) << 23));
    }
    return values;
  }

 private:
  uint64_t state_;
};

void AddEncode(const Kernels& k, uint64_t seed, size_t count, Fingerprint& print) {
  Numbers numbers(seed);
  const auto base = numbers.Floats(count), trained = numbers.Floats(count);
  const auto residual = numbers.Floats(count);
  std::vector<float> u(count), left(count);
  std::vector<int8_t> narrow(count);
  std::vector<int16_t> wide(count);
  print.Add(k.update(count, base.data(), trained.data(), residual.data(), u.data()));
  print.Add(u);
  RoundScale scale{127.0F / 0.3F, 0.3F / 127.0F, {}};
  RoundingKey(seed, 5, scale.key);
  print.Add(k.round8(count, u.data(), scale, narrow.data(), left.data()));
  print.Add(narrow);
  print.Add(left);
  scale.to_lane *= 258;
  scale.to_value /= 258;
  print.Add(k.round16(count, u.data(), scale, wide.data(), left.data()));
  print.Add(wide);
  print.Add(left);
  scale.to_lane /= 4000;
  scale.to_value *= 4000;
  print.Add(k.round4(count, u.data(), scale, narrow.data(), left.data()));
  print.Add(narrow);
  print.Add(left);
  std::vector<uint8_t> folded((count + 1) / 2);
  k.fold4(count, narrow.data(), folded.data());
  print.Add(folded);
  print.Add(static_cast<uint64_t>(k.unfold4(count, folded.data(), narrow.data())));
  print.Add(narrow);
}

void AddMerge(const Kernels& k, uint64_t seed, size_t count, Fingerprint& print) {
  Numbers numbers(seed);
  std::vector<std::vector<int8_t>> lanes(5, std::vector<int8_t>(count));
  std::vector<const int8_t*> at;
  for (auto& site : lanes) {
    for (int8_t& lane : site) lane = static_cast<int8_t>(numbers.Next() % 255 - 127);
    at.push_back(site.data());
  }
  std::vector<int16_t> sums(kBlockPadded);
  std::vector<uint8_t> low(count), high(kBlock);
  std::vector<int32_t> unpacked(count);
  print.Add(static_cast<uint64_t>(k.sum8(count, at.data(), at.size(), 0, sums.data())));
  print.Add(k.pack8(count, sums.data(), 4, low.data(), high.data()));
  print.Add(low);
  print.Add(high);
  print.Add(static_cast<uint64_t>(k.unpack8(count, low.data(), high.data(), 4, unpacked.data())));
  print.Add(unpacked);
  std::vector<double> means(count);
  k.means(count, unpacked.data(), 0.3 / 127 / 2.7, means.data());
  print.Add(means);
  const auto base = numbers.Floats(count), momentum = numbers.Floats(count);
  std::vector<float> model(count), next(count);
  print.Add(k.outer(count, means.data(), {0.7, 0.9},
                    {base.data(), momentum.data(), model.data(), next.data()}));
  print.Add(model);
  print.Add(next);
}

}  // namespace

int main() {
  uint64_t first = 0;
  for (const VectorLevel level : {VectorLevel::kPlain, VectorLevel::kAvx2, VectorLevel::kAvx512}) {
    if (level > BestLevel()) continue;
    Fingerprint print;
    for (const size_t count : {size_t{1}, size_t{77}, size_t{1023}, kBlock}) {
      for (uint64_t seed = 0; seed < 20; ++seed) {
        AddEncode(KernelsAt(level), seed, count, print);
        AddMerge(KernelsAt(level), seed, count, print);
      }
    }
    if (level == VectorLevel::kPlain) first = print.value();
    if (print.value() != first) std::printf("level %d differs ", static_cast<int>(level));
  }
  std::printf("%016" PRIx64 "\n", first);
}
