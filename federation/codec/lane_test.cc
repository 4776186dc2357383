#include "federation/codec/lane.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <array>

#include "federation/codec/aggregate.h"
#include "federation/limits.h"
#include "federation/random.h"

namespace dure::codec {
namespace {

TEST(Lanes, AreNamedInPlans) {
  EXPECT_EQ(LaneFromName("int8").value(), Lane::kInt8);
  EXPECT_EQ(LaneFromName("int16").value(), Lane::kInt16);
  EXPECT_EQ(LaneFromName("int4").value(), Lane::kInt4);
  EXPECT_FALSE(LaneFromName("int2"));
  EXPECT_FALSE(LaneFromName("INT8"));
  EXPECT_FALSE(LaneFromName(""));
}

TEST(Lanes, RefuseTheOneValueNoEncoderSends) {
  for (const size_t at : {0, 1, 1023, 1024, 4999}) {
    Bytes bytes(5000, 0x81);  // -127
    EXPECT_TRUE(CheckLanes(Lane::kInt8, 5000, bytes));
    bytes[at] = 0x80;  // -128
    EXPECT_FALSE(CheckLanes(Lane::kInt8, 5000, bytes));
  }
  Bytes wide{0x00, 0x80, 0x01, 0x80};  // -32768, -32767
  EXPECT_FALSE(CheckLanes(Lane::kInt16, 2, wide));
  wide[0] = 0x01;
  EXPECT_TRUE(CheckLanes(Lane::kInt16, 2, wide));
  wide.pop_back();
  EXPECT_FALSE(CheckLanes(Lane::kInt16, 2, wide));
}

TEST(Lanes, OfFourBitsAreCheckedWhereverTheyStand) {
  for (const uint64_t count : {uint64_t{5000}, uint64_t{4999}, uint64_t{1}}) {
    Bytes packed(PackedBytes(Lane::kInt4, count), 0x97);  // 7 and -7
    if (count % 2 != 0) packed.back() &= 0x0f;
    ASSERT_TRUE(CheckLanes(Lane::kInt4, count, packed));
    EXPECT_FALSE(CheckLanes(Lane::kInt4, count + 2, packed));
    EXPECT_FALSE(CheckLanes(Lane::kInt4, count - 1 + 2 * (count % 2), Bytes(packed.size() + 1)));
    for (const size_t at : {size_t{0}, packed.size() / 2, packed.size() - 1}) {
      for (const uint8_t half : {0x08, 0x80}) {
        Bytes other = packed;
        other[at] = static_cast<uint8_t>((other[at] & (half == 0x08 ? 0xf0 : 0x0f)) | half);
        EXPECT_FALSE(CheckLanes(Lane::kInt4, count, other)) << at << " of " << count;
      }
    }
    // The half byte behind an odd count is nobody's.
    packed.back() |= 0x10;
    EXPECT_EQ(CheckLanes(Lane::kInt4, count, packed).has_value(), count % 2 == 0) << count;
  }
}

TEST(Lanes, OfFourBitsStandTwoAByteAndComeBack) {
  SeededRandom random(8);
  for (const size_t count : {1, 2, 3, 1023, 1024, 1025, 5000, 5001}) {
    Bytes values(count);
    for (uint8_t& value : values)
      value = static_cast<uint8_t>(static_cast<int>(random.Below(15)) - 7);
    Bytes packed(PackedBytes(Lane::kInt4, count));
    ASSERT_EQ(packed.size(), (count + 1) / 2);
    PackLanes(Lane::kInt4, values, packed);
    EXPECT_TRUE(CheckLanes(Lane::kInt4, count, packed));
    std::array<int8_t, kBlockParameters> room;
    for (size_t first = 0; first < count; first += kBlockParameters) {
      const size_t here = std::min<size_t>(kBlockParameters, count - first);
      const uint8_t* const back = BlockValues(Lane::kInt4, packed, first, here, room);
      EXPECT_TRUE(std::equal(back, back + here, values.begin() + static_cast<ptrdiff_t>(first)));
      // By the page's definition too.
      for (size_t j = 0; j < here; ++j) {
        const size_t stride = (here + 1) / 2;
        const unsigned byte = packed[first / 2 + j % stride];
        EXPECT_EQ((j < stride ? byte : byte >> 4) & 0x0f, values[first + j] & 0x0fU);
      }
    }
  }
}

TEST(Lanes, CutTheVectorIntoSegmentsWithoutGaps) {
  for (const uint64_t count :
       {uint64_t{1}, uint64_t{1024}, kSegmentParameters - 1, kSegmentParameters,
        kSegmentParameters + 1, 5 * kSegmentParameters + 12345}) {
    uint64_t next = 0;
    for (uint64_t segment = 0; segment < SegmentCount(count); ++segment) {
      const Range range = SegmentAt(count, segment);
      EXPECT_EQ(range.begin, next);
      EXPECT_GT(range.end, range.begin);
      next = range.end;
    }
    EXPECT_EQ(next, count);
  }
}

TEST(Headroom, RefusesCohortsWhoseSumsCouldLeaveTheirPlanes) {
  for (const Lane lane : {Lane::kInt4, Lane::kInt8, Lane::kInt16}) {
    const uint32_t most = CohortMax(lane);
    EXPECT_EQ(most, limits::kSitesMax);
    EXPECT_TRUE(AggregateLayout::Make(lane, most, 1000));
    EXPECT_FALSE(AggregateLayout::Make(lane, most + 1, 1000));
    EXPECT_FALSE(AggregateLayout::Make(lane, 0, 1000));
    for (uint32_t sites = 1; sites <= most; ++sites) {
      const AggregateLayout layout = AggregateLayout::Make(lane, sites, 1000).value();
      const int width = static_cast<int>(8 * LaneBytes(lane)) + layout.high_bits();
      EXPECT_LE(layout.sum_max(), (int64_t{1} << (width - 1)) - 1);
      // And fewer bits would not do.
      if (layout.high_bits() > 0) {
        const int fewer = width - (layout.high_bits() + 1) / 2;
        EXPECT_GT(layout.sum_max(), (int64_t{1} << (fewer - 1)) - 1) << sites << " sites";
      }
    }
  }
}

TEST(Layout, RefusesModelsOutsideTheirBounds) {
  EXPECT_FALSE(AggregateLayout::Make(Lane::kInt8, 3, 0));
  EXPECT_TRUE(AggregateLayout::Make(Lane::kInt16, 256, limits::kParameterCountMax));
  EXPECT_FALSE(AggregateLayout::Make(Lane::kInt8, 3, limits::kParameterCountMax + 1));
  EXPECT_FALSE(AggregateLayout::Make(Lane::kInt8, 3, UINT64_MAX));
  EXPECT_FALSE(ContributionBytes(Lane::kInt16, UINT64_MAX));
  EXPECT_EQ(ContributionBytes(Lane::kInt16, 10).value(), 20u);
  EXPECT_EQ(ContributionBytes(Lane::kInt4, 11).value(), 6u);
}

TEST(Layout, PlacesEverySegmentAndBlockWithoutGapOrOverlap) {
  SeededRandom random(3);
  for (int trial = 0; trial < 60; ++trial) {
    const Lane lane = std::array{Lane::kInt4, Lane::kInt8, Lane::kInt16}[random.Below(3)];
    const auto sites = static_cast<uint32_t>(1 + random.Below(CohortMax(lane)));
    const uint64_t count = 1 + random.Below(4 * kSegmentParameters);
    const AggregateLayout layout = AggregateLayout::Make(lane, sites, count).value();
    uint64_t next = 0;
    for (uint64_t segment = 0; segment < layout.segment_count(); ++segment) {
      EXPECT_EQ(layout.SegmentOffset(segment), next);
      const Range range = layout.Segment(segment);
      EXPECT_EQ(layout.HighOffset(range.begin), next + layout.LowBytes(range.size()));
      const uint64_t inside = range.begin + random.Below(BlockCount(range.size())) * 1024;
      EXPECT_EQ(layout.LowOffset(inside), next + layout.LowBytes(inside - range.begin));
      EXPECT_EQ(layout.HighOffset(inside),
                layout.HighOffset(range.begin) + layout.HighBytes(inside - range.begin));
      next += layout.SegmentBytes(segment);
    }
    EXPECT_EQ(next, layout.bytes());
  }
}

}  // namespace
}  // namespace dure::codec
