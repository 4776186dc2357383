// The inner loops of robust merging: one block of at most 1024 parameters of every contribution,
// as rows of 16-bit integers.
//
// Like the codec's kernels, each loop is written once and compiled for the machine's baseline, AVX2
// and AVX-512. All give the same bits: integers are integers, sums in double are sums of integers
// below 2^53 and so exact, and the one division a parameter is one IEEE operation. For the files of
// this room.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "federation/codec/kernels.h"
#include "federation/codec/lane.h"

namespace dure::merging {

using codec::kBlock;
using codec::kBlockPadded;

// Compares row `high` with row `low` and leaves the larger values in `high`.
struct Exchange {
  uint32_t low = 0;
  uint32_t high = 0;
};

// `rows` points to rows of kBlock values. Counts are 1..kBlock.
struct BlockKernels {
  // 8-bit lanes to a row. Returns the least.
  int32_t (*widen8)(size_t count, const int8_t* lanes, int16_t* row);
  // Returns the least.
  int32_t (*copy16)(size_t count, const int16_t* lanes, int16_t* row);
  int64_t (*product8)(size_t count, const int16_t* a, const int16_t* b);   // of 8-bit lanes
  int64_t (*product16)(size_t count, const int16_t* a, const int16_t* b);  // of any
  // Each column sorted, if the exchanges are those of a sorting network.
  void (*exchange)(size_t count, std::span<const Exchange> network, int16_t* rows);
  void (*add)(size_t count, const int16_t* row, double times, double* sums);
  // round(sums / divisor) to the nearest, halves to even, within [-most, most].
  void (*finish8)(size_t count, const double* sums, double divisor, double most, int16_t* out);
  void (*finish16)(size_t count, const double* sums, double divisor, double most, int32_t* out);
};

const BlockKernels& BlockKernelsAt(codec::VectorLevel level);  // REQUIRES: level <= BestLevel()
const BlockKernels& BestBlockKernels();

}  // namespace dure::merging
