#include "federation/codec/outer.h"

#include <algorithm>

#include "federation/check.h"
#include "federation/codec/kernels.h"
#include "federation/codec/scales.h"

namespace dure::codec {
namespace {

Status NotFinite() {
  return Fail(ErrorCode::kInvalid, "the outer step gives a NaN or an infinity");
}

// A short last block is rotated nowhere.
void Turn(const TurnBack& turn_back, uint64_t block, std::span<double> means) {
  if (means.size() != kBlock) return;
  alignas(64) float values[kBlock];
  for (size_t i = 0; i < kBlock; ++i) values[i] = static_cast<float>(means[i]);
  turn_back(block, values);
  for (size_t i = 0; i < kBlock; ++i) means[i] = static_cast<double>(values[i]);
}

void CheckShape(const OuterOptimizer& outer, size_t count, const OuterInput& in,
                const OuterOutput& out) {
  DURE_CHECK(in.base.size() == count && out.model.size() == count, "models have one shape");
  DURE_CHECK(in.momentum.empty() || in.momentum.size() == count, "the momentum has that shape");
  DURE_CHECK(out.momentum.size() == (outer.keeps_momentum() ? count : 0),
             "momentum is written exactly if the optimizer keeps one");
}

OuterBlock BlockOf(const OuterInput& in, const OuterOutput& out, size_t at) {
  return {in.base.data() + at, in.momentum.empty() ? nullptr : in.momentum.data() + at,
          out.model.data() + at, out.momentum.empty() ? nullptr : out.momentum.data() + at};
}

}  // namespace

Status Check(const OuterOptimizer& outer) {
  // Written so that NaN fails.
  if (!(outer.eta > 0 && outer.eta <= 10)) {
    return Fail(ErrorCode::kInvalid, "the outer learning rate is outside (0, 10]");
  }
  if (!(outer.mu >= 0 && outer.mu < 1)) {
    return Fail(ErrorCode::kInvalid, "the outer momentum is outside [0, 1)");
  }
  return {};
}

Status OuterStep(const OuterOptimizer& outer, std::span<const double> mean, const OuterInput& in,
                 const OuterOutput& out) {
  CheckShape(outer, mean.size(), in, out);
  const Kernels& kernels = BestKernels();
  const OuterScale scale{outer.eta, outer.mu};
  for (size_t at = 0; at < mean.size(); at += kBlock) {
    const size_t count = std::min(kBlock, mean.size() - at);
    const uint32_t bits = kernels.outer(count, mean.data() + at, scale, BlockOf(in, out, at));
    if (bits >= kNotFiniteBits) return NotFinite();
  }
  return {};
}

Status OuterStepRange(const AggregateLayout& layout, const OuterOptimizer& outer,
                      const AggregateInput& aggregate, const OuterInput& in, const OuterOutput& out,
                      std::span<uint64_t> squares) {
  const size_t parameter_count = in.base.size();
  CheckShape(outer, parameter_count, in, out);
  DURE_CHECK(aggregate.scales.size() == BlockCount(parameter_count), "there is one scale a block");
  DURE_CHECK(squares.size() == aggregate.scales.size(), "there is one sum of squares a block");
  const Kernels& kernels = BestKernels();
  const OuterScale scale{outer.eta, outer.mu};
  alignas(64) int32_t sums[kBlock];
  alignas(64) double means[kBlock];
  for (size_t at = 0; at < parameter_count; at += kBlock) {
    const size_t count = std::min(kBlock, parameter_count - at);
    const PlaneView planes{
        aggregate.planes.low.subspan(layout.LowBytes(at), layout.LowBytes(count)),
        aggregate.planes.high.subspan(layout.HighBytes(at), layout.HighBytes(count))};
    DURE_TRY(UnpackSums(layout, planes, {sums, count}));
    squares[at / kBlock] += kernels.squares(count, sums);
    kernels.means(count, sums,
                  MeanUnit(layout.lane(), aggregate.scales[at / kBlock], aggregate.weight_sum),
                  means);
    if (aggregate.turn_back != nullptr) {
      Turn(*aggregate.turn_back, aggregate.first_block + at / kBlock, {means, count});
    }
    const uint32_t bits = kernels.outer(count, means, scale, BlockOf(in, out, at));
    if (bits >= kNotFiniteBits) return NotFinite();
  }
  return {};
}

}  // namespace dure::codec
