#include "federation/codec/merge.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <vector>

#include "federation/random.h"

namespace dure::codec {
namespace {

using Cohort = std::vector<std::vector<int32_t>>;  // [site][parameter]

// Lanes of a kind: usual ones, both ends of the range, or mostly zero.
Cohort SomeCohort(SeededRandom& random, Lane lane, uint32_t sites, size_t count) {
  const int32_t most = LaneMax(lane);
  const uint64_t kind = random.Below(4);
  Cohort cohort(sites, std::vector<int32_t>(count));
  for (auto& lanes : cohort) {
    for (int32_t& value : lanes) {
      const auto any =
          static_cast<int32_t>(random.Below(2 * static_cast<uint64_t>(most) + 1)) - most;
      if (kind == 0) value = any;
      if (kind == 1) value = most;
      if (kind == 2) value = -most;
      if (kind == 3) value = random.Below(50) == 0 ? any : 0;
    }
  }
  return cohort;
}

std::vector<Bytes> Encode(const Cohort& cohort, Lane lane) {
  std::vector<Bytes> encoded;
  for (const auto& lanes : cohort) {
    Bytes bytes;
    for (const int32_t value : lanes) {
      bytes.push_back(static_cast<uint8_t>(value));
      if (lane == Lane::kInt16) bytes.push_back(static_cast<uint8_t>(value >> 8));
    }
    encoded.emplace_back(PackedBytes(lane, lanes.size()));
    PackLanes(lane, bytes, encoded.back());
  }
  return encoded;
}

struct Merged {
  Bytes planes;
  std::vector<uint64_t> squares;
};

Result<Merged> Merge(const AggregateLayout& layout, const std::vector<Bytes>& lanes) {
  Merged merged;
  merged.planes.resize(layout.SegmentBytes(0));
  merged.squares.resize(BlockCount(layout.parameter_count()));
  const std::vector<ByteView> views(lanes.begin(), lanes.end());
  DURE_TRY(MergeSegment(layout, 0, views, {merged.planes, merged.squares}));
  return merged;
}

// The page's definition of the planes, bit by bit, in wide integers.
Bytes PlanesByDefinition(const AggregateLayout& layout, const std::vector<int64_t>& sums) {
  Bytes low, high;
  const auto width = static_cast<int>(8 * LaneBytes(layout.lane()));
  const auto bits = static_cast<size_t>(layout.high_bits());
  for (const int64_t sum : sums) {
    for (int shift = 0; shift < width; shift += 8)
      low.push_back(static_cast<uint8_t>(sum >> shift));
  }
  for (size_t begin = 0; begin < sums.size() && bits > 0; begin += kBlockParameters) {
    const size_t count = std::min<size_t>(kBlockParameters, sums.size() - begin);
    const size_t stride = (count * bits + 7) / 8;
    Bytes block(stride);
    for (size_t j = 0; j < count; ++j) {
      const auto top = static_cast<uint64_t>(sums[begin + j] >> width) & ((1u << bits) - 1);
      block[j % stride] |= static_cast<uint8_t>(top << (bits * (j / stride)));
    }
    high.insert(high.end(), block.begin(), block.end());
  }
  low.insert(low.end(), high.begin(), high.end());
  return low;
}

TEST(Merge, EqualsASlowReferenceForRandomCohortsAndOddTails) {
  SeededRandom random(1);
  for (int trial = 0; trial < 300; ++trial) {
    const Lane lane = std::array{Lane::kInt4, Lane::kInt8, Lane::kInt16}[random.Below(3)];
    const auto sites = static_cast<uint32_t>(1 + random.Below(trial % 5 == 0 ? 256 : 20));
    const size_t count = 1 + random.Below(sites > 20 ? 1500 : 5000);
    const Cohort cohort = SomeCohort(random, lane, sites, count);
    const AggregateLayout layout = AggregateLayout::Make(lane, sites, count).value();
    const Merged merged = Merge(layout, Encode(cohort, lane)).value();
    std::vector<int64_t> sums(count);
    std::vector<uint64_t> squares(BlockCount(count));
    for (const auto& lanes : cohort) {
      for (size_t i = 0; i < count; ++i) sums[i] += lanes[i];
    }
    for (size_t i = 0; i < count; ++i) {
      squares[i / kBlockParameters] += static_cast<uint64_t>(sums[i] * sums[i]);
    }
    ASSERT_EQ(merged.squares, squares) << sites << " sites, " << count << " parameters";
    ASSERT_EQ(merged.planes, PlanesByDefinition(layout, sums))
        << sites << " sites, " << count << " parameters, " << Name(lane);
    std::vector<int32_t> unpacked(count);
    ASSERT_TRUE(UnpackSums(layout, PlanesOf(layout, merged.planes, {0, count}), unpacked));
    ASSERT_TRUE(std::equal(sums.begin(), sums.end(), unpacked.begin()));
  }
}

TEST(Merge, HoldsTheLargestCohortAtBothEndsOfTheRange) {
  for (const Lane lane : {Lane::kInt4, Lane::kInt8, Lane::kInt16}) {
    const uint32_t sites = CohortMax(lane);
    for (const int32_t end : {LaneMax(lane), -LaneMax(lane)}) {
      const Cohort cohort(sites, std::vector<int32_t>(kBlockParameters, end));
      const AggregateLayout layout = AggregateLayout::Make(lane, sites, kBlockParameters).value();
      const Merged merged = Merge(layout, Encode(cohort, lane)).value();
      std::vector<int32_t> sums(kBlockParameters);
      ASSERT_TRUE(UnpackSums(layout, PlanesOf(layout, merged.planes, {0, kBlockParameters}), sums));
      EXPECT_THAT(sums, testing::Each(end * static_cast<int32_t>(sites)));
      const auto most = static_cast<uint64_t>(layout.sum_max());
      EXPECT_EQ(merged.squares[0], kBlockParameters * most * most);
    }
  }
}

TEST(Merge, DoesNotDependOnTheOrderOfTheSites) {
  SeededRandom random(5);
  for (const Lane lane : {Lane::kInt4, Lane::kInt8, Lane::kInt16}) {
    const AggregateLayout layout = AggregateLayout::Make(lane, 9, 3333).value();
    std::vector<Bytes> lanes = Encode(SomeCohort(random, lane, 9, 3333), lane);
    const Merged once = Merge(layout, lanes).value();
    for (int trial = 0; trial < 10; ++trial) {
      for (size_t i = lanes.size(); i > 1; --i) std::swap(lanes[i - 1], lanes[random.Below(i)]);
      const Merged again = Merge(layout, lanes).value();
      EXPECT_EQ(again.planes, once.planes);
      EXPECT_EQ(again.squares, once.squares);
    }
  }
}

TEST(Merge, NamesTheContributionWithALaneNoEncoderSends) {
  for (const Lane lane : {Lane::kInt4, Lane::kInt8, Lane::kInt16}) {
    for (const size_t site : {0, 3, 4, 5}) {
      for (const size_t at : {size_t{0}, size_t{1024}, size_t{2999}}) {
        std::vector<Bytes> lanes(6, Bytes(PackedBytes(lane, 3000)));
        lanes[site][PackedBytes(lane, at + 1) - 1] = 0x80;  // the sign bit alone: -L-1
        const AggregateLayout layout = AggregateLayout::Make(lane, 6, 3000).value();
        const auto merged = Merge(layout, lanes);
        ASSERT_FALSE(merged);
        EXPECT_EQ(merged.error().code, ErrorCode::kInvalid);
        EXPECT_THAT(merged.error().message,
                    testing::StartsWith("contribution " + std::to_string(site)));
      }
    }
  }
}

TEST(Unpack, RefusesSumsThatTheSitesCannotReach) {
  const AggregateLayout layout = AggregateLayout::Make(Lane::kInt8, 3, 1500).value();
  const Bytes zeros(layout.bytes());
  std::vector<int32_t> sums(1500);
  ASSERT_TRUE(UnpackSums(layout, PlanesOf(layout, zeros, {0, 1500}), sums));
  // High bits 10 alone: -512, beyond 3*127.
  for (const size_t parameter : {0, 255, 256, 1023, 1024, 1499}) {
    Bytes planes = zeros;
    const size_t block = parameter / 1024;
    const size_t j = parameter % 1024;
    const size_t stride = block == 0 ? 256 : 119;
    planes[1500 + block * 256 + j % stride] |= static_cast<uint8_t>(2u << (2 * (j / stride)));
    const Status status = UnpackSums(layout, PlanesOf(layout, planes, {0, 1500}), sums);
    ASSERT_FALSE(status) << parameter;
    EXPECT_EQ(status.error().code, ErrorCode::kCorrupt);
  }
}

TEST(Unpack, RefusesEveryUnusedBitThatIsSet) {
  // 5 parameters at 4 bits: 3 bytes, and the upper half of the last is no one's.
  const AggregateLayout layout = AggregateLayout::Make(Lane::kInt8, 10, 5).value();
  ASSERT_EQ(layout.high_bits(), 4);
  ASSERT_EQ(layout.bytes(), 8u);
  std::vector<int32_t> sums(5);
  for (int bit = 4; bit < 8; ++bit) {
    Bytes planes(8);
    planes[7] = static_cast<uint8_t>(1 << bit);
    EXPECT_FALSE(UnpackSums(layout, PlanesOf(layout, planes, {0, 5}), sums));
  }
  Bytes planes(8);
  planes[7] = 0x03;  // used: parameter 2
  EXPECT_TRUE(UnpackSums(layout, PlanesOf(layout, planes, {0, 5}), sums));
  EXPECT_EQ(sums[2], 768);
}

}  // namespace
}  // namespace dure::codec
