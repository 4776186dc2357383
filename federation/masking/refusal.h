// Why a site goes no further with a masked round: the rule, and what would satisfy it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dure::masking {

enum class Refusal : uint8_t {
  kContextMismatch = 1,   // a peer speaks of another round context than this site was given
  kModelChain = 2,        // the base model is not the one that this site derived itself
  kBadSignature = 3,      // not signed by whom it names
  kTranscript = 4,        // two sites were told different things
  kCohort = 5,            // too few members, or a batch too small
  kIdentity = 6,          // a site that was never admitted, or under another key
  kSurvivorSet = 7,       // alive and dropped at once, or two sets of survivors
  kThreshold = 8,         // fewer than the secret-sharing threshold, or a threshold that is too low
  kMinFraction = 9,       // too small a part of those who shared masks
  kMembership = 10,       // a batch torn apart, or a difference of rounds would isolate members
  kAlreadyReleased = 11,  // this round's sum was released once
  kStale = 12,            // of an earlier round or attempt, or a history that went back
  kPolicyHash = 13,       // other rules than those agreed
  kHeadroom = 14,         // the sum has no room in its words: said by older versions only
  kAggregate = 15,        // the published sum is not the sum of the contributions
  kKey = 16,              // a key of low order, out of form, or used twice
  kSchema = 17,           // a message out of form
  kShares = 18,           // a share that its sender's own commitment contradicts
  kSaturation = 19,       // more lanes of the updates were cut than the run takes
};

std::string_view Name(Refusal refusal);  // "REFUSE_CTX_MISMATCH", as the attack suite names them
std::string CodeOf(Refusal refusal);     // "refuse-ctx-mismatch", as the record wants codes

inline constexpr uint32_t kNobody = 0xffffffff;
inline constexpr uint32_t kAggregator = 0xfffffffe;

struct Refused {
  Refusal rule = Refusal::kSchema;
  std::string why;             // what was wrong and what would satisfy the rule; never a secret
  uint32_t accused = kNobody;  // a site's index, if the evidence names one
};

using Objection = std::optional<Refused>;  // none: nothing speaks against it

}  // namespace dure::masking
