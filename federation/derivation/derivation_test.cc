#include "federation/derivation/derivation.h"

#include <gmock/gmock.h>
#include <stdlib.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "federation/codec/merge.h"
#include "federation/limits.h"
#include "federation/round/testing.h"

namespace dure::derivation {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kCount = 3 * codec::kBlockParameters + 77;
constexpr uint64_t kDataOffset = 4096;

// A model file of kCount parameters, all of `value`.
Bytes ModelFile(float value) {
  Bytes file(kDataOffset + kCount * sizeof(float), uint8_t{' '});
  const uint64_t header = kDataOffset - 8;
  for (size_t i = 0; i < 8; ++i) file[i] = static_cast<uint8_t>(header >> (8 * i));
  for (uint64_t i = 0; i < kCount; ++i) {
    std::memcpy(&file[kDataOffset + i * sizeof value], &value, sizeof value);
  }
  return file;
}

// One machine: its own store and scratch folder.
class Machine {
 public:
  Machine() {
    std::string pattern = (fs::temp_directory_path() / "dure-derivation-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    store_ = blob::MemoryBlobStore();
  }
  ~Machine() { fs::remove_all(folder_); }
  blob::BlobStore& store() { return *store_; }
  Digest Put(ByteView bytes) { return store_->Put(bytes).value(); }
  Result<round::Base> Derive(const Step& step, const round::RunManifest& manifest, int threads) {
    codec::Work work;
    work.threads = threads;
    return DeriveNext(step, manifest, *store_, folder_.string(), work);
  }
  bool ScratchIsEmpty() const { return fs::is_empty(folder_); }
  std::string Write(const std::string& name, const Bytes& bytes) const {
    std::ofstream(folder_ / name, std::ios::binary) << AsText(bytes);
    return (folder_ / name).string();
  }

 private:
  fs::path folder_;
  std::unique_ptr<blob::BlobStore> store_;
};

// The aggregate of two sites whose every lane is 3 and -1.
Bytes Aggregate() {
  const auto layout = codec::AggregateLayout::Make(codec::Lane::kInt8, 2, kCount).value();
  const Bytes first(kCount, uint8_t{3});
  const Bytes second(kCount, uint8_t{0xff});
  const std::vector<ByteView> lanes = {first, second};
  Bytes planes(layout.bytes());
  std::vector<uint64_t> squares(codec::BlockCount(kCount));
  EXPECT_TRUE(codec::MergeSegment(layout, 0, lanes, {planes, squares}));
  return planes;
}

Step StepAt(Machine& machine, const Bytes& model, const Bytes& aggregate) {
  Step step;
  step.base.model = machine.Put(model);
  step.aggregate = machine.Put(aggregate);
  step.site_count = 2;
  step.weight_sum = 2 * codec::kWeightOne;
  return step;
}

TEST(Derivation, EveryMachineDerivesTheSameNextBaseOnAnyNumberOfThreads) {
  Machine aggregator;
  Machine site;
  const auto manifest = round::TestManifest();
  const auto there = aggregator.Derive(StepAt(aggregator, ModelFile(1), Aggregate()), manifest, 2);
  const auto here = site.Derive(StepAt(site, ModelFile(1), Aggregate()), manifest, 1);
  ASSERT_TRUE(there) << there.error().message;
  ASSERT_TRUE(here) << here.error().message;
  EXPECT_EQ(*there, *here);
  EXPECT_TRUE(site.store().Has(here->model));
  EXPECT_TRUE(site.store().Has(here->momentum));
  EXPECT_TRUE(site.store().Has(here->scales));
  EXPECT_TRUE(site.ScratchIsEmpty());
}

TEST(Derivation, AnAggregateThatIsNotInTheStoreYetComesInWithTheModel) {
  Machine machine;
  Machine site;
  const auto manifest = round::TestManifest();
  Step step = StepAt(machine, ModelFile(1), Aggregate());
  ASSERT_TRUE(machine.store().Remove(step.aggregate));
  EXPECT_EQ(machine.Derive(step, manifest, 1).error().code, ErrorCode::kNotFound);
  step.incoming = blob::Incoming{machine.Write("sum", Aggregate()), blob::ManifestOf(Aggregate())};
  const auto next = machine.Derive(step, manifest, 1);
  ASSERT_TRUE(next) << next.error().message;
  EXPECT_EQ(*next, site.Derive(StepAt(site, ModelFile(1), Aggregate()), manifest, 1).value());
  EXPECT_TRUE(machine.store().Has(step.aggregate));
  EXPECT_TRUE(machine.ScratchIsEmpty());
  // Again, as after a death: it is there by now.
  step.incoming->path = machine.Write("sum", Aggregate());
  EXPECT_EQ(machine.Derive(step, manifest, 1).value(), *next);
  EXPECT_TRUE(machine.ScratchIsEmpty());
}

TEST(Derivation, AnIncomingAggregateStaysAFileWhereNothingCanBeDerived) {
  Machine machine;
  Step step = StepAt(machine, ModelFile(1), Aggregate());
  ASSERT_TRUE(machine.store().Remove(step.aggregate));
  Bytes other = Aggregate();
  other.pop_back();
  step.incoming = blob::Incoming{machine.Write("sum", other), blob::ManifestOf(other)};
  EXPECT_EQ(machine.Derive(step, round::TestManifest(), 1).error().code, ErrorCode::kCorrupt);
  EXPECT_TRUE(fs::exists(step.incoming->path));
  EXPECT_FALSE(machine.store().Has(step.incoming->manifest.BlobDigest()));
}

TEST(Derivation, WithoutOuterMomentumTheMeanIsSubtractedOnce) {
  Machine machine;
  auto manifest = round::TestManifest();
  manifest.outer_eta = 1;
  manifest.outer_mu = 0;
  const auto next = machine.Derive(StepAt(machine, ModelFile(1), Aggregate()), manifest, 1);
  ASSERT_TRUE(next) << next.error().message;
  EXPECT_TRUE(next->momentum.IsZero());
  const auto model = machine.store().Open(next->model).value();
  ASSERT_EQ(ShapeOf(model->bytes()).value(), (ModelShape{kDataOffset, kCount}));
  // Lanes 3 and -1 at scale 0.01 and equal weights: a mean of 1 step of 0.01/127.
  const double expected = 1 - static_cast<double>(manifest.initial_scale) / 127;
  for (const uint64_t at : {uint64_t{0}, kCount / 2, kCount - 1}) {
    float value = 0;
    std::memcpy(&value, model->bytes().data() + kDataOffset + at * sizeof value, sizeof value);
    EXPECT_EQ(value, static_cast<float>(expected)) << at;
  }
}

TEST(Derivation, TheNextRoundStartsFromWhatTheLastOneLeft) {
  Machine machine;
  const auto manifest = round::TestManifest();
  Step step = StepAt(machine, ModelFile(1), Aggregate());
  const auto first = machine.Derive(step, manifest, 1);
  ASSERT_TRUE(first);
  step.base = *first;
  const auto second = machine.Derive(step, manifest, 1);
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_NE(second->model, first->model);
  EXPECT_NE(second->momentum, first->momentum);
  EXPECT_NE(second->scales, first->scales);
}

TEST(Derivation, AnAggregateOfAnotherSizeIsRefusedAndLeavesNothingBehind) {
  Machine machine;
  Bytes aggregate = Aggregate();
  aggregate.pop_back();
  const Step step = StepAt(machine, ModelFile(1), aggregate);
  const size_t before = machine.store().List().size();
  const auto next = machine.Derive(step, round::TestManifest(), 1);
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(machine.store().List().size(), before);
  EXPECT_TRUE(machine.ScratchIsEmpty());
}

TEST(Derivation, AnAggregateThatNoMergeWritesIsRefused) {
  Machine machine;
  // All bits set in the low plane and none in the high one: 255, beyond what two sites can sum to.
  Bytes aggregate(Aggregate().size(), uint8_t{0});
  std::fill(aggregate.begin(), aggregate.begin() + kCount, uint8_t{0xff});
  const auto next =
      machine.Derive(StepAt(machine, ModelFile(1), aggregate), round::TestManifest(), 1);
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().code, ErrorCode::kCorrupt);
  EXPECT_TRUE(machine.ScratchIsEmpty());
}

TEST(Derivation, OneChangedByteOfTheAggregateGivesAnotherModel) {
  Machine machine;
  Bytes changed = Aggregate();
  changed[5] ^= 1;
  const auto manifest = round::TestManifest();
  const auto honest = machine.Derive(StepAt(machine, ModelFile(1), Aggregate()), manifest, 1);
  const auto other = machine.Derive(StepAt(machine, ModelFile(1), changed), manifest, 1);
  ASSERT_TRUE(honest);
  ASSERT_TRUE(other) << other.error().message;
  EXPECT_NE(other->model, honest->model);
}

TEST(Derivation, AMissingBlobAndAMomentumOfAnotherSizeAreNamed) {
  Machine machine;
  const auto manifest = round::TestManifest();
  Step step = StepAt(machine, ModelFile(1), Aggregate());
  step.aggregate = Sha256(AsBytes("never stored"));
  EXPECT_EQ(machine.Derive(step, manifest, 1).error().code, ErrorCode::kNotFound);

  step = StepAt(machine, ModelFile(1), Aggregate());
  step.base.momentum = machine.Put(Bytes(8192));
  EXPECT_EQ(machine.Derive(step, manifest, 1).error().code, ErrorCode::kCorrupt);
}

TEST(KeepReady, HasLargeFilesForTheRoundAndTakesThoseThatAreThere) {
  std::string pattern = (fs::temp_directory_path() / "dure-ready-XXXXXX").string();
  const fs::path folder = ::mkdtemp(pattern.data());
  {
    const auto store = blob::OpenFileBlobStore((folder / "store").string()).value();
    const std::string prefix = (folder / "ready-").string();
    const auto spares = [&] {
      return std::distance(fs::directory_iterator(folder / "store/spare"), {});
    };
    const std::vector<ReadyFile> files = {{kLargeBytes, codec::Caching::kAround},
                                          {kLargeBytes - 1}};
    KeepReady(*store, prefix, files);
    EXPECT_EQ(spares(), 1) << "a small file costs nothing to make anew";
    KeepReady(*store, prefix, files);
    EXPECT_EQ(spares(), 1) << "what is there serves again";
    KeepReady(*store, prefix, {{limits::kSpareBytesMax + 1}});
    EXPECT_EQ(spares(), 1) << "what memory would not hold until it is filled";
    EXPECT_TRUE(store->Recycle(kLargeBytes, (folder / "taken").string()));
    EXPECT_EQ(std::distance(fs::directory_iterator(folder), {}), 2) << "the store and what it gave";
  }
  fs::remove_all(folder);
}

TEST(Shape, IsReadFromTheHeaderLength) {
  EXPECT_EQ(ShapeOf(ModelFile(0)).value(), (ModelShape{kDataOffset, kCount}));
}

TEST(Shape, RefusesWhatIsNoModelFile) {
  const auto with_header = [](uint64_t header, size_t bytes) {
    Bytes file(bytes);
    for (size_t i = 0; i < 8 && i < bytes; ++i) file[i] = static_cast<uint8_t>(header >> (8 * i));
    return file;
  };
  struct Case {
    const char* what;
    Bytes file;
  };
  const Case cases[] = {
      {"empty", {}},
      {"seven bytes", Bytes(7)},
      {"a header longer than the file", with_header(5000, 4096)},
      {"a header length that would wrap around", with_header(~uint64_t{0}, 8192)},
      {"a header length just below wrapping", with_header(~uint64_t{0} - 7, 8192)},
      {"data that does not begin at a page", with_header(4096, 8192)},
      {"no parameters", with_header(4088, 4096)},
      {"a partial parameter", with_header(4088, 4099)},
  };
  for (const Case& c : cases) {
    const auto shape = ShapeOf(c.file);
    ASSERT_FALSE(shape) << c.what;
    EXPECT_EQ(shape.error().code, ErrorCode::kInvalid) << c.what;
  }
}

}  // namespace
}  // namespace dure::derivation
