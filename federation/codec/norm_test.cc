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
  EXPECT_DOUBLE_EQ(UpdateNorm(Lane::kInt8, lanes.size(), lanes, scales, kWeightOne),
                   std::sqrt(9.0 + 4 + 4));
}

TEST(UpdateNorm, UndoesTheWeight) {
  const Bytes lanes(8, 50);
  const std::vector<float> scales = {1.0F};
  const double whole = UpdateNorm(Lane::kInt8, 8, lanes, scales, kWeightOne);
  EXPECT_DOUBLE_EQ(UpdateNorm(Lane::kInt8, 8, lanes, scales, kWeightOne / 4), 4 * whole);
}

TEST(UpdateNorm, ReadsEveryLaneWidth) {
  const std::vector<float> scales = {32767.0F};
  const Bytes lanes = {3, 0, 0xFC, 0xFF};  // 3 and -4
  EXPECT_DOUBLE_EQ(UpdateNorm(Lane::kInt16, 2, lanes, scales, kWeightOne), 5.0);
  const std::vector<float> sevenths = {7.0F};
  const Bytes folded = {0xC3, 0x00};  // 3, 0 and, in the upper half of the first, -4
  EXPECT_DOUBLE_EQ(UpdateNorm(Lane::kInt4, 3, folded, sevenths, kWeightOne), 5.0);
}

}  // namespace
}  // namespace dure::codec
