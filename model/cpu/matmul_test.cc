#include "model/cpu/matmul.h"

#include "model/cpu/gradient_check.h"

namespace dure::model::cpu {
namespace {

struct Odd {
  size_t rows, columns, inner;
};

// Strides are longer than rows, so that a product that ignores them fails.
constexpr size_t kGap = 3;

double Naive(const std::vector<float>& a, size_t a_at, size_t a_step, const std::vector<float>& b,
             size_t b_at, size_t b_step, size_t inner) {
  double sum = 0;
  for (size_t i = 0; i < inner; ++i) {
    sum += static_cast<double>(a[a_at + i * a_step]) * static_cast<double>(b[b_at + i * b_step]);
  }
  return sum;
}

TEST(MatmulTest, AllThreeProductsAgreeWithLoopsAtOddSizesAndStrides) {
  for (const Odd n : {Odd{1, 1, 1}, Odd{3, 5, 7}, Odd{17, 33, 65}, Odd{64, 1, 9}, Odd{1, 70, 31}}) {
    const size_t size = (n.rows + n.inner + kGap) * (n.columns + n.inner + n.rows + kGap);
    const std::vector<float> a = SomeFloats(size, 1);
    const std::vector<float> b = SomeFloats(size, 2);
    const std::vector<float> old = SomeFloats(size, 3);
    const size_t inner_stride = n.inner + kGap;
    const size_t row_stride = n.rows + kGap;
    const size_t column_stride = n.columns + kGap;
    const MatmulScale scale{.alpha = 0.5f, .beta = 2.0f};
    std::vector<float> nt = old, nn = old, tn = old;
    MatmulTransposed({n.rows, n.columns, n.inner}, {a.data(), inner_stride},
                     {b.data(), inner_stride}, {nt.data(), column_stride}, scale);
    Matmul({n.rows, n.columns, n.inner}, {a.data(), inner_stride}, {b.data(), column_stride},
           {nn.data(), column_stride}, scale);
    TransposedMatmul({n.rows, n.columns, n.inner}, {a.data(), row_stride},
                     {b.data(), column_stride}, {tn.data(), column_stride}, scale);
    for (size_t r = 0; r < n.rows; ++r) {
      for (size_t c = 0; c < n.columns; ++c) {
        const size_t at = r * column_stride + c;
        const double kept = 2.0 * static_cast<double>(old[at]);
        EXPECT_NEAR(nt[at],
                    0.5 * Naive(a, r * inner_stride, 1, b, c * inner_stride, 1, n.inner) + kept,
                    1e-4);
        EXPECT_NEAR(nn[at],
                    0.5 * Naive(a, r * inner_stride, 1, b, c, column_stride, n.inner) + kept, 1e-4);
        EXPECT_NEAR(tn[at], 0.5 * Naive(a, r, row_stride, b, c, column_stride, n.inner) + kept,
                    1e-4);
      }
    }
    EXPECT_EQ(nt[n.columns], old[n.columns]) << "the gap between rows was written";
  }
}

TEST(MatmulTest, BetaZeroDoesNotReadTheOldContent) {
  const std::vector<float> a(4, 1.0f);
  std::vector<float> c(4, std::nanf(""));
  Matmul({2, 2, 2}, {a.data(), 2}, {a.data(), 2}, {c.data(), 2});
  EXPECT_THAT(c, testing::Each(2.0f));
}

}  // namespace
}  // namespace dure::model::cpu
