// A worker's matrix products for the model's linear layers, in fp32 or with operands rounded to
// bf16 on their way in (to the nearest, ties to even) and sums in fp32: on processors with bf16
// instructions (AVX512-BF16, AMX) that is two to eight times the rate. Weights, activations and
// gradients stay fp32 in memory, as in PyTorch's autocast (Micikevicius et al., arXiv:1710.03740,
// with bf16, which needs no loss scaling: Kalamkar et al., arXiv:1905.12322).
//
// One thread calls an object at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "model/cpu/matmul.h"

namespace dure::model::cpu {

enum class Precision : uint8_t { kFp32, kBf16 };
std::string_view Name(Precision precision);  // "fp32", "bf16"

// Whether this processor multiplies bf16 numbers itself; without, kBf16 gives the same and is
// slower than kFp32. The first call may ask the kernel for the use of AMX: make it before confining
// a process.
bool HasBf16Instructions();

// Bytes that one worker's products take with kBf16, whatever their sizes: operands are rounded
// block by block.
inline constexpr size_t kProductRoomBytes = size_t{6} << 20;

class Products {
 public:
  // REQUIRES with kBf16: `room` has kProductRoomBytes, on a cache line, and outlives the object.
  Products(Precision precision, void* room);
  ~Products();
  Products(Products&&) noexcept;
  Products& operator=(Products&&) noexcept;

  // As the functions of these names in matmul.h. REQUIRES with kBf16: alpha is 1, beta 0 or 1.
  void MatmulTransposed(MatmulSize size, Matrix a, Matrix b, MutableMatrix c,
                        MatmulScale scale = {});
  void Matmul(MatmulSize size, Matrix a, Matrix b, MutableMatrix c, MatmulScale scale = {});
  void TransposedMatmul(MatmulSize size, Matrix a, Matrix b, MutableMatrix c,
                        MatmulScale scale = {});

 private:
  class Bf16;
  std::unique_ptr<Bf16> bf16_;  // null: fp32
};

}  // namespace dure::model::cpu
