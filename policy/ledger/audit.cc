#include "policy/ledger/audit.h"

#include <thread>

namespace dure::ledger {
namespace {

// All threads meet at the end of a page, and some then wait: a page is many lots of work for each.
constexpr size_t kPageBytes = 4 * 1024 * 1024;

// A page whose entries are being opened in the background.
class OpeningPage {
 public:
  OpeningPage(std::vector<Bytes> page, const Verifier& verifier, unsigned threads)
      : page_(std::move(page)), work_([this, &verifier, threads] {
          opened_ = OpenEntries(std::move(page_), verifier, threads);
        }) {}
  std::vector<Result<OpenedEntry>> Wait() {
    work_.join();
    return std::move(opened_);
  }

 private:
  std::vector<Bytes> page_;
  std::vector<Result<OpenedEntry>> opened_;
  std::jthread work_;  // last: ends before what it fills
};

struct Fold {
  Fold(const NoteKey& log_key, const EntryVisitor& visitor) : visit(visitor), chronicle(log_key) {}
  const EntryVisitor& visit;
  MerkleTree tree;
  Chronicle chronicle;
  AuditReport report;
  Anchor last{0, EmptyRoot()};  // whoever speaks in a round has mostly seen the same head

  Digest RootAt(uint64_t size) {
    if (size != last.size) last = {size, tree.RootAt(size)};
    return last.root;
  }
  Status Take(const std::vector<Result<OpenedEntry>>& opened) {
    const auto root_at = [this](uint64_t size) { return RootAt(size); };
    for (const Result<OpenedEntry>& entry : opened) {
      if (!entry) return Fail(AsError(RefusalOf(entry.error(), tree.size())));
      if (const auto refusal = chronicle.Admit(*entry, root_at)) return Fail(AsError(*refusal));
      tree.Append(entry->leaf);
      if (visit) visit(*entry);
      report.signatures_checked++;
      report.entries_by_type[static_cast<size_t>(TypeOf(entry->record.event))]++;
    }
    return {};
  }
};

}  // namespace

Result<AuditReport> VerifyPages(const std::string& note, const PageReader& read,
                                const NoteKey& log_key, const Verifier& verifier, unsigned threads,
                                const EntryVisitor& visit) {
  DURE_ASSIGN(const SignedHead head, OpenHead(note, log_key, verifier));
  const uint64_t size = head.head.size;
  Fold fold(log_key, visit);
  uint64_t begun = 0;  // entries that were read, and are being opened
  std::unique_ptr<OpeningPage> opening;
  const auto begin_next = [&]() -> Status {
    if (begun == size) return {};
    DURE_ASSIGN(std::vector<Bytes> page, read(begun, size, kPageBytes));
    if (page.empty()) return Fail(ErrorCode::kCorrupt, "entries are missing");
    begun += page.size();
    // The page before it is opened first: two at once would only share the same cores.
    std::vector<Result<OpenedEntry>> opened;
    if (opening) opened = opening->Wait();
    opening = std::make_unique<OpeningPage>(std::move(page), verifier, threads);
    return fold.Take(opened);
  };
  while (begun < size) DURE_TRY(begin_next());
  if (opening) DURE_TRY(fold.Take(opening->Wait()));
  if (fold.tree.Root() != head.head.root) {
    const Refusal refusal{
        RefusalReason::kRewritten, {}, "the entries do not hash to the signed root", {}, {}};
    return Fail(AsError(refusal));
  }
  fold.report.head = head.head;
  fold.report.log_key = log_key;
  fold.report.signatures_checked++;  // the head's
  fold.report.keys_admitted = fold.chronicle.keys().size();
  return std::move(fold.report);
}

Result<AuditReport> VerifyAll(const LogReader& log, const NoteKey& log_key,
                              const Verifier& verifier, unsigned threads,
                              const EntryVisitor& visit) {
  const SignedHead shown = log.Head();
  if (shown.head.size == 0 && shown.note.empty()) {
    return Fail(ErrorCode::kNotFound, "the copy is empty: it has not taken any tree head yet");
  }
  const auto read = [&log](uint64_t begin, uint64_t end, size_t bytes_max) {
    return log.Read(begin, end, bytes_max);
  };
  return VerifyPages(shown.note, read, log_key, verifier, threads, visit);
}

}  // namespace dure::ledger
