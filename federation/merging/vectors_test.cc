#include "federation/merging/vectors.h"

#include <gmock/gmock.h>
#include <stdlib.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>

#include "federation/merging/rows.h"
#include "federation/random.h"

namespace dure::merging {
namespace {

namespace fs = std::filesystem;
using codec::AggregateLayout;
using codec::Lane;
using round::MergeKind;
using round::MergeRule;

const std::vector<MergeRule> kRules = {
    {MergeKind::kNormBound, 0, 0, 1.25},    {MergeKind::kMedian, 0, 0, 0},
    {MergeKind::kTrimmedMean, 1, 0, 0},     {MergeKind::kKrum, 1, 0, 0},
    {MergeKind::kMultiKrum, 1, 2, 0},       {MergeKind::kCenteredClipping, 0, 0, 1},
    {MergeKind::kGeometricMedian, 0, 0, 0}, {MergeKind::kDirectionNorm, 0, 0, 0}};

class MergeByRuleTest : public testing::Test {
 protected:
  MergeByRuleTest() {
    std::string pattern = (fs::temp_directory_path() / "dure-merging-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~MergeByRuleTest() override { fs::remove_all(folder_); }

  struct Merged {
    RobustAggregate result;
    Bytes planes;
  };
  Result<Merged> Run(const MergeRule& rule, const AggregateLayout& layout,
                     const std::vector<Bytes>& contributions, int threads = 1) {
    const std::vector<ByteView> views(contributions.begin(), contributions.end());
    std::vector<float> scales;
    for (uint64_t block = 0; block < codec::BlockCount(layout.parameter_count()); ++block) {
      scales.push_back(0.5F + 0.25F * static_cast<float>(block % 4));
    }
    codec::MergeInput in;
    in.contributions = views;
    in.scales = scales;
    const std::string path = (folder_ / "aggregate").string();
    fs::remove(path);
    DURE_ASSIGN(const auto file, codec::OutputFile::Create(path, layout.bytes()));
    codec::Work work;
    work.threads = threads;
    DURE_ASSIGN(auto result, MergeByRule(rule, layout, in, file, work));
    DURE_ASSIGN(const auto written, codec::MappedFile::Open(path));
    return Merged{std::move(result), {written.bytes().begin(), written.bytes().end()}};
  }

  fs::path folder_;
};

std::vector<Bytes> SomeContributions(Lane lane, uint32_t sites, uint64_t count, uint64_t seed) {
  SeededRandom random(seed);
  const auto most = static_cast<uint64_t>(codec::LaneMax(lane));
  std::vector<Bytes> all(sites);
  for (Bytes& lanes : all) {
    Bytes values;
    values.reserve(count * codec::LaneBytes(lane));
    for (uint64_t i = 0; i < count; ++i) {
      const auto value = static_cast<int64_t>(random.Below(2 * most + 1) - most);
      for (size_t byte = 0; byte < codec::LaneBytes(lane); ++byte) {
        values.push_back(static_cast<uint8_t>(value >> (8 * byte)));
      }
    }
    lanes.resize(codec::PackedBytes(lane, count));
    codec::PackLanes(lane, values, lanes);
  }
  return all;
}

int64_t LaneAt(const Bytes& lanes, Lane lane, uint64_t i) {
  if (lane == Lane::kInt4) {
    const uint64_t block = i / 1024 * 1024;
    const uint64_t stride = (std::min<uint64_t>(2 * lanes.size() - block, 1024) + 1) / 2;
    const uint64_t j = i - block;
    const int half = lanes[block / 2 + j % stride] >> (j < stride ? 0 : 4) & 0x0f;
    return half < 8 ? half : half - 16;
  }
  if (lane == Lane::kInt8) return static_cast<int8_t>(lanes[i]);
  return static_cast<int16_t>(lanes[2 * i] | lanes[2 * i + 1] << 8);
}

std::vector<int32_t> SumsOf(const AggregateLayout& layout, const Bytes& planes) {
  std::vector<int32_t> all;
  for (uint64_t segment = 0; segment < layout.segment_count(); ++segment) {
    const codec::Range range = layout.Segment(segment);
    std::vector<int32_t> sums(range.size());
    EXPECT_TRUE(UnpackSums(layout, PlanesOf(layout, planes, range), sums));
    all.insert(all.end(), sums.begin(), sums.end());
  }
  return all;
}

TEST_F(MergeByRuleTest, TheMedianAndTheTrimmedMeanAreThoseOfEachCoordinate) {
  for (const Lane lane : {Lane::kInt4, Lane::kInt8, Lane::kInt16}) {
    for (const uint32_t sites : {3U, 4U, 5U, 8U, 13U}) {
      constexpr uint64_t kCount = 2 * 1024 + 77;
      const auto all = SomeContributions(lane, sites, kCount, sites);
      const auto layout = AggregateLayout::Make(lane, sites, kCount).value();
      const auto median = Run({MergeKind::kMedian, 0, 0, 0}, layout, all).value();
      const auto trimmed = Run({MergeKind::kTrimmedMean, 1, 0, 0}, layout, all).value();
      const std::vector<int32_t> medians = SumsOf(layout, median.planes);
      const std::vector<int32_t> means = SumsOf(layout, trimmed.planes);
      for (uint64_t i = 0; i < kCount; ++i) {
        std::vector<int64_t> column;
        for (const Bytes& lanes : all) column.push_back(LaneAt(lanes, lane, i));
        std::sort(column.begin(), column.end());
        const int64_t twice = column[(sites - 1) / 2] + column[sites / 2];
        ASSERT_EQ(2 * medians[i], twice * sites) << i;
        int64_t inner = 0;
        for (size_t k = 1; k + 1 < sites; ++k) inner += column[k];
        ASSERT_EQ(means[i], std::nearbyint(static_cast<double>(inner * sites) / (sites - 2)));
      }
      EXPECT_TRUE(median.result.shares.empty());
    }
  }
}

TEST_F(MergeByRuleTest, KrumGivesExactlyTheContributionItChose) {
  for (const Lane lane : {Lane::kInt4, Lane::kInt8, Lane::kInt16}) {
    constexpr uint64_t kCount = 3000;
    auto all = SomeContributions(lane, 5, kCount, 1);
    all[3] = all[1];  // two that are the same are nearest to each other
    const auto layout = AggregateLayout::Make(lane, 5, kCount).value();
    const auto merged = Run({MergeKind::kKrum, 1, 0, 0}, layout, all).value();
    EXPECT_THAT(merged.result.shares, testing::ElementsAre(0u, 5 * kEvenShare, 0u, 0u, 0u));
    const std::vector<int32_t> sums = SumsOf(layout, merged.planes);
    for (uint64_t i = 0; i < kCount; ++i) ASSERT_EQ(sums[i], 5 * LaneAt(all[1], lane, i));
  }
}

TEST_F(MergeByRuleTest, OfEqualContributionsEveryRuleMakesThatContribution) {
  for (const Lane lane : {Lane::kInt4, Lane::kInt8, Lane::kInt16}) {
    for (const MergeRule& rule : kRules) {
      const std::vector<Bytes> all(7, SomeContributions(lane, 1, 2000, 4)[0]);
      const auto layout = AggregateLayout::Make(lane, 7, 2000).value();
      const auto merged = Run(rule, layout, all).value();
      const std::vector<int32_t> sums = SumsOf(layout, merged.planes);
      for (uint64_t i = 0; i < 2000; ++i) {
        ASSERT_NEAR(sums[i], 7 * LaneAt(all[0], lane, i), 1) << rule.Text();
      }
    }
  }
}

TEST_F(MergeByRuleTest, TheBytesAreTheSameForAnyNumberOfThreads) {
  constexpr uint64_t kCount = 2 * codec::kSegmentParameters + 5000;
  const auto all = SomeContributions(Lane::kInt8, 5, kCount, 9);
  const auto layout = AggregateLayout::Make(Lane::kInt8, 5, kCount).value();
  for (const MergeRule& rule : kRules) {
    const auto one = Run(rule, layout, all, 1).value();
    const auto three = Run(rule, layout, all, 3).value();
    EXPECT_EQ(one.planes, three.planes) << rule.Text();
    EXPECT_EQ(one.result.chunks, three.result.chunks) << rule.Text();
    EXPECT_EQ(one.result.shares, three.result.shares) << rule.Text();
    EXPECT_EQ(one.result.chunks, codec::ChunkDigests(one.planes)) << rule.Text();
  }
}

TEST_F(MergeByRuleTest, TheSquaresAreThoseOfTheSums) {
  for (const Lane lane : {Lane::kInt4, Lane::kInt8, Lane::kInt16}) {
    const auto all = SomeContributions(lane, 3, 1500, 2);
    const auto layout = AggregateLayout::Make(lane, 3, 1500).value();
    const auto merged = Run({MergeKind::kMedian, 0, 0, 0}, layout, all).value();
    const std::vector<int32_t> sums = SumsOf(layout, merged.planes);
    std::vector<uint64_t> squares(2);
    for (size_t i = 0; i < sums.size(); ++i) {
      squares[i / 1024] += static_cast<uint64_t>(int64_t{sums[i]} * sums[i]);
    }
    EXPECT_EQ(merged.result.squares, squares);
  }
}

TEST_F(MergeByRuleTest, RefusesALaneThatNoEncoderSendsAndTooFewContributions) {
  auto all = SomeContributions(Lane::kInt8, 5, 1500, 2);
  const auto layout = AggregateLayout::Make(Lane::kInt8, 5, 1500).value();
  const auto few = Run({MergeKind::kKrum, 2, 0, 0}, layout, all);
  ASSERT_FALSE(few);
  EXPECT_THAT(few.error().message, testing::HasSubstr("7 contributions or more"));
  all[2][1400] = 0x80;
  for (const MergeRule& rule : kRules) {
    const auto refused = Run(rule, layout, all);
    ASSERT_FALSE(refused) << rule.Text();
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalid);
    EXPECT_THAT(refused.error().message, testing::HasSubstr("contribution 2"));
  }
}

TEST(SortingNetwork, SortsEveryColumnOfZerosAndOnes) {
  // What sorts all zeros and ones sorts everything.
  for (uint32_t count = 1; count <= 12; ++count) {
    const auto network = SortingNetwork(count);
    for (uint32_t bits = 0; bits < 1U << count; ++bits) {
      std::vector<int> column;
      for (uint32_t i = 0; i < count; ++i) column.push_back(static_cast<int>(bits >> i & 1));
      for (const Exchange& one : network) {
        if (column[one.low] > column[one.high]) std::swap(column[one.low], column[one.high]);
      }
      ASSERT_TRUE(std::is_sorted(column.begin(), column.end())) << count << " " << bits;
    }
  }
}

TEST(BlockKernels, EveryInstructionSetGivesTheSameBits) {
  SeededRandom random(5);
  for (const size_t count : {size_t{1}, size_t{77}, kBlock}) {
    std::vector<int16_t> rows(6 * kBlock);
    for (int16_t& value : rows) value = static_cast<int16_t>(random.Below(65535) - 32767);
    const auto run = [&](const BlockKernels& kernels) {
      std::vector<int16_t> sorted = rows;
      kernels.exchange(count, SortingNetwork(6), sorted.data());
      std::vector<double> sums(kBlock);
      for (size_t i = 0; i < 6; ++i) kernels.add(count, &rows[i * kBlock], 3.0 + i, sums.data());
      std::vector<int32_t> out(kBlock);
      kernels.finish16(count, sums.data(), 7, 6 * 32767, out.data());
      out.push_back(static_cast<int32_t>(kernels.product16(count, &rows[0], &rows[kBlock])));
      out.insert(out.end(), sorted.begin(), sorted.end());
      return out;
    };
    const auto plain = run(BlockKernelsAt(codec::VectorLevel::kPlain));
    EXPECT_EQ(plain, run(BestBlockKernels()));
    if (codec::BestLevel() >= codec::VectorLevel::kAvx2) {
      EXPECT_EQ(plain, run(BlockKernelsAt(codec::VectorLevel::kAvx2)));
    }
  }
}

}  // namespace
}  // namespace dure::merging
