// What a masked sum of weights is held to, since nobody sees the weight of one site.
//
// The mean is the sum of lanes over the sum of weights, and words wrap: a site that masks a weight
// below zero, and states a check value to match, takes the others' weights out of the sum. The mean
// would then be as long as it likes. So the sum must be one that honest sites can reach. Where all
// weigh the same everybody knows it. Under direction-norm no site weighs less than an update does
// that moves every parameter by its scale. By tokens a weight may be small, but a lane then is as
// well (EncodeParameters::within_weight): a sum of lanes that is beyond the sum of weights is
// nobody's, and a mean reaches its block's scale and no further. Pure; any thread.
#pragma once

#include "federation/masking/refusal.h"
#include "federation/masking/words.h"
#include "federation/round/plan.h"

namespace dure::masking {

struct Weighing {
  uint64_t least = 1;          // of one site, over codec::kWeightOne, which is also the most
  bool within_weight = false;  // lanes stop at L times their weight, rounded up
};

Weighing WeighingOf(const round::RunManifest& manifest);

// REFUSE_AGGREGATE: so many sites cannot weigh that together. The aggregator asks when it has the
// sum, each site before it says that the sum is right.
Objection CheckWeights(const Weighing& weighing, const Scalars& sums, uint32_t survivors);

// The largest magnitude that a sum of lanes has beside this sum of weights, at most sum_max().
// REQUIRES: CheckWeights passes.
int32_t LaneSumMax(const Weighing& weighing, const WordLayout& sums, const Scalars& scalars);

}  // namespace dure::masking
