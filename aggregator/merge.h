// Merge: from the contributions of a round to its aggregate and the next base, blob by blob.
//
// Blocks for as long as the memory takes; runs on a worker, never on the loop. Everything it makes
// is durable in the store when it returns, under digests that every site will derive for itself.
#pragma once

#include <string>

#include "federation/blob/store.h"
#include "federation/derivation/derivation.h"
#include "federation/masking/aggregator_half.h"
#include "federation/masking/weighing.h"
#include "federation/round/round.h"

namespace dure::aggregator {

struct MergeResult {
  Digest aggregate;
  round::Base next;
  std::vector<uint64_t> shares = {};  // one a contribution, if the run's rule weighs them
};

// `scratch` is a folder on the store's file system, for files under way; leftovers of a crash are
// replaced. kNotFound, kCorrupt: a blob is missing or damaged; kInvalid: a contribution is no
// contribution of this run, or they are too few for its rule; kExhausted: disk full, nothing of the
// round is lost.
Result<MergeResult> Merge(const round::StartMerge& work, const round::RunManifest& manifest,
                          blob::BlobStore& store, const std::string& scratch, int threads);

// Files that a round of such a cohort will fill are ready in the store (derivation::KeepReady).
void KeepReadyForRound(const round::Base& base, const round::RunManifest& manifest, size_t cohort,
                       blob::BlobStore& store, const std::string& scratch);

// What a round's uploads took goes back before the next one, but for a little that is soon wanted
// again.
void ReturnIdleMemory();

struct UnmaskedSum {
  Digest planes;  // an aggregate of as many sites as survived
  masking::Scalars scalars{};
};
// The sum of a segment's survivors, written to `path` on its way into the store. Errors as Merge;
// kCorrupt: a sum, of lanes or of weights, that its sites cannot reach.
Result<UnmaskedSum> Unmask(const masking::UnmaskSegment& work, const masking::Context& context,
                           const masking::Weighing& weighing, blob::BlobStore& store,
                           const std::string& path, int threads);

// Of the published sum, as each site measures it. Errors as Merge.
Result<uint64_t> Measure(const masking::MeasureSegment& work, const masking::Context& context,
                         const blob::BlobStore& store, int threads);

Result<round::Base> DeriveFromSum(const derivation::Step& step, const round::RunManifest& manifest,
                                  blob::BlobStore& store, const std::string& scratch, int threads);

// Whether the stored blob is a contribution of this run, as far as its bytes can tell.
round::Verdict CheckContribution(const Digest& contribution, const round::RunManifest& manifest,
                                 uint64_t parameter_count, const blob::BlobStore& store);

// Whether an unmasked submission says how long its update is where the run bounds that, and says it
// truly. kNotSigned: it does not.
round::Verdict CheckNorm(const round::Submission& submission, const round::Base& base,
                         const round::RunManifest& manifest, uint64_t parameter_count,
                         const blob::BlobStore& store);

// The same of a masked one, whose bytes can tell nothing but their number.
round::Verdict CheckPayload(const Digest& payload, uint64_t bytes, const blob::BlobStore& store);

// Parameters of a stored model. kNotFound, kInvalid.
Result<uint64_t> ParameterCountOf(const Digest& model, const blob::BlobStore& store);

}  // namespace dure::aggregator
