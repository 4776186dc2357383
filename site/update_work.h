// The site's work on whole vectors: its update into a contribution, and back into the residual when
// the contribution was not counted. Blocks; on a worker, never on the loop.
#pragma once

#include <cstdint>
#include <string>

#include "federation/blob/store.h"
#include "federation/codec/vectors.h"
#include "federation/round/participation.h"
#include "site/run_folder.h"

namespace dure::site {

struct ContributionMade {
  Digest blob;
  uint64_t weight = 0;
  uint64_t saturated = 0;
};

// The contribution is durable in the store and the next residual version on disk when this returns.
// Repeating it gives the same bytes: rounding draws from (run, round, site). kNotFound: base or
// result is gone; kInvalid: a NaN or infinity in the update; kExhausted: disk full.
Result<ContributionMade> EncodeContribution(const round::EncodeUpdate& work,
                                            const round::RunManifest& manifest, const SiteId& site,
                                            const RunFolder& folder, blob::BlobStore& store,
                                            const codec::Work& pace);

// Before a round's work: files that it will fill are ready in the store (derivation::KeepReady).
void KeepFilesReady(const Digest& base_model, const round::RunManifest& manifest,
                    const RunFolder& folder, blob::BlobStore& store);

// residual_to = residual_from + base - trained, durable. kCorrupt: the residual has another size
// than the model; else as above.
Status FoldUpdate(const round::FoldBack& work, const RunFolder& folder, blob::BlobStore& store);

}  // namespace dure::site
