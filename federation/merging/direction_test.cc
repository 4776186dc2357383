#include "federation/merging/direction.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

namespace dure::merging {
namespace {

using codec::kWeightOne;
using codec::Lane;

constexpr uint64_t kCount = 2 * codec::kBlockParameters + 100;

struct Site {
  std::vector<float> base = std::vector<float>(kCount, 1.0F);
  std::vector<float> trained = base;
  std::vector<float> residual = {};
  std::vector<float> scales = std::vector<float>(3, 0.06F);

  Result<uint64_t> Weight(int threads = 1) const {
    codec::Work work;
    work.threads = threads;
    return DirectionWeight({base, trained, residual, scales}, Lane::kInt8, work);
  }
  // An update of that length, along the first coordinates.
  void Move(double length) {
    for (size_t i = 0; i < 100; ++i) trained[i] = 1.0F - static_cast<float>(length / 10);
  }
  double Common() const { return codec::ExpectedNorm(Lane::kInt8, scales, kCount) / 2; }
};

TEST(DirectionWeight, MakesEveryUpdateEquallyLong) {
  Site site;
  for (const double times : {1.5, 2.0, 30.0, 1000.0}) {
    site.Move(times * site.Common());
    EXPECT_NEAR(static_cast<double>(*site.Weight()), static_cast<double>(kWeightOne) / times,
                2 + 1e-4 * static_cast<double>(kWeightOne) / times);
  }
}

TEST(DirectionWeight, AShortUpdateCountsAsItIs) {
  Site site;
  EXPECT_EQ(*site.Weight(), kWeightOne);
  site.Move(0.9 * site.Common());
  EXPECT_EQ(*site.Weight(), kWeightOne);
}

TEST(DirectionWeight, WhatWasLeftOverBelongsToTheUpdate) {
  Site site;
  site.residual.assign(kCount, 0.0F);
  site.Move(4 * site.Common());
  const uint64_t before = *site.Weight();
  for (size_t i = 0; i < 100; ++i) site.residual[i] = site.base[i] - site.trained[i];
  EXPECT_NEAR(static_cast<double>(*site.Weight()), static_cast<double>(before) / 2, 2);
}

TEST(DirectionWeight, IsNeverZeroHoweverLongTheUpdate) {
  Site site;
  site.Move(1e9);
  EXPECT_EQ(*site.Weight(), 1u);
}

TEST(DirectionWeight, RefusesWhatIsNotFinite) {
  Site site;
  site.trained[2000] = std::numeric_limits<float>::infinity();
  EXPECT_EQ(site.Weight().error().code, ErrorCode::kInvalid);
  site.trained[2000] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(site.Weight().error().code, ErrorCode::kInvalid);
}

}  // namespace
}  // namespace dure::merging
