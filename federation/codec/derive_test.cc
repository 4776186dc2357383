// Models of enough chunks to be made in groups: with one thread they are (where the processor can),
// with nine they are not, and nobody can tell.
#include <gmock/gmock.h>
#include <stdlib.h>

#include <cstring>
#include <filesystem>

#include "federation/codec/vectors.h"
#include "federation/random.h"

namespace dure::codec {
namespace {

namespace fs = std::filesystem;

// Chunks: one with the header, seventeen whole ones, and an odd tail.
constexpr uint64_t kManyChunks = 18 * (1 << 18) + 3 * kBlockParameters + 77;
constexpr uint64_t kOffsetOfData = 12288;

Bytes AllOf(const std::string& path) {
  const auto map = MappedFile::Open(path).value();
  return Bytes(map.bytes().begin(), map.bytes().end());
}

class DeriveTest : public testing::Test {
 protected:
  DeriveTest() {
    std::string pattern = (fs::temp_directory_path() / "dure-derive-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    base_ = Floats(1, 1.0F);
    momentum_ = Floats(2, 0.01F);
    std::fill(base_.begin(), base_.begin() + kOffsetOfData, uint8_t{'h'});
    aggregate_.resize(layout_.bytes());
    SeededRandom(3).Fill(aggregate_);
    for (uint8_t& lane : aggregate_) lane = lane == 0x80 ? 0 : lane;
    const OutputFile file = OutputFile::Create(Path("base"), base_.size()).value();
    EXPECT_TRUE(file.WriteAt(0, base_));
    EXPECT_TRUE(file.Sync());
  }
  ~DeriveTest() override { fs::remove_all(folder_); }

  static Bytes Floats(uint64_t seed, float size) {
    SeededRandom random(seed);
    Bytes bytes(kOffsetOfData + kManyChunks * sizeof(float));
    random.Fill(bytes);
    for (uint64_t at = kOffsetOfData; at < bytes.size(); at += sizeof(float)) {
      int32_t number = 0;
      std::memcpy(&number, &bytes[at], sizeof number);
      const float value = size * static_cast<float>(number) * 0x1p-31F;
      std::memcpy(&bytes[at], &value, sizeof value);
    }
    return bytes;
  }

  std::string Path(const std::string& name) const { return (folder_ / name).string(); }
  ModelInput Input(OuterOptimizer outer) const {
    ModelInput in{base_, kOffsetOfData, {}, aggregate_, scales_, kWeightOne, outer};
    if (outer.keeps_momentum()) {
      in.momentum = {reinterpret_cast<const float*>(momentum_.data() + kOffsetOfData), kManyChunks};
    }
    return in;
  }

  struct Made {
    Bytes model;
    Bytes momentum;
    std::vector<float> scales;
    bool operator==(const Made&) const = default;
  };
  Made Derive(const ModelInput& in, int threads, Caching caching = Caching::kKept) {
    for (const char* name : {"model", "momentum"}) fs::remove(Path(name));
    Made made;
    {
      const OutputFile model = OutputFile::Create(Path("model"), base_.size(), caching).value();
      const OutputFile momentum = OutputFile::Create(Path("momentum"), base_.size()).value();
      const auto derived = DeriveModel(
          layout_, in, model, in.outer.keeps_momentum() ? &momentum : nullptr, {threads, nullptr});
      EXPECT_TRUE(derived) << derived.error().message;
      made = {AllOf(Path("model")), AllOf(Path("momentum")), derived->next_scales};
      EXPECT_EQ(derived->model_chunks, ChunkDigests(made.model));
      if (in.outer.keeps_momentum()) {
        EXPECT_EQ(derived->momentum_chunks, ChunkDigests(made.momentum));
      }
    }
    EXPECT_TRUE(std::equal(base_.begin(), base_.begin() + kOffsetOfData, made.model.begin()));
    return made;
  }

  fs::path folder_;
  AggregateLayout layout_ = AggregateLayout::Make(Lane::kInt8, 1, kManyChunks).value();
  std::vector<float> scales_ = UniformScales(kManyChunks, 0.01F).value();
  Bytes base_;
  Bytes momentum_;
  Bytes aggregate_;
};

TEST_F(DeriveTest, GivesTheSameBytesInGroupsAndChunkByChunk) {
  for (const OuterOptimizer outer : {OuterOptimizer{}, OuterOptimizer::FedAvg()}) {
    const Made apart = Derive(Input(outer), 9);
    EXPECT_EQ(Derive(Input(outer), 1), apart);
    EXPECT_EQ(Derive(Input(outer), 3, Caching::kAround), apart);
  }
}

TEST_F(DeriveTest, ReadsItsBaseFromMemoryOrAroundIt) {
  const Made wanted = Derive(Input({}), 9);
  const InputFile file = InputFile::Open(Path("base")).value();
  ModelInput in = Input({});
  in.base_input = &file;
  for (const int threads : {1, 9}) {
    EXPECT_EQ(Derive(in, threads), wanted) << "from memory, threads " << threads;
    DropFromMemory(Path("base"));
    EXPECT_EQ(Derive(in, threads), wanted) << "from the disk, threads " << threads;
    EXPECT_EQ(AllOf(Path("base")), base_);  // and is in memory again
  }
}

TEST_F(DeriveTest, AForeignSumInAGroupIsCorrupt) {
  constexpr size_t kInside = (9 << 18) + 200'000;  // when some of the group is hashed already
  aggregate_[kInside] = 0x80;                      // of a lane that no encoder sends
  const OutputFile model = OutputFile::Create(Path("model"), base_.size()).value();
  const auto derived =
      DeriveModel(layout_, Input(OuterOptimizer::FedAvg()), model, nullptr, {1, nullptr});
  ASSERT_FALSE(derived);
  EXPECT_EQ(derived.error().code, ErrorCode::kCorrupt);
  aggregate_[kInside] = 0;
  Derive(Input(OuterOptimizer::FedAvg()), 1);  // nothing is left over in the thread's hasher
}

}  // namespace
}  // namespace dure::codec
