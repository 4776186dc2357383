#include "federation/masking/segment_files.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <optional>

#include "federation/random.h"

namespace dure::masking {
namespace {

using codec::MappedFile;
using codec::OutputFile;

constexpr uint64_t kFileParameters = 3 * codec::kSegmentParameters + 1234;

class SegmentFiles : public testing::TestWithParam<codec::Lane> {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "dure-masking-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    scales_.assign(codec::BlockCount(kFileParameters), 1.0F);
    base_.assign(kFileParameters, 0.0F);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  OutputFile New(const std::string& name, uint64_t bytes) const {
    return std::move(*OutputFile::Create(Path(name), bytes));
  }
  MappedFile Map(const std::string& name) const { return std::move(*MappedFile::Open(Path(name))); }
  // The same lanes, as made before.
  std::vector<Digest> MaskedAgain(const std::string& at, const WordLayout& layout,
                                  const std::vector<Mask>& masks, const Scalars& scalars) const {
    const OutputFile payload = New("again" + at, layout.PayloadBytes());
    const auto masked =
        MaskLanesFile(Map("lanes" + at).bytes(), scalars, layout, masks, payload, {2, nullptr});
    EXPECT_TRUE(masked.has_value()) << masked.error().message;
    return masked ? masked->payload_chunks : std::vector<Digest>();
  }

