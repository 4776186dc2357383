// SHA-256 of two messages of one length at once. The processor's SHA-256 instructions wait for each
// other within one message; two messages interleaved take little more time than one (measured: 1.7
// times the bytes a second). A derived model and its momentum are such messages, and hashing them
// is the dearest part of deriving. Where the processor has no such instructions, two OpenSSL
// hashers. One thread; reusable after Finish.
#pragma once

#include <array>
#include <cstdint>

#include "federation/bytes.h"
#include "federation/digest.h"

namespace dure::codec {

class PairedHasher {
 public:
  enum class Way { kBest, kOpenSsl };  // kOpenSsl: for the test that compares them
  explicit PairedHasher(Way way = Way::kBest);

  // REQUIRES: first.size() == second.size().
  void Update(ByteView first, ByteView second);
  // Of all bytes since the last Finish; and starts anew.
  std::array<Digest, 2> Finish();

 private:
  void Start();
  void Fill(ByteView& first, ByteView& second);

  bool interleaved_;
  std::array<Sha256Hasher, 2> hashers_;  // unless interleaved_
  uint32_t state_[2][8];
  uint8_t block_[2][64];  // the begun block of each
  uint64_t bytes_ = 0;    // of each message so far
};

}  // namespace dure::codec
