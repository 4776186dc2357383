// The inner loops of the codec: one block of at most 1024 parameters at a time, once per
// instruction set.
//
// Each loop is written once and compiled for the machine's baseline, AVX2 and AVX-512; the best
// that this machine has is chosen when first asked. All give the same bits: integers are integers,
// and every floating-point operation is one IEEE operation, elementwise, never contracted or
// reordered (kernels_test compares the levels, and tests/algorithms/same_bits.py compilers and
// optimization levels). For the codec's own files and for federation/masking and
// federation/merging, which pack the same planes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dure::codec {

enum class VectorLevel { kPlain, kAvx2, kAvx512 };

inline constexpr size_t kBlock = 1024;
// Plane 1 of a short block reads sums up to here; those beyond the block must be zero.
inline constexpr size_t kBlockPadded = kBlock + 64;

// Bits of an fp32 magnitude at and above which it is infinite or NaN. A test on bits, because
// compilers told to ignore traps may also drop comparisons with NaN.
inline constexpr uint32_t kNotFiniteBits = 0x7f800000U;

struct RoundScale {
  float to_lane = 0;     // w*L/s
  float to_value = 0;    // s/(L*w)
  uint32_t key[2] = {};  // of the block's rounding stream
  float most = 1e9F;     // a magnitude that no lane is beyond, rounded up; L holds anyway
};

struct OuterScale {
  double eta = 0;
  double mu = 0;
};

struct OuterBlock {
  const float* base;
  const float* momentum;  // null: zeros
  float* model;
  float* momentum_out;  // null: not kept
};

// Pointers are to `count` values, 1 <= count <= kBlock, not overlapping unless said.
struct Kernels {
  // u = residual + (base - trained); residual may be null. Returns the largest magnitude's bits.
  uint32_t (*update)(size_t count, const float* base, const float* trained, const float* residual,
                     float* u);
  // Lanes and the new residual of finite u. Returns how many saturated.
  uint32_t (*round8)(size_t count, const float* u, const RoundScale& scale, int8_t* lanes,
                     float* residual);
  uint32_t (*round16)(size_t count, const float* u, const RoundScale& scale, int16_t* lanes,
                      float* residual);
  uint32_t (*round4)(size_t count, const float* u, const RoundScale& scale, int8_t* lanes,
                     float* residual);
  // Sums over `sites` arrays, at element `first` of each. Returns the least lane seen.
  int32_t (*sum8)(size_t count, const int8_t* const* lanes, size_t sites, size_t first,
                  int16_t* sums);
  int32_t (*sum16)(size_t count, const int16_t* const* lanes, size_t sites, size_t first,
                   int32_t* sums);
  // Sums (padded with zeros to kBlockPadded) to planes. Returns the sum of squares.
  uint64_t (*pack8)(size_t count, const int16_t* sums, int high_bits, uint8_t* low, uint8_t* high);
  uint64_t (*pack16)(size_t count, const int32_t* sums, int high_bits, uint16_t* low,
                     uint8_t* high);
  // Planes to sums; the unused bits of plane 1 are not looked at. Returns the largest magnitude.
  int32_t (*unpack8)(size_t count, const uint8_t* low, const uint8_t* high, int high_bits,
                     int32_t* sums);
  int32_t (*unpack16)(size_t count, const uint16_t* low, const uint8_t* high, int high_bits,
                      int32_t* sums);
  uint64_t (*squares)(size_t count, const int32_t* sums);
  void (*means)(size_t count, const int32_t* sums, double unit, double* means);
  // The outer step from means. Returns the largest magnitude's bits of all results.
  uint32_t (*outer)(size_t count, const double* means, const OuterScale& scale,
                    const OuterBlock& block);
  // int4 lanes to half bytes and back: (count + 1) / 2 bytes, of which byte k holds lanes k (low)
  // and k + (count + 1) / 2. `packed` of fold4 and `lanes` have no bits but the lanes' own.
  void (*fold4)(size_t count, const int8_t* lanes, uint8_t* packed);
  // The half byte behind an odd count is not looked at. Returns the least lane.
  int32_t (*unfold4)(size_t count, const uint8_t* packed, int8_t* lanes);
  // The least lane.
  int32_t (*least8)(size_t count, const int8_t* lanes);
  int32_t (*least16)(size_t count, const int16_t* lanes);
};

VectorLevel BestLevel();                      // of this machine
const Kernels& KernelsAt(VectorLevel level);  // REQUIRES: level <= BestLevel()
const Kernels& BestKernels();

// The key of one block's rounding stream, from the contribution's seed.
void RoundingKey(uint64_t seed, uint64_t block, uint32_t key[2]);

}  // namespace dure::codec
