#include "model/cpu/workers.h"

#include <gmock/gmock.h>

#include <numeric>

namespace dure::model::cpu {
namespace {

TEST(WorkersTest, EveryWorkerRunsOnceAndBarriersSeparateTheirPhases) {
  for (const uint32_t size : {1u, 2u, 5u}) {
    Workers workers(size);
    std::vector<int> written(size);
    std::vector<int> sums(size);
    for (int round = 1; round <= 300; ++round) {
      workers.Run([&](uint32_t index) {
        written[index] = round;
        workers.Barrier();
        sums[index] = std::accumulate(written.begin(), written.end(), 0);
        workers.Barrier();
        written[index] = -1;
      });
      EXPECT_THAT(sums, testing::Each(round * static_cast<int>(size)));
    }
  }
}

TEST(WorkersTest, SharesCoverEverythingOnceInUnits) {
  for (const size_t count : {0u, 1u, 15u, 16u, 100u}) {
    size_t at = 0;
    for (uint32_t i = 0; i < 3; ++i) {
      const Share share = ShareOf(count, i, 3, 16);
      EXPECT_EQ(share.begin, at);
      EXPECT_TRUE(share.begin % 16 == 0 || share.begin == count);
      at = share.end;
    }
    EXPECT_EQ(at, count);
  }
}

}  // namespace
}  // namespace dure::model::cpu
