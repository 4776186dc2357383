// What every implementation promises, against a plain reference.
#include <gmock/gmock.h>

#include <algorithm>
#include <cstring>
#include <mutex>

#include "federation/random.h"
#include "model/collective/gang_of_threads.h"

namespace dure::model::collective {
namespace {

struct Case {
  std::string kind;
  uint32_t world;
};

constexpr size_t kCounts[] = {0, 1, 15, 16, 17, 1000, 600'001};

// Numbers of each rank whose sum depends on the order in which it is formed.
const std::vector<std::vector<float>>& Terms() {
  static const auto terms = [] {
    SeededRandom random(1000);
    std::vector<std::vector<float>> all(8, std::vector<float>(600'001));
    for (float& value : all[0]) {
      const auto bits = static_cast<double>(random.Next64() >> 40) - (1 << 23);
      value = static_cast<float>(bits * (random.Next64() % 2 == 0 ? 1.0 : 1e-5));
    }
    for (size_t r = 1; r < all.size(); ++r) {
      for (size_t i = 0; i < all[r].size(); ++i) {
        all[r][i] = all[0][(i + 1013 * r) % all[0].size()] * (r % 2 == 0 ? 1.0f : -0.9f);
      }
    }
    return all;
  }();
  return terms;
}

class Contract : public testing::TestWithParam<Case> {
 protected:
  void Everywhere(const RankWork& work) { OnEveryRank(GetParam().kind, GetParam().world, work); }
  uint32_t world() const { return GetParam().world; }

  static std::vector<float> Values(uint32_t rank, size_t count) {
    const std::vector<float>& all = Terms()[rank];
    return {all.begin(), all.begin() + static_cast<ptrdiff_t>(count)};
  }
  std::vector<float> SumInOrder(size_t count) const {
    std::vector<float> sum = Values(0, count);
    for (uint32_t r = 1; r < world(); ++r) {
      const float* term = Terms()[r].data();
      for (size_t i = 0; i < count; ++i) sum[i] += term[i];
    }
    return sum;
  }
  static bool SameBits(std::span<const float> a, std::span<const float> b) {
    return std::ranges::equal(std::as_bytes(a), std::as_bytes(b));
  }
};

TEST_P(Contract, AllReduceGivesTheSumInTheOrderOfRanksToTheBit) {
  Everywhere([this](Collective& gang) {
    for (const size_t count : kCounts) {
      std::vector<float> values = Values(gang.rank(), count);
      const Status done = gang.AllReduce(values);
      ASSERT_TRUE(done) << done.error().message;
      EXPECT_TRUE(SameBits(values, SumInOrder(count))) << count;
    }
  });
}

TEST_P(Contract, ReduceScatterGivesEachRankItsPieceAndLeavesTheRest) {
  Everywhere([this](Collective& gang) {
    for (const size_t count : kCounts) {
      std::vector<float> expected = Values(gang.rank(), count);
      std::vector<float> values = expected;
      const std::vector<float> sum = SumInOrder(count);
      const Piece own = PieceOf(count, gang.rank(), gang.world());
      std::copy_n(sum.data() + own.begin, own.size(), expected.data() + own.begin);
      ASSERT_TRUE(gang.ReduceScatter(values));
      EXPECT_TRUE(SameBits(values, expected)) << count;
    }
  });
}

TEST_P(Contract, AllGatherPutsEveryPieceInItsPlace) {
  Everywhere([](Collective& gang) {
    for (const size_t count : kCounts) {
      std::vector<float> values(count, -1.0f);
      const Piece own = PieceOf(count, gang.rank(), gang.world());
      for (size_t i = own.begin; i < own.end; ++i) values[i] = static_cast<float>(i);
      ASSERT_TRUE(gang.AllGather(values));
      for (size_t i = 0; i < count; ++i) values[i] -= static_cast<float>(i);
      EXPECT_TRUE(SameBits(values, std::vector<float>(count))) << count;
    }
  });
}

TEST_P(Contract, BroadcastReplacesEverybodysBytesFromAnyRoot) {
  Everywhere([](Collective& gang) {
    for (uint32_t root = 0; root < gang.world(); ++root) {
      Bytes bytes(70'000, static_cast<uint8_t>(gang.rank() + 1));
      ASSERT_TRUE(gang.Broadcast(bytes, root));
      EXPECT_EQ(bytes, Bytes(70'000, static_cast<uint8_t>(root + 1)));
    }
    ASSERT_TRUE(gang.Broadcast({}, 0));
  });
}

TEST_P(Contract, CollectKeepsWhatEachSaidHoweverLong) {
  Everywhere([](Collective& gang) {
    const Bytes own(gang.rank() * 5000, static_cast<uint8_t>(gang.rank()));
    const auto all = gang.Collect(own);
    ASSERT_TRUE(all) << all.error().message;
    ASSERT_EQ(all->size(), gang.world());
    for (uint32_t r = 0; r < gang.world(); ++r) {
      EXPECT_EQ((*all)[r], Bytes(r * 5000, static_cast<uint8_t>(r)));
    }
  });
}

TEST_P(Contract, NobodyPassesABarrierBeforeAllHaveCome) {
  std::atomic<uint32_t> come = 0;
  Everywhere([&](Collective& gang) {
    for (uint32_t turn = 1; turn <= 20; ++turn) {
      ++come;
      ASSERT_TRUE(gang.Barrier());
      EXPECT_GE(come.load(), turn * gang.world());
      ASSERT_TRUE(gang.Barrier());
    }
  });
}

TEST_P(Contract, SumIsOneNumberEverywhere) {
  Everywhere([this](Collective& gang) {
    double expected = 0.1;
    for (uint32_t r = 1; r < world(); ++r) expected += 0.1 * (r + 1);
    const auto sum = gang.Sum(0.1 * (gang.rank() + 1));
    ASSERT_TRUE(sum) << sum.error().message;
    EXPECT_EQ(*sum, expected);
  });
}

std::vector<Case> Cases() {
  std::vector<Case> cases;
  for (const char* kind : {"threads", "sockets", "tcp"}) {
    for (const uint32_t world : {1u, 2u, 3u, 4u, 8u}) cases.push_back({kind, world});
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Every, Contract, testing::ValuesIn(Cases()), [](const auto& test) {
  return test.param.kind + std::to_string(test.param.world);
});

TEST(Pieces, CoverEverythingOnceInOrder) {
  for (const size_t count : {0u, 1u, 15u, 16u, 17u, 1000u, 123'457u}) {
    for (const uint32_t world : {1u, 2u, 3u, 4u, 7u, 8u, 256u}) {
      size_t at = 0;
      for (uint32_t r = 0; r < world; ++r) {
        const Piece piece = PieceOf(count, r, world);
        EXPECT_EQ(piece.begin, at);
        EXPECT_LE(piece.size(), count / world + 2 * 16);
        at = piece.end;
      }
      EXPECT_EQ(at, count);
    }
  }
}

TEST(Single, ChangesNothing) {
  const auto gang = MakeSingle();
  std::vector<float> values = {1, 2, 3};
  ASSERT_TRUE(gang->AllReduce(values));
  ASSERT_TRUE(gang->AllGather(values));
  ASSERT_TRUE(gang->Barrier());
  EXPECT_THAT(values, testing::ElementsAre(1, 2, 3));
  EXPECT_EQ(*gang->Sum(4.5), 4.5);
}

}  // namespace
}  // namespace dure::model::collective
