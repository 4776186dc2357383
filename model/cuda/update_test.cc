// The optimizer's and the codec's operations of a device against the CPU's.
#include <bit>

#include "federation/codec/encode.h"
#include "federation/codec/kernels.h"
#include "federation/codec/norm.h"
#include "federation/codec/typed.h"
#include "model/cpu/adamw.h"
#include "model/cuda/emulated/contract.h"
#include "model/cuda/lanes.h"

namespace dure::model::cuda {
namespace {

constexpr size_t kCount = 2500;  // two blocks of the codec and a part

template <typename T>
Results AdamWOnDevice(Board& b, const cpu::AdamW& options, typename AdamW<T>::Args args) {
  const auto p = Fresh<float>(kCount, 30);
  const auto g = Fresh<float>(kCount, 31);
  const auto m = Fresh<float>(kCount, 32, 0.1F);
  auto v = Fresh<float>(kCount, 33, 0.1F);
  for (float& x : v) x = std::abs(x);
  const double t = static_cast<double>(options.step);
  args.parameters = b.In(p);
  args.gradients = b.In(g);
  args.m = b.In(m);
  args.v = b.In(v);
  args.weights = b.Room<T>(kCount);
  args.count = kCount;
  args.beta1 = static_cast<float>(options.beta1);
  args.beta2 = static_cast<float>(options.beta2);
  args.gradient_scale = static_cast<float>(options.gradient_scale);
  args.step_size = static_cast<float>(options.learning_rate / (1 - std::pow(options.beta1, t)));
  args.inverse_root_bias = static_cast<float>(1 / std::sqrt(1 - std::pow(options.beta2, t)));
  args.epsilon = static_cast<float>(options.epsilon);
  args.keep = static_cast<float>(1 - options.learning_rate * options.weight_decay);
  b.device().Launch<AdamW<T>>(args);
  return {b.Out(args.parameters, kCount), b.Out(args.m, kCount), b.Out(args.v, kCount),
          b.Out(args.weights, kCount)};
}

constexpr cpu::AdamW kOptions{.learning_rate = 1e-2,
                              .beta1 = 0.9,
                              .beta2 = 0.95,
                              .epsilon = 1e-8,
                              .weight_decay = 0.1,
                              .gradient_scale = 0.5,
                              .step = 3};

TEST(UpdateTest, AdamWMovesMastersAsTheCpuDoes) {
  const Results results =
      OnEachDevice([](Board& b) { return AdamWOnDevice<Bf16>(b, kOptions, {}); });
  auto p = Fresh<float>(kCount, 30);
  const auto g = Fresh<float>(kCount, 31);
  auto m = Fresh<float>(kCount, 32, 0.1F);
  auto v = Fresh<float>(kCount, 33, 0.1F);
  for (float& x : v) x = std::abs(x);
  cpu::AdamWUpdate(kOptions, kCount, {p.data(), g.data(), m.data(), v.data()});
  ExpectClose(results[0], p, 1e-6);
  ExpectClose(results[1], m, 1e-6);
  ExpectClose(results[2], v, 1e-6);
  for (size_t i = 0; i < kCount; ++i) {
    ASSERT_EQ(results[3][i], ToFloat(FromFloat<Bf16>(results[0][i])));
  }
}

TEST(UpdateTest, RoundingByChanceIsOfANeighbourAndRightInTheMean) {
  double error = 0;
  double most = 0;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    typename AdamW<Bf16>::Args args{};
    args.by_chance = true;
    args.seed = FreshSeed() + seed;
    const Results results =
        OnEachDevice([&](Board& b) { return AdamWOnDevice<Bf16>(b, kOptions, args); });
    for (size_t i = 0; i < kCount; ++i) {
      const double exact = static_cast<double>(results[0][i]);
      const double off = static_cast<double>(results[3][i]) - exact;
      ASSERT_LT(std::abs(off), std::abs(exact) / 128 + 1e-30);
      error += off;
      most += std::abs(exact) / 256;
    }
  }
  // 50,000 draws: their mean is ten times nearer to zero than to their size, or chance is wrong.
  EXPECT_LT(std::abs(error), most / 10);
}

TEST(UpdateTest, SumsPlainAndSquared) {
  const auto x = Fresh<float>(100'000, 34);
  const Results results = OnEachDevice([&](Board& b) -> Results {
    Results sums;
    for (const bool squares : {false, true}) {
      double* const parts = b.Room<double>(Sums::kBlocks);
      b.device().Launch<Sums>({b.In(x), parts, x.size(), squares});
      double sum = 0;
      for (const double part : b.Raw(parts, Sums::kBlocks)) sum += part;
      sums.push_back({static_cast<float>(sum)});
    }
    return sums;
  });
  double plain = 0;
  for (const float value : x) plain += static_cast<double>(value);
  EXPECT_NEAR(results[0][0], plain, 1e-3);
  EXPECT_NEAR(results[1][0], cpu::SumOfSquares(x.size(), x.data()), 1e-1);
}

struct Encoded {
  std::vector<uint8_t> lanes;
  std::vector<float> residual;
  codec::EncodeStats stats;
};

struct Update {
  std::vector<float> base = Fresh<float>(kCount, 40);
  std::vector<float> trained = Fresh<float>(kCount, 41);
  std::vector<float> residual = Fresh<float>(kCount, 42, 0.01F);
  std::vector<float> scales = {1.5F, 0.25F, 2.25F};  // the second saturates
  codec::EncodeParameters parameters{codec::Lane::kInt8, codec::kWeightOne / 3, 99};
};

template <typename Kernel, typename Lane>
void ExpectSameBitsAsTheCodec(codec::Lane lane, bool first_round) {
  Update update;
  update.parameters.lane = lane;
  std::vector<uint8_t> lanes(kCount * sizeof(Lane));
  std::vector<float> residual(kCount);
  const auto encoded = codec::EncodeRange(
      update.parameters, 0,
      {update.base, update.trained,
       first_round ? std::span<const float>() : std::span<const float>(update.residual),
       update.scales},
      {lanes, residual});
  ASSERT_TRUE(encoded);
  const auto scales = LaneScales(update.parameters, 0, update.scales);
  std::vector<LaneReport> reports;
  std::vector<Lane> made;
  const Results results = OnEachDevice([&](Board& b) -> Results {
    float* const left = b.In(update.residual);
    Lane* const out = b.Room<Lane>(kCount);
    LaneReport* const report = b.Room<LaneReport>(scales.size());
    b.device().Launch<Kernel>({b.In(update.base), b.In(update.trained), left, b.In(scales), out,
                               report, kCount, first_round});
    reports = b.Raw(report, scales.size());
    made = b.Raw(out, kCount);
    return {b.Out(left, kCount)};
  });
  EXPECT_TRUE(SameBits(results[0], residual));
  EXPECT_EQ(std::memcmp(made.data(), lanes.data(), lanes.size()), 0);
  const UpdateReport report = Sum(update.parameters, update.scales, reports);
  EXPECT_TRUE(report.finite);
  EXPECT_EQ(report.stats.saturated, encoded->saturated);
  EXPECT_EQ(report.stats.max_abs, encoded->max_abs);
  EXPECT_GT(report.stats.saturated, 0U);
  EXPECT_EQ(report.norm,
            codec::UpdateNorm(lane, kCount, lanes, update.scales, update.parameters.weight));
}

TEST(UpdateTest, LanesResidualAndNormAreTheCodecsBitForBit) {
  for (const bool first_round : {false, true}) {
    ExpectSameBitsAsTheCodec<QuantiseUpdate8, int8_t>(codec::Lane::kInt8, first_round);
    ExpectSameBitsAsTheCodec<QuantiseUpdate16, int16_t>(codec::Lane::kInt16, first_round);
  }
}

TEST(UpdateTest, AnUpdateThatIsNotFiniteIsToldAsSuch) {
  for (const float bad : {NAN, INFINITY}) {
    Update update;
    update.trained[1500] = bad;
    const auto scales = LaneScales(update.parameters, 0, update.scales);
    std::vector<LaneReport> reports;
    OnEachDevice([&](Board& b) -> Results {
      LaneReport* const report = b.Room<LaneReport>(scales.size());
      b.device().Launch<QuantiseUpdate8>({b.In(update.base), b.In(update.trained),
                                          b.In(update.residual), b.In(scales),
                                          b.Room<int8_t>(kCount), report, kCount, false});
      reports = b.Raw(report, scales.size());
      return {};
    });
    EXPECT_FALSE(Sum(update.parameters, update.scales, reports).finite);
  }
}

TEST(UpdateTest, LanesComeBackAsValues) {
  const Update update;
  const auto scales = LaneScales(update.parameters, 0, update.scales);
  const auto before = Fresh<float>(kCount, 43);
  std::vector<int8_t> lanes(kCount);
  for (size_t i = 0; i < kCount; ++i)
    lanes[i] = static_cast<int8_t>(static_cast<int>(i % 255) - 127);
  const Results results = OnEachDevice([&](Board& b) -> Results {
    float* const out = b.In(before);
    b.device().Launch<DequantiseAdd<int8_t>>({b.In(lanes), b.In(scales), out, kCount});
    return {b.Out(out, kCount)};
  });
  std::vector<float> expected = before;
  for (size_t i = 0; i < kCount; ++i) {
    expected[i] += static_cast<float>(lanes[i]) * scales[i / 1024].to_value;
  }
  EXPECT_TRUE(SameBits(results[0], expected));
}

TEST(UpdateTest, AVectorIsItsDirectionTimesItsNorm) {
  const auto x = Fresh<float>(kCount, 44);
  const Results results = OnEachDevice([&](Board& b) -> Results {
    float* const data = b.In(x);
    double* const parts = b.Room<double>(Sums::kBlocks);
    b.device().Launch<Sums>({data, parts, kCount, true});
    double squares = 0;
    for (const double part : b.Raw(parts, Sums::kBlocks)) squares += part;
    b.device().Launch<Scale>({data, data, kCount, static_cast<float>(1 / std::sqrt(squares))});
    return {b.Out(data, kCount), {static_cast<float>(std::sqrt(squares))}};
  });
  EXPECT_NEAR(cpu::SumOfSquares(kCount, results[0].data()), 1.0, 1e-5);
  std::vector<float> back = results[0];
  for (float& value : back) value *= results[1][0];
  ExpectClose(back, x, 1e-5);
}

}  // namespace
}  // namespace dure::model::cuda
