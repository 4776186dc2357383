// Direction-and-norm averaging: the site's half, before its update is encoded.
//
// Every site makes its update equally long: with the length T that the round's scales name and its
// own length |u|, its weight is T/|u|, so its lanes stand for T*u/|u|, and only the sum of the
// weights is ever looked at. The merged update
//     sum(T*u_i/|u_i|) / sum(T/|u_i|)
// is the mean direction times the harmonic mean of the lengths. A sum of lanes and a sum of weights
// are what secure aggregation reveals anyway, so this works under masking.
//
// f faulty sites of n turn the mean direction by f/n, and their length, however great, enters the
// harmonic mean with at most f/n: one that trains with a rate a thousand times too high changes the
// step no more than any other. Under masking a site that runs other software can still declare
// another length than its own, up to the lanes' range (some twelve times T); without masking the
// aggregator measures the lanes and shortens them to the median length. Weights stop at one: an
// update shorter than T counts as it is. And no site states less than the weight of an update that
// moves every parameter by its scale (masking::WeighingOf): a longer one counts as that long. So a
// sum of weights cannot be made as small, nor the mean as long, as a liar wants.
#pragma once

#include <cstdint>

#include "federation/codec/vectors.h"

namespace dure::merging {

// The weight (numerator over codec::kWeightOne) with which to encode `in`, before that bound; the
// same for any number of threads. kInvalid: sizes do not fit, or a NaN or infinity in the update;
// kCancelled.
Result<uint64_t> DirectionWeight(const codec::UpdateInput& in, codec::Lane lane,
                                 const codec::Work& work);

}  // namespace dure::merging
