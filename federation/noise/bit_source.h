// Uniform bits and integers for samplers, from a Random a buffer at a time.
//
// The samplers' only source of chance; production gives it a SecretRandom (secret_random.h says
// why). What was drawn is overwritten when the buffer is refilled and wiped at the end. Not
// thread-safe.
#pragma once

#include <array>
#include <cstdint>

#include "federation/random.h"

namespace dure::noise {

using Uint128 = unsigned __int128;

class BitSource {
 public:
  explicit BitSource(Random& random) : random_(random) {}  // outlives the source
  ~BitSource();
  BitSource(const BitSource&) = delete;
  BitSource& operator=(const BitSource&) = delete;

  uint64_t Word();
  bool Bit();
  // Uniform in [0, bound), exactly. REQUIRES: bound > 0.
  uint64_t Below(uint64_t bound);
  Uint128 Below(Uint128 bound);

 private:
  static constexpr size_t kWords = 512;

  Random& random_;
  std::array<uint64_t, kWords> words_{};
  size_t next_ = kWords;
  uint64_t bits_ = 0;
  int bit_count_ = 0;
};

}  // namespace dure::noise
