#include "policy/ledger/group_writer.h"

#include <map>
#include <variant>

namespace dure::ledger {

// Either the index where the append's entry is or will be, or why it is not taken.
struct GroupWriter::Outcome {
  std::variant<uint64_t, Error> answer;
  bool existed = false;
};

struct GroupWriter::Plan {
  uint64_t first = 0;
  Chronicle chronicle;
  std::vector<NewEntry> entries;
  std::vector<Digest> leaves;
  std::map<std::string, uint64_t> keys;
  std::map<Digest, uint64_t> leaf_at;
  SignedHead head;

  uint64_t size() const { return first + entries.size(); }
};

Status GroupWriter::StartEmpty() {
  Plan plan{0, log_.chronicle(), {}, {}, {}, {}, {}};
  return CommitPlan(plan);
}

// The index that already answers this append: its key's, or that of the same bytes.
Result<std::optional<uint64_t>> GroupWriter::FindExisting(const Plan& plan,
                                                          const PendingAppend& append) const {
  if (!append.key.empty()) {
    const auto staged = plan.keys.find(append.key);
    if (staged != plan.keys.end()) return std::optional(staged->second);
    DURE_ASSIGN(const std::optional<uint64_t> stored, log_.store().FindKey(append.key));
    if (stored) return stored;
  }
  const auto staged = plan.leaf_at.find(append.entry.leaf);
  if (staged != plan.leaf_at.end()) return std::optional(staged->second);
  return log_.store().FindLeaf(append.entry.leaf);
}

GroupWriter::Outcome GroupWriter::Decide(Plan& plan, PendingAppend& append) {
  Result<std::optional<uint64_t>> existing = FindExisting(plan, append);
  if (!existing) return {std::move(existing.error()), false};
  if (*existing) {
    const uint64_t index = **existing;
    const Digest& leaf =
        index < plan.first ? log_.tree().Leaf(index) : plan.leaves[index - plan.first];
    if (leaf == append.entry.leaf || append.on_repeat == OnRepeat::kTakeExisting)
      return {index, true};
    return {Error{ErrorCode::kAlreadyExists, "the log holds another entry under " + append.key},
            false};
  }
  const uint64_t index = plan.size();
  if (append.only_at && *append.only_at != index) {
    return {Error{ErrorCode::kFailedPrecondition,
                  "entry " + std::to_string(*append.only_at) + " is another's by now"},
            false};
  }
  // A head beyond the published one was never shown, so no honest anchor can name it.
  const auto root_at = [&](uint64_t size) {
    return size <= plan.first ? std::optional(log_.tree().RootAt(size)) : std::nullopt;
  };
  if (const auto refusal = plan.chronicle.Admit(append.entry, root_at))
    return {AsError(*refusal), false};
  plan.entries.push_back({&append.entry, append.key});
  plan.leaves.push_back(append.entry.leaf);
  plan.leaf_at.emplace(append.entry.leaf, index);
  if (!append.key.empty()) plan.keys.emplace(append.key, index);
  return {index, false};
}

Result<SignedHead> GroupWriter::SignOver(const Plan& plan,
                                         const std::vector<Digest>& stored_leaves) {
  if (stored_leaves != plan.leaves) {
    broken_ = true;
    return Fail(ErrorCode::kCorrupt,
                "the store gave back other bytes than were written; nothing was signed");
  }
  const TreeHead head{log_.log_key().name, plan.size(), log_.tree().Root()};
  return SignHead(head, log_.log_key(), signer_);
}

Status GroupWriter::CommitPlan(Plan& plan) {
  log_.Stage(plan.leaves);
  const Status committed = log_.store().Commit(
      plan.first, plan.entries, [&](const std::vector<Digest>& stored) -> Result<std::string> {
        DURE_ASSIGN(plan.head, SignOver(plan, stored));
        return plan.head.note;
      });
  if (!committed) {
    log_.Unstage();
    return committed;
  }
  log_.Publish(std::move(plan.head), std::move(plan.chronicle));
  return {};
}

void GroupWriter::Write(std::vector<PendingAppend> group) {
  Plan plan{log_.tree().size(), log_.chronicle(), {}, {}, {}, {}, {}};
  plan.entries.reserve(group.size());
  std::vector<Outcome> outcomes;
  for (PendingAppend& append : group) {
    if (broken_) {
      outcomes.push_back(
          {Error{ErrorCode::kCorrupt, "the ledger's disk gave back other bytes; it is closed"},
           false});
    } else {
      outcomes.push_back(Decide(plan, append));
    }
  }
  Status committed;
  const uint64_t first = plan.first;
  if (!plan.entries.empty()) committed = CommitPlan(plan);
  for (size_t i = 0; i < group.size(); ++i) {
    const auto* index = std::get_if<uint64_t>(&outcomes[i].answer);
    // What was decided on top of entries that were then not stored is undecided; only what was
    // there before stands.
    if (!committed && (index == nullptr || *index >= first)) {
      group[i].done(Fail(committed.error()));
    } else if (index == nullptr) {
      group[i].done(Fail(std::get<Error>(outcomes[i].answer)));
    } else {
      SignedHead head = log_.Head();
      Proof proof = log_.tree().ProveInclusion(*index, head.head.size);
      group[i].done(Appended{{*index, std::move(proof), std::move(head)}, outcomes[i].existed});
    }
  }
}

}  // namespace dure::ledger
