// The only source of chance. OpenSSL's in production, a seeded one in simulation and for
// reproducible training.
#pragma once

#include <cstdint>

#include "federation/bytes.h"

namespace dure {

class Random {
 public:
  virtual ~Random() = default;
  virtual void Fill(std::span<uint8_t> out) = 0;
  uint64_t Next64();
  uint64_t Below(uint64_t bound);  // uniform in [0, bound); REQUIRES: bound > 0
};

// Cryptographic. Thread-safe. Aborts if the operating system gives no entropy.
class SystemRandom final : public Random {
 public:
  void Fill(std::span<uint8_t> out) override;
};

// xoshiro256** seeded through splitmix64. Not cryptographic: tests and simulation only. Not
// thread-safe.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(uint64_t seed);
  void Fill(std::span<uint8_t> out) override;

 private:
  uint64_t Step();
  uint64_t state_[4];
};

}  // namespace dure
