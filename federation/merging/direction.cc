#include "federation/merging/direction.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "federation/codec/kernels.h"
#include "federation/codec/pieces.h"
#include "federation/merging/ordered_sum.h"

namespace dure::merging {
namespace {

// In eight running sums, which a vector unit can hold.
double SumOfSquares(std::span<const float> values) {
  std::array<double, 8> sums{};
  size_t i = 0;
  for (; i + sums.size() <= values.size(); i += sums.size()) {
    for (size_t lane = 0; lane < sums.size(); ++lane) {
      const auto value = static_cast<double>(values[i + lane]);
      sums[lane] += value * value;
    }
  }
  for (; i < values.size(); ++i) {
    sums[0] += static_cast<double>(values[i]) * static_cast<double>(values[i]);
  }
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

Result<double> NormOf(const codec::UpdateInput& in, const codec::Work& work) {
  const uint64_t count = in.base.size();
  OrderedSum total(1);
  const auto piece = [&](uint64_t segment) -> Result<uint64_t> {
    const codec::Range range = codec::SegmentAt(count, segment);
    std::array<float, codec::kBlock> update{};
    double sum = 0;
    for (uint64_t at = range.begin; at < range.end; at += codec::kBlock) {
      const size_t size = std::min<uint64_t>(codec::kBlock, range.end - at);
      const float* const residual = in.residual.empty() ? nullptr : in.residual.data() + at;
      const uint32_t most = codec::BestKernels().update(
          size, in.base.data() + at, in.trained.data() + at, residual, update.data());
      if (most >= codec::kNotFiniteBits) {
        return Fail(ErrorCode::kInvalid, "the update holds a value that is not finite");
      }
      sum += SumOfSquares(std::span(update).first(size));
    }
    total.Put(segment, {sum});
    return range.size();
  };
  DURE_TRY(codec::RunPieces(work, codec::SegmentCount(count), count, piece));
  return std::sqrt(total.total()[0]);
}

}  // namespace

Result<uint64_t> DirectionWeight(const codec::UpdateInput& in, codec::Lane lane,
                                 const codec::Work& work) {
  DURE_TRY(codec::CheckScales(in.scales, in.base.size()));
  const bool fits = in.trained.size() == in.base.size() &&
                    (in.residual.empty() || in.residual.size() == in.base.size());
  if (!fits) return Fail(ErrorCode::kInvalid, "the trained model has another shape than the base");
  DURE_ASSIGN(const double norm, NormOf(in, work));
  const double common = codec::ExpectedNorm(lane, in.scales, in.base.size()) / 2;
  if (norm <= common) return codec::kWeightOne;
  const auto weight = static_cast<uint64_t>(common / norm * static_cast<double>(codec::kWeightOne));
  return std::max<uint64_t>(weight, 1);
}

}  // namespace dure::merging
