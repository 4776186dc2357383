// What the site's half of a round asks its driver for, and what it is told: the effects and events
// of participation.h, which has their order and promises. Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "federation/clock.h"
#include "federation/round/messages.h"

namespace dure::round {

// Effects -----------------------------------------------------
struct PersistSite {};
struct Tell {
  Message message;  // to the aggregator
};
struct DecideLocally {
  RoundPlan plan;
  RunManifest manifest;
};                  // -> Decided
struct FetchBase {  // all blobs of it that are not zero -> BaseFetched
  RoundAttempt at;
  Base base;
  // None: a joiner fetches what its plan starts from. Else it is what the run came to, if the
  // record says so: that is held against it first -> EndRefused if not.
  std::optional<RunEnded> end;
  bool operator==(const FetchBase&) const = default;
};
struct StartTraining {
  RoundPlan plan;
  RunManifest manifest;
  std::vector<OfferedDataset> datasets;  // to train on, and on no other
  // Counts the trainings of this run. After a restart the same one is asked for again; a result
  // kept of another, whose DropWork a crash swallowed, is not this one's.
  uint64_t number = 0;
};                     // -> TrainingDone
struct StopTraining {  // the result, if any comes, is not wanted
  RoundNumber round;
};
struct EncodeUpdate {  // -> Encoded
  RoundAttempt at;     // under masking: whose masks. Asked for again, it replaces what was asked
  RoundNumber round;
  RoundPlan plan;
  uint64_t tokens = 0;
  uint64_t steps = 0;
  uint64_t residual_from = 0;  // read; 0: zeros
  uint64_t residual_to = 0;    // written, durable before the answer
  Digest replaces;             // the contribution to an abandoned masked attempt; it may go
};
struct UploadBlob {
  RoundNumber round;
  Digest blob;
};  // -> UploadDone
struct SignSubmission {
  Submission unsigned_submission;
};  // -> Signed
struct VerifyReceipt {
  Submission submission;
  Receipt receipt;
};  // -> ReceiptChecked
struct CommitResidual {
  uint64_t current = 0;
  uint64_t former = 0;
  Digest contribution;  // whose receipt, or outcome, says so; else zero
};                      // remove all other versions but these two
struct FoldBack {       // -> Folded
  RoundNumber round;    // whose training result and base are added
  Base base;
  uint64_t residual_from = 0;
  uint64_t residual_to = 0;  // written, durable before the answer
};
struct DropWork {
  RoundNumber round;
  Digest blob;
};  // its training result and contribution may go
struct FetchAggregate {
  RoundAttempt at;
  Digest aggregate;
};  // -> AggregateFetched
struct DeriveModel {
  Outcome outcome;
  RunManifest manifest;
};  // from the aggregate and our base -> Derived
struct PublishModel {
  RoundNumber rounds;
  Base base;
};  // the model now held: rounds closed so far; earlier ones may go
struct SetSiteTimer {
  MonoTime at;
};
struct AnnounceSite {
  RoundAttempt at;
  SitePhase phase = SitePhase::kIdle;
  std::string text;
};
using SiteEffect =
    std::variant<PersistSite, Tell, DecideLocally, FetchBase, StartTraining, StopTraining,
                 EncodeUpdate, UploadBlob, SignSubmission, VerifyReceipt, CommitResidual, FoldBack,
                 DropWork, FetchAggregate, DeriveModel, PublishModel, SetSiteTimer, AnnounceSite>;

// Events ------------------------------------------------------
struct SiteStarted {};
struct LinkUp {};
struct LinkDown {};
struct FromAggregator {
  Message message;
};
struct Decided {
  RoundAttempt at;
  bool accept = false;
  std::string reason;
  std::vector<OfferedDataset> datasets;  // offered: ascending, each once, at most 64; none declines
};
struct BaseFetched {
  FetchBase asked;  // while it was under way another base may have become the one that is wanted
  bool ok = false;  // false: asked again later
};
struct EndRefused {
  bool dissents = false;  // else the record knows no such run
};
struct TrainingDone {
  RoundNumber round;
  uint64_t number = 0;  // StartTraining's: the same round may have been begun anew on other data
  uint64_t tokens = 0;
  uint64_t steps = 0;
  double loss = 0;
  Digest code = {};  // of the program that did it
};
struct TrainingFailed {
  RoundNumber round;
  uint64_t number = 0;
  std::string reason;  // a code
};
struct Encoded {
  RoundNumber round;
  Digest blob;
  uint64_t weight = 0;
  uint64_t saturated = 0;
  std::optional<double> norm = {};  // where the run bounds it
  uint64_t lanes = 0;               // of which `saturated` were cut
};
enum class EncodeFault : uint8_t {
  kUpdate,    // it is not worth keeping: NaN, too long, gone
  kResidual,  // the version to be read is gone, or not whole any more
  kRoom,      // nothing is wrong with it: a disk that takes nothing, also after a while
};
struct EncodeFailed {
  RoundNumber round;
  std::string reason;  // a code
  EncodeFault fault = EncodeFault::kUpdate;
};
struct UploadDone {
  RoundNumber round;
  Digest blob;
};
struct UploadFailed {  // the driver gave up; asked again later
  RoundNumber round;
  Digest blob;
};
struct Signed {
  RoundAttempt at;
  Bytes envelope;
};
struct ReceiptChecked {
  RoundAttempt at;
  bool valid = false;
};
struct Folded {
  uint64_t residual = 0;
};
struct FoldFailed {  // for good: a file that it needs is gone, or not whole any more
  uint64_t residual = 0;
  bool residual_lost = false;  // the version to be read; else it stays in force
};
struct AggregateFetched {
  RoundAttempt at;
  bool ok = false;
};
// ok false: could not derive. Otherwise what was derived, whatever the outcome names.
struct Derived {
  RoundAttempt at;
  bool ok = false;
  Base derived;
};
// The site's own record says that this dataset is withdrawn. What was trained on it and is not
// counted is dropped, never folded back: it would come out with a later contribution.
struct DatasetWithdrawn {
  DatasetId dataset;
};
// The site refuses this attempt; what it did not submit goes back to the residual, or nowhere.
struct RoundRefused {
  RoundAttempt at;
  std::string reason;     // a code
  bool rostered = false;  // it refuses the roster that it was sent
  bool drops = false;
};
struct StatusReport {
  SiteStatus status;
};  // at and phase are filled in here
struct SiteTimer {};
struct LeaveRequested {};
struct JoinRequested {};
struct ResyncRequested {};  // the operator ends a dissent: the model is fetched anew
using SiteEvent =
    std::variant<SiteStarted, LinkUp, LinkDown, FromAggregator, Decided, BaseFetched, EndRefused,
                 TrainingDone, TrainingFailed, Encoded, EncodeFailed, UploadDone, UploadFailed,
                 Signed, ReceiptChecked, Folded, FoldFailed, AggregateFetched, Derived,
                 DatasetWithdrawn, RoundRefused, StatusReport, SiteTimer, LeaveRequested,
                 JoinRequested, ResyncRequested>;

}  // namespace dure::round
