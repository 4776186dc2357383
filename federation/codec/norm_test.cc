#include "federation/codec/norm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "federation/codec/encode.h"

namespace dure::codec {
namespace {

TEST(UpdateNorm, IsTheLengthOfWhatTheLanesStandFor) {
  Bytes lanes(kBlockParameters + 3, 0);
  lanes[0] = 127;                             // the first block's scale itself
  lanes[kBlockParameters] = 127;              // and the second's
  lanes[kBlockParameters + 2] = 0x100 - 127;  // negative
  const std::vector<float> scales = {3.0F, 2.0F};
  EXPECT_DOUBLE_EQ(UpdateNorm(Lane::kInt8, lanes, scales, kWeightOne), std::sqrt(9.0 + 4 + 4));
}

TEST(UpdateNorm, UndoesTheWeight) {
  const Bytes lanes(8, 50);
  const std::vector<float> scales = {1.0F};
  const double whole = UpdateNorm(Lane::kInt8, lanes, scales, kWeightOne);
  EXPECT_DOUBLE_EQ(UpdateNorm(Lane::kInt8, lanes, scales, kWeightOne / 4), 4 * whole);
}

TEST(UpdateNorm, ReadsBothLaneWidths) {
  const std::vector<float> scales = {32767.0F};
  const Bytes lanes = {3, 0, 0xFC, 0xFF};  // 3 and -4
  EXPECT_DOUBLE_EQ(UpdateNorm(Lane::kInt16, lanes, scales, kWeightOne), 5.0);
}

}  // namespace
}  // namespace dure::codec
