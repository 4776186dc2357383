#include "policy/standing/manifest.h"

namespace dure::standing {

ledger::RunBounds BoundsOf(const round::RunManifest& manifest) {
  ledger::RunBounds bounds;
  bounds.code = manifest.code;
  if (manifest.norm_max > 0) bounds.norm = manifest.norm_max;
  bounds.steps = manifest.inner.steps;
  bounds.step_tokens =
      uint64_t{manifest.inner.batch} * manifest.inner.sequence * manifest.inner.accumulation;
  bounds.passes = manifest.passes_max;
  const bool by_tokens = manifest.weighting == round::Weighting::kTokens;
  bounds.reference_tokens = by_tokens ? manifest.reference_tokens : 0;
  return bounds;
}

}  // namespace dure::standing
