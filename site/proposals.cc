#include "site/proposals.h"

#include "policy/standing/manifest.h"

namespace dure::site {

std::string RecordObjection(const round::RunManifest& manifest, const ProposedRun* recorded) {
  const bool same = recorded != nullptr && recorded->manifest == manifest.digest() &&
                    recorded->purpose == Name(manifest.intent.purpose) &&
                    recorded->bounds == standing::BoundsOf(manifest);
  return same ? "" : "run-not-as-recorded";
}

}  // namespace dure::site
