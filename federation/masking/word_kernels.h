// Inner loops on one block of at most 1024 words, once per instruction set as in the codec's
// kernels, and with the same bits from each. For this room's own files.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dure::masking {

struct WordKernels {
  // Lanes to words, modulo 2^(8*width). Each returns the largest magnitude of a lane.
  int32_t (*widen8to8)(size_t count, const int8_t* lanes, uint8_t* words);
  int32_t (*widen8to16)(size_t count, const int8_t* lanes, uint16_t* words);
  int32_t (*widen16to32)(size_t count, const int16_t* lanes, uint32_t* words);
  // words += the words of which a block's planes hold the low bits, modulo 2^(8*width). The planes
  // are those of codec/aggregate.h; high_bits is 0, 1, 2, 4 or 8.
  void (*add8to8)(size_t count, const uint8_t* low, uint8_t* words);
  void (*add8to16)(size_t count, const uint8_t* low, const uint8_t* high, int high_bits,
                   uint16_t* words);
  void (*add16to32)(size_t count, const uint16_t* low, const uint8_t* high, int high_bits,
                    uint32_t* words);
  // Sums to words: the low bits.
  void (*narrow8)(size_t count, const uint32_t* sums, uint8_t* words);
  void (*narrow16)(size_t count, const uint32_t* sums, uint16_t* words);
  // Words to the signed value of their low `bits` bits. Each returns the largest magnitude.
  int32_t (*extend8)(size_t count, const uint8_t* words, int bits, int32_t* sums);
  int32_t (*extend16)(size_t count, const uint16_t* words, int bits, int32_t* sums);
  int32_t (*extend32)(size_t count, const uint32_t* words, int bits, int32_t* sums);
  // Sum of coefficients (below 2^61) times values (magnitude below 2^24), in two halves: the low 30
  // bits of the coefficients and the rest. REQUIRES: count <= 256.
  void (*products)(size_t count, const uint64_t* coefficients, const int32_t* values,
                   int64_t halves[2]);
  // 61-bit coefficients from stream bytes in place; 2^61-1 stands for 0.
  void (*reduce)(size_t count, uint64_t* coefficients);
};

const WordKernels& BestWordKernels();
const WordKernels& PlainWordKernels();

}  // namespace dure::masking
