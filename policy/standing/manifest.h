// What the record says of a run's manifest. The aggregator writes it, and each site holds it
// against the manifest that it was sent. Pure; any thread.
#pragma once

#include "federation/round/plan.h"
#include "policy/ledger/events.h"

namespace dure::standing {

ledger::RunBounds BoundsOf(const round::RunManifest& manifest);

}  // namespace dure::standing
