// Robust merging of whole vectors: from the contributions of a round to an aggregate that sites
// derive their next model from exactly as from a sum.
//
// The result is n times the merged update, rounded to an integer a parameter, in the layout of a
// sum of n contributions: so what sites download, derive and compare stays what it is for a mean
// (docs/decisions/0014). Krum and the median of an odd number are exact; else a parameter is at
// most half a step of the sum, s/(2*L*n), from the rule's own value.
//
// Contributions are streamed: twice where the rule asks for inner products, else once. Memory: a
// few KiB a contribution and thread and the products of the segments under way, whatever the
// model's size. The aggregate has the same bytes for any number of threads. Off the loop.
#pragma once

#include <cstdint>
#include <vector>

#include "federation/codec/vectors.h"
#include "federation/merging/choose.h"

namespace dure::merging {

struct RobustAggregate {
  std::vector<Digest> chunks;     // of the aggregate's file
  std::vector<uint64_t> squares;  // one a block, as codec::MergeOutput
  // For each contribution what part of an even share it got, over kEvenShare; empty if the rule
  // weighs none.
  std::vector<uint64_t> shares;
};

// `aggregate` becomes layout.bytes() of planes. Scales are those of the round; weight_sum is not
// looked at. REQUIRES: !rule.is_mean(). kInvalid: sizes or scales do not fit, too few contributions
// for the rule, or a value that no encoder sends; kCancelled; errors of WriteAt.
Result<RobustAggregate> MergeByRule(const round::MergeRule& rule,
                                    const codec::AggregateLayout& layout,
                                    const codec::MergeInput& in, const codec::OutputFile& aggregate,
                                    const codec::Work& work);

// Inner products of all contributions in the units of the update. For MergeByRule and its tests.
// REQUIRES: as MergeByRule, and `measure` is not kNothing.
Result<Gram> MeasureContributions(Measure measure, const codec::AggregateLayout& layout,
                                  const codec::MergeInput& in, const codec::Work& work);

}  // namespace dure::merging
