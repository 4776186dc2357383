// An update to integers on the device: delta, error feedback and block-scaled rounding in one pass,
// and the exact squares of which its norm is made. Bit for bit what federation/codec computes, so
// that nobody can tell where an update was encoded.
#pragma once

#include "model/cuda/kernels/number.h"

namespace dure::model::cuda {

// Of a block of up to 1024 parameters: w L / s, s / (L w), and the key of its rounding stream.
struct LaneScale {
  float to_lane;
  float to_value;
  uint32_t key[2];
};

// What is told of a block.
struct LaneReport {
  uint64_t squares;    // sum of lane²
  uint32_t most_bits;  // of the largest |u|, as fp32 bits: 0x7f800000 and above is not finite
  uint32_t saturated;
};

template <typename Lane, int kMax>
struct QuantiseUpdate {
  static constexpr uint32_t kThreads = 256;
  static constexpr uint32_t kBlockParameters = 1024;
  struct Args {
    const float* base;
    const float* trained;
    float* residual;          // in and out
    const LaneScale* scales;  // one a block
    Lane* lanes;
    LaneReport* reports;  // one a block
    uint64_t count;
    bool first_round;  // the residual before is zero, whatever stands there
  };
  static Grid GridOf(const Args& a) { return {CeilDiv(a.count, kBlockParameters)}; }
  static uint32_t SharedBytes(const Args&) { return 0; }

  template <typename Block>
  static DURE_DEVICE void Run(Block& block, const Args& a) {
    typename Block::template Registers<float> most;
    typename Block::template Registers<double> squares;  // exact: below 2^41
    typename Block::template Registers<float> saturated;
    block.Phase([&](uint32_t thread) {
      Own own;
      for (uint32_t i = thread; i < kBlockParameters; i += kThreads) Round(a, block.x, i, own);
      most[thread] = own.most;
      squares[thread] = own.squares;
      saturated[thread] = own.finite ? own.saturated : INFINITY;
    });
    // A NaN is no maximum, so it travels as infinite saturation.
    const float top = block.BlockMax(most);
    const double sum = block.BlockSum(squares);
    const float met = block.BlockSum(saturated);
    block.Last([&](uint32_t thread) {
      if (thread != 0) return;
      const bool finite = met < INFINITY;
      a.reports[block.x] = {finite ? static_cast<uint64_t>(sum) : 0,
                            finite ? BitsOf(top) : 0x7f800000U,
                            finite ? static_cast<uint32_t>(met) : 0};
    });
  }

 private:
  struct Own {
    float most = 0;
    double squares = 0;
    float saturated = 0;
    bool finite = true;
  };

  static DURE_DEVICE void Round(const Args& a, uint32_t number, uint32_t i, Own& own) {
    const uint64_t at = uint64_t{number} * kBlockParameters + i;
    if (at >= a.count) return;
    const LaneScale& scale = a.scales[number];
    const float delta = ExactSum(a.base[at], -a.trained[at]);
    const float u = a.first_round ? delta : ExactSum(a.residual[at], delta);
    const float magnitude = FloatOf(BitsOf(u) & 0x7fffffffU);
    if (!(magnitude < INFINITY)) {
      own.finite = false;
      return;
    }
    own.most = magnitude > own.most ? magnitude : own.most;
    constexpr float kMost = static_cast<float>(kMax);
    const float wished = ExactProduct(u, scale.to_lane);
    float x = wished < kMost ? wished : kMost;
    x = x > -kMost ? x : -kMost;
    if (x != wished) own.saturated += 1;
    int32_t floor = static_cast<int32_t>(x);
    if (x < static_cast<float>(floor)) --floor;
    const float above = ExactSum(x, -static_cast<float>(floor));
    const int32_t fraction = static_cast<int32_t>(ExactProduct(above, 16777216.0F));
    const int32_t lane = floor + (Chance24(i, scale.key) < fraction ? 1 : 0);
    own.squares += static_cast<double>(int64_t{lane} * lane);
    a.lanes[at] = static_cast<Lane>(lane);
    a.residual[at] = ExactSum(u, -ExactProduct(static_cast<float>(lane), scale.to_value));
  }

  static DURE_DEVICE int32_t Chance24(uint32_t index, const uint32_t key[2]) {
    uint32_t x = key[0] + index * 0x9e3779b9U;
    x = (x ^ (x >> 16)) * 0x7feb352dU;
    x = (x ^ (x >> 15)) * 0x846ca68bU;
    x = (x ^ (x >> 16)) ^ key[1];
    return static_cast<int32_t>(x >> 8);
  }
};

using QuantiseUpdate8 = QuantiseUpdate<int8_t, 127>;
using QuantiseUpdate16 = QuantiseUpdate<int16_t, 32767>;

// out = in factor: of a vector with its norm, the direction and back.
struct Scale : Elementwise<8> {
  struct Args {
    const float* in;
    float* out;  // may be in
    uint64_t count;
    float factor;
  };

  template <typename Block>
  static DURE_DEVICE void Run(Block& block, const Args& a) {
    ForElements(block, a.count, [&](uint64_t i) { a.out[i] = a.in[i] * a.factor; });
  }
};

// in place: a = base - (the mean update) for lanes that came back, x = lane to_value, added.
template <typename Lane>
struct DequantiseAdd {
  static constexpr uint32_t kThreads = 256;
  static constexpr uint32_t kBlockParameters = 1024;
  struct Args {
    const Lane* lanes;
    const LaneScale* scales;
    float* out;  // += lane to_value
    uint64_t count;
  };
  static Grid GridOf(const Args& a) { return {CeilDiv(a.count, kBlockParameters)}; }
  static uint32_t SharedBytes(const Args&) { return 0; }

  template <typename Block>
  static DURE_DEVICE void Run(Block& block, const Args& a) {
    block.Last([&](uint32_t thread) {
      const float to_value = a.scales[block.x].to_value;
      for (uint32_t i = thread; i < kBlockParameters; i += kThreads) {
        const uint64_t at = uint64_t{block.x} * kBlockParameters + i;
        if (at >= a.count) return;
        a.out[at] = ExactSum(a.out[at], ExactProduct(static_cast<float>(a.lanes[at]), to_value));
      }
    });
  }
};

}  // namespace dure::model::cuda
