#include "tests/sim/tiny_model.h"

#include <cstring>

#include "federation/check.h"
#include "federation/codec/aggregate.h"
#include "federation/codec/encode.h"
#include "federation/codec/merge.h"
#include "federation/codec/outer.h"
#include "federation/codec/scales.h"
#include "federation/random.h"

namespace dure::sim {

Bytes ToBlob(std::span<const float> vector) {
  Bytes blob(vector.size_bytes());
  std::memcpy(blob.data(), vector.data(), blob.size());
  return blob;
}

Vector FromBlob(ByteView blob) {
  Vector vector(blob.size() / sizeof(float));
  std::memcpy(vector.data(), blob.data(), vector.size() * sizeof(float));
  return vector;
}

Vector Train(const Vector& base, uint64_t salt) {
  Vector trained = base;
  uint64_t x = salt * 0x9E3779B97F4A7C15ULL + 1;
  for (float& value : trained) {
    x = x * 6364136223846793005ULL + 1442695040888963407ULL;
    value += (static_cast<float>(x >> 40) / static_cast<float>(1 << 24) - 0.5F) * 0.04F;
  }
  return trained;
}

Lanes Encode(codec::Lane lane, uint64_t weight, uint64_t seed, const Vector& base,
             const Vector& trained, const Vector& residual, const Vector& scales) {
  Lanes out{Bytes(kParameters * codec::LaneBytes(lane)), Vector(kParameters), 0, weight};
  const auto stats =
      codec::EncodeRange({.lane = lane, .weight = weight, .seed = seed, .within_weight = true}, 0,
                         {base, trained, residual, scales}, {out.bytes, out.residual});
  DURE_CHECK(stats, "tiny updates are finite");
  out.saturated = stats->saturated;
  return out;
}

Bytes ContributionOf(codec::Lane lane, const Lanes& lanes) {
  Bytes packed(codec::PackedBytes(lane, kParameters));
  codec::PackLanes(lane, lanes.bytes, packed);
  return packed;
}

std::vector<int64_t> ValuesOf(codec::Lane lane, ByteView lanes) {
  std::vector<int64_t> values;
  if (lane == codec::Lane::kInt4 && lanes.size() < kParameters) {
    for (size_t i = 0; i < kParameters; ++i) {
      const int half = lanes[i % lanes.size()] >> (i < lanes.size() ? 0 : 4) & 0x0f;
      values.push_back(half < 8 ? half : half - 16);
    }
    return values;
  }
  for (size_t i = 0; i < lanes.size(); i += codec::LaneBytes(lane)) {
    const auto wide = codec::LaneBytes(lane) == 1
                          ? int64_t{static_cast<int8_t>(lanes[i])}
                          : int64_t{static_cast<int16_t>(lanes[i] | lanes[i + 1] << 8)};
    values.push_back(wide);
  }
  return values;
}

Bytes Merge(codec::Lane lane, const std::vector<ByteView>& contributions) {
  const auto layout =
      codec::AggregateLayout::Make(lane, static_cast<uint32_t>(contributions.size()), kParameters);
  DURE_CHECK(layout, "a cohort of the simulation fits the lanes");
  Bytes planes(layout->bytes());
  std::vector<uint64_t> squares(codec::BlockCount(kParameters));
  const auto merged = codec::MergeSegment(*layout, 0, contributions, {planes, squares});
  DURE_CHECK(merged, "every contribution passed verification");
  return planes;
}

std::vector<int64_t> SumsOf(codec::Lane lane, uint32_t site_count, ByteView aggregate) {
  const auto layout = codec::AggregateLayout::Make(lane, site_count, kParameters);
  if (!layout || aggregate.size() != layout->bytes()) return {};
  std::vector<int32_t> sums(kParameters);
  const auto planes = codec::PlanesOf(*layout, aggregate, {0, kParameters});
  if (!codec::UnpackSums(*layout, planes, sums)) return {};
  return {sums.begin(), sums.end()};
}

Next Derive(const Given& given, ByteView aggregate) {
  const auto layout = codec::AggregateLayout::Make(given.lane, given.site_count, kParameters);
  DURE_CHECK(layout && aggregate.size() == layout->bytes(), "an aggregate of this cohort");
  const bool keeps = given.mu != 0;
  Next next{Vector(kParameters), Vector(keeps ? kParameters : 0), {}};
  std::vector<uint64_t> squares(codec::BlockCount(kParameters));
  const auto stepped = codec::OuterStepRange(
      *layout, {keeps ? 0.7 : 1.0, given.mu},
      {codec::PlanesOf(*layout, aggregate, {0, kParameters}), given.scales, given.weight_sum},
      {given.base, given.momentum}, {next.model, next.momentum}, squares);
  DURE_CHECK(stepped, "the outer step of tiny vectors is finite");
  auto scales = codec::NextScales(
      given.scales, {given.lane, given.site_count, given.weight_sum, kParameters, squares});
  DURE_CHECK(scales, "evidence of the same round");
  next.scales = std::move(*scales);
  return next;
}

}  // namespace dure::sim
