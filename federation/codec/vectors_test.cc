#include "federation/codec/vectors.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <stdlib.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>

#include "federation/limits.h"
#include "federation/random.h"

namespace dure::codec {
namespace {

namespace fs = std::filesystem;

// An odd tail after two whole segments, so chunks, segments and blocks all end in different places.
constexpr uint64_t kParameterCount = 2 * kSegmentParameters + 5 * kBlockParameters + 321;
constexpr uint64_t kDataOffset = 8192;

Bytes ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(file), {});
}

class VectorsTest : public testing::Test {
 protected:
  VectorsTest() {
    std::string pattern = (fs::temp_directory_path() / "dure-codec-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    SeededRandom random(1);
    base_.resize(kDataOffset + kParameterCount * sizeof(float));
    std::fill(base_.begin(), base_.begin() + kDataOffset, uint8_t{'h'});
    for (uint64_t i = 0; i < kParameterCount; ++i) {
      const float value =
          static_cast<float>(static_cast<double>(random.Below(1 << 20)) / (1 << 19) - 1);
      std::memcpy(&base_[kDataOffset + i * sizeof value], &value, sizeof value);
    }
    scales_ = UniformScales(kParameterCount, 0.01F).value();
  }
  ~VectorsTest() override { fs::remove_all(folder_); }

  std::string Path(const std::string& name) { return (folder_ / name).string(); }
  OutputFile NewFile(const std::string& name, uint64_t bytes) {
    fs::remove(Path(name));
    return OutputFile::Create(Path(name), bytes).value();
  }
  std::span<const float> Base() const {
    return {reinterpret_cast<const float*>(base_.data() + kDataOffset), kParameterCount};
  }
  std::vector<float> Trained(uint64_t seed) const {
    SeededRandom random(seed);
    std::vector<float> trained(Base().begin(), Base().end());
    for (float& value : trained) {
      value +=
          0.01F * static_cast<float>(static_cast<double>(random.Below(1 << 20)) / (1 << 20) - 0.5);
    }
    return trained;
  }
  // The contribution of a site, encoded with that many threads; its residual file is named beside
  // it.
  Bytes Contribution(Lane lane, uint64_t site, std::span<const float> trained, int threads) {
    const std::string name = "lanes" + std::to_string(site);
    const OutputFile lanes = NewFile(name, ContributionBytes(lane, kParameterCount).value());
    const OutputFile residual = NewFile(name + ".residual", kParameterCount * sizeof(float));
    const auto update = EncodeUpdate({Base(), trained, {}, scales_}, {lane, kWeightOne, site},
                                     lanes, residual, {threads, nullptr});
    EXPECT_TRUE(update) << update.error().message;
    Bytes bytes = ReadAll(Path(name));
    EXPECT_EQ(update->lane_chunks, ChunkDigests(bytes));
    return bytes;
  }

  fs::path folder_;
  Bytes base_;
  std::vector<float> scales_;
};

class LaneVectorsTest : public VectorsTest, public testing::WithParamInterface<Lane> {};
INSTANTIATE_TEST_SUITE_P(Lanes, LaneVectorsTest,
                         testing::Values(Lane::kInt4, Lane::kInt8, Lane::kInt16),
                         [](const auto& lane) { return std::string(Name(lane.param)); });

TEST_P(LaneVectorsTest, ARoundIsTheSameOnAnyNumberOfThreadsAndMatchesTheRanges) {
  const Lane lane = GetParam();
  std::vector<Bytes> contributions;
  for (uint64_t site = 0; site < 3; ++site) {
    const std::vector<float> trained = Trained(10 + site);
    contributions.push_back(Contribution(lane, site, trained, 1));
    const Bytes residual = ReadAll(Path("lanes" + std::to_string(site) + ".residual"));
    EXPECT_EQ(Contribution(lane, site, trained, 3), contributions.back());
    EXPECT_EQ(ReadAll(Path("lanes" + std::to_string(site) + ".residual")), residual);
    Bytes lanes(kParameterCount * LaneBytes(lane));
    std::vector<float> left(kParameterCount);
    ASSERT_TRUE(
        EncodeRange({lane, kWeightOne, site}, 0, {Base(), trained, {}, scales_}, {lanes, left}));
    Bytes packed(contributions.back().size());
    PackLanes(lane, lanes, packed);
    EXPECT_EQ(packed, contributions.back());
    EXPECT_EQ(std::memcmp(left.data(), residual.data(), residual.size()), 0);
  }
  const AggregateLayout layout = AggregateLayout::Make(lane, 3, kParameterCount).value();
  const uint64_t weight_sum = 3 * kWeightOne;
  const std::vector<ByteView> views(contributions.begin(), contributions.end());
  Bytes aggregate;
  std::vector<float> next_scales;
  for (const int threads : {1, 4}) {
    const OutputFile file = NewFile("aggregate", layout.bytes());
    const auto merged =
        MergeContributions(layout, {views, scales_, weight_sum}, file, {threads, nullptr});
    ASSERT_TRUE(merged) << merged.error().message;
    const Bytes bytes = ReadAll(Path("aggregate"));
    EXPECT_EQ(merged->chunks, ChunkDigests(bytes));
    if (!aggregate.empty()) {
      EXPECT_EQ(bytes, aggregate);
    }
    aggregate = bytes;
    next_scales = merged->next_scales;
  }
  // Every site derives what the aggregator derives, then once more from there with momentum.
  ModelInput in{base_, kDataOffset, {}, aggregate, scales_, weight_sum, OuterOptimizer{}};
  Bytes models[2], momenta[2];
  for (int round = 0; round < 2; ++round) {
    for (const int threads : {1, 3}) {
      const OutputFile model = NewFile("model", base_.size());
      const OutputFile momentum = NewFile("momentum", base_.size());
      const auto derived = DeriveModel(layout, in, model, &momentum, {threads, nullptr});
      ASSERT_TRUE(derived) << derived.error().message;
      EXPECT_EQ(derived->next_scales, next_scales);
      const Bytes model_bytes = ReadAll(Path("model"));
      const Bytes momentum_bytes = ReadAll(Path("momentum"));
      EXPECT_EQ(derived->model_chunks, ChunkDigests(model_bytes));
      EXPECT_EQ(derived->momentum_chunks, ChunkDigests(momentum_bytes));
      EXPECT_TRUE(std::equal(base_.begin(), base_.begin() + kDataOffset, model_bytes.begin()));
      EXPECT_TRUE(std::equal(base_.begin(), base_.begin() + kDataOffset, momentum_bytes.begin()));
      if (threads > 1) {
        EXPECT_EQ(model_bytes, models[round]);
      }
      if (threads > 1) {
        EXPECT_EQ(momentum_bytes, momenta[round]);
      }
      models[round] = model_bytes;
      momenta[round] = momentum_bytes;
    }
    in.base_file = models[round];
    in.momentum = {reinterpret_cast<const float*>(momenta[round].data() + kDataOffset),
                   kParameterCount};
  }
  EXPECT_NE(models[0], models[1]);
  EXPECT_NE(momenta[0], momenta[1]);
}

class OneSiteTest : public VectorsTest {
 protected:
  OneSiteTest() {
    lanes_ = Contribution(Lane::kInt8, 0, Trained(5), 2);
    const OutputFile file = NewFile("aggregate", layout_.bytes());
    const std::vector<ByteView> views{lanes_};
    EXPECT_TRUE(MergeContributions(layout_, {views, scales_, kWeightOne}, file, {}));
    aggregate_ = ReadAll(Path("aggregate"));
  }
  Result<DerivedModel> Derive(ModelInput in) {
    const OutputFile model = NewFile("model", base_.size());
    return DeriveModel(layout_, in, model, nullptr, {2, nullptr});
  }
  ModelInput Input() {
    return {base_, kDataOffset, {}, aggregate_, scales_, kWeightOne, OuterOptimizer::FedAvg()};
  }
  AggregateLayout layout_ = AggregateLayout::Make(Lane::kInt8, 1, kParameterCount).value();
  Bytes lanes_;
  Bytes aggregate_;
};

TEST_F(OneSiteTest, IsItsOwnAggregate) { EXPECT_EQ(aggregate_, lanes_); }

TEST_F(OneSiteTest, DerivesWithoutMomentumForFedAvg) {
  const auto derived = Derive(Input());
  ASSERT_TRUE(derived) << derived.error().message;
  EXPECT_TRUE(derived->momentum_chunks.empty());
}

TEST_F(OneSiteTest, RefusesAnAggregateOfAnotherSize) {
  for (const Bytes& bytes : {Bytes(aggregate_.begin(), aggregate_.end() - 1), Bytes()}) {
    ModelInput in = Input();
    in.aggregate = bytes;
    ASSERT_FALSE(Derive(in));
    EXPECT_EQ(Derive(in).error().code, ErrorCode::kCorrupt);
  }
  aggregate_.push_back(0);
  EXPECT_FALSE(Derive(Input()));
}

TEST_F(OneSiteTest, RefusesOrChangesTheModelForAnyFlippedBit) {
  ASSERT_TRUE(Derive(Input()));
  const Bytes model = ReadAll(Path("model"));
  SeededRandom random(3);
  for (int trial = 0; trial < 6; ++trial) {
    const size_t byte = random.Below(aggregate_.size());
    const auto bit = static_cast<uint8_t>(1u << random.Below(8));
    aggregate_[byte] ^= bit;
    if (Derive(Input())) {
      EXPECT_NE(ReadAll(Path("model")), model);
    }
    aggregate_[byte] ^= bit;
  }
  aggregate_[kSegmentParameters + 5] = 0x80;  // -128: no sum of one site
  ASSERT_FALSE(Derive(Input()));
  EXPECT_EQ(Derive(Input()).error().code, ErrorCode::kCorrupt);
}

TEST_F(OneSiteTest, RefusesInputsThatDoNotFitTogether) {
  const std::vector<float> short_scales(scales_.begin(), scales_.end() - 1);
  const std::vector<float> short_momentum(kParameterCount - 1);
  const auto refuse = [&](auto change) {
    ModelInput in = Input();
    change(in);
    const auto derived = Derive(in);
    EXPECT_FALSE(derived);
    if (!derived) {
      EXPECT_EQ(derived.error().code, ErrorCode::kInvalid);
    }
  };
  refuse([&](ModelInput& in) { in.scales = short_scales; });
  refuse([&](ModelInput& in) { in.momentum = short_momentum; });
  refuse([&](ModelInput& in) { in.weight_sum = 0; });
  refuse([&](ModelInput& in) { in.weight_sum = kWeightOne + 1; });
  refuse([&](ModelInput& in) { in.data_offset = 4096; });
  refuse([&](ModelInput& in) { in.data_offset = 4; });
  refuse([&](ModelInput& in) { in.outer.eta = std::numeric_limits<double>::quiet_NaN(); });
  refuse([&](ModelInput& in) { in.outer.mu = 0.9; });  // momentum needs a file
  refuse([&](ModelInput& in) { in.base_file = in.base_file.first(in.base_file.size() - 4); });
}

TEST_F(OneSiteTest, RefusesAContributionWithAForeignLaneOrSize) {
  const OutputFile file = NewFile("aggregate", layout_.bytes());
  lanes_[kParameterCount - 1] = 0x80;
  std::vector<ByteView> views{lanes_};
  EXPECT_FALSE(MergeContributions(layout_, {views, scales_, kWeightOne}, file, {}));
  views = {ByteView(lanes_).first(kParameterCount - 1)};
  EXPECT_FALSE(MergeContributions(layout_, {views, scales_, kWeightOne}, file, {}));
  views = {lanes_, lanes_};
  EXPECT_FALSE(MergeContributions(layout_, {views, scales_, kWeightOne}, file, {}));
}

TEST_F(VectorsTest, RefusesAnUpdateWithANaNAnywhere) {
  for (const uint64_t at : {uint64_t{0}, kSegmentParameters, kParameterCount - 1}) {
    std::vector<float> trained = Trained(1);
    trained[at] = std::numeric_limits<float>::quiet_NaN();
    const OutputFile lanes = NewFile("lanes", kParameterCount);
    const OutputFile residual = NewFile("residual", kParameterCount * sizeof(float));
    const auto update = EncodeUpdate({Base(), trained, {}, scales_}, {Lane::kInt8, kWeightOne, 1},
                                     lanes, residual, {2, nullptr});
    ASSERT_FALSE(update);
    EXPECT_EQ(update.error().code, ErrorCode::kInvalid);
  }
}

TEST_F(VectorsTest, ReportsProgressToTheEndAndStopsWhenAsked) {
  const std::vector<float> trained = Trained(1);
  const OutputFile lanes = NewFile("lanes", kParameterCount);
  const OutputFile residual = NewFile("residual", kParameterCount * sizeof(float));
  uint64_t last = 0;
  const EncodeParameters parameters{Lane::kInt8, kWeightOne, 1};
  ASSERT_TRUE(EncodeUpdate({Base(), trained, {}, scales_}, parameters, lanes, residual,
                           {2, [&](uint64_t done, uint64_t total) {
                              EXPECT_GT(done, last);
                              EXPECT_EQ(total, kParameterCount);
                              last = done;
                              return true;
                            }}));
  EXPECT_EQ(last, kParameterCount);
  const auto stopped = EncodeUpdate({Base(), trained, {}, scales_}, parameters, lanes, residual,
                                    {2, [](uint64_t, uint64_t) { return false; }});
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, ErrorCode::kCancelled);
}

