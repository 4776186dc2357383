// Matrix products through oneDNN. All matrices are row-major; a stride is the distance of two rows
// in floats, at least the row's length. Runs on the calling thread (workers.h). Zero rows or
// columns are fine.
#pragma once

#include <cstddef>

namespace dure::model::cpu {

struct Matrix {
  const float* data;
  size_t stride;
};
struct MutableMatrix {
  float* data;
  size_t stride;
};
struct MatmulSize {
  size_t rows;     // of the result
  size_t columns;  // of the result
  size_t inner;
};
struct MatmulScale {
  float alpha = 1.0f;
  float beta = 0.0f;  // 0 never reads the result's old content
};

// c = alpha a bᵀ + beta c:  a [rows, inner], b [columns, inner]. The forward of a linear layer.
void MatmulTransposed(MatmulSize size, Matrix a, Matrix b, MutableMatrix c, MatmulScale scale = {});
// c = alpha a b + beta c:   a [rows, inner], b [inner, columns]. Its gradient for the input.
void Matmul(MatmulSize size, Matrix a, Matrix b, MutableMatrix c, MatmulScale scale = {});
// c = alpha aᵀ b + beta c:  a [inner, rows], b [inner, columns]. Its gradient for the weights.
void TransposedMatmul(MatmulSize size, Matrix a, Matrix b, MutableMatrix c, MatmulScale scale = {});

}  // namespace dure::model::cpu
