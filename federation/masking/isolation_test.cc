#include "federation/masking/isolation.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "federation/random.h"

namespace dure::masking {
namespace {

using Rows = std::vector<std::vector<__int128>>;

// One step of Bareiss' elimination below the pivot at (rank, c): all divisions are exact.
void Eliminate(Rows& rows, size_t rank, size_t c, __int128 before) {
  for (size_t r = rank + 1; r < rows.size(); ++r) {
    const __int128 factor = rows[r][c];
    for (size_t k = 0; k < rows[r].size(); ++k) {
      rows[r][k] = (rows[r][k] * rows[rank][c] - factor * rows[rank][k]) / before;
    }
  }
}

// The rank over the rationals of all columns but some, another way than the room's.
size_t RankOf(Rows rows, const std::set<size_t>& without) {
  size_t rank = 0;
  __int128 before = 1;
  for (size_t c = 0; c < rows[0].size() && rank < rows.size(); ++c) {
    size_t pivot = rank;
    while (pivot < rows.size() && rows[pivot][c] == 0) ++pivot;
    if (without.contains(c) || pivot == rows.size()) continue;
    std::swap(rows[pivot], rows[rank]);
    Eliminate(rows, rank, c, before);
    before = rows[rank][c];
    ++rank;
  }
  return rank;
}

size_t UnitsIn(const Units& units, uint32_t set) {
  return static_cast<size_t>(std::ranges::count_if(units, [set](const auto& unit) {
    return std::ranges::any_of(unit, [set](size_t c) { return (set >> c & 1) != 0; });
  }));
}

// Of a world of up to eight sites: the sums, how many of them were shown before, who is one.
struct Sample {
  Rows rows;
  size_t shown_before = 0;
  Units units;
  std::vector<size_t> free;
  size_t most = 0;
};

Sample Draw(SeededRandom& chance) {
  const size_t columns = 3 + chance.Below(6);
  Sample drawn;
  drawn.rows.resize(1 + chance.Below(5));
  for (auto& row : drawn.rows) {
    for (size_t c = 0; c < columns; ++c) row.push_back(chance.Below(3) == 0 ? 0 : 1);
  }
  drawn.shown_before = chance.Below(drawn.rows.size());
  for (size_t c = 0; c < columns; ++c) {
    if (c == 0 || chance.Below(3) > 0) drawn.units.emplace_back();
    drawn.units[chance.Below(drawn.units.size())].push_back(c);
  }
  std::erase_if(drawn.units, [](const auto& unit) { return unit.empty(); });
  if (chance.Below(2) == 0) drawn.free = drawn.units[chance.Below(drawn.units.size())];
  drawn.most = 1 + chance.Below(3);
  return drawn;
}

// Whether what lives on these columns alone grew with the sums after the first ones: how far the
// rank falls without them is the dimension of that.
bool Grew(const Sample& of, uint32_t set) {
  const Rows before(of.rows.begin(), of.rows.begin() + static_cast<long>(of.shown_before));
  std::set<size_t> inside;
  for (size_t c = 0; c < of.rows[0].size(); ++c) {
    if ((set >> c & 1) != 0) inside.insert(c);
  }
  const auto alone = [&inside](const Rows& rows) {
    return rows.empty() ? 0 : RankOf(rows, {}) - RankOf(rows, inside);
  };
  return alone(of.rows) > alone(before);
}

bool ExactlyFound(const Sample& of) {
  uint32_t free = 0;
  for (const size_t c : of.free) free |= 1U << c;
  for (uint32_t set = 1; set < (1U << of.rows[0].size()); ++set) {
    if ((set & free) == free && UnitsIn(of.units, set & ~free) <= of.most && Grew(of, set)) {
      return true;
    }
  }
  return false;
}

Spaces SpacesOf(const Sample& of) {
  Spaces spaces{RowSpace(of.rows[0].size()), RowSpace(of.rows[0].size())};
  for (size_t r = 0; r < of.rows.size(); ++r) {
    std::vector<size_t> sites;
    for (size_t c = 0; c < of.rows[r].size(); ++c) {
      if (of.rows[r][c] == 1) sites.push_back(c);
    }
    spaces.all.Add(sites);
    if (r < of.shown_before) spaces.shown.Add(sites);
  }
  return spaces;
}

TEST(Isolation, AgreesWithExactArithmeticOverAllSetsOfUpToEightSites) {
  SeededRandom chance(1);
  int found = 0;
  for (int trial = 0; trial < 2000; ++trial) {
    const Sample drawn = Draw(chance);
    size_t steps = kIsolationSteps;
    const auto isolated = FindIsolated(SpacesOf(drawn), drawn.units, drawn.free, drawn.most, steps);
    ASSERT_EQ(isolated.has_value(), ExactlyFound(drawn)) << trial;
    if (!isolated) continue;
    ++found;
    ASSERT_TRUE(isolated->searched);
    uint32_t set = 0;
    for (const size_t c : drawn.free) set |= 1U << c;
    for (const size_t u : isolated->units) {
      for (const size_t c : drawn.units[u]) set |= 1U << c;
    }
    ASSERT_LE(isolated->units.size(), drawn.most);
    ASSERT_TRUE(Grew(drawn, set)) << "those that are named are isolated";
  }
  EXPECT_GT(found, 200);
  EXPECT_LT(found, 1800);
}

// A hundred members, of whom forty leave and come at a time: by sets of thirty members this would
// not end.
TEST(Isolation, HangsOnHowManyDifferentSumsThereAre) {
  constexpr size_t kMembers = 100;
  Units units;
  for (size_t c = 0; c < kMembers; ++c) units.push_back({c});
  Spaces spaces{RowSpace(kMembers), RowSpace(kMembers)};
  for (size_t away = 0; away + 40 <= kMembers; away += 20) {
    std::vector<size_t> sum;
    for (size_t c = 0; c < kMembers; ++c) {
      if (c < away || c >= away + 40) sum.push_back(c);
    }
    spaces.all.Add(sum);
  }
  size_t steps = kIsolationSteps;
  EXPECT_FALSE(FindIsolated(spaces, units, {}, 19, steps));
  EXPECT_GT(steps, kIsolationSteps - 1000);
  EXPECT_EQ(FindIsolated(spaces, units, {}, 40, steps)->units.size(), 40U);
}

TEST(Isolation, SaysThatItDoesNotKnow) {
  Spaces spaces{RowSpace(12), RowSpace(12)};
  Units units;
  for (size_t c = 0; c < 12; ++c) {
    units.push_back({c});
    spaces.all.Add({c, (c + 1) % 12, (c + 3) % 12, (c + 7) % 12, (c + 8) % 12});
  }
  size_t steps = 2;
  const auto isolated = FindIsolated(spaces, units, {}, 3, steps);
  ASSERT_TRUE(isolated);
  EXPECT_FALSE(isolated->searched);
}

}  // namespace
}  // namespace dure::masking
