// Muon on a device against its definition in double.
#include "model/cuda/muon.h"

#include <filesystem>
#include <fstream>

#include "federation/digest.h"
#include "model/cuda/emulated/session_fixture.h"

namespace dure::model::cuda {
namespace {

using Matrix = std::vector<std::vector<double>>;

Matrix Times(const Matrix& a, const Matrix& b) {
  Matrix c(a.size(), std::vector<double>(b[0].size()));
  for (size_t i = 0; i < a.size(); ++i) {
    for (size_t k = 0; k < b.size(); ++k) {
      for (size_t j = 0; j < b[0].size(); ++j) c[i][j] += a[i][k] * b[k][j];
    }
  }
  return c;
}

Matrix Transposed(const Matrix& a) {
  Matrix t(a[0].size(), std::vector<double>(a.size()));
  for (size_t i = 0; i < a.size(); ++i) {
    for (size_t j = 0; j < a[0].size(); ++j) t[j][i] = a[i][j];
  }
  return t;
}

// Five steps from x over its length.
Matrix Orthogonalised(Matrix x) {
  double squares = 0;
  for (const auto& row : x) {
    for (const double v : row) squares += v * v;
  }
  for (auto& row : x) {
    for (double& v : row) v /= std::sqrt(squares) + 1e-7;
  }
  for (int step = 0; step < 5; ++step) {
    const Matrix a = Times(x, Transposed(x));
    const Matrix aa = Times(a, a);
    Matrix b = a;
    for (size_t i = 0; i < a.size(); ++i) {
      for (size_t j = 0; j < a.size(); ++j) b[i][j] = -4.7750 * a[i][j] + 2.0315 * aa[i][j];
    }
    const Matrix bx = Times(b, x);
    for (size_t i = 0; i < x.size(); ++i) {
      for (size_t j = 0; j < x[0].size(); ++j) x[i][j] = 3.4445 * x[i][j] + bx[i][j];
    }
  }
  return x;
}

// Of so many numbers that every block of Sums has a part.
TEST(MuonKernelTest, AMatrixOfAnySizeBecomesOfUnitLength) {
  constexpr uint64_t kCount = uint64_t{Sums::kBlocks} * Sums::kThreads * 4 + 5;
  const auto numbers = Fresh<float>(kCount, 64);
  const Results results = OnEachDevice([&](Board& b) -> Results {
    const float* const in = b.In(numbers);
    double* const parts = b.Room<double>(Sums::kBlocks);
    float* const out = b.Room<float>(kCount);
    b.device().Launch<Sums>({in, parts, kCount, true});
    b.device().Launch<ToUnitLength<float>>({in, parts, out, kCount, Sums::kBlocks});
    return {b.Out(out, kCount)};
  });
  double squares = 0;
  for (const float x : results[0]) squares += static_cast<double>(x) * static_cast<double>(x);
  EXPECT_NEAR(squares, 1.0, 1e-4);
}

class MuonTest : public testing::TestWithParam<std::pair<uint64_t, uint64_t>> {};

TEST_P(MuonTest, MovesAMatrixByItsOrthogonalisedMomentum) {
  const auto [rows, columns] = GetParam();
  const uint64_t count = rows * columns;
  const TensorSpec spec{"matrix", {rows, columns}, 0, count};
  const auto p = Fresh<float>(count, 60);
  const auto g = Fresh<float>(count, 61);
  const auto m = Fresh<float>(count, 62, 0.1F);
  const Results results = OnEachDevice([&](Board& b) -> Results {
    DevicePlan sum;
    (void)PlanMuon<float>({spec}, sum);
    const DeviceArena arena = std::move(*DeviceArena::Create(b.device(), sum.bytes()));
    DevicePlan plan(arena);
    const auto buffers = PlanMuon<float>({spec}, plan);
    const MuonTensors<float> tensors{b.In(p), b.In(g), b.In(m), b.Room<float>(count)};
    MuonUpdate<float>(b.device(), buffers, spec,
                      {.learning_rate = 0.1, .weight_decay = 0.5, .gradient_scale = 0.25}, tensors);
    return {b.Out(tensors.parameters, count), b.Out(tensors.m, count),
            b.Out(tensors.weights, count)};
  });
  Matrix u(rows, std::vector<double>(columns));
  std::vector<float> moved(count), expected(count);
  for (uint64_t i = 0; i < count; ++i) {
    const double scaled = 0.25 * static_cast<double>(g[i]);
    const double mean = 0.95 * static_cast<double>(m[i]) + scaled;
    moved[i] = static_cast<float>(mean);
    u[i / columns][i % columns] = scaled + 0.95 * mean;
  }
  const Matrix x = Orthogonalised(u);
  const double length = 0.2 * std::sqrt(static_cast<double>(std::max(rows, columns)));
  for (uint64_t i = 0; i < count; ++i) {
    expected[i] = static_cast<float>(static_cast<double>(p[i]) * (1 - 0.1 * 0.5) -
                                     0.1 * length * x[i / columns][i % columns]);
  }
  ExpectClose(results[0], expected, 1e-3);
  ExpectClose(results[1], moved, 1e-5);
  EXPECT_EQ(results[2], results[0]);
}

INSTANTIATE_TEST_SUITE_P(Shapes, MuonTest,
                         testing::Values(std::pair{24, 24}, std::pair{10, 40}, std::pair{40, 10}));

TEST(MuonMatricesTest, AreThoseOfTheLayersAlone) {
  const auto matrices = MuonMatrices(LlamaLayout(SmallModel(false)));
  EXPECT_EQ(matrices.size(), 7U * SmallModel(false).layers);
  for (const TensorSpec& matrix : matrices) {
    EXPECT_THAT(matrix.name, testing::HasSubstr("model.layers."));
  }
}

TEST(MuonSessionTest, TrainsFasterThanItForgets) {
  for (const NumberType numbers : {NumberType::kFloat, NumberType::kBf16}) {
    CudaOptions cuda{.numbers = numbers};
    cuda.uses_muon = true;
    OnDevice device(SmallModel(true), SmallOptions(), cuda);
    double first = 0;
    double last = 0;
    for (uint64_t step = 0; step < 20; ++step) {
      const Tokens tokens = Counting(step, 10);
      const auto done = device->Step(tokens.inputs, tokens.targets);
      ASSERT_TRUE(done) << done.error().message;
      (step == 0 ? first : last) = done->loss;
    }
    EXPECT_LT(last, 0.7 * first);
  }
}

// As a build before these files named their optimizer wrote it.
void MakeOld(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  bytes = "DUREOPT1" + bytes.substr(12, bytes.size() - 12 - 32);
  const Digest digest = Sha256(AsBytes(bytes));
  bytes += AsText(digest.View());
  std::ofstream(path, std::ios::binary) << bytes;
}

// AdamW divides m by the root of v, which Muon does not write.
TEST(MuonSessionTest, AdamWBeginsItsMomentsAnewAfterMuonAndTheOtherWayRound) {
  const std::filesystem::path path =
      std::filesystem::path(testing::TempDir()) / "dure_muon_and_adamw";
  const CudaOptions adamw{.numbers = NumberType::kFloat};
  CudaOptions muon = adamw;
  muon.uses_muon = true;
  const Tokens tokens = Counting(1, 10);
  for (const bool muon_first : {true, false}) {
    for (const bool is_old : {false, true}) {
      OnDevice before(SmallModel(true), SmallOptions(), muon_first ? muon : adamw);
      for (int step = 0; step < 10; ++step)
        ASSERT_TRUE(before->Step(tokens.inputs, tokens.targets));
      ASSERT_TRUE(before->SaveOptimizer(path));
      if (is_old) MakeOld(path);
      const auto same = OnDevice(SmallModel(true), SmallOptions(), muon_first ? muon : adamw)
                            ->LoadOptimizer(path);
      ASSERT_TRUE(same) << same.error().message;
      EXPECT_EQ(same->saved_by == cpu::Optimizer::kMuon, muon_first);

      OnDevice after(SmallModel(true), SmallOptions(), muon_first ? adamw : muon);
      const auto state = after->LoadOptimizer(path);
      ASSERT_TRUE(state) << state.error().message;
      EXPECT_EQ(state->saved_by == cpu::Optimizer::kMuon, muon_first);
      EXPECT_EQ(after->step(), 10u);
      std::vector<float> moved = FirstWeights(SmallModel(true));
      const std::vector<float> start = moved;
      const auto done = after->Step(tokens.inputs, tokens.targets);
      ASSERT_TRUE(done) << done.error().message;
      ASSERT_TRUE(after->GatherParameters(moved));
      double most = 0;
      for (size_t i = 0; i < moved.size(); ++i)
        most = std::max<double>(most, std::abs(moved[i] - start[i]));
      EXPECT_LT(most, 2 * done->learning_rate) << muon_first << is_old;
      if (!muon_first) continue;
      const auto on_cpu = OnCpu(SmallModel(true), SmallOptions());
      EXPECT_EQ(on_cpu->LoadOptimizer(path)->saved_by, cpu::Optimizer::kMuon);
      std::vector<float> by_cpu = start;
      ASSERT_TRUE(on_cpu->Step(tokens.inputs, tokens.targets));
      ASSERT_TRUE(on_cpu->GatherParameters(by_cpu));
      ExpectClose(by_cpu, moved, 1e-3);
    }
  }
  std::filesystem::remove(path);
}

TEST(MuonSessionTest, SplitMatricesAreRefused) {
  const auto device = std::move(*Device::Open(EmulatedTable(), 0));
  auto gang = collective::MakeThreads(2);
  CudaOptions cuda;
  cuda.uses_muon = true;
  const auto made =
      TrainSession::Create(*device, SmallModel(true), SmallOptions(), cuda, {*gang[0], nullptr});
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message, testing::HasSubstr("--zero 0"));
}

}  // namespace
}  // namespace dure::model::cuda