TEST_F(VectorsTest, ReportsAFullDiskAsExhausted) {
  const int full = ::open("/dev/full", O_WRONLY);
  if (full < 0) GTEST_SKIP() << "this system has no /dev/full";
  const std::vector<float> trained = Trained(1);
  const OutputFile lanes = OutputFile::Borrow(full, kParameterCount);
  const OutputFile residual = NewFile("residual", kParameterCount * sizeof(float));
  const auto update = EncodeUpdate({Base(), trained, {}, scales_}, {Lane::kInt8, kWeightOne, 1},
                                   lanes, residual, {2, nullptr});
  ASSERT_FALSE(update);
  EXPECT_EQ(update.error().code, ErrorCode::kExhausted);
  ::close(full);
}

TEST_F(VectorsTest, FilesReportWhatIsWrong) {
  EXPECT_EQ(MappedFile::Open(Path("absent")).error().code, ErrorCode::kNotFound);
  NewFile("there", 10);
  EXPECT_EQ(OutputFile::Create(Path("there"), 10).error().code, ErrorCode::kAlreadyExists);
  const auto too_large = OutputFile::Create(Path("large"), limits::kBlobBytesMax);
  ASSERT_FALSE(too_large);  // 64 TiB: no disk of a test has room
  EXPECT_EQ(too_large.error().code, ErrorCode::kExhausted);
  EXPECT_FALSE(fs::exists(Path("large")));
  const MappedFile map = MappedFile::Open(Path("there")).value();
  EXPECT_EQ(map.bytes().size(), 10u);
  EXPECT_EQ(map.Floats(4).size(), 1u);
  EXPECT_EQ(map.Floats(12).size(), 0u);
  NewFile("empty", 0);
  EXPECT_TRUE(MappedFile::Open(Path("empty"))->bytes().empty());
}

}  // namespace
}  // namespace dure::codec