  std::string folder_;
  std::vector<float> scales_;
  std::vector<float> base_;
};

std::vector<Mask> RandomMasks(Random& chance, size_t count) {
  std::vector<Mask> masks(count);
  for (Mask& mask : masks) {
    chance.Fill(mask.key.key.bytes);
    chance.Fill(mask.key.nonce);
  }
  return masks;
}

// As contributions in the clear.
std::vector<Bytes> PackedAll(codec::Lane lane, const std::vector<ByteView>& values) {
  std::vector<Bytes> packed;
  for (const ByteView one : values) {
    packed.emplace_back(codec::PackedBytes(lane, kFileParameters));
    codec::PackLanes(lane, one, packed.back());
  }
  return packed;
}

TEST_P(SegmentFiles, MaskUnmaskAndCheckWholeSegmentsOnAnyNumberOfThreads) {
  SeededRandom chance(1);
  const codec::Lane lane = GetParam();
  const WordLayout layout = WordLayout::Make(codec::LaneMax(lane), 3, kFileParameters).value();
  const codec::Work work{2, nullptr};
  std::vector<Mask> undo;
  Scalars total{};
  std::vector<Scalars> own;
  for (int site = 0; site < 3; ++site) {
    const std::string at = std::to_string(site);
    std::vector<float> trained(kFileParameters);
    for (float& value : trained) value = static_cast<float>(chance.Below(2000)) / 900.0F - 1.0F;
    const std::vector<Mask> masks = RandomMasks(chance, 2);
    for (const Mask& mask : masks) undo.push_back({mask.key, Direction::kSubtract});
    const SegmentUpdate update{{base_, trained, {}, scales_},
                               2 * codec::kSegmentParameters,
                               {lane, codec::kWeightOne, static_cast<uint64_t>(site)},
                               {codec::kWeightOne, 100, 7, 0}};
    const OutputFile payload = New("payload" + at, layout.PayloadBytes());
    const OutputFile lanes = New("lanes" + at, layout.LowBytes(kFileParameters));
    const OutputFile residual = New("residual" + at, kFileParameters * sizeof(float));
    const auto masked = MaskSegmentFiles(update, layout, masks, payload, {lanes}, {residual}, work);
    ASSERT_TRUE(masked.has_value()) << masked.error().message;
    EXPECT_EQ(masked->payload_chunks, codec::ChunkDigests(Map("payload" + at).bytes()));
    EXPECT_GT(masked->stats.saturated, 0U);
    EXPECT_EQ(MaskedAgain(at, layout, masks, masked->scalars), masked->payload_chunks);
    own.push_back(masked->scalars);
    for (size_t k = 0; k < kScalars; ++k) total[k] += masked->scalars[k];
  }
  std::vector<MappedFile> maps;
  for (int site = 0; site < 3; ++site) maps.push_back(Map("payload" + std::to_string(site)));
  std::vector<ByteView> payloads;
  for (const MappedFile& map : maps) payloads.push_back(map.bytes());
  const OutputFile planes = New("planes", layout.PlaneBytes());
  const auto unmasked =
      UnmaskSegmentFiles(layout, payloads, undo, layout, {codec::kWeightOne, true}, planes, work);
  ASSERT_TRUE(unmasked.has_value()) << unmasked.error().message;
  EXPECT_EQ(unmasked->scalars, total);
  const MappedFile published = Map("planes");
  EXPECT_EQ(unmasked->plane_chunks, codec::ChunkDigests(published.bytes()));
  // The codec's own merge of the same lanes gives the same file.
  std::vector<MappedFile> lane_maps;
  std::vector<ByteView> lanes;
  for (int site = 0; site < 3; ++site) {
    lane_maps.push_back(Map("lanes" + std::to_string(site)));
    lanes.push_back(lane_maps.back().bytes());
  }
  const auto aggregate = codec::AggregateLayout::Make(lane, 3, kFileParameters).value();
  const OutputFile merged = New("merged", aggregate.bytes());
  const std::vector<Bytes> packed = PackedAll(lane, lanes);
  const std::vector<ByteView> sent(packed.begin(), packed.end());
  const codec::MergeInput in{sent, scales_, 3 * codec::kWeightOne};
  ASSERT_TRUE(codec::MergeContributions(aggregate, in, merged, work).has_value());
  const MappedFile plain = Map("merged");
  EXPECT_TRUE(std::equal(published.bytes().begin(), published.bytes().end(), plain.bytes().begin(),
                         plain.bytes().end()));

  const StreamKey coefficients = RandomMasks(chance, 1)[0].key;
  uint64_t sum = 0;
  uint64_t result = 0;
  for (size_t site = 0; site < 3; ++site) {
    const CheckSides sides{published.bytes(), unmasked->scalars, lanes[site], own[site], {}};
    const auto products = CheckSegmentFiles(layout, sides, coefficients, work);
    ASSERT_TRUE(products.has_value());
    sum = FieldSum(sum, products->own);
    result = products->result;
  }
  EXPECT_EQ(sum, result) << "the parts add up to the whole";
}

INSTANTIATE_TEST_SUITE_P(Lanes, SegmentFiles,
                         testing::Values(codec::Lane::kInt4, codec::Lane::kInt8,
                                         codec::Lane::kInt16),
                         [](const auto& lane) { return std::string(codec::Name(lane.param)); });

// Three sites send half of what their lanes hold, everywhere; the third takes weight away.
TEST_F(SegmentFiles, RefuseWeightsThatNoSiteHasAndLanesBeyondTheirWeights) {
  const WordLayout layout = WordLayout::Make(127, 3, kFileParameters).value();
  const codec::Work work{1, nullptr};
  const Bytes lanes(kFileParameters, 63);
  std::vector<MappedFile> maps;
  std::vector<ByteView> payloads;
  for (int site = 0; site < 3; ++site) {
    const std::string name = "payload" + std::to_string(site);
    const OutputFile payload = New(name, layout.PayloadBytes());
    const Scalars scalars{codec::kWeightOne, 100, 7, 0};
    ASSERT_TRUE(MaskLanesFile(lanes, scalars, layout, {}, payload, work).has_value());
    maps.push_back(Map(name));
    payloads.push_back(maps.back().bytes());
  }
  const OutputFile planes = New("planes", layout.PlaneBytes());
  const auto sum_of = [&](uint64_t weight, const Weighing& weighing) -> std::optional<ErrorCode> {
    Bytes last(payloads[2].begin(), payloads[2].end());
    WriteScalars(layout, {weight, 100, 7, 0}, last);
    const std::vector<ByteView> sent{payloads[0], payloads[1], last};
    const auto sum = UnmaskSegmentFiles(layout, sent, {}, layout, weighing, planes, work);
    if (sum) return std::nullopt;
    return sum.error().code;
  };
  const auto checked = [&](uint64_t weight, const Weighing& weighing) -> std::optional<ErrorCode> {
    const MappedFile published = Map("planes");
    const CheckSides sides{published.bytes(), {weight, 300, 21, 0}, {}, {}, weighing};
    const auto products = CheckSegmentFiles(layout, sides, {}, work);
    if (products) return std::nullopt;
    return products.error().code;
  };
  const Weighing even{codec::kWeightOne, true};
  const Weighing by_tokens{1, true};
  constexpr uint64_t kOne = codec::kWeightOne;
  EXPECT_EQ(sum_of(kOne, even), std::nullopt);
  EXPECT_EQ(checked(3 * kOne, even), std::nullopt);
  EXPECT_EQ(checked(2 * kOne, by_tokens), std::nullopt) << "189 of 254";
  for (const Weighing& weighing : {even, by_tokens}) {
    EXPECT_EQ(sum_of(0 - kOne, weighing), ErrorCode::kCorrupt);
    EXPECT_EQ(checked(kOne, weighing), ErrorCode::kCorrupt);
  }
  EXPECT_EQ(sum_of(0 - kOne, {}), std::nullopt) << "a rule that holds nobody to anything";
}

TEST_F(SegmentFiles, RefuseSizesThatDoNotFitAndScalarsWithoutRoom) {
  const WordLayout layout = WordLayout::Make(127, 3, kFileParameters).value();
  const OutputFile payload = New("payload", layout.PayloadBytes());
  const OutputFile lanes = New("lanes", kFileParameters);
  const OutputFile residual = New("residual", kFileParameters * sizeof(float));
  const codec::Work work{1, nullptr};
  SegmentUpdate update{{base_, base_, {}, scales_}, 0, {}, {kScalarMax, 0, 0, 0}};
  EXPECT_FALSE(
      MaskSegmentFiles(update, layout, {}, payload, {lanes}, {residual}, work).has_value());
  update.scalars = {};
  EXPECT_FALSE(MaskSegmentFiles(update, layout, {}, lanes, {lanes}, {residual}, work).has_value());
  EXPECT_FALSE(
      MaskSegmentFiles(update, layout, {}, payload, {lanes, 1}, {residual}, work).has_value());
  update.in.trained = update.in.trained.first(5);
  EXPECT_FALSE(
      MaskSegmentFiles(update, layout, {}, payload, {lanes}, {residual}, work).has_value());
  EXPECT_FALSE(MaskLanesFile(Bytes(5), {}, layout, {}, payload, work).has_value());
  const Bytes zeros(kFileParameters);
  EXPECT_TRUE(MaskLanesFile(zeros, {}, layout, {}, payload, work).has_value());
  EXPECT_FALSE(MaskLanesFile(zeros, {kScalarMax, 0, 0, 0}, layout, {}, payload, work).has_value());
  EXPECT_FALSE(MaskLanesFile(zeros, {}, layout, {}, lanes, work).has_value());
  EXPECT_FALSE(CheckSegmentFiles(layout, {Bytes(3), {}, {}, {}, {}}, {}, work).has_value());
}

}  // namespace
}  // namespace dure::masking
