#include "federation/merging/choose.h"

#include <gmock/gmock.h>

#include <cmath>
#include <numeric>

namespace dure::merging {
namespace {

using round::MergeKind;
using round::MergeRule;
using Point = std::vector<double>;

Gram GramOf(const std::vector<Point>& points) {
  Gram gram(points.size());
  for (size_t i = 0; i < points.size(); ++i) {
    for (size_t j = 0; j < points.size(); ++j) {
      gram.at(i, j) =
          std::inner_product(points[i].begin(), points[i].end(), points[j].begin(), 0.0);
    }
  }
  return gram;
}

Point Merged(const Weights& weights, const std::vector<Point>& points, size_t n) {
  Point merged(points[0].size());
  for (size_t i = 0; i < points.size(); ++i) {
    for (size_t k = 0; k < merged.size(); ++k) {
      merged[k] += static_cast<double>(weights.numerators[i]) /
                   static_cast<double>(weights.divisor) / static_cast<double>(n) * points[i][k];
    }
  }
  return merged;
}

TEST(Choose, AShortContributionCountsWholeAndALongOneAsMuchAsTheBoundLets) {
  const MergeRule rule{.kind = MergeKind::kNormBound, .faults = 0, .keep = 0, .factor = 2};
  const Weights weights = Choose(rule, GramOf({{3, 4}, {5, 0}, {0, 5}, {-1000, 0}, {1, 0}}));
  EXPECT_THAT(SharesOf(weights, 5),
              testing::ElementsAre(kEvenShare, kEvenShare, kEvenShare,
                                   testing::AllOf(testing::Ge(kEvenShare / 100 - 1),
                                                  testing::Le(kEvenShare / 100 + 1)),
                                   kEvenShare));
}

TEST(Choose, HalfOfAnEvenNumberCannotSetTheBoundByBeingLong) {
  const MergeRule rule{.kind = MergeKind::kNormBound, .faults = 0, .keep = 0, .factor = 1};
  const Weights weights = Choose(rule, GramOf({{1, 0}, {0, 1}, {-1000, 0}, {0, -1000}}));
  const auto shares = SharesOf(weights, 4);
  EXPECT_EQ(shares[0], kEvenShare);
  EXPECT_LE(shares[2], kEvenShare / 1000 + 1);
  EXPECT_LE(shares[3], kEvenShare / 1000 + 1);
}

TEST(Choose, KrumTakesOneOfTheCrowdAndOfEqualsTheFirst) {
  const MergeRule rule{.kind = MergeKind::kKrum, .faults = 1, .keep = 0, .factor = 0};
  const auto chosen = [&](const std::vector<Point>& points) {
    return SharesOf(Choose(rule, GramOf(points)), points.size());
  };
  EXPECT_THAT(chosen({{9, 9}, {1, 0}, {1, 0.1}, {1, -0.2}, {0.9, 0}}),
              testing::ElementsAre(0u, 5 * kEvenShare, 0u, 0u, 0u));
  EXPECT_THAT(chosen({{2, 2}, {2, 2}, {2, 2}, {2, 2}, {2, 2}}),
              testing::ElementsAre(5 * kEvenShare, 0u, 0u, 0u, 0u));
}

TEST(Choose, MultiKrumKeepsThoseThatAreNearTogether) {
  const MergeRule rule{.kind = MergeKind::kMultiKrum, .faults = 2, .keep = 3, .factor = 0};
  const std::vector<Point> points = {{1, 0},    {-9, 0},  {1, 0.1}, {1, 0.2},
                                     {-9, 0.1}, {1, 0.3}, {1, 0.15}};
  const Weights weights = Choose(rule, GramOf(points));
  const std::vector<uint64_t> shares = SharesOf(weights, 7);
  EXPECT_EQ(shares[1] + shares[4], 0u);
  EXPECT_EQ(std::count(shares.begin(), shares.end(), 0u), 4);
  EXPECT_NEAR(Merged(weights, points, 7)[0], 1, 1e-9);
}

TEST(Choose, TheGeometricMedianIsWhereTheUnitPullsCancel) {
  const MergeRule rule{.kind = MergeKind::kGeometricMedian, .faults = 0, .keep = 0, .factor = 0};
  const std::vector<Point> points = {{0, 0}, {4, 0}, {0, 3}, {5, 5}, {-2, 1}};
  const Point at = Merged(Choose(rule, GramOf(points)), points, 5);
  Point pull(2);
  for (const Point& point : points) {
    const double distance = std::hypot(point[0] - at[0], point[1] - at[1]);
    for (size_t k = 0; k < 2; ++k) pull[k] += (point[k] - at[k]) / distance;
  }
  EXPECT_LT(std::hypot(pull[0], pull[1]), 0.02);
}

TEST(Choose, TheGeometricMedianOfAMajorityAtOnePointIsThatPoint) {
  const MergeRule rule{.kind = MergeKind::kGeometricMedian, .faults = 0, .keep = 0, .factor = 0};
  const std::vector<Point> points = {{1, 2}, {1, 2}, {1, 2}, {1e6, 0}, {0, -1e6}};
  const Point at = Merged(Choose(rule, GramOf(points)), points, 5);
  EXPECT_NEAR(at[0], 1, 1);  // a share is a 2^-20th: 1e6 away, a rounding is a unit
  EXPECT_NEAR(at[1], 2, 1);
}

TEST(Choose, ClippingAboutTheCentreLetsAFarOneMoveItNoFurtherThanANearOne) {
  const MergeRule rule{.kind = MergeKind::kCenteredClipping, .faults = 0, .keep = 0, .factor = 1};
  const std::vector<Point> honest = {{1, 0}, {1, 0.4}, {1.2, 0.2}, {0.9, 0.1}};
  std::vector<Point> points = honest;
  points.push_back({-1000, 0});
  points.push_back({1, 0.1});  // the centre
  const Point at = Merged(Choose(rule, GramOf(points)), points, 5);
  EXPECT_NEAR(at[0], 1, 0.3);
  EXPECT_NEAR(at[1], 0.15, 0.2);
}

TEST(Choose, SharesNeverAddUpToMoreThanAllTogether) {
  for (const MergeKind kind : {MergeKind::kGeometricMedian, MergeKind::kNormBound}) {
    for (size_t n = 3; n < 40; ++n) {
      MergeRule rule{.kind = kind, .faults = 0, .keep = 0, .factor = 0};
      if (kind == MergeKind::kNormBound) rule.factor = 0.7;
      std::vector<Point> points;
      for (size_t i = 0; i < n; ++i) {
        points.push_back({std::sin(static_cast<double>(i)), std::cos(3.0 * static_cast<double>(i)),
                          static_cast<double>(i % 5)});
      }
      const Weights weights = Choose(rule, GramOf(points));
      const int64_t sum =
          std::accumulate(weights.numerators.begin(), weights.numerators.end(), int64_t{0});
      EXPECT_LE(sum, static_cast<int64_t>(n) * weights.divisor);
      EXPECT_GE(*std::min_element(weights.numerators.begin(), weights.numerators.end()), 0);
    }
  }
}

TEST(Choose, NothingIsDividedByZeroWhenAllContributionsAreZero) {
  for (const MergeRule& rule :
       {MergeRule{MergeKind::kNormBound, 0, 0, 1}, MergeRule{MergeKind::kKrum, 1, 0, 0},
        MergeRule{MergeKind::kGeometricMedian, 0, 0, 0},
        MergeRule{MergeKind::kCenteredClipping, 0, 0, 1}}) {
    const bool centred = MeasureOf(rule) == Measure::kPairsAndCentre;
    const Weights weights = Choose(rule, Gram(centred ? 6 : 5));
    const int64_t sum =
        std::accumulate(weights.numerators.begin(), weights.numerators.end(), int64_t{0});
    EXPECT_LE(sum, 5 * weights.divisor) << rule.Text();
    EXPECT_GT(sum, 0) << rule.Text();
  }
}

}  // namespace
}  // namespace dure::merging
