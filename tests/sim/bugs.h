// Planted bugs: each breaks one promise, in the drivers of the simulation only, and must be found.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace dure::sim {

enum class Bug : uint8_t {
  kNone,
  kReceiptBeforeAppend,   // the log answers before the entry is durable
  kTellBeforePersist,     // messages leave before the state that they speak of is durable
  kForgetState,           // now and then a state is not written
  kCountTwice,            // one contribution enters the merge twice
  kMergeLate,             // a contribution that was refused as late is merged all the same
  kAppendTwice,           // an append repeated after a crash makes a second entry
  kCommitEarly,           // the residual is committed when the submission is sent
  kLoseFold,              // an update that was not counted is dropped, not folded back
  kTakeOtherBase,         // a submission for another attempt is taken for this one
  kOutcomeOnce,           // the outcome is not sent again
  kUploadAgain,           // a restarted site forgets that its upload was complete
  kShareWrongModel,       // one site is handed other sums than its neighbours, and believes them
  kSkipAdmissionCheck,    // a signed statement of other datasets than were admitted is taken
  kForgetWithdrawal,      // a round is not told that a dataset was withdrawn
  kWithdrawWhileMerging,  // a withdrawal does not wait for the closing entry
  kTakeAnyResult,   // a training result kept of an earlier training of the round is taken for this
                    // one
  kTrainOnOffered,  // a site trains on all that it offered, whatever was admitted
  kKeyOfALife,      // a submission's idempotency key is another in each life of the process
  // Of masked rounds.
  kRevealBoth,         // a site gives shares of both secrets of its peers
  kForgetPairMask,     // a site leaves one of its pairwise masks out
  kStaleMasks,         // a site masks with the masks of an attempt before
  kSurvivorsUnagreed,  // a site gives its shares as if all had agreed on the survivors
  kReleaseTwice,       // nobody keeps which numbers were released
  kReuseNumber,        // the aggregator asks anew for a number whose shares were given
  kWrongThreshold,     // a threshold that two disjoint sets could reach
  kSayOnce,            // a site says again only when its link has come back
  kForgetSums,         // nobody holds a sum against those released before
  // With an aggregator that lies.
  kTakeAnySum,     // a site takes a sum whose check it has seen fail
  kTakeUnchecked,  // a site takes a sum whose check it never brought to its end
  kTakeLightSum,   // a site takes a sum of weights that its sites do not have
};
inline constexpr std::array<std::string_view, 31> kBugNames = {"none",
                                                               "receipt-before-append",
                                                               "tell-before-persist",
                                                               "forget-state",
                                                               "count-twice",
                                                               "merge-late",
                                                               "append-twice",
                                                               "commit-early",
                                                               "lose-fold",
                                                               "take-other-base",
                                                               "outcome-once",
                                                               "upload-again",
                                                               "share-wrong-model",
                                                               "skip-admission-check",
                                                               "forget-withdrawal",
                                                               "withdraw-while-merging",
                                                               "take-any-result",
                                                               "train-on-offered",
                                                               "key-of-a-life",
                                                               "reveal-both",
                                                               "forget-pair-mask",
                                                               "stale-masks",
                                                               "survivors-unagreed",
                                                               "release-twice",
                                                               "reuse-number",
                                                               "wrong-threshold",
                                                               "say-once",
                                                               "forget-sums",
                                                               "take-any-sum",
                                                               "take-unchecked",
                                                               "take-light-sum"};

}  // namespace dure::sim
