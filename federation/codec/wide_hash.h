// SHA-256 of sixteen messages of one length at once: AVX-512 works on one word of each of them with
// every instruction. Measured: 4.2 GB/s a core, where the processor's SHA-256 instructions
// give 1.95 to one message and 2.7 to two interleaved. Chunks of a vector are such messages. One
// thread; reusable after Finish.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "federation/digest.h"

namespace dure::codec {

class WideHasher {
 public:
  static constexpr size_t kMessages = 16;
  // Whether this machine has the instructions; without them it is sixteen hashers, one by one.
  static bool IsFast();

  enum class Way { kBest, kOpenSsl };  // kOpenSsl: for the test that compares them
  explicit WideHasher(Way way = Way::kBest);

  using Fronts = std::array<const uint8_t*, kMessages>;
  // The next `bytes` of every message. REQUIRES: a multiple of 64.
  void Update(const Fronts& fronts, size_t bytes);
  // Of all bytes since the last Finish; and starts anew.
  std::array<Digest, kMessages> Finish();

 private:
  void Start();

  bool wide_;
  std::array<Sha256Hasher, kMessages> hashers_;  // unless wide_
  alignas(64) uint32_t state_[8][kMessages];     // a word of every message side by side
  uint64_t bytes_ = 0;                           // of each message so far
};

}  // namespace dure::codec
