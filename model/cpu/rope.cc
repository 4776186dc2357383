#include "model/cpu/rope.h"

#include <cmath>

#include "model/cpu/simd.h"

namespace dure::model::cpu {
namespace {

DURE_SIMD void RotateHeads(size_t heads, size_t half, const float* cosine, const float* sine,
                           float* data) {
  for (size_t h = 0; h < heads; ++h) {
    float* low = data + h * 2 * half;
    float* high = low + half;
#pragma omp simd
    for (size_t i = 0; i < half; ++i) {
      const float a = low[i];
      const float b = high[i];
      low[i] = a * cosine[i] - b * sine[i];
      high[i] = b * cosine[i] + a * sine[i];
    }
  }
}

}  // namespace

Rope::Rope(size_t positions, size_t head_dim, double theta) : half_(head_dim / 2) {
  cos_.resize(positions * half_);
  sin_.resize(positions * half_);
  minus_sin_.resize(positions * half_);
  for (size_t i = 0; i < half_; ++i) {
    const double frequency =
        std::pow(theta, -2.0 * static_cast<double>(i) / static_cast<double>(head_dim));
    for (size_t p = 0; p < positions; ++p) {
      const double angle = static_cast<double>(p) * frequency;
      cos_[p * half_ + i] = static_cast<float>(std::cos(angle));
      sin_[p * half_ + i] = static_cast<float>(std::sin(angle));
      minus_sin_[p * half_ + i] = -sin_[p * half_ + i];
    }
  }
}

void Rope::Rotate(const Rows& rows) const {
  for (size_t r = 0; r < rows.rows; ++r) {
    const size_t at = (rows.first + r) * half_;
    RotateHeads(rows.heads, half_, &cos_[at], &sin_[at], rows.data + r * rows.stride);
  }
}

void Rope::RotateBack(const Rows& rows) const {
  for (size_t r = 0; r < rows.rows; ++r) {
    const size_t at = (rows.first + r) * half_;
    RotateHeads(rows.heads, half_, &cos_[at], &minus_sin_[at], rows.data + r * rows.stride);
  }
}

}  // namespace dure::model::cpu
