// What each rule promises, and how it turns the geometry of a round into a weight a contribution.
//
// n contributions x_i, of which f may be anything at all; the others are the honest. A rule is
// given their inner products, no coordinate. Pure; IEEE double in a fixed order, so every machine
// chooses the same.
//
// rule               for             promise
// norm-bound         f < n/2         a contribution moves the mean by at most factor/n times the
//                                    median norm, which an honest one bounds (arXiv 1911.07963).
//                                    It stops what is long, not what is aimed within the bound.
// median             f < n/2         each coordinate lies between two honest values
//                                    (Yin et al., arXiv 1803.01498).
// trimmed-mean=f     f < n/2         each coordinate is within the honest range, and with few
//                                    faults nearer to the mean than the median is (same paper).
// krum=f             2f + 2 < n      the chosen one points within 90 degrees of the honest mean if
//                                    honest updates vary little beside its length (Blanchard et
//                                    al., NeurIPS 2017).
// multi-krum=f,m     2f + 2 < n and  the mean of the m nearest; the same, with less noise
//                    m <= n - f - 2  (Damaskinos et al., MLSys 2019).
// centered-clipping  f < n/2         error of order sqrt(f/n) times the honest spread (Karimireddy
//                                    et al., arXiv 2012.10333). The paper starts from the last
//                                    aggregate; here from this round's coordinate median, so that
//                                    round 0 is protected too and nothing has to be remembered.
// geometric-median   f < n/2         within 2(n-f)/(n-2f) times the largest distance of an honest
//                                    one from any point (Pillutla et al., arXiv 1912.13445,
//                                    smoothed Weiszfeld).
// direction-norm     f < n           norm bound at the median norm over contributions that sites
//                                    made equally long; see direction.h.
//
// None of them makes an honest minority heard against a majority, and none notices an update that
// lies among the honest ones: little-is-enough (arXiv 1902.06156) stays as near to them as they are
// to each other, and moves the mean no further than that.
#pragma once

#include <cstdint>
#include <vector>

#include "federation/round/merge_rule.h"

namespace dure::merging {

// Inner products of `size` vectors, symmetric.
class Gram {
 public:
  explicit Gram(size_t size) : size_(size), products_(size * size) {}
  size_t size() const { return size_; }
  double& at(size_t i, size_t j) { return products_[i * size_ + j]; }
  double at(size_t i, size_t j) const { return products_[i * size_ + j]; }
  double SquaredDistance(size_t i, size_t j) const;  // 0 or more

 private:
  size_t size_;
  std::vector<double> products_;
};

// The merged update is sum(numerators[i] * x_i) / divisor / n. With a centre, the last numerator is
// its own.
struct Weights {
  std::vector<int64_t> numerators;  // 0 or more each, divisor * n together at most
  int64_t divisor = 1;
};

inline constexpr uint64_t kEvenShare = uint64_t{1} << 20;

// Which products a rule asks for.
enum class Measure : uint8_t { kNothing, kNorms, kPairs, kPairsAndCentre };
Measure MeasureOf(const round::MergeRule& rule);

// `gram` is of n contributions, and with kPairsAndCentre of the centre after them; with kNorms only
// its diagonal is looked at.
// REQUIRES: MeasureOf(rule) != kNothing; rule.Validate(n).
Weights Choose(const round::MergeRule& rule, const Gram& gram);

// What part of an even share each of n contributions got, over kEvenShare, rounded to the nearest.
std::vector<uint64_t> SharesOf(const Weights& weights, size_t n);

}  // namespace dure::merging
