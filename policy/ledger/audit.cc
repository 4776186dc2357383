#include "policy/ledger/audit.h"

namespace dure::ledger {
namespace {

constexpr size_t kPageBytes = 4 * 1024 * 1024;

// Folds one page; what is checked per entry is done over the threads first.
Status CheckPage(const std::vector<Bytes>& page, const Verifier& verifier, unsigned threads,
                 MerkleTree& tree, Chronicle& chronicle, AuditReport& report) {
  const auto root_at = [&tree](uint64_t size) { return tree.RootAt(size); };
  for (const Result<OpenedEntry>& entry : OpenEntries(page, verifier, threads)) {
    if (!entry) return Fail(AsError(RefusalOf(entry.error(), tree.size())));
    if (const auto refusal = chronicle.Admit(*entry, root_at)) return Fail(AsError(*refusal));
    tree.Append(entry->leaf);
    report.signatures_checked++;
    report.entries_by_type[static_cast<size_t>(TypeOf(entry->record.event))]++;
  }
  return {};
}

}  // namespace

Result<AuditReport> VerifyAll(const LogReader& log, const NoteKey& log_key,
                              const Verifier& verifier, unsigned threads) {
  const SignedHead shown = log.Head();
  if (shown.head.size == 0 && shown.note.empty()) {
    return Fail(ErrorCode::kNotFound, "the copy is empty: it has not taken any tree head yet");
  }
  DURE_ASSIGN(const SignedHead head, OpenHead(shown.note, log_key, verifier));
  AuditReport report;
  report.head = head.head;
  report.signatures_checked = 1;
  MerkleTree tree;
  Chronicle chronicle(log_key);
  while (tree.size() < head.head.size) {
    DURE_ASSIGN(const std::vector<Bytes> page, log.Read(tree.size(), head.head.size, kPageBytes));
    if (page.empty()) return Fail(ErrorCode::kCorrupt, "entries are missing");
    DURE_TRY(CheckPage(page, verifier, threads, tree, chronicle, report));
  }
  if (tree.Root() != head.head.root) {
    const Refusal refusal{
        RefusalReason::kRewritten, {}, "the entries do not hash to the signed root", {}, {}};
    return Fail(AsError(refusal));
  }
  report.keys_admitted = chronicle.keys().size();
  return report;
}

}  // namespace dure::ledger
