#include "model/cpu/products.h"

#include <bit>
#include <cmath>

#include "model/cpu/gradient_check.h"

namespace dure::model::cpu {
namespace {

struct Sizes {
  size_t rows, columns, inner;
};

// Odd ones, one beyond a block in each direction, and none.
constexpr Sizes kSizes[] = {{1, 1, 1},    {17, 33, 65},         {64, 1, 9}, {1030, 3, 5},
                            {3, 517, 33}, {5, 4, 2 * 2048 + 3}, {0, 4, 4},  {3, 2, 0}};
constexpr size_t kPadding = 3;  // strides are longer than rows

// To the nearest bf16, ties to even, by doubles: 8 bits of significand.
float Rounded(float value) {
  int exponent = 0;
  const double fraction = std::frexp(static_cast<double>(value), &exponent);
  return static_cast<float>(std::ldexp(std::nearbyint(std::ldexp(fraction, 8)), exponent - 8));
}

class Room {
 public:
  Room() : data_(std::aligned_alloc(64, kProductRoomBytes)) {}
  ~Room() { std::free(data_); }
  Room(const Room&) = delete;
  Room& operator=(const Room&) = delete;
  void* data() const { return data_; }

 private:
  void* data_;
};

// a(row, k) and b(k, column) as strides tell it.
struct Operand {
  const std::vector<float>& data;
  size_t outer, along;
  double At(size_t i, size_t k) const {
    return static_cast<double>(Rounded(data[i * outer + k * along]));
  }
};

void ExpectProduct(const Sizes& n, const Operand& a, const Operand& b,
                   const std::vector<float>& old, float beta, const std::vector<float>& got) {
  const size_t stride = n.columns + kPadding;
  for (size_t r = 0; r < n.rows; ++r) {
    for (size_t c = 0; c < n.columns; ++c) {
      double sum = static_cast<double>(beta) * static_cast<double>(old[r * stride + c]);
      for (size_t k = 0; k < n.inner; ++k) sum += a.At(r, k) * b.At(c, k);
      EXPECT_NEAR(got[r * stride + c], sum, 2e-4 * std::sqrt(1.0 + static_cast<double>(n.inner)))
          << n.rows << "x" << n.columns << "x" << n.inner << " at " << r << "," << c;
    }
    for (size_t c = n.columns; c < stride; ++c) {
      EXPECT_EQ(got[r * stride + c], old[r * stride + c]) << "the gap between rows was written";
    }
  }
}

TEST(ProductsTest, AllThreeAgreeWithSumsOverRoundedOperands) {
  const Room room;
  Products products(Precision::kBf16, room.data());
  for (const Sizes& n : kSizes) {
    const size_t inner = n.inner + kPadding, rows = n.rows + kPadding,
                 columns = n.columns + kPadding;
    const size_t size = rows * columns + rows * inner + inner * columns;
    const std::vector<float> a = SomeFloats(size, 1), b = SomeFloats(size, 2);
    const std::vector<float> old = SomeFloats(size, 3);
    const MatmulSize shape = {n.rows, n.columns, n.inner};
    for (const float beta : {0.0F, 1.0F}) {
      std::vector<float> nt = old, nn = old, tn = old;
      products.MatmulTransposed(shape, {a.data(), inner}, {b.data(), inner}, {nt.data(), columns},
                                {.beta = beta});
      products.Matmul(shape, {a.data(), inner}, {b.data(), columns}, {nn.data(), columns},
                      {.beta = beta});
      products.TransposedMatmul(shape, {a.data(), rows}, {b.data(), columns}, {tn.data(), columns},
                                {.beta = beta});
      ExpectProduct(n, {a, inner, 1}, {b, inner, 1}, old, beta, nt);
      ExpectProduct(n, {a, inner, 1}, {b, 1, columns}, old, beta, nn);
      ExpectProduct(n, {a, 1, rows}, {b, 1, columns}, old, beta, tn);
    }
  }
}

TEST(ProductsTest, BetaZeroDoesNotReadTheOldContentAndNanReachesTheResult) {
  const Room room;
  Products products(Precision::kBf16, room.data());
  std::vector<float> a(4, 1.0F), c(4, std::nanf(""));
  products.Matmul({2, 2, 2}, {a.data(), 2}, {a.data(), 2}, {c.data(), 2});
  EXPECT_EQ(c, std::vector<float>(4, 2.0F));
  for (const uint32_t bits : {0x7f800001U, 0xffffffffU, 0x7fc00000U}) {  // also those that a
    a[0] = std::bit_cast<float>(bits);                                   // carry would make finite
    products.Matmul({2, 2, 2}, {a.data(), 2}, {a.data(), 2}, {c.data(), 2});
    EXPECT_TRUE(std::isnan(c[0]));
  }
}

TEST(ProductsTest, InFp32TheyAreTheLibrarys) {
  Products products(Precision::kFp32, nullptr);
  const std::vector<float> a = SomeFloats(12, 1), b = SomeFloats(12, 2);
  std::vector<float> c(9), expected(9);
  products.MatmulTransposed({3, 3, 4}, {a.data(), 4}, {b.data(), 4}, {c.data(), 3});
  MatmulTransposed({3, 3, 4}, {a.data(), 4}, {b.data(), 4}, {expected.data(), 3});
  EXPECT_EQ(c, expected);
}

}  // namespace
}  // namespace dure::model::cpu
