// Whether what the aggregator has of an attempt may still become the round's sum: the half and the
// rounds are kept apart, and one may know of an end that the other does not. Pure; any thread.
#pragma once

#include "federation/masking/aggregator_half.h"
#include "federation/round/messages.h"

namespace dure::round {
class Rounds;
}

namespace dure::masking {

// Whether the rounds go on without the attempt `at`, of which the half is in `phase`, and without
// its sum: for a reason of their own, or one that was not kept.
bool IsForsaken(AggregatorPhase phase, const round::RoundAttempt& at, const round::Rounds& rounds);

}  // namespace dure::masking
