#include "site/byte_look.h"

#include <gtest/gtest.h>

#include "federation/random.h"

namespace dure::site {
namespace {

TEST(ByteLook, NoiseIsEvenAndAnUpdateIsNot) {
  SystemRandom random;
  Bytes bytes(1 << 20);
  random.Fill(bytes);
  EXPECT_TRUE(LookAt(bytes).is_even) << LookAt(bytes).chi_square;
  EXPECT_EQ(LookAt(bytes).first.size(), 32u);
  for (uint8_t& byte : bytes) byte = byte % 16 == 0 ? 1 : byte & 0x7;
  EXPECT_FALSE(LookAt(bytes).is_even);
  EXPECT_FALSE(LookAt(Bytes(5000, 0)).is_even);
}

}  // namespace
}  // namespace dure::site
