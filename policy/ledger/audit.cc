#include "policy/ledger/audit.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace dure::ledger {
namespace {

constexpr size_t kPageBytes = 1024 * 1024;  // read at a time
constexpr size_t kWaitingPages = 12;        // read and not folded yet
constexpr size_t kOpenedAtOnce = 16;        // entries that one thread opens at a time

// Entries on their way to the fold: opened on whichever core is free, taken in order. No thread
// ever waits for the others to come to the end of something.
class Opening {
 public:
  Opening(const Verifier& verifier, unsigned threads) : verifier_(verifier) {
    for (unsigned t = 0; t < std::max(threads, 1U); ++t) workers_.emplace_back([this] { Work(); });
  }
  ~Opening() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
  }
  Opening(const Opening&) = delete;
  Opening& operator=(const Opening&) = delete;

  void Put(std::vector<Bytes> page) {
    {
      const std::lock_guard lock(mutex_);
      for (size_t begin = 0; begin < page.size(); begin += kOpenedAtOnce) {
        const auto first = page.begin() + static_cast<ptrdiff_t>(begin);
        const auto last =
            first + static_cast<ptrdiff_t>(std::min(kOpenedAtOnce, page.size() - begin));
        auto lot = std::make_unique<Lot>();
        lot->entries.assign(std::make_move_iterator(first), std::make_move_iterator(last));
        lots_.push_back(std::move(lot));
      }
    }
    changed_.notify_all();
  }
  // The next entries in order. REQUIRES: some were put and not taken.
  std::vector<Result<OpenedEntry>> Take() {
    std::unique_lock lock(mutex_);
    opened_.wait(lock, [this] { return lots_.front()->done; });
    const std::unique_ptr<Lot> lot = std::move(lots_.front());
    lots_.pop_front();
    --begun_;
    return std::move(lot->opened);
  }

 private:
  struct Lot {
    std::vector<Bytes> entries;
    std::vector<Result<OpenedEntry>> opened;
    bool done = false;
  };

  void Work() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return stopping_ || begun_ < lots_.size(); });
      if (stopping_) return;
      Lot& lot = *lots_[begun_++];
      lock.unlock();
      lot.opened = OpenEntries(std::move(lot.entries), verifier_, 1);
      lock.lock();
      lot.done = true;
      if (&lot == lots_.front().get()) opened_.notify_one();
    }
  }

  const Verifier& verifier_;
  std::mutex mutex_;  // of all that follows but the workers
  std::condition_variable changed_;
  std::condition_variable opened_;
  std::deque<std::unique_ptr<Lot>> lots_;  // the first `begun_` are being opened, or are open
  size_t begun_ = 0;
  bool stopping_ = false;
  std::vector<std::jthread> workers_;  // last: end before what they use
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
  Opening opening(verifier, threads);
  uint64_t begun = 0;          // entries that were read, and are being opened
  std::deque<uint64_t> pages;  // where those end that are not folded yet
  while (fold.tree.size() < size) {
    while (begun < size && pages.size() < kWaitingPages) {
      DURE_ASSIGN(std::vector<Bytes> page, read(begun, size, kPageBytes));
      if (page.empty()) return Fail(ErrorCode::kCorrupt, "entries are missing");
      begun += page.size();
      pages.push_back(begun);
      opening.Put(std::move(page));
    }
    DURE_TRY(fold.Take(opening.Take()));
    while (!pages.empty() && pages.front() <= fold.tree.size()) pages.pop_front();
  }
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
