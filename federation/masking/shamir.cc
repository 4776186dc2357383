#include "federation/masking/shamir.h"

#include <cstring>

#include "federation/check.h"

namespace dure::masking {
namespace {

constexpr uint8_t kReduction = 0x1b;

// 32 field elements in four words.
struct Vector {
  uint64_t words[4] = {};
  ~Vector() { ::explicit_bzero(words, sizeof words); }
};

Vector Load(const uint8_t* bytes) {
  Vector vector;
  std::memcpy(vector.words, bytes, sizeof vector.words);
  return vector;
}

// Every byte times the field's x.
uint64_t Doubled(uint64_t word) {
  const uint64_t high = (word >> 7) & 0x0101010101010101U;
  return ((word & 0x7f7f7f7f7f7f7f7fU) << 1) ^ (high * kReduction);
}

// sum += by * vector. `by` is public.
void AddProduct(Vector& sum, const Vector& vector, uint8_t by) {
  for (int i = 0; i < 4; ++i) {
    uint64_t power = vector.words[i];
    for (int bit = 0; bit < 8; ++bit) {
      sum.words[i] ^= power & (0 - static_cast<uint64_t>((by >> bit) & 1));
      power = Doubled(power);
    }
  }
}

// a^254: the inverse of any a but 0.
uint8_t FieldInverse(uint8_t a) {
  uint8_t result = 1;
  uint8_t power = a;
  for (int bit = 1; bit < 8; ++bit) {
    power = FieldProduct(power, power);
    result = FieldProduct(result, power);
  }
  return result;
}

}  // namespace

uint8_t FieldProduct(uint8_t a, uint8_t b) {
  unsigned product = 0;
  unsigned power = a;
  for (int bit = 0; bit < 8; ++bit) {
    product ^= power & (0U - ((b >> bit) & 1U));
    power = (power << 1) ^ ((0U - (power >> 7)) & (0x100U | kReduction));
  }
  return static_cast<uint8_t>(product);
}

std::vector<Share> Split(const Secret& secret, uint32_t threshold, uint32_t count,
                         ByteView coefficients) {
  DURE_CHECK(threshold >= 1 && threshold <= count && count <= kSharesMax, "a threshold is met");
  DURE_CHECK(coefficients.size() == size_t{32} * (threshold - 1), "one coefficient a degree");
  std::vector<Share> shares(count);
  for (uint32_t i = 0; i < count; ++i) {
    const auto x = static_cast<uint8_t>(i + 1);
    // Horner's rule, the constant term last.
    Vector sum;
    for (uint32_t degree = threshold - 1; degree >= 1; --degree) {
      Vector next = Load(coefficients.data() + size_t{32} * (degree - 1));
      AddProduct(next, sum, x);
      sum = next;
    }
    Vector value = Load(secret.bytes.data());
    AddProduct(value, sum, x);
    shares[i].x = x;
    std::memcpy(shares[i].value.bytes.data(), value.words, sizeof value.words);
  }
  return shares;
}

Result<Secret> Combine(std::span<const Share> shares) {
  if (shares.empty()) return Fail(ErrorCode::kInvalid, "no shares, no secret");
  Vector sum;
  for (size_t i = 0; i < shares.size(); ++i) {
    // Lagrange's coefficient at 0: the product of x_j / (x_j - x_i). Places are public.
    uint8_t over = 1;
    uint8_t under = 1;
    for (size_t j = 0; j < shares.size(); ++j) {
      if (j == i) continue;
      over = FieldProduct(over, shares[j].x);
      under = FieldProduct(under, static_cast<uint8_t>(shares[j].x ^ shares[i].x));
    }
    if (shares[i].x == 0 || under == 0) {
      return Fail(ErrorCode::kInvalid, "a share stands at place 0 or at another share's place");
    }
    const Vector value = Load(shares[i].value.bytes.data());
    AddProduct(sum, value, FieldProduct(over, FieldInverse(under)));
  }
  Secret secret;
  std::memcpy(secret.bytes.data(), sum.words, sizeof sum.words);
  return secret;
}

}  // namespace dure::masking
