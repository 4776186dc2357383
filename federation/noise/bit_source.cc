#include "federation/noise/bit_source.h"

#include <bit>

#include "federation/check.h"

namespace dure::noise {

BitSource::~BitSource() {
  volatile uint64_t* const words = words_.data();
  for (size_t i = 0; i < kWords; ++i) words[i] = 0;
}

uint64_t BitSource::Word() {
  if (next_ == kWords) {
    random_.Fill({reinterpret_cast<uint8_t*>(words_.data()), sizeof words_});
    next_ = 0;
  }
  return words_[next_++];
}

bool BitSource::Bit() {
  if (bit_count_ == 0) {
    bits_ = Word();
    bit_count_ = 64;
  }
  --bit_count_;
  const bool bit = (bits_ & 1) != 0;
  bits_ >>= 1;
  return bit;
}

uint64_t BitSource::Below(uint64_t bound) {
  DURE_CHECK(bound > 0, "a bound is positive");
  // The high half of word * bound, unless the low half says that this value would come up once
  // too often (Lemire 2019).
  Uint128 product = Uint128{Word()} * bound;
  if (static_cast<uint64_t>(product) < bound) {
    const uint64_t least = (0 - bound) % bound;
    while (static_cast<uint64_t>(product) < least) product = Uint128{Word()} * bound;
  }
  return static_cast<uint64_t>(product >> 64);
}

Uint128 BitSource::Below(Uint128 bound) {
  DURE_CHECK(bound > 0, "a bound is positive");
  if (bound <= UINT64_MAX) return Below(static_cast<uint64_t>(bound));
  // As many bits as the bound has, until they are below it.
  const int spare = std::countl_zero(static_cast<uint64_t>((bound - 1) >> 64));
  while (true) {
    const Uint128 high = spare == 64 ? 0 : Word() >> spare;
    const Uint128 value = (high << 64) | Word();
    if (value < bound) return value;
  }
}

}  // namespace dure::noise
