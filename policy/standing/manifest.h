// What the record says of a run's manifest. The aggregator writes it, and each site holds it
// against the manifest that it was sent. Pure; any thread.
#pragma once

#include <map>
#include <string>

#include "federation/round/plan.h"
#include "policy/ledger/events.h"

namespace dure::standing {

ledger::RunBounds BoundsOf(const round::RunManifest& manifest);
// Every field of its proposal that the manifest alone gives: terms, rules and votes go by them.
std::map<std::string, std::string> FieldsOf(const round::RunManifest& manifest);
// Those that take counting, and are not among them: of the model, and of noise.
bool IsCountedField(const round::RunManifest& manifest, const std::string& name);

}  // namespace dure::standing
