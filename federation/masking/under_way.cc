#include "federation/masking/under_way.h"

#include "federation/round/round.h"

namespace dure::masking {

bool IsForsaken(AggregatorPhase phase, const round::RoundAttempt& at, const round::Rounds& rounds) {
  const round::RunPhase run = rounds.phase();
  const bool is_current = at == rounds.at();
  if (phase != AggregatorPhase::kFinished) {
    return !is_current || (run != round::RunPhase::kCollecting && run != round::RunPhase::kMerging);
  }
  // With a sum that is in the record its round is over.
  return at.round == rounds.at().round && (!is_current || run == round::RunPhase::kAbandoning);
}

}  // namespace dure::masking
