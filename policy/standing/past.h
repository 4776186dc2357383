// Past decisions of a log, each with the standing it was made in: for explaining one again, and for
// showing what a proposed policy would have changed.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "policy/ledger/ledger.h"
#include "policy/standing/admission.h"

namespace dure::standing {

// What an entry decided, as a request to the standing before it.
struct PastDecision {
  uint64_t index = 0;
  std::variant<AdmissionRequest, GrantRequest, MeasuringRequest> request;
  bool allowed = false;
  std::string decision;  // the entry's canonical JSON
};
// nullopt: the entry decides nothing.
std::optional<PastDecision> DecisionOf(uint64_t index, const ledger::OpenedEntry& entry);

// Folds the log and shows every decision with the standing of the entries before it.
// kCorrupt, kInvalid: as Auditor::CatchUp.
Status ForEachDecision(
    const ledger::LogReader& log,
    const std::function<void(const PastDecision&, const Standing& before)>& look);

// The standing after the first `size` entries. kInvalid: the log is not that long; else as above.
Result<Standing> StandingAt(const ledger::LogReader& log, uint64_t size);

// A decision that would come out otherwise.
struct Flip {
  uint64_t index = 0;
  bool allowed = false;       // as it was decided
  bool contribution = false;  // whether one counts: else an admission or a grant
  rules::Decision proposed;   // of a contribution that would count: empty
};
struct Impact {
  uint64_t decided = 0;        // admissions, grants and what may be measured
  uint64_t contributions = 0;  // of admitted data: whether they count is decided by everybody
  std::vector<Flip> flips;
};
// Every past decision again with `proposal` in the place of the policy of its name. kInvalid: the
// proposal and what stays have two rules of one name.
Result<Impact> ImpactOf(const ledger::LogReader& log, const rules::PolicyDocument& proposal);

}  // namespace dure::standing
