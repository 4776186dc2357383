// Rotary position embedding (Su et al. 2021) in Hugging Face's convention: within a head, element i
// is rotated with element i + head_dim / 2 by the angle position * theta^(-2i / head_dim).
#pragma once

#include <cstddef>
#include <vector>

namespace dure::model::cpu {

class Rope {
 public:
  // Tables for positions [0, positions). REQUIRES: head_dim is even.
  Rope(size_t positions, size_t head_dim, double theta);

  // Rotates, in place, the first `heads` heads of each of `rows` rows that stand `stride` floats
  // apart. Row r has position first + r. REQUIRES: first + rows <= positions.
  struct Rows {
    float* data;
    size_t rows;
    size_t stride;
    size_t heads;
    size_t first = 0;
  };
  void Rotate(const Rows& rows) const;
  // The backward: rotates by the opposite angle.
  void RotateBack(const Rows& rows) const;

 private:
  size_t half_;
  std::vector<float> cos_;  // [positions, half]
  std::vector<float> sin_;
  std::vector<float> minus_sin_;
};

}  // namespace dure::model::cpu
