// The site's work on whole vectors: its update into a contribution, and back into the residual when
// the contribution was not counted. Blocks; on a worker, never on the loop.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "federation/blob/store.h"
#include "federation/codec/vectors.h"
#include "federation/masking/segment_files.h"
#include "federation/noise/secret_random.h"
#include "federation/round/participation.h"
#include "site/byte_look.h"
#include "site/run_folder.h"

namespace dure::site {

struct ContributionMade {
  Digest blob;
  uint64_t weight = 0;
  uint64_t saturated = 0;
  std::optional<double> norm = {};  // where the run bounds it
  uint64_t lanes = 0;
};

// The contribution is durable in the store and the next residual version on disk when this returns.
// Repeating it gives the same bytes: rounding draws from (run, round, site). kNotFound: base or
// result is gone; kInvalid: a NaN or infinity in the update; kExhausted: disk full;
// kFailedPrecondition: the update is longer than the run allows.
Result<ContributionMade> EncodeContribution(const round::EncodeUpdate& work,
                                            const round::RunManifest& manifest, const SiteId& site,
                                            const RunFolder& folder, blob::BlobStore& store,
                                            const codec::Work& pace);

// Before a round's work: files that it will fill are ready in the store (derivation::KeepReady).
// `payload_bytes`: of the masked contribution; 0: it is not masked.
void KeepFilesReady(const Digest& base_model, const round::RunManifest& manifest,
                    uint64_t payload_bytes, const RunFolder& folder, blob::BlobStore& store);

// What masks an update: of one attempt, from the site's half of the protocol.
struct MaskWith {
  masking::WordLayout layout;
  std::vector<masking::Mask> masks;
  noise::SecretRandom::Key noise_key{};  // of this attempt, if the run has noise on updates
};
struct MaskedContribution {
  ContributionMade made;  // `blob` is the masked payload
  uint64_t bytes = 0;     // of it
  masking::Scalars scalars{};
  ByteLook leaves;  // the payload
  ByteLook stays;   // the same update unmasked
};
// The same, masked while it is encoded. The lanes in the clear stay in folder.lanes(round), for the
// check of the sum; no durable copy of them is made. Under noise on updates they are what
// federation/noise makes of the update, nothing is carried from round to round, and no number of
// this site is in the sums. kInvalid also: the update has another size than the layout;
// kFailedPrecondition: in so small a cohort too little noise is sure.
Result<MaskedContribution> EncodeMasked(const round::EncodeUpdate& work,
                                        const round::RunManifest& manifest, const SiteId& site,
                                        const MaskWith& with, const RunFolder& folder,
                                        blob::BlobStore& store, const codec::Work& pace);

// This site's part of checking a published sum: planes from the store, lanes from the folder; with
// `is_survivor` false only the published side. kNotFound: the planes are not there;
// kFailedPrecondition: the lanes are not, or not whole; kInvalid, kCorrupt: the planes are no sum
// of such sites; kCancelled; errors of opening files.
struct CheckWith {
  masking::WordLayout sums;
  masking::StreamKey coefficients;
  Digest planes;
  masking::Scalars published{};
  masking::Scalars own{};
  bool is_survivor = false;
  masking::Weighing weighing;
};
Result<masking::CheckProducts> CheckSum(const CheckWith& with, const RunFolder& folder,
                                        RoundNumber round, const blob::BlobStore& store,
                                        const codec::Work& pace);

// What a failure of either of the two above, other than a refusal of the run's terms, says.
round::EncodeFault FaultOf(const Error& error, const round::EncodeUpdate& work,
                           const round::RunManifest& manifest, const RunFolder& folder,
                           const blob::BlobStore& store);

// Whether that version of the residual is not there, or not of the model's size. 0 is never lost.
bool IsResidualLost(uint64_t version, const Digest& base_model, const RunFolder& folder,
                    const blob::BlobStore& store);

// residual_to = residual_from + base - trained, durable. kCorrupt: the residual has another size
// than the model; else as above.
Status FoldUpdate(const round::FoldBack& work, const RunFolder& folder, blob::BlobStore& store);

}  // namespace dure::site
