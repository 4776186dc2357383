#include "federation/codec/scales.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "federation/codec/encode.h"
#include "federation/limits.h"

namespace dure::codec {
namespace {

// Updates of different sites meet at a small angle; their cosine is about 0.1 late in training
// (arXiv 2501.18512), so the mean of M is sqrt((1 + 0.1(M-1))/M) as long as one.
constexpr double kCosine = 0.1;
constexpr double kFactorMax = 4.0;          // of one round's change, up or down
constexpr double kFloorOfWhole = 1.0 / 16;  // of the scale that the whole vector would get

bool InRange(double scale) { return scale >= kScaleMin && scale <= kScaleMax; }

Status CheckEvidence(std::span<const float> scales, const ScaleEvidence& evidence) {
  DURE_TRY(CheckScales(scales, evidence.parameter_count));
  if (evidence.squares.size() != scales.size()) {
    return Fail(ErrorCode::kInvalid, "there is not one sum of squares a block");
  }
  if (evidence.site_count == 0 || evidence.site_count > CohortMax(evidence.lane)) {
    return Fail(ErrorCode::kInvalid,
                "an aggregate of " + std::to_string(evidence.site_count) + " sites cannot be");
  }
  return CheckWeightSum(evidence.weight_sum, evidence.site_count);
}

}  // namespace

// Beyond it a value saturates into the residual and arrives rounds later. int8 spends its 127 steps
// on resolution; int16 has steps enough that nothing saturates, so it follows fp32 even where a
// block has a few large values. int4 has seven: here less would saturate often and more would round
// coarsely.
uint64_t Headroom(Lane lane) { return lane == Lane::kInt4 ? 4 : lane == Lane::kInt8 ? 6 : 64; }

Status CheckWeightSum(uint64_t weight_sum, uint32_t site_count) {
  if (weight_sum == 0 || weight_sum > uint64_t{site_count} * kWeightOne) {
    return Fail(ErrorCode::kInvalid, "weights of " + std::to_string(site_count) +
                                         " sites cannot add to " + std::to_string(weight_sum));
  }
  return {};
}

double MeanUnit(Lane lane, float scale, uint64_t weight_sum) {
  const double weight = static_cast<double>(weight_sum) / static_cast<double>(kWeightOne);
  return static_cast<double>(scale) / (static_cast<double>(LaneMax(lane)) * weight);
}

double ExpectedNorm(Lane lane, std::span<const float> scales, uint64_t parameter_count) {
  double squares = 0;
  for (size_t block = 0; block < scales.size(); ++block) {
    const uint64_t count = std::min(kBlockParameters, parameter_count - block * kBlockParameters);
    const double scale = scales[block];
    squares += static_cast<double>(count) * (scale * scale);
  }
  return std::sqrt(squares) / static_cast<double>(Headroom(lane));
}

Result<std::vector<float>> UniformScales(uint64_t parameter_count, float scale) {
  if (!InRange(scale)) return Fail(ErrorCode::kInvalid, "the first scale is out of range");
  DURE_TRY(ContributionBytes(Lane::kInt8, parameter_count));
  return std::vector<float>(BlockCount(parameter_count), scale);
}

Status CheckScales(std::span<const float> scales, uint64_t parameter_count) {
  DURE_TRY(ContributionBytes(Lane::kInt8, parameter_count));
  if (scales.size() != BlockCount(parameter_count)) {
    return Fail(ErrorCode::kInvalid, std::to_string(scales.size()) + " scales for " +
                                         std::to_string(BlockCount(parameter_count)) + " blocks");
  }
  for (size_t block = 0; block < scales.size(); ++block) {
    if (!InRange(scales[block])) {
      return Fail(ErrorCode::kInvalid,
                  "the scale of block " + std::to_string(block) + " is out of range");
    }
  }
  return {};
}

Bytes SerializeScales(std::span<const float> scales) {
  Bytes bytes(scales.size_bytes());
  if (!bytes.empty()) std::memcpy(bytes.data(), scales.data(), bytes.size());
  return bytes;
}

Result<std::vector<float>> ParseScales(ByteView bytes, uint64_t parameter_count) {
  DURE_TRY(ContributionBytes(Lane::kInt8, parameter_count));
  if (bytes.size() != BlockCount(parameter_count) * sizeof(float)) {
    return Fail(ErrorCode::kInvalid,
                std::to_string(bytes.size()) + " bytes are not one scale a block of this model");
  }
  std::vector<float> scales(bytes.size() / sizeof(float));
  std::memcpy(scales.data(), bytes.data(), bytes.size());
  DURE_TRY(CheckScales(scales, parameter_count));
  return scales;
}

Result<std::vector<float>> NextScales(std::span<const float> scales,
                                      const ScaleEvidence& evidence) {
  DURE_TRY(CheckEvidence(scales, evidence));
  const double sites = evidence.site_count;
  const double of_one_update = static_cast<double>(Headroom(evidence.lane)) *
                               std::sqrt(sites / (1.0 + kCosine * (sites - 1.0)));
  // In block order on every machine: a sum of doubles depends on its order.
  double squares_of_all = 0;
  for (size_t block = 0; block < scales.size(); ++block) {
    const double unit = MeanUnit(evidence.lane, scales[block], evidence.weight_sum);
    squares_of_all += static_cast<double>(evidence.squares[block]) * unit * unit;
  }
  const double count_of_all = static_cast<double>(evidence.parameter_count);
  const double floor = kFloorOfWhole * of_one_update * std::sqrt(squares_of_all / count_of_all);
  std::vector<float> next(scales.size());
  for (size_t block = 0; block < scales.size(); ++block) {
    const uint64_t first = block * kBlockParameters;
    const double count =
        static_cast<double>(std::min(kBlockParameters, evidence.parameter_count - first));
    const double before = scales[block];
    const double unit = MeanUnit(evidence.lane, scales[block], evidence.weight_sum);
    const double rms = std::sqrt(static_cast<double>(evidence.squares[block]) / count) * unit;
    const double wished = std::max(of_one_update * rms, floor);
    const double moved = std::clamp(wished, before / kFactorMax, before * kFactorMax);
    next[block] = static_cast<float>(
        std::clamp(moved, static_cast<double>(kScaleMin), static_cast<double>(kScaleMax)));
  }
  return next;
}

}  // namespace dure::codec
