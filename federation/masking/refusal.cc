#include "federation/masking/refusal.h"

namespace dure::masking {

std::string_view Name(Refusal refusal) {
  switch (refusal) {
    case Refusal::kContextMismatch:
      return "REFUSE_CTX_MISMATCH";
    case Refusal::kModelChain:
      return "REFUSE_MODEL_CHAIN";
    case Refusal::kBadSignature:
      return "REFUSE_BAD_SIGNATURE";
    case Refusal::kTranscript:
      return "REFUSE_TRANSCRIPT";
    case Refusal::kCohort:
      return "REFUSE_COHORT";
    case Refusal::kIdentity:
      return "REFUSE_IDENTITY";
    case Refusal::kSurvivorSet:
      return "REFUSE_SURVIVOR_SET";
    case Refusal::kThreshold:
      return "REFUSE_THRESHOLD";
    case Refusal::kMinFraction:
      return "REFUSE_MIN_FRACTION";
    case Refusal::kMembership:
      return "REFUSE_MEMBERSHIP";
    case Refusal::kAlreadyReleased:
      return "REFUSE_ALREADY_RELEASED";
    case Refusal::kStale:
      return "REFUSE_STALE";
    case Refusal::kPolicyHash:
      return "REFUSE_POLICY_HASH";
    case Refusal::kHeadroom:
      return "REFUSE_HEADROOM";
    case Refusal::kAggregate:
      return "REFUSE_AGGREGATE";
    case Refusal::kKey:
      return "REFUSE_KEY";
    case Refusal::kSchema:
      return "REFUSE_SCHEMA";
    case Refusal::kShares:
      return "REFUSE_SHARES";
    case Refusal::kSaturation:
      return "REFUSE_SATURATION";
  }
  return "";
}

std::string CodeOf(Refusal refusal) {
  std::string code(Name(refusal));
  for (char& c : code) c = c == '_' ? '-' : static_cast<char>(c | 0x20);
  return code;
}

}  // namespace dure::masking
