// Attention on a device against the CPU's.
#include "model/cpu/attention.h"

#include "model/cuda/attend.h"
#include "model/cuda/emulated/contract.h"

namespace dure::model::cuda {
namespace {

template <typename T>
class AttentionTest : public testing::Test {};
using Types = testing::Types<float, Bf16>;
struct TypeName {
  template <typename T>
  static std::string GetName(int) {
    return sizeof(T) == 2 ? "bf16" : "fp32";
  }
};
TYPED_TEST_SUITE(AttentionTest, Types, TypeName);

struct Case {
  uint32_t batch, queries, keys, heads, kv_heads, dim;
  uint32_t width() const { return heads * dim; }
  uint32_t stride() const { return (heads + 2 * kv_heads) * dim; }
  AttentionShape Shape() const {
    return {batch,    queries,  keys,
            heads,    kv_heads, dim,
            stride(), stride(), 1.0F / std::sqrt(static_cast<float>(dim))};
  }
};

struct Expected {
  std::vector<float> out, log_sum, dqkv;
};

// Sequence by sequence; gradients only where dout is given.
Expected OnCpu(const Case& c, const std::vector<float>& qkv, const std::vector<float>& dout) {
  Expected e;
  e.out.resize(c.batch * c.queries * c.width());
  e.log_sum.resize(c.batch * c.queries * c.heads);
  e.dqkv.resize(qkv.size());
  const cpu::AttentionShape shape{c.queries, c.keys, c.heads, c.kv_heads, c.dim};
  std::vector<float> scratch(cpu::AttentionScratch(shape));
  for (uint32_t b = 0; b < c.batch; ++b) {
    const float* const k = qkv.data() + b * c.keys * c.stride() + c.width();
    const float* const q = k - c.width() + (c.keys - c.queries) * c.stride();
    float* const out = e.out.data() + b * c.queries * c.width();
    float* const log_sum = e.log_sum.data() + b * c.queries * c.heads;
    const cpu::AttentionInput in{q, c.stride(), k, k + c.kv_heads * c.dim, c.stride()};
    cpu::Attention(shape, in, out, log_sum, scratch.data());
    if (dout.empty()) continue;
    float* const dq = e.dqkv.data() + b * c.keys * c.stride();
    cpu::AttentionBackward(shape, in, {out, log_sum, dout.data() + b * c.queries * c.width()},
                           {dq, dq + c.width(), dq + c.width() + c.kv_heads * c.dim},
                           scratch.data());
  }
  return e;
}

template <typename T>
Results OnDevice(const Case& c, const std::vector<float>& qkv, const std::vector<float>& dout,
                 Board& b) {
  const size_t rows = size_t{c.batch} * c.queries;
  // As the kernel is called: all positions of one matrix, queries the last of each sequence's.
  const AttentionShape shape = c.Shape();
  const T* const q = b.Numbers<T>(qkv);
  const T* const k = q + c.width();
  const T* const v = k + c.kv_heads * c.dim;
  T* const out = b.Room<T>(rows * c.width());
  float* const log_sum = b.Room<float>(rows * c.heads);
  float* const delta = b.Room<float>(rows * c.heads);
  T* const dq = b.Room<T>(qkv.size());
  const T* const d = b.Numbers<T>(dout);
  const T* const first = q + (c.keys - c.queries) * c.stride();
  Attend(b.device(), shape, first, k, v, out, log_sum);
  Results results{b.Out(out, rows * c.width()), b.Out(log_sum, rows * c.heads)};
  if (dout.empty()) return results;
  b.device().template Launch<AttentionDelta<T>>(
      {out, d, delta, static_cast<uint32_t>(rows), c.heads, c.dim});
  const AttentionGradientArgs<T> args{
      shape, q, k, v, d, log_sum, delta, dq, dq + c.width(), dq + c.width() + c.kv_heads * c.dim};
  AttendBackward(b.device(), args);
  results.push_back(b.Out(dq, qkv.size()));
  return results;
}

// Shorter than a tile, longer than two, a head that is no multiple of 16, groups of heads.
constexpr Case kCases[] = {
    {1, 1, 1, 1, 1, 8},    {2, 30, 30, 2, 1, 20},  {1, 150, 150, 3, 3, 16},
    {1, 70, 70, 4, 2, 64}, {2, 65, 65, 2, 2, 128},
};

TYPED_TEST(AttentionTest, GivesOutputsAndGradientsOfTheCpu) {
  for (const Case& c : kCases) {
    const auto qkv = Fresh<TypeParam>(c.batch * c.keys * c.stride(), 20);
    const auto dout = Fresh<TypeParam>(c.batch * c.queries * c.width(), 21);
    const Expected expected = OnCpu(c, qkv, dout);
    const Results results =
        OnEachDevice([&](Board& b) { return OnDevice<TypeParam>(c, qkv, dout, b); });
    ExpectClose(results[0], expected.out, kError<TypeParam>);
    ExpectClose(results[1], expected.log_sum, 3e-5);
    ExpectClose(results[2], expected.dqkv, 2 * kError<TypeParam>);
  }
}

// As a training calls it: where the device has a library that computes it, by that.
TYPED_TEST(AttentionTest, WholeSequencesByWhoeverComputesThem) {
  for (const Case& c : {Case{2, 128, 128, 2, 2, 64}, Case{1, 256, 256, 4, 2, 128},
                        Case{3, 128, 128, 6, 2, 32}, Case{2, 384, 384, 1, 1, 128}}) {
    const auto qkv = Fresh<TypeParam>(c.batch * c.keys * c.stride(), 24);
    const auto dout = Fresh<TypeParam>(c.batch * c.queries * c.width(), 25);
    const Expected expected = OnCpu(c, qkv, dout);
    const Results results = OnEachDevice([&](Board& b) -> Results {
      using T = TypeParam;
      const size_t rows = size_t{c.batch} * c.queries;
      const uint64_t bytes = AttentionScratchBytes(rows, c.heads, c.kv_heads, c.dim, true);
      SequenceAttention<T> attention(b.device(), b.Room<uint8_t>(bytes), bytes, true, false);
      attention.Choose(c.Shape());
      this->RecordProperty("by", attention.by_library() ? "library" : "kernels");
      const T* const q = b.Numbers<T>(qkv);
      const T* const k = q + c.width();
      const T* const v = k + c.kv_heads * c.dim;
      T* const out = b.Room<T>(rows * c.width());
      float* const log_sum = b.Room<float>(rows * c.heads);
      attention.Forward(q, k, v, out, log_sum);
      T* const dq = b.Room<T>(qkv.size());
      attention.Backward(
          {q, k, v, b.Numbers<T>(dout), dq, dq + c.width(), dq + c.width() + c.kv_heads * c.dim},
          out, log_sum, b.Room<float>(rows * c.heads));
      return {b.Out(out, rows * c.width()), b.Out(dq, qkv.size())};
    });
    ExpectClose(results[0], expected.out, kError<TypeParam>);
    ExpectClose(results[1], expected.dqkv, 2 * kError<TypeParam>);
  }
}

TYPED_TEST(AttentionTest, LastQueriesSeeAllKeysBefore) {
  const Case c{1, 37, 141, 4, 2, 32};
  const auto qkv = Fresh<TypeParam>(c.keys * c.stride(), 22);
  const Expected expected = OnCpu(c, qkv, {});
  const Results results =
      OnEachDevice([&](Board& b) { return OnDevice<TypeParam>(c, qkv, {}, b); });
  ExpectClose(results[0], expected.out, kError<TypeParam>);
}

}  // namespace
}  // namespace dure::model::cuda
