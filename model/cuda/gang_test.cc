// A gang of devices against one alone: worlds of 1 to 4 and every stage of ZeRO, on threads.
#include <filesystem>
#include <functional>
#include <thread>

#include "federation/canonical.h"
#include "model/cuda/emulated/host_gang.h"
#include "model/cuda/emulated/session_fixture.h"

namespace dure::model::cuda {
namespace {

namespace fs = std::filesystem;
using collective::Collective;

struct Case {
  uint32_t world;
  uint32_t stage;
  NumberType numbers;
};

// Layers enough that each of the two buffers for layers is used again.
LlamaConfig GangModel(uint32_t stage) {
  LlamaConfig config = SmallModel(stage % 2 == 0);
  config.layers = 4;
  return config;
}

struct Trained {
  std::vector<double> losses;
  std::vector<float> parameters;
};

// Three steps by one rank; every rank has an emulated device of its own.
void TrainRank(const Case& c, Collective& ranks, const fs::path& state, Trained* result) {
  const auto device = std::move(*Device::Open(EmulatedTable(), 0));
  HostGang devices(ranks);
  cpu::TrainOptions options = SmallOptions();
  options.zero = c.stage;
  const LlamaConfig config = GangModel(c.stage);
  const CudaOptions cuda{.numbers = c.numbers};
  auto session = TrainSession::Create(*device, config, options, cuda,
                                      {ranks, c.world > 1 ? &devices : nullptr});
  ASSERT_TRUE(session) << session.error().message;
  ASSERT_TRUE((*session)->LoadParameters(FirstWeights(config)));
  for (uint64_t step = 0; step < 3; ++step) {
    const Tokens tokens = Counting(step, 10);
    const auto done = (*session)->Step(tokens.inputs, tokens.targets);
    ASSERT_TRUE(done) << done.error().message;
    result->losses.push_back(done->loss);
  }
  result->parameters.resize(LlamaLayout(config).parameter_count());
  ASSERT_TRUE((*session)->GatherParameters(result->parameters));
  ASSERT_TRUE((*session)->SaveOptimizer(state));
}

std::vector<Trained> TrainGang(const Case& c, const fs::path& state) {
  auto ranks = collective::MakeThreads(c.world);
  std::vector<Trained> results(c.world);
  std::vector<std::thread> threads;
  for (uint32_t rank = 0; rank < c.world; ++rank) {
    threads.emplace_back([&, rank] { TrainRank(c, *ranks[rank], state, &results[rank]); });
  }
  for (std::thread& thread : threads) thread.join();
  return results;
}

fs::path StateOf(const Case& c) {
  const fs::path folder = fs::path(testing::TempDir()) / "dure_cuda_gang";
  fs::create_directories(folder);
  return folder / (std::to_string(c.world) + "-" + std::to_string(c.stage));
}

class CudaGangTest : public testing::TestWithParam<Case> {};

TEST_P(CudaGangTest, TrainsAsOneAlone) {
  const Case c = GetParam();
  const Trained alone = TrainGang({1, c.stage, c.numbers}, StateOf({1, c.stage, c.numbers}))[0];
  const auto gang = TrainGang(c, StateOf(c));
  const bool is_bf16 = c.numbers == NumberType::kBf16;
  for (const Trained& rank : gang) {
    ASSERT_EQ(rank.losses.size(), alone.losses.size());
    for (size_t step = 0; step < alone.losses.size(); ++step) {
      EXPECT_NEAR(rank.losses[step], alone.losses[step], is_bf16 ? 2e-2 : 1e-4);
    }
    EXPECT_TRUE(SameBits(rank.parameters, gang[0].parameters));
    ExpectClose(rank.parameters, alone.parameters, is_bf16 ? 3e-2 : 1e-3);
  }
  // Files of one world are read by another: here by the CPU's, alone.
  const LlamaConfig config = GangModel(c.stage);
  const auto cpu = OnCpu(config, SmallOptions());
  ASSERT_TRUE(cpu->LoadOptimizer(StateOf(c)));
  EXPECT_EQ(cpu->step(), 3U);
}

std::vector<Case> Cases() {
  std::vector<Case> cases;
  for (const uint32_t world : {2U, 3U, 4U, 8U}) {
    for (uint32_t stage = 0; stage <= 3; ++stage)
      cases.push_back({world, stage, NumberType::kFloat});
  }
  for (uint32_t stage = 0; stage <= 3; ++stage) cases.push_back({3, stage, NumberType::kBf16});
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Worlds, CudaGangTest, testing::ValuesIn(Cases()), [](const auto& one) {
  return "World" + std::to_string(one.param.world) + "Stage" + std::to_string(one.param.stage) +
         (one.param.numbers == NumberType::kBf16 ? "Bf16" : "Fp32");
});

// A table whose gangs meet and whose calls fail when told to: what NCCL does when a rank hangs.
struct FakeGang {
  uint32_t rank;
  uint32_t calls = 0;
};
constexpr uint32_t kCallThatHangs = 3;

DeviceTable TableWithHangingGang() {
  DeviceTable table = EmulatedTable();
  table.gang_id = [](uint8_t*, char*, size_t) { return 0; };
  table.gang_join = [](OpenDevice*, const uint8_t*, uint32_t rank, uint32_t, uint64_t,
                       OpenGang** gang) {
    *gang = reinterpret_cast<OpenGang*>(new FakeGang{rank});
    return 0;
  };
  table.gang_mark = [](OpenGang*, uint32_t*) { return 0; };
  table.gang_work = [](OpenGang* gang, const GangWork*) {
    ++reinterpret_cast<FakeGang*>(gang)->calls;
    return 0;
  };
  table.gang_wait = [](OpenGang* gang, uint64_t) {
    return reinterpret_cast<FakeGang*>(gang)->calls == kCallThatHangs ? 1 : 0;
  };
  table.gang_error = [](OpenGang*) { return "NCCL call 3 did not end in 300 s"; };
  table.gang_leave = [](OpenGang* gang) { delete reinterpret_cast<FakeGang*>(gang); };
  return table;
}

// What each rank is told when `late` makes one call less than the others and then `does`.
std::vector<std::string> Told(uint32_t late,
                              const std::function<void(std::unique_ptr<Collective>&)>& does) {
  static const DeviceTable table = TableWithHangingGang();
  auto ranks = collective::MakeThreads(3);
  std::vector<std::string> told(3);
  std::vector<std::thread> threads;
  for (uint32_t rank = 0; rank < 3; ++rank) {
    threads.emplace_back([&, rank] {
      const auto device = std::move(*Device::Open(table, 0));
      const auto gang = JoinNccl(*device, *ranks[rank], std::chrono::milliseconds(1000));
      ASSERT_TRUE(gang) << gang.error().message;
      float value[48] = {};
      for (uint32_t call = 1; call <= kCallThatHangs; ++call) {
        if (rank == late && call == kCallThatHangs) return does(ranks[rank]);
        const Status done = (*gang)->AllReduce(value, 48, (*gang)->Mark());
        if (!done) told[rank] = done.error().message;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return told;
}

TEST(CudaNcclTest, ARankThatIsBehindIsNamedWithItsHost) {
  const auto told = Told(2, [](std::unique_ptr<Collective>& rank) {
    CanonicalWriter writer;
    writer.U64(2).Text(collective::WhereThisRuns());
    (void)rank->Collect(writer.Take());
  });
  for (const uint32_t rank : {0U, 1U}) {
    EXPECT_THAT(told[rank], testing::HasSubstr("rank " + std::to_string(rank) + " (host "));
    EXPECT_THAT(told[rank], testing::HasSubstr("all-reduce of 48 numbers: NCCL call 3"));
    EXPECT_THAT(told[rank], testing::HasSubstr("rank 2 (host "));
    EXPECT_THAT(told[rank], testing::HasSubstr("has made 2 calls, this one 3"));
  }
}

TEST(CudaNcclTest, ARankThatIsGoneIsNamedByTheSocketsBeside) {
  auto told = Told(2, [](std::unique_ptr<Collective>& rank) { rank.reset(); });
  for (const uint32_t rank : {0U, 1U}) EXPECT_THAT(told[rank], testing::HasSubstr("rank 2"));
}

// What one GPU can show of the library: it meets, its calls wait for the device's work and end.
TEST(CudaNcclTest, OneRankGoesThroughTheLibrary) {
  const DeviceTable* const table = RealTable();
  if (table == nullptr || table->gang_join == nullptr) GTEST_SKIP() << "needs a GPU and NCCL";
  const auto device = std::move(*Device::Open(*table, 0));
  const auto rank = collective::MakeSingle();
  const auto gang = JoinNccl(*device, *rank, std::chrono::seconds(30));
  ASSERT_TRUE(gang) << gang.error().message;
  constexpr uint64_t kCount = uint64_t{1} << 20;
  const auto memory = device->Allocate(2 * kCount * sizeof(float));
  ASSERT_TRUE(memory);
  auto* const numbers = static_cast<float*>(*memory);
  float* const others = numbers + kCount;
  const std::vector<float> ones(kCount, 1.0F);
  device->CopyIn(numbers, std::span<const float>(ones));
  device->CopyIn(others, std::span<const float>(ones));
  std::vector<float> result(kCount);
  float expected = 1;
  for (int call = 0; call < 6; ++call) {
    device->Launch<AddTo>({others, numbers, kCount});
    ++expected;
    const uint32_t mark = (*gang)->Mark();
    const Status done = call % 3 == 0   ? (*gang)->AllReduce(numbers, kCount, mark)
                        : call % 3 == 1 ? (*gang)->ReduceScatter(numbers, kCount, mark)
                                        : (*gang)->AllGather(numbers, kCount, mark);
    ASSERT_TRUE(done) << done.error().message;
    ASSERT_TRUE(device->CopyOut(std::span(result), numbers));
    EXPECT_EQ(result.front(), expected);
    EXPECT_EQ(result.back(), expected);
  }
  device->Release(numbers);
}

TEST(CudaNcclTest, APluginWithoutNcclIsSaidSoByTheRankThatLacksIt) {
  auto ranks = collective::MakeThreads(2);
  std::vector<std::thread> threads;
  for (auto& rank : ranks) {
    threads.emplace_back([&rank] {
      const auto device = std::move(*Device::Open(EmulatedTable(), 0));
      const auto gang = JoinNccl(*device, *rank, std::chrono::milliseconds(1000));
      ASSERT_FALSE(gang);
      EXPECT_THAT(gang.error().message, testing::HasSubstr("rank 0: the CUDA plug-in was built"));
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace dure::model::cuda
