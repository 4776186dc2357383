// How elementwise kernels are compiled for the processor they meet, and the exponential they share.
//
// A kernel is a plain loop marked DURE_SIMD: the compiler makes a copy for AVX-512, for AVX2 and
// for the baseline, and the loader picks one. Nothing is compiled for the build machine alone. Only
// for the .cc files of this room.
#pragma once

#include <bit>
#include <cstdint>

// Sanitizers run their own code before the loader's choice is possible, and clang needs none for
// fuzzing.
#if defined(__x86_64__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define DURE_SIMD __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define DURE_SIMD
#endif

#define DURE_INLINE inline __attribute__((always_inline))

namespace dure::model::cpu {

// exp(x) within 2 units in the last place for x in [-87, 88], clamped outside; NaN stays NaN.
// Written without calls or branches so that the compiler vectorises it.
DURE_INLINE float FastExp(float x) {
  x = x < -87.0f ? -87.0f : x;
  x = x > 88.0f ? 88.0f : x;
  // Adding 1.5 * 2^23 rounds to a whole number and leaves it in the low bits.
  const float shifted = x * 1.44269504088896f + 12582912.0f;
  const float n = shifted - 12582912.0f;
  const float power = std::bit_cast<float>((std::bit_cast<uint32_t>(shifted) + 127u) << 23);
  // ln 2 in two parts keeps the remainder exact.
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  return (p * r * r + r + 1.0f) * power;  // a NaN in r stays one, whatever power became
}

}  // namespace dure::model::cpu
