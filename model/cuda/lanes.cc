#include "model/cuda/lanes.h"

#include <bit>
#include <cmath>

#include "federation/check.h"
#include "federation/codec/kernels.h"

namespace dure::model::cuda {

std::vector<LaneScale> LaneScales(const codec::EncodeParameters& parameters, uint64_t first,
                                  std::span<const float> scales) {
  const double weight =
      static_cast<double>(parameters.weight) / static_cast<double>(codec::kWeightOne);
  DURE_CHECK(!parameters.within_weight || parameters.weight == codec::kWeightOne,
             "lanes that stop at their weight are encoded on the CPU");
  const double most = codec::LaneMax(parameters.lane);
  std::vector<LaneScale> result(scales.size());
  for (size_t block = 0; block < scales.size(); ++block) {
    const double scale = static_cast<double>(scales[block]);
    result[block].to_lane = static_cast<float>(weight * most / scale);
    result[block].to_value = static_cast<float>(scale / (most * weight));
    codec::RoundingKey(parameters.seed, first / codec::kBlockParameters + block, result[block].key);
  }
  return result;
}

UpdateReport Sum(const codec::EncodeParameters& parameters, std::span<const float> scales,
                 std::span<const LaneReport> reports) {
  DURE_CHECK(scales.size() == reports.size(), "one report a block");
  const double unit = static_cast<double>(codec::LaneMax(parameters.lane)) *
                      static_cast<double>(parameters.weight) /
                      static_cast<double>(codec::kWeightOne);
  UpdateReport sum;
  double squares = 0;
  uint32_t most_bits = 0;
  for (size_t block = 0; block < reports.size(); ++block) {
    const LaneReport& report = reports[block];
    sum.finite = sum.finite && report.most_bits < codec::kNotFiniteBits;
    sum.stats.saturated += report.saturated;
    most_bits = std::max(most_bits, report.most_bits);
    const double scale = static_cast<double>(scales[block]) / unit;
    squares += static_cast<double>(report.squares) * (scale * scale);
  }
  sum.stats.max_abs = std::bit_cast<float>(most_bits);
  sum.norm = std::sqrt(squares);
  return sum;
}

}  // namespace dure::model::cuda
