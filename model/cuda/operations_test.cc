// Each operation of a device against the CPU's.
#include <algorithm>

#include "model/cpu/cross_entropy.h"
#include "model/cpu/embedding.h"
#include "model/cpu/rms_norm.h"
#include "model/cpu/rope.h"
#include "model/cpu/swiglu.h"
#include "model/cuda/embedding_order.h"
#include "model/cuda/emulated/contract.h"
#include "model/cuda/norm.h"

namespace dure::model::cuda {
namespace {

template <typename T>
class OperationsTest : public testing::Test {};
using Types = testing::Types<float, Bf16>;
struct TypeName {
  template <typename T>
  static std::string GetName(int) {
    return sizeof(T) == 2 ? "bf16" : "fp32";
  }
};
TYPED_TEST_SUITE(OperationsTest, Types, TypeName);

struct Size {
  uint32_t rows;
  uint32_t dim;
};
// One row; a width that is no pack; more than a block's threads take at once.
constexpr Size kSizes[] = {{1, 8}, {5, 50}, {7, 2304}, {300, 64}};

std::vector<uint32_t> SomeTokens(size_t count, uint32_t vocab) {
  SeededRandom random(FreshSeed() + 77);
  std::vector<uint32_t> tokens(count);
  for (uint32_t& token : tokens) token = static_cast<uint32_t>(random.Below(vocab));
  return tokens;
}

TYPED_TEST(OperationsTest, EmbedsAndAddsGradientsInTheOrderOfRows) {
  for (const auto [rows, dim] : kSizes) {
    const auto tokens = SomeTokens(rows, 11);
    const auto table = Fresh<TypeParam>(11 * dim, 1);
    const auto dout = Fresh<TypeParam>(rows * dim, 2);
    const auto before = Fresh<float>(11 * dim, 3);
    const EmbeddingOrder order(tokens);
    const Results results = OnEachDevice([&](Board& b) -> Results {
      TypeParam* const out = b.Room<TypeParam>(rows * dim);
      float* const dtable = b.In(before);
      b.device().Launch<Embed<TypeParam>>(
          {b.In(tokens), b.Numbers<TypeParam>(table), out, rows, dim});
      b.device().Launch<EmbedBackward<TypeParam>>({b.In(order.tokens), b.In(order.starts),
                                                   b.In(order.rows), b.Numbers<TypeParam>(dout),
                                                   dtable, order.count(), dim});
      return {b.Out(out, rows * dim), b.Out(dtable, 11 * dim)};
    });
    std::vector<float> out(rows * dim);
    std::vector<float> dtable = before;
    cpu::Embed(tokens, dim, table.data(), out.data());
    cpu::EmbedBackward(tokens, dim, {0, dim}, dout.data(), dtable.data());
    EXPECT_EQ(results[0], out);
    ExpectClose(results[1], dtable, 1e-5);
  }
}

TYPED_TEST(OperationsTest, NormalisesAndKeepsTheInverse) {
  for (const auto [rows, dim] : kSizes) {
    const auto x = Fresh<TypeParam>(rows * dim, 4);
    const auto w = Fresh<TypeParam>(dim, 5);
    const Results results = OnEachDevice([&](Board& b) -> Results {
      TypeParam* const y = b.Room<TypeParam>(rows * dim);
      TypeParam* const again = b.Room<TypeParam>(rows * dim);
      float* const inverse = b.Room<float>(rows);
      typename RmsNorm<TypeParam>::Args args{
          b.Numbers<TypeParam>(x), b.Numbers<TypeParam>(w), y, inverse, rows, dim, 1e-5F, false};
      b.device().template Launch<RmsNorm<TypeParam>>(args);
      args.y = again;
      args.keeps = true;
      b.device().template Launch<RmsNorm<TypeParam>>(args);
      return {b.Out(y, rows * dim), b.Out(inverse, rows), b.Out(again, rows * dim)};
    });
    std::vector<float> y(rows * dim), inverse(rows);
    cpu::RmsNorm(rows, dim, 1e-5, x.data(), w.data(), y.data(), inverse.data());
    ExpectClose(results[0], y, kError<TypeParam>);
    ExpectClose(results[1], inverse, 3e-5);
    EXPECT_TRUE(SameBits(results[0], results[2]));
  }
}

TYPED_TEST(OperationsTest, NormGradientAddsTheSkipAndSumsRowsInOrder) {
  for (const auto [rows, dim] : kSizes) {
    const auto x = Fresh<TypeParam>(rows * dim, 6);
    const auto w = Fresh<TypeParam>(dim, 7);
    const auto dy = Fresh<TypeParam>(rows * dim, 8);
    const auto skip = Fresh<TypeParam>(rows * dim, 9);
    const auto before = Fresh<float>(dim, 10);
    std::vector<float> y(rows * dim), inverse(rows);
    cpu::RmsNorm(rows, dim, 1e-5, x.data(), w.data(), y.data(), inverse.data());
    const uint32_t blocks = std::min(rows, 3U);
    const Results results = OnEachDevice([&](Board& b) -> Results {
      TypeParam* const dx = b.Numbers<TypeParam>(skip);  // in place, as the engine does
      float* const parts = b.Room<float>(blocks * dim);
      float* const dw = b.In(before);
      b.device().template Launch<RmsNormBackward<TypeParam>>(
          {b.Numbers<TypeParam>(x), b.Numbers<TypeParam>(w), b.In(inverse),
           b.Numbers<TypeParam>(dy), dx, dx, parts, rows, dim, blocks});
      b.device().Launch<ColumnSums>({parts, dw, blocks, dim});
      return {b.Out(dx, rows * dim), b.Out(dw, dim)};
    });
    std::vector<float> dx(rows * dim), dw = before;
    cpu::RmsNormBackward(rows, dim, {x.data(), w.data(), inverse.data(), dy.data(), skip.data()},
                         dx.data(), dw.data());
    ExpectClose(results[0], dx, kError<TypeParam>);
    ExpectClose(results[1], dw, 1e-4, 10);
  }
}

// Of widths that registers hold, in few packs and in many, and of some that they do not.
TYPED_TEST(OperationsTest, NormGradientOfWidthsThatRegistersHold) {
  constexpr uint32_t kRows = 13, kBlocks = 3;
  for (const uint32_t dim : {40U, 520U, 1024U, 2048U, 2056U}) {
    const auto x = Fresh<TypeParam>(kRows * dim, 41);
    const auto w = Fresh<TypeParam>(dim, 42);
    const auto dy = Fresh<TypeParam>(kRows * dim, 43);
    const auto skip = Fresh<TypeParam>(kRows * dim, 44);
    const auto before = Fresh<float>(dim, 45);
    std::vector<float> y(kRows * dim), inverse(kRows);
    cpu::RmsNorm(kRows, dim, 1e-5, x.data(), w.data(), y.data(), inverse.data());
    const Results results = OnEachDevice([&](Board& b) -> Results {
      TypeParam* const dx = b.Numbers<TypeParam>(skip);
      float* const dw = b.In(before);
      NormBackward<TypeParam>(
          b.device(),
          {b.Numbers<TypeParam>(x), b.Numbers<TypeParam>(w), b.In(inverse),
           b.Numbers<TypeParam>(dy), dx, dx, b.Room<float>(kBlocks * dim), kRows, dim, kBlocks},
          dw);
      return {b.Out(dx, kRows * dim), b.Out(dw, dim)};
    });
    std::vector<float> dx(kRows * dim), dw = before;
    cpu::RmsNormBackward(kRows, dim, {x.data(), w.data(), inverse.data(), dy.data(), skip.data()},
                         dx.data(), dw.data());
    ExpectClose(results[0], dx, kError<TypeParam>);
    ExpectClose(results[1], dw, 1e-4, 10);
  }
}

TYPED_TEST(OperationsTest, TurnsHeadsInPacksAsOneByOne) {
  constexpr uint32_t kRows = 7, kHeads = 5, kHalf = 16, kSequence = 7, kStride = 200;
  const auto x = Fresh<TypeParam>(kRows * kStride + 1, 46);
  const auto angles = Fresh<float>(kSequence * kHalf, 47);
  // One element further on nothing is a multiple of a pack: the same, one by one.
  const Results results = OnEachDevice([&](Board& b) -> Results {
    Results both;
    const float* const cosine = b.In(angles);
    for (const uint32_t half : {kHalf, kHalf}) {
      const bool by_packs = both.empty();
      TypeParam* const data = b.Numbers<TypeParam>(x);
      b.device().template Launch<Rope<TypeParam>>({data, cosine, cosine, kRows,
                                                   by_packs ? kStride : kStride - 1, kHeads, half,
                                                   kSequence, 0, 1.0F});
      both.push_back(b.Out(data, kRows * kStride));
    }
    return both;
  });
  for (uint32_t row = 0; row < kRows; ++row) {
    for (uint32_t at = 0; at < kHeads * kHalf; ++at) {
      const uint32_t head = at / kHalf, i = at % kHalf;
      const float angle = angles[row * kHalf + i];
      for (const uint32_t by : {0U, 1U}) {
        const uint32_t begin = row * (kStride - by) + head * 2 * kHalf + i;
        const float low = x[begin], high = x[begin + kHalf];
        EXPECT_NEAR(results[by][begin], (low - high) * angle, kError<TypeParam> * 4);
        EXPECT_NEAR(results[by][begin + kHalf], (high + low) * angle, kError<TypeParam> * 4);
      }
    }
  }
}

TYPED_TEST(OperationsTest, TurnsHeadsByTheirPositionAndBack) {
  constexpr uint32_t kRows = 12, kHeads = 3, kHalf = 10, kSequence = 6, kFirst = 4, kStride = 70;
  const auto x = Fresh<TypeParam>(kRows * kStride, 11);
  std::vector<float> cosine, sine;
  for (uint32_t p = 0; p < kFirst + kSequence; ++p) {
    for (uint32_t i = 0; i < kHalf; ++i) {
      const double angle = p * std::pow(10000.0, -2.0 * i / (2.0 * kHalf));
      cosine.push_back(static_cast<float>(std::cos(angle)));
      sine.push_back(static_cast<float>(std::sin(angle)));
    }
  }
  for (const float turn : {1.0F, -1.0F}) {
    const Results results = OnEachDevice([&](Board& b) -> Results {
      TypeParam* const data = b.Numbers<TypeParam>(x);
      b.device().template Launch<Rope<TypeParam>>(
          {data, b.In(cosine), b.In(sine), kRows, kStride, kHeads, kHalf, kSequence, kFirst, turn});
      return {b.Out(data, x.size())};
    });
    std::vector<float> expected = x;
    const cpu::Rope rope(kFirst + kSequence, 2 * kHalf, 10000.0);
    for (uint32_t row = 0; row < kRows; row += kSequence) {
      const cpu::Rope::Rows rows{expected.data() + row * kStride, kSequence, kStride, kHeads,
                                 kFirst};
      turn > 0 ? rope.Rotate(rows) : rope.RotateBack(rows);
    }
    ExpectClose(results[0], expected, kError<TypeParam>);
  }
}

TYPED_TEST(OperationsTest, ActivatesAndDifferentiates) {
  for (const auto [rows, width] : kSizes) {
    const auto gate_up = Fresh<TypeParam>(rows * 2 * width, 12, 6);
    const auto dy = Fresh<TypeParam>(rows * width, 13);
    const Results results = OnEachDevice([&](Board& b) -> Results {
      TypeParam* const y = b.Room<TypeParam>(rows * width);
      TypeParam* const again = b.Room<TypeParam>(rows * width);
      TypeParam* const gradient = b.Numbers<TypeParam>(gate_up);  // in place
      b.device().template Launch<SwiGlu<TypeParam>>({gradient, y, rows, width});
      b.device().template Launch<SwiGluBackward<TypeParam>>(
          {gradient, b.Numbers<TypeParam>(dy), again, gradient, rows, width});
      return {b.Out(y, rows * width), b.Out(again, rows * width), b.Out(gradient, gate_up.size())};
    });
    std::vector<float> y(rows * width), again(rows * width), gradient(gate_up.size());
    cpu::SwiGlu(rows, width, gate_up.data(), y.data());
    cpu::SwiGluBackward(rows, width, gate_up.data(), dy.data(), again.data(), gradient.data());
    ExpectClose(results[0], y, kError<TypeParam>);
    ExpectClose(results[1], y, kError<TypeParam>);
    ExpectClose(results[2], gradient, kError<TypeParam>);
  }
}

TYPED_TEST(OperationsTest, LossAndGradientOfLogits) {
  for (const auto [rows, vocab] : kSizes) {
    const auto logits = Fresh<TypeParam>(rows * vocab, 14, 20);
    auto targets = SomeTokens(rows, vocab);
    if (rows > 1) targets[1] = cpu::kIgnoredTarget;
    const Results results = OnEachDevice([&](Board& b) -> Results {
      TypeParam* const data = b.Numbers<TypeParam>(logits);
      float* const losses = b.Room<float>(rows);
      float* const only = b.Room<float>(rows);
      typename CrossEntropy<TypeParam>::Args args{data,  b.In(targets), only, rows,
                                                  vocab, 0.25F,         false};
      b.device().template Launch<CrossEntropy<TypeParam>>(args);
      args.losses = losses;
      args.gradient = true;
      b.device().template Launch<CrossEntropy<TypeParam>>(args);
      return {b.Out(data, logits.size()), b.Out(losses, rows), b.Out(only, rows)};
    });
    std::vector<float> gradient = logits;
    const double loss = cpu::CrossEntropyBackward(targets, vocab, 0.25F, gradient.data());
    ExpectClose(results[0], gradient, kError<TypeParam>, 0.25);
    double sum = 0;
    for (const float row : results[1]) sum += static_cast<double>(row);
    EXPECT_NEAR(sum, loss, 1e-5 * loss + 1e-5);
    EXPECT_TRUE(SameBits(results[1], results[2]));
  }
}

TYPED_TEST(OperationsTest, ALogitThatIsNotANumberShowsInTheLoss) {
  auto logits = Fresh<TypeParam>(64, 15);
  logits[40] = NAN;
  const std::vector<uint32_t> targets{3};
  const Results results = OnEachDevice([&](Board& b) -> Results {
    float* const losses = b.Room<float>(1);
    b.device().template Launch<CrossEntropy<TypeParam>>(
        {b.Numbers<TypeParam>(logits), b.In(targets), losses, 1, 64, 1.0F, false});
    return {{std::isnan(b.Out(losses, 1)[0]) ? 1.0F : 0.0F}};
  });
  EXPECT_EQ(results[0][0], 1.0F);
}

TYPED_TEST(OperationsTest, MultipliesInEveryArrangement) {
  constexpr uint32_t kRows = 6, kColumns = 9, kInner = 17;
  for (uint32_t form = 0; form < 4; ++form) {
    const bool at = form & 1;
    const bool bt = form & 2;
    const auto a = Fresh<TypeParam>(kRows * kInner, 16);
    const auto b = Fresh<TypeParam>(kColumns * kInner, 17);
    const auto c = Fresh<float>(kRows * kColumns, 18);
    const Results results = OnEachDevice([&](Board& board) -> Results {
      float* const d = board.In(c);
      Gemm gemm{board.Numbers<TypeParam>(a),
                board.Numbers<TypeParam>(b),
                d,
                d,
                at ? kRows : kInner,
                bt ? kInner : kColumns,
                kColumns,
                kRows,
                kColumns,
                kInner,
                at,
                bt,
                kTypeOf<TypeParam>,
                NumberType::kFloat,
                0.5F,
                2.0F};
      board.device().Multiply(gemm);
      return {board.Out(d, c.size())};
    });
    std::vector<float> expected = c;
    for (uint32_t i = 0; i < c.size(); ++i) {
      double sum = 0;
      for (uint32_t k = 0; k < kInner; ++k) {
        const uint32_t row = i / kColumns;
        const uint32_t column = i % kColumns;
        sum += static_cast<double>(at ? a[k * kRows + row] : a[row * kInner + k]) *
               static_cast<double>(bt ? b[column * kInner + k] : b[k * kColumns + column]);
      }
      expected[i] = static_cast<float>(0.5 * sum + 2.0 * static_cast<double>(c[i]));
    }
    ExpectClose(results[0], expected, 1e-4);
  }
}

}  // namespace
}  // namespace dure::model::cuda
