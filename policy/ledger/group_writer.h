// One group of appends against a StoredLog: decide, stage, commit, publish, answer. Inside this
// room only; it is the writer of both ledgers, on a thread of its own for SQLite and on the
// caller's for memory.
#pragma once

#include <string>
#include <vector>

#include "policy/ledger/stored_log.h"

namespace dure::ledger {

struct PendingAppend {
  OpenedEntry entry;
  std::string key;
  OnRepeat on_repeat = OnRepeat::kRefuse;
  AppendCallback done;
  std::optional<uint64_t> only_at = {};
};

class GroupWriter {
 public:
  // All outlive the writer. REQUIRES: one thread.
  GroupWriter(StoredLog& log, const Signer& signer) : log_(log), signer_(signer) {}

  // Stores and signs the head of a new log's empty tree, so that a head can be shown from the
  // start.
  Status StartEmpty();
  // Answers every append of the group exactly once, after its commit.
  void Write(std::vector<PendingAppend> group);

 private:
  struct Plan;
  struct Outcome;
  Outcome Decide(Plan& plan, PendingAppend& append);
  Result<std::optional<uint64_t>> FindExisting(const Plan& plan, const PendingAppend& append) const;
  Status CommitPlan(Plan& plan);
  Result<SignedHead> SignOver(const Plan& plan, const std::vector<Digest>& stored_leaves);

  StoredLog& log_;
  const Signer& signer_;
  bool broken_ = false;  // the disk gave back other bytes: nothing further is taken
};

}  // namespace dure::ledger
