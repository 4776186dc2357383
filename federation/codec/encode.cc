#include "federation/codec/encode.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <string>

#include "federation/check.h"
#include "federation/codec/kernels.h"
#include "federation/codec/typed.h"

namespace dure::codec {
namespace {

RoundScale ScaleOf(const EncodeParameters& parameters, float scale, uint64_t block) {
  const double weight = static_cast<double>(parameters.weight) / static_cast<double>(kWeightOne);
  const double most = LaneMax(parameters.lane);
  RoundScale result;
  result.to_lane = static_cast<float>(weight * most / static_cast<double>(scale));
  result.to_value = static_cast<float>(static_cast<double>(scale) / (most * weight));
  RoundingKey(parameters.seed, block, result.key);
  if (parameters.within_weight) result.most = static_cast<float>(weight * most);
  return result;
}

void CheckShape(const EncodeParameters& parameters, uint64_t first, const EncodeInput& in,
                const EncodeOutput& out) {
  const size_t count = in.base.size();
  DURE_CHECK(first % kBlockParameters == 0, "a range begins at a block");
  DURE_CHECK(parameters.weight >= 1 && parameters.weight <= kWeightOne, "a weight is in (0, 1]");
  DURE_CHECK(in.trained.size() == count, "base and trained model are one shape");
  DURE_CHECK(in.residual.empty() || in.residual.size() == count, "the residual has that shape");
  DURE_CHECK(in.scales.size() == BlockCount(count), "there is one scale a block");
  DURE_CHECK(out.lanes.size() == count * LaneBytes(parameters.lane), "there is room for lanes");
  DURE_CHECK(out.residual.size() == count, "there is room for the residual");
}

}  // namespace

void EncodeStats::Add(const EncodeStats& other) {
  saturated += other.saturated;
  max_abs = std::max(max_abs, other.max_abs);
}

Result<uint64_t> WeightOf(uint64_t tokens, uint64_t reference_tokens) {
  if (tokens == 0 || reference_tokens == 0) {
    return Fail(ErrorCode::kInvalid, "a contribution without tokens has no weight");
  }
  if (tokens >= reference_tokens) return kWeightOne;
  // In 128 bits, since tokens * 2^20 may exceed 64.
  const auto scaled = static_cast<unsigned __int128>(tokens) * kWeightOne / reference_tokens;
  return std::max<uint64_t>(1, static_cast<uint64_t>(scaled));
}

Result<EncodeStats> EncodeRange(const EncodeParameters& parameters, uint64_t first,
                                const EncodeInput& in, const EncodeOutput& out) {
  CheckShape(parameters, first, in, out);
  const Kernels& kernels = BestKernels();
  const uint64_t width = LaneBytes(parameters.lane);
  EncodeStats stats;
  uint32_t most_bits = 0;
  alignas(64) float u[kBlock];
  for (size_t at = 0; at < in.base.size(); at += kBlock) {
    const size_t count = std::min(kBlock, in.base.size() - at);
    const float* const residual = in.residual.empty() ? nullptr : in.residual.data() + at;
    const uint32_t bits =
        kernels.update(count, in.base.data() + at, in.trained.data() + at, residual, u);
    if (bits >= kNotFiniteBits) {
      return Fail(ErrorCode::kInvalid, "the update holds a NaN or an infinity near parameter " +
                                           std::to_string(first + at) + "; it is not sent");
    }
    most_bits = std::max(most_bits, bits);
    const RoundScale scale =
        ScaleOf(parameters, in.scales[at / kBlock], (first + at) / kBlockParameters);
    uint8_t* const lanes = out.lanes.data() + at * width;
    float* const left = out.residual.data() + at;
    if (width == 2) {
      stats.saturated += kernels.round16(count, u, scale, Typed<int16_t>(lanes), left);
      continue;
    }
    const auto round = parameters.lane == Lane::kInt8 ? kernels.round8 : kernels.round4;
    stats.saturated += round(count, u, scale, Typed<int8_t>(lanes), left);
  }
  stats.max_abs = std::bit_cast<float>(most_bits);
  return stats;
}

}  // namespace dure::codec
