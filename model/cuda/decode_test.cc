// The kernels that decode one token against sums in double and the CPU's operations.
#include <algorithm>

#include "model/cpu/attention.h"
#include "model/cpu/rope.h"
#include "model/cuda/emulated/contract.h"

namespace dure::model::cuda {
namespace {

template <typename T>
class DecodeTest : public testing::Test {};
using Types = testing::Types<float, Bf16>;
struct TypeName {
  template <typename T>
  static std::string GetName(int) {
    return sizeof(T) == 2 ? "bf16" : "fp32";
  }
};
TYPED_TEST_SUITE(DecodeTest, Types, TypeName);

// Rows so large that sums stay near 1.
template <typename T>
std::vector<float> Matrix(size_t rows, size_t inner, uint64_t which) {
  return Fresh<T>(rows * inner, which, 2 / std::sqrt(static_cast<float>(inner)));
}

std::vector<double> Times(const std::vector<float>& matrix, const std::vector<double>& x) {
  std::vector<double> y(matrix.size() / x.size());
  for (size_t row = 0; row < y.size(); ++row) {
    for (size_t i = 0; i < x.size(); ++i) {
      y[row] += static_cast<double>(matrix[row * x.size() + i]) * x[i];
    }
  }
  return y;
}

std::vector<double> Doubles(const std::vector<float>& x) { return {x.begin(), x.end()}; }
std::vector<float> Floats(const std::vector<double>& x) { return {x.begin(), x.end()}; }

constexpr float kEps = 1e-5F;
std::vector<double> Normed(const std::vector<float>& x, const std::vector<float>& weight) {
  double squares = 0;
  for (const float value : x) squares += static_cast<double>(value) * static_cast<double>(value);
  const double inverse = 1 / std::sqrt(squares / static_cast<double>(x.size()) + kEps);
  std::vector<double> y = Doubles(x);
  for (size_t i = 0; i < y.size(); ++i) y[i] *= inverse * static_cast<double>(weight[i]);
  return y;
}

struct Size {
  uint32_t tasks;
  uint32_t inner;
};
// One row and no pack; rows that share a block; a row of two warps, of eight, and of more than
// eight ask for at once; many blocks.
constexpr Size kSizes[] = {{1, 5}, {7, 40}, {9, 2304}, {5, 12000}, {3, 33000}, {301, 36}};

TYPED_TEST(DecodeTest, DownAddsTheProductToTheStream) {
  for (const auto [tasks, inner] : kSizes) {
    const auto matrix = Matrix<TypeParam>(tasks, inner, 1);
    const auto x = Fresh<TypeParam>(inner, 2);
    const auto stream = Fresh<TypeParam>(tasks, 3);
    const Results results = OnEachDevice([&](Board& b) -> Results {
      TypeParam* const y = b.Numbers<TypeParam>(stream);
      b.device().template Launch<DownVector<TypeParam>>(
          {DownVector<TypeParam>::WorkOf(b.Numbers<TypeParam>(matrix), tasks, inner),
           b.Numbers<TypeParam>(x), y});
      return {b.Out(y, tasks)};
    });
    std::vector<double> expected = Times(matrix, Doubles(x));
    for (uint32_t i = 0; i < tasks; ++i) expected[i] += static_cast<double>(stream[i]);
    ExpectClose(results[0], Floats(expected), kError<TypeParam>);
  }
}

TYPED_TEST(DecodeTest, AMatrixThatBeginsAtNoPackIsReadOneByOne) {
  constexpr uint32_t kTasks = 3, kInner = 64;
  auto matrix = Matrix<TypeParam>(kTasks, kInner, 4);
  const auto x = Fresh<TypeParam>(kInner, 5);
  matrix.insert(matrix.begin(), 1, 7.0F);
  const Results results = OnEachDevice([&](Board& b) -> Results {
    TypeParam* const y = b.Numbers<TypeParam>(std::vector<float>(kTasks));
    b.device().template Launch<DownVector<TypeParam>>(
        {DownVector<TypeParam>::WorkOf(b.Numbers<TypeParam>(matrix) + 1, kTasks, kInner),
         b.Numbers<TypeParam>(x), y});
    return {b.Out(y, kTasks)};
  });
  matrix.erase(matrix.begin());
  ExpectClose(results[0], Floats(Times(matrix, Doubles(x))), kError<TypeParam>);
}

TYPED_TEST(DecodeTest, HeadGivesTheLogitsOfTheNormedRow) {
  for (const auto [tasks, inner] : kSizes) {
    const auto matrix = Matrix<TypeParam>(tasks, inner, 6);
    const auto x = Fresh<TypeParam>(inner, 7, 3);
    const auto weight = Fresh<TypeParam>(inner, 8);
    for (const uint32_t rounds : {1U, kHeadRounds, 32U}) {
      const Results results = OnEachDevice([&](Board& b) -> Results {
        float* const logits = b.Room<float>(tasks);
        b.device().template Launch<HeadVector<TypeParam>>(
            {HeadVector<TypeParam>::WorkOf(b.Numbers<TypeParam>(matrix), tasks, inner, rounds),
             {b.Numbers<TypeParam>(x), b.Numbers<TypeParam>(weight), kEps},
             logits});
        return {b.Out(logits, tasks)};
      });
      ExpectClose(results[0], Floats(Times(matrix, Normed(x, weight))), kError<TypeParam>);
    }
  }
}

TYPED_TEST(DecodeTest, GateAndUpAreActivated) {
  for (const auto [tasks, inner] : kSizes) {
    const auto matrix = Matrix<TypeParam>(2 * tasks, inner, 9);
    const auto x = Fresh<TypeParam>(inner, 10, 3);
    const auto weight = Fresh<TypeParam>(inner, 11);
    const Results results = OnEachDevice([&](Board& b) -> Results {
      TypeParam* const y = b.Room<TypeParam>(tasks);
      b.device().template Launch<GateUpVector<TypeParam>>(
          {GateUpVector<TypeParam>::WorkOf(b.Numbers<TypeParam>(matrix), tasks, inner),
           {b.Numbers<TypeParam>(x), b.Numbers<TypeParam>(weight), kEps},
           y});
      return {b.Out(y, tasks)};
    });
    const std::vector<double> product = Times(matrix, Normed(x, weight));
    std::vector<double> expected;
    for (uint32_t i = 0; i < tasks; ++i) {
      expected.push_back(product[i] / (1 + std::exp(-product[i])) * product[tasks + i]);
    }
    ExpectClose(results[0], Floats(expected), 2 * kError<TypeParam>);
  }
}

struct Heads {
  uint32_t heads, kv_heads, dim, inner, position;
};

TYPED_TEST(DecodeTest, QueriesAndKeysTurnAndTheCacheGrowsByOneRow) {
  constexpr uint32_t kPositions = 40;
  constexpr Heads kCases[] = {
      {1, 1, 2, 5, 0}, {4, 2, 10, 40, 39}, {6, 2, 64, 384, 17}, {2, 1, 128, 9000, 5}};
  for (const auto& [heads, kv_heads, dim, inner, position] : kCases) {
    const uint32_t rows = (heads + 2 * kv_heads) * dim;
    const uint32_t cached = kPositions * kv_heads * dim;
    const auto matrix = Matrix<TypeParam>(rows, inner, 12);
    const auto x = Fresh<TypeParam>(inner, 13, 3);
    const auto weight = Fresh<TypeParam>(inner, 14);
    const auto keys = Fresh<TypeParam>(cached, 15);
    const auto values = Fresh<TypeParam>(cached, 16);
    std::vector<float> cosine, sine;
    for (uint32_t at = 0; at < kPositions * dim / 2; ++at) {
      const double angle =
          at / (dim / 2) * std::pow(10000.0, -2.0 * (at % (dim / 2)) / static_cast<double>(dim));
      cosine.push_back(static_cast<float>(std::cos(angle)));
      sine.push_back(static_cast<float>(std::sin(angle)));
    }
    const Results results = OnEachDevice([&](Board& b) -> Results {
      TypeParam* const q = b.Room<TypeParam>(heads * dim);
      TypeParam* const k = b.Numbers<TypeParam>(keys);
      TypeParam* const v = b.Numbers<TypeParam>(values);
      b.device().template Launch<QkvVector<TypeParam>>(
          {QkvVector<TypeParam>::WorkOf(b.Numbers<TypeParam>(matrix), rows / 2, inner),
           {b.Numbers<TypeParam>(x), b.Numbers<TypeParam>(weight), kEps},
           b.In(cosine),
           b.In(sine),
           b.In(std::vector<DecodeState>{{position, 3}}),
           q,
           k,
           v,
           heads,
           kv_heads,
           dim / 2});
      return {b.Out(q, heads * dim), b.Out(k, cached), b.Out(v, cached)};
    });
    std::vector<float> row = Floats(Times(matrix, Normed(x, weight)));
    cpu::Rope(kPositions, dim, 10000.0).Rotate({row.data(), 1, rows, heads + kv_heads, position});
    std::vector<float> expected_keys = keys, expected_values = values;
    const auto q_end = row.begin() + heads * dim;
    std::copy_n(q_end, kv_heads * dim, expected_keys.begin() + position * kv_heads * dim);
    std::copy_n(q_end + kv_heads * dim, kv_heads * dim,
                expected_values.begin() + position * kv_heads * dim);
    ExpectClose(results[0], {row.begin(), q_end}, kError<TypeParam>);
    ExpectClose(results[1], expected_keys, kError<TypeParam>);
    ExpectClose(results[2], expected_values, kError<TypeParam>);
  }
}

// As the engine joins them: the product that follows puts the splits together.
template <typename T>
Results Attended(Board& b, const Heads& h, const std::vector<float>& q, const std::vector<float>& k,
                 const std::vector<float>& v, const std::vector<float>& matrix,
                 const std::vector<float>& stream) {
  const uint32_t width = h.heads * h.dim;
  T* const parts = b.Room<T>(kDecodeSplits * width);
  SplitSum* const sums = b.Room<SplitSum>(kDecodeSplits * h.heads);
  const DecodeState* const state = b.In(std::vector<DecodeState>{{h.position, 3}});
  T* const y = b.Numbers<T>(stream);
  b.device().Launch<DecodeSplit<T>>({b.Numbers<T>(q), b.Numbers<T>(k), b.Numbers<T>(v), parts, sums,
                                     state, h.heads, h.kv_heads, h.dim,
                                     1.0F / std::sqrt(static_cast<float>(h.dim))});
  b.device().Launch<OutVector<T>>(
      {OutVector<T>::WorkOf(b.Numbers<T>(matrix), static_cast<uint32_t>(stream.size()), width),
       parts, sums, y, h.heads, h.dim});
  return {b.Out(y, stream.size())};
}

TYPED_TEST(DecodeTest, OneQueryOverACacheInSplits) {
  // One key; a split's end and one behind it; eight splits; splits of two and three rounds, the
  // last of them short; heads that are no packs, grouped, and as wide as they may be.
  for (const Heads h : {Heads{4, 2, 36, 0, 0}, Heads{4, 2, 36, 0, 127}, Heads{4, 2, 36, 0, 128},
                        Heads{2, 2, 64, 0, 300}, Heads{1, 1, 128, 0, 1023},
                        Heads{6, 2, 16, 0, 1024}, Heads{3, 1, 10, 0, 2100}}) {
    const uint32_t count = h.position + 1;
    const uint32_t width = h.heads * h.dim;
    const uint32_t kv_width = h.kv_heads * h.dim;
    const auto q = Fresh<TypeParam>(width, 17, 4);
    // What stands behind the last key would show.
    auto k = Fresh<TypeParam>(count * kv_width, 18);
    auto v = Fresh<TypeParam>(count * kv_width, 19);
    const auto matrix = Matrix<TypeParam>(11, width, 20);
    const auto stream = Fresh<TypeParam>(11, 21);
    std::vector<float> attended(width), log_sum(h.heads);
    const cpu::AttentionShape shape{1, count, h.heads, h.kv_heads, h.dim};
    std::vector<float> scratch(cpu::AttentionScratch(shape));
    cpu::Attention(shape, {q.data(), width, k.data(), v.data(), kv_width}, attended.data(),
                   log_sum.data(), scratch.data());
    std::vector<double> expected = Times(matrix, Doubles(attended));
    for (size_t i = 0; i < stream.size(); ++i) expected[i] += static_cast<double>(stream[i]);
    k.insert(k.end(), 200 * kv_width, NAN);
    v.insert(v.end(), 200 * kv_width, NAN);
    const Results results =
        OnEachDevice([&](Board& b) { return Attended<TypeParam>(b, h, q, k, v, matrix, stream); });
    ExpectClose(results[0], Floats(expected), kError<TypeParam>);
  }
}

struct Choice {
  uint32_t token;
  DecodeState state;
};
Choice Chosen(const std::vector<float>& logits) {
  constexpr uint32_t kPosition = 6;
  const Results results = OnEachDevice([&](Board& b) -> Results {
    DecodeState* const state = b.In(std::vector<DecodeState>{{kPosition, 40}});
    uint32_t* const made = b.In(std::vector<uint32_t>(kPosition + 3, 99));
    b.device().Launch<ChooseToken>(
        {b.In(logits), state, made, static_cast<uint32_t>(logits.size())});
    Results one;
    for (const uint32_t token : b.Raw(made, kPosition + 3)) one.push_back({FloatOf(token)});
    const DecodeState after = b.Raw(state, 1)[0];
    one.push_back({FloatOf(after.position), FloatOf(after.token)});
    return one;
  });
  for (uint32_t at = 0; at < kPosition + 3; ++at) {
    if (at != kPosition + 1) {
      EXPECT_EQ(BitsOf(results[at][0]), 99U) << at;
    }
  }
  const auto& after = results.back();
  EXPECT_EQ(BitsOf(after[0]), kPosition + 1);
  return {BitsOf(results[kPosition + 1][0]), {BitsOf(after[0]), BitsOf(after[1])}};
}

TEST(ChooseTest, TakesTheMostLikelyTokenAndTheLowestAmongEquals) {
  for (const size_t vocab : {1U, 3U, 4U, 50U, 2304U, 5003U, 50304U}) {
    auto logits = Fresh<float>(vocab, 22);
    const auto most = std::max_element(logits.begin(), logits.end());
    const auto token = static_cast<uint32_t>(most - logits.begin());
    EXPECT_EQ(Chosen(logits).token, token);
    EXPECT_EQ(Chosen(logits).state.token, token);
    // All below zero, and again at two places behind it.
    const float highest = *most - 3;
    for (float& x : logits) x -= 3;
    logits[(token + vocab) / 2] = highest;
    logits.back() = highest;
    EXPECT_EQ(Chosen(logits).token, token);
  }
}

TEST(ChooseTest, ALogitThatIsNotFiniteIsNoTokenAndTheNextStepReadsOne) {
  for (const float bad : {NAN, INFINITY, -INFINITY}) {
    for (const size_t at : {0U, 4U, 700U, 1999U}) {
      auto logits = Fresh<float>(2000, 23);
      logits[at] = bad;
      const Choice choice = Chosen(logits);
      EXPECT_EQ(choice.token, kNoToken);
      EXPECT_EQ(choice.state.token, 0U);
    }
  }
}

TEST(SequenceTest, IsReplayedWithTheArgumentsItHadAndRunsNothingBefore) {
  const auto in = Fresh<float>(1000, 24);
  const auto begin = Fresh<float>(1000, 25);
  const Results results = OnEachDevice([&](Board& b) -> Results {
    AddTo::Args args{b.In(in), b.In(begin), in.size()};
    b.device().Launch<AddTo>({args.in, b.In(begin), args.count});  // loads it
    const auto sequence = b.device().Record([&] {
      b.device().Launch<AddTo>(args);
      b.device().Launch<AddTo>(args);
    });
    DURE_CHECK(sequence, "devices under test record");
    Results states{b.Out(args.out, begin.size())};
    args.in = args.out;
    for (int i = 0; i < 2; ++i) {
      sequence->Replay();
      states.push_back(b.Out(args.out, begin.size()));
    }
    return states;
  });
  for (size_t i = 0; i < begin.size(); ++i) {
    EXPECT_EQ(results[0][i], begin[i]);
    EXPECT_NEAR(results[1][i], begin[i] + 2 * in[i], 1e-5F);
    EXPECT_NEAR(results[2][i], begin[i] + 4 * in[i], 1e-5F);
  }
}

TEST(SequenceTest, WorkThatIsMoreThanLaunchesIsNotKeptAndTheDeviceGoesOn) {
  const std::vector<float> in{1, 2, 3, 4};
  const Results results = OnEachDevice([&](Board& b) -> Results {
    float* const sums = b.In(in);
    float* const addends = b.In(in);
    b.device().Launch<AddTo>({addends, sums, in.size()});
    EXPECT_FALSE(b.device().Record([&] {
      b.device().Launch<AddTo>({addends, sums, in.size()});
      (void)b.device().Synchronize();
    }));
    b.device().Launch<AddTo>({addends, sums, in.size()});
    return {b.Out(sums, in.size())};
  });
  EXPECT_EQ(results[0], (std::vector<float>{3, 6, 9, 12}));
}

}  // namespace
}  // namespace dure::model::cuda
