#include "model/cpu/embedding.h"

#include <algorithm>

#include "model/cpu/simd.h"

namespace dure::model::cpu {
namespace {

DURE_SIMD void AddRow(size_t n, const float* from, float* to) {
#pragma omp simd
  for (size_t i = 0; i < n; ++i) to[i] += from[i];
}

}  // namespace

void Embed(std::span<const uint32_t> tokens, size_t dim, const float* table, float* out) {
  for (size_t i = 0; i < tokens.size(); ++i)
    std::copy_n(table + tokens[i] * dim, dim, out + i * dim);
}

void EmbedBackward(std::span<const uint32_t> tokens, size_t dim, Columns columns, const float* dout,
                   float* dtable) {
  for (size_t i = 0; i < tokens.size(); ++i) {
    AddRow(columns.end - columns.begin, dout + i * dim + columns.begin,
           dtable + tokens[i] * dim + columns.begin);
  }
}

}  // namespace dure::model::cpu
