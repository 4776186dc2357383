#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "federation/codec/merge.h"
#include "federation/masking/encode_masked.h"
#include "federation/masking/inner_product.h"
#include "federation/masking/unmask.h"
#include "federation/masking/word_kernels.h"
#include "federation/random.h"

namespace dure::masking {
namespace {

WordLayout LayoutOf(int32_t lane_max, uint32_t sites, uint64_t parameters) {
  return WordLayout::Make(lane_max, sites, parameters).value();
}

StreamKey AnyKey(Random& chance) {
  StreamKey key;
  chance.Fill(key.key.bytes);
  chance.Fill(key.nonce);
  return key;
}

Bytes RandomLanes(Random& chance, const WordLayout& layout) {
  Bytes lanes(layout.LowBytes(layout.parameter_count()));
  for (uint64_t i = 0; i < layout.parameter_count(); ++i) {
    const auto span = static_cast<uint64_t>(2 * layout.lane_max() + 1);
    const auto lane = static_cast<int32_t>(chance.Below(span)) - layout.lane_max();
    for (uint64_t k = 0; k < layout.lane_bytes(); ++k) {
      lanes[i * layout.lane_bytes() + k] = static_cast<uint8_t>(lane >> (8 * k));
    }
  }
  return lanes;
}

int32_t LaneAt(const WordLayout& layout, ByteView lanes, uint64_t i) {
  if (layout.lane_bytes() == 1) return static_cast<int8_t>(lanes[i]);
  return static_cast<int16_t>(lanes[2 * i] | lanes[2 * i + 1] << 8);
}

std::vector<WordRange> Runs(const WordLayout& layout) {
  std::vector<WordRange> runs;
  for (uint64_t at = 0; at < layout.parameter_count(); at += codec::kSegmentParameters) {
    runs.push_back({at, std::min(at + codec::kSegmentParameters, layout.parameter_count())});
  }
  return runs;
}

TEST(WordLayout, CostsAboutTheLanesAndTheHeadroom) {
  EXPECT_EQ(LayoutOf(127, 4, 1).bits(), 10);
  EXPECT_EQ(LayoutOf(127, 16, 1).bits(), 12);
  EXPECT_EQ(LayoutOf(127, 255, 1).bits(), 16);
  EXPECT_EQ(LayoutOf(32767, 4, 1).bits(), 18);
  EXPECT_EQ(LayoutOf(32767, 255, 1).bits(), 24);
  EXPECT_EQ(LayoutOf(7, 18, 1).bits(), 8);
  EXPECT_EQ(LayoutOf(7, 255, 1).bits(), 12);
  for (const int32_t lane_max : {7, 127, 32767}) {
    for (uint32_t sites = 1; sites <= kSitesMax; ++sites) {
      const WordLayout layout = LayoutOf(lane_max, sites, 1);
      EXPECT_LT(layout.sum_max(), int64_t{1} << (layout.bits() - 1)) << "the headroom rule";
    }
  }
}

void CompareWithAggregate(codec::Lane lane, uint32_t sites, uint64_t parameters) {
  const auto aggregate = codec::AggregateLayout::Make(lane, sites, parameters).value();
  const WordLayout words = LayoutOf(codec::LaneMax(lane), sites, parameters);
  ASSERT_EQ(words.PlaneBytes(), aggregate.bytes());
  for (uint64_t first = 0; first < parameters; first += 999 * 1024) {
    ASSERT_EQ(words.LowOffset(first), aggregate.LowOffset(first));
    ASSERT_EQ(words.HighOffset(first), aggregate.HighOffset(first));
  }
}

TEST(WordLayout, IsThatOfTheAggregate) {
  for (const uint64_t parameters : {uint64_t{1}, uint64_t{1025}, uint64_t{5'000'001}}) {
    for (const uint32_t sites : {1U, 2U, 3U, 4U, 5U, 16U, 17U, 255U}) {
      CompareWithAggregate(codec::Lane::kInt8, sites, parameters);
      CompareWithAggregate(codec::Lane::kInt16, sites, parameters);
    }
  }
}

TEST(WordLayout, RefusesWhatHasNoRoom) {
  EXPECT_FALSE(WordLayout::Make(128, 3, 10).has_value());
  EXPECT_FALSE(WordLayout::Make(127, 256, 10).has_value());
  EXPECT_FALSE(WordLayout::Make(127, 3, 0).has_value());
  EXPECT_FALSE(WordLayout::Make(127, 3, uint64_t{1} << 41).has_value());
}

struct Case {
  int32_t lane_max;
  uint32_t sites;
  uint64_t parameters;
};

class Masking : public testing::TestWithParam<Case> {};

// Two of the masks of each pair cancel; what a survivor shared with a dropped site, and its own
// mask, are undone. The result must be the planes that the codec's own merge makes.
TEST_P(Masking, SumsExactlyOverSurvivors) {
  const auto [lane_max, sites, parameters] = GetParam();
  SeededRandom chance(sites + parameters);
  const WordLayout layout = LayoutOf(lane_max, sites, parameters);
  const uint32_t dropped = sites / 4;
  std::vector<std::vector<StreamKey>> pair(sites, std::vector<StreamKey>(sites));
  for (uint32_t i = 0; i < sites; ++i) {
    for (uint32_t j = i; j < sites; ++j) pair[i][j] = pair[j][i] = AnyKey(chance);
  }
  std::vector<Bytes> lanes, uploads;
  std::vector<Mask> undo;
  std::vector<Scalars> masked_scalars;
  Scalars scalar_sum{};
  for (uint32_t i = dropped; i < sites; ++i) {
    std::vector<Mask> masks;
    for (uint32_t j = 0; j < sites; ++j) {
      masks.push_back({pair[i][j], i <= j ? Direction::kAdd : Direction::kSubtract});
      if (j < dropped) undo.push_back({pair[i][j], Direction::kAdd});
    }
    undo.push_back({pair[i][i], Direction::kSubtract});
    lanes.push_back(RandomLanes(chance, layout));
    uploads.emplace_back(layout.PlaneBytes());
    for (const WordRange run : Runs(layout)) {
      const ByteView part =
          ByteView(lanes.back()).subspan(layout.LowBytes(run.begin), layout.LowBytes(run.size()));
      ASSERT_TRUE(MaskLanes(layout, Masks(masks), run, part, PlanesOf(layout, uploads.back(), run))
                      .has_value());
    }
    Scalars scalars{};
    for (size_t k = 0; k < kScalars; ++k) {
      scalars[k] = chance.Below(kScalarMax);
      scalar_sum[k] += scalars[k];
    }
    Masks(masks).Apply(scalars);
    masked_scalars.push_back(scalars);
  }
  const WordLayout sums = LayoutOf(lane_max, sites - dropped, parameters);
  Bytes aggregate(sums.PlaneBytes());
  std::vector<int32_t> values(parameters);
  for (const WordRange run : Runs(layout)) {
    std::vector<codec::PlaneView> views;
    for (Bytes& upload : uploads) {
      const PlaneSpan planes = PlanesOf(layout, upload, run);
      views.push_back({planes.low, planes.high});
    }
    const PlaneSpan out = PlanesOf(sums, aggregate, run);
    const Masks masks(undo);
    ASSERT_TRUE(UnmaskRange(layout, {views, masks}, run, sums, out).has_value());
    ASSERT_TRUE(
        ReadSums(sums, {out.low, out.high}, std::span(values).subspan(run.begin, run.size()))
            .has_value());
  }
  for (uint64_t i = 0; i < parameters; ++i) {
    int32_t wanted = 0;
    for (const Bytes& one : lanes) wanted += LaneAt(layout, one, i);
    ASSERT_EQ(values[i], wanted) << "parameter " << i;
  }
  EXPECT_EQ(UnmaskScalars(masked_scalars, Masks(undo)).value(), scalar_sum);
}

INSTANTIATE_TEST_SUITE_P(All, Masking,
                         testing::Values(Case{127, 3, 1}, Case{127, 4, 5000}, Case{127, 4, 16384},
                                         Case{127, 20, 40'000}, Case{127, 5, 1'060'000},
                                         Case{7, 8, 3000}, Case{7, 30, 3000}, Case{32767, 3, 5001},
                                         Case{32767, 20, 20'000}, Case{32767, 70, 1100}));

TEST(UnmaskRange, GivesTheBytesOfTheUnmaskedMerge) {
  SeededRandom chance(5);
  constexpr uint64_t kParameters = 3000;
  const WordLayout layout = LayoutOf(127, 3, kParameters);
  std::vector<Bytes> lanes, uploads;
  std::vector<Mask> undo;
  std::vector<codec::PlaneView> views;
  for (int i = 0; i < 3; ++i) {
    const std::vector<Mask> own{{AnyKey(chance), Direction::kAdd}};
    undo.push_back({own[0].key, Direction::kSubtract});
    lanes.push_back(RandomLanes(chance, layout));
    uploads.emplace_back(layout.PlaneBytes());
    ASSERT_TRUE(MaskLanes(layout, Masks(own), {0, kParameters}, lanes.back(),
                          PlanesOf(layout, uploads.back(), {0, kParameters}))
                    .has_value());
  }
  for (Bytes& upload : uploads) {
    const PlaneSpan planes = PlanesOf(layout, upload, {0, kParameters});
    views.push_back({planes.low, planes.high});
  }
  Bytes aggregate(layout.PlaneBytes());
  const Masks masks(undo);
  ASSERT_TRUE(UnmaskRange(layout, {views, masks}, {0, kParameters}, layout,
                          PlanesOf(layout, aggregate, {0, kParameters}))
                  .has_value());
  const auto merged = codec::AggregateLayout::Make(codec::Lane::kInt8, 3, kParameters).value();
  Bytes planes(merged.bytes());
  std::vector<uint64_t> squares(3);
  const std::vector<ByteView> in(lanes.begin(), lanes.end());
  ASSERT_TRUE(codec::MergeSegment(merged, 0, in, {planes, squares}).has_value());
  EXPECT_EQ(aggregate, planes);
}

// A model of 2^40 parameters is one segment: nothing wraps at 2^31, 2^32 or 2^36 of them, and no
// part of a mask comes again.
TEST(FarOut, RangesOfAModelOfAnySizeMaskAndUnmaskExactly) {
  SeededRandom chance(11);
  for (const int32_t lane_max : {127, 32767}) {
    const WordLayout layout = LayoutOf(lane_max, 2, uint64_t{1} << 40);
    const std::vector<Mask> own{{AnyKey(chance), Direction::kAdd}};
    const std::vector<Mask> undo{{own[0].key, Direction::kSubtract}};
    std::set<Bytes> seen;
    for (const uint64_t begin :
         {uint64_t{0}, uint64_t{1} << 31, uint64_t{1} << 32, uint64_t{1} << 36,
          (uint64_t{1} << 40) - codec::kSegmentParameters}) {
      const WordRange range{begin, begin + 3000};
      const Bytes lanes = RandomLanes(chance, LayoutOf(lane_max, 2, range.size()));
      const Bytes zeros(lanes.size());
      Bytes low(layout.LowBytes(range.size())), high(layout.HighBytes(range.size()));
      ASSERT_TRUE(MaskLanes(layout, Masks(own), range, zeros, {low, high}).has_value());
      EXPECT_TRUE(seen.insert(low).second) << "the mask of " << begin << " came before";
      ASSERT_TRUE(MaskLanes(layout, Masks(own), range, lanes, {low, high}).has_value());
      const WordLayout sums = LayoutOf(lane_max, 1, uint64_t{1} << 40);
      Bytes sum_low(sums.LowBytes(range.size())), sum_high(sums.HighBytes(range.size()));
      const std::vector<codec::PlaneView> uploads{{low, high}};
      const Masks masks(undo);
      ASSERT_TRUE(
          UnmaskRange(layout, {uploads, masks}, range, sums, {sum_low, sum_high}).has_value());
      std::vector<int32_t> values(range.size());
      ASSERT_TRUE(ReadSums(sums, {sum_low, sum_high}, values).has_value());
      for (uint64_t i = 0; i < range.size(); ++i) {
        ASSERT_EQ(values[i], LaneAt(layout, lanes, i)) << begin << " + " << i;
      }
    }
  }
}

TEST(UnmaskRange, RefusesASumThatSurvivorsCannotReach) {
  const WordLayout layout = LayoutOf(127, 3, 10);
  Bytes upload(layout.PlaneBytes());
  const PlaneSpan planes = PlanesOf(layout, upload, {0, 10});
  planes.low[0] = 200;  // thrice in parameter 0, where 381 is the most
  const std::vector<codec::PlaneView> views(3, {planes.low, planes.high});
  const Masks none(std::span<const Mask>{});
  Bytes aggregate(layout.PlaneBytes());
  EXPECT_FALSE(
      UnmaskRange(layout, {views, none}, {0, 10}, layout, PlanesOf(layout, aggregate, {0, 10}))
          .has_value());
}

TEST(MaskLanes, RefusesALaneBeyondTheHeadroom) {
  const WordLayout layout = LayoutOf(127, 3, 3);
  const Masks none(std::span<const Mask>{});
  Bytes out(layout.PlaneBytes());
  const PlaneSpan planes = PlanesOf(layout, out, {0, 3});
  EXPECT_TRUE(MaskLanes(layout, none, {0, 3}, Bytes{1, 127, 129}, planes).has_value());
  EXPECT_FALSE(MaskLanes(layout, none, {0, 3}, Bytes{1, 128, 3}, planes).has_value());
}

TEST(EncodeMasked, GivesWhatEncodingThenMaskingGives) {
  SeededRandom chance(6);
  constexpr uint64_t kParameters = 40'000;
  const WordLayout layout = LayoutOf(127, 4, kParameters);
  std::vector<float> base(kParameters), trained(kParameters), scales(40, 1.0F);
  for (float& value : trained) value = static_cast<float>(chance.Below(1000)) / 500.0F - 1.0F;
  const std::vector<Mask> own{{AnyKey(chance), Direction::kAdd}};
  const Masks masks(own);
  const codec::EncodeInput in{base, trained, {}, scales};
  Bytes lanes(kParameters), again(kParameters), fused(layout.PlaneBytes());
  Bytes apart(layout.PlaneBytes());
  std::vector<float> left(kParameters), left_again(kParameters);
  const codec::EncodeParameters parameters{codec::Lane::kInt8, codec::kWeightOne, 7};
  ASSERT_TRUE(codec::EncodeRange(parameters, 0, in, {lanes, left}).has_value());
  ASSERT_TRUE(
      MaskLanes(layout, masks, {0, kParameters}, lanes, PlanesOf(layout, apart, {0, kParameters}))
          .has_value());
  ASSERT_TRUE(EncodeMasked(parameters, 0, in, layout, masks, {0, kParameters},
                           {PlanesOf(layout, fused, {0, kParameters}), again, left_again})
                  .has_value());
  EXPECT_EQ(fused, apart);
  EXPECT_EQ(again, lanes);
  EXPECT_EQ(left_again, left);
}

TEST(InnerProduct, IsLinearAndSeesEveryChange) {
  SeededRandom chance(7);
  const Keystream stream(AnyKey(chance));
  std::vector<int32_t> a(3000), b(3000), sum(3000);
  for (size_t i = 0; i < a.size(); ++i) {
    a[i] = static_cast<int32_t>(chance.Below(uint64_t{1} << 23)) - (1 << 22);
    b[i] = static_cast<int32_t>(chance.Below(uint64_t{1} << 23)) - (1 << 22);
    sum[i] = a[i] + b[i];
  }
  const uint64_t whole = InnerProduct(stream, 0, sum);
  EXPECT_EQ(FieldSum(InnerProduct(stream, 0, a), InnerProduct(stream, 0, b)), whole);
  const auto span = std::span<const int32_t>(sum);
  EXPECT_EQ(FieldSum(InnerProduct(stream, 0, span.first(777)),
                     InnerProduct(stream, 777, span.subspan(777))),
            whole);
  for (const size_t at : {size_t{0}, size_t{1500}, size_t{2999}}) {
    sum[at] += 1;
    EXPECT_NE(InnerProduct(stream, 0, sum), whole);
    sum[at] -= 1;
  }
}

TEST(InnerProduct, AgreesWithTheDefinition) {
  SeededRandom chance(8);
  const Keystream stream(AnyKey(chance));
  std::vector<int32_t> values(1000);
  Bytes lanes;
  for (int32_t& value : values) {
    value = static_cast<int32_t>(chance.Below(65535)) - 32767;
    lanes.push_back(static_cast<uint8_t>(value));
    lanes.push_back(static_cast<uint8_t>(value >> 8));
  }
  __int128 wanted = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    uint64_t word = 0;
    stream.Read(8 * (i + 5), {reinterpret_cast<uint8_t*>(&word), 8});
    word &= kFieldPrime;
    wanted += static_cast<__int128>(word == kFieldPrime ? 0 : word) * values[i];
  }
  const auto prime = static_cast<__int128>(kFieldPrime);
  const auto reduced = static_cast<uint64_t>(((wanted % prime) + prime) % prime);
  EXPECT_EQ(InnerProduct(stream, 5, values), reduced);
  const InnerProducts both = InnerProductsOf(stream, 5, values, 2, lanes);
  EXPECT_EQ(both.of_values, reduced);
  EXPECT_EQ(both.of_lanes, reduced);
}

TEST(InnerProduct, OfLanesOfOneByteIsThatOfTheirValues) {
  SeededRandom chance(10);
  const Keystream stream(AnyKey(chance));
  std::vector<int32_t> values(700);
  std::vector<int32_t> narrow;
  Bytes lanes;
  for (int32_t& value : values) {
    value = static_cast<int32_t>(chance.Below(1000));
    narrow.push_back(static_cast<int32_t>(chance.Below(255)) - 127);
    lanes.push_back(static_cast<uint8_t>(narrow.back()));
  }
  const InnerProducts both = InnerProductsOf(stream, 3, values, 1, lanes);
  EXPECT_EQ(both.of_values, InnerProduct(stream, 3, values));
  EXPECT_EQ(both.of_lanes, InnerProduct(stream, 3, narrow));
}

TEST(WordKernels, GiveTheSameBitsOnEveryLevel) {
  SeededRandom chance(9);
  const WordKernels& best = BestWordKernels();
  const WordKernels& plain = PlainWordKernels();
  for (int trial = 0; trial < 200; ++trial) {
    const size_t count = 1 + chance.Below(256);
    std::vector<int16_t> lanes(count);
    std::vector<uint64_t> coefficients(count), same(count);
    std::vector<int32_t> values(count), a(count), b(count);
    chance.Fill({reinterpret_cast<uint8_t*>(lanes.data()), 2 * count});
    chance.Fill({reinterpret_cast<uint8_t*>(coefficients.data()), 8 * count});
    std::vector<uint32_t> words(count), other(count);
    EXPECT_EQ(best.widen16to32(count, lanes.data(), words.data()),
              plain.widen16to32(count, lanes.data(), other.data()));
    EXPECT_EQ(words, other);
    EXPECT_EQ(best.extend32(count, words.data(), 20, a.data()),
              plain.extend32(count, words.data(), 20, b.data()));
    EXPECT_EQ(a, b);
    for (const int bits : {0, 1, 2, 4, 8}) {
      const auto* const planes = reinterpret_cast<const uint8_t*>(coefficients.data());
      std::vector<uint16_t> narrow(count, 7), narrow_too(count, 7);
      best.add8to16(count, planes, planes + count, bits, narrow.data());
      plain.add8to16(count, planes, planes + count, bits, narrow_too.data());
      EXPECT_EQ(narrow, narrow_too);
    }
    same = coefficients;
    best.reduce(count, coefficients.data());
    plain.reduce(count, same.data());
    EXPECT_EQ(coefficients, same);
    int64_t left[2], right[2];
    best.products(count, coefficients.data(), a.data(), left);
    plain.products(count, coefficients.data(), a.data(), right);
    EXPECT_EQ(left[0], right[0]);
    EXPECT_EQ(left[1], right[1]);
  }
}

}  // namespace
}  // namespace dure::masking
