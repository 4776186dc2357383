#include <filesystem>
#include <mutex>

#include "federation/check.h"
#include "federation/write_ahead.h"
#include "policy/ledger/entry_store.h"
#include "policy/ledger/folder_lock.h"
#include "policy/ledger/merkle.h"
#include "policy/ledger/sqlite_connection.h"

namespace dure::ledger {
namespace {

constexpr char kPragmas[] =
    "PRAGMA synchronous=FULL;"
    "PRAGMA foreign_keys=ON;"
    "PRAGMA trusted_schema=OFF;";

class SqliteStore final : public EntryStore {
 public:
  Status Open(const SqliteStoreOptions& options) {
    const std::string path = options.dir + "/ledger.db";
    if (options.read_only) {
      if (!std::filesystem::exists(path)) return Fail(ErrorCode::kNotFound, "no ledger at " + path);
    } else {
      DURE_TRY(lock_.Take(options.dir + "/ledger.lock"));
      DURE_TRY(OpenWriter(path, options.file_bytes_max));
    }
    // Read-write, so that a reader can rebuild the shared memory of a WAL left by a crash; it never
    // writes.
    DURE_TRY(reader_.Open(path, false));
    DURE_TRY(
        reader_.Execute("PRAGMA trusted_schema=OFF; PRAGMA query_only=ON;", "opening " + path));
    DURE_ASSIGN(read_,
                reader_.Prepare("SELECT bytes FROM entry WHERE idx>=?1 AND idx<?2 ORDER BY idx"));
    DURE_ASSIGN(size_, reader_.Prepare("SELECT count(*) FROM entry"));
    DURE_ASSIGN(last_head_,
                reader_.Prepare("SELECT size,note FROM tree_head ORDER BY size DESC LIMIT 1"));
    DURE_ASSIGN(head_within_,
                reader_.Prepare("SELECT size,note FROM tree_head WHERE size>?1 AND size<=?2"
                                " ORDER BY size DESC LIMIT 1"));
    DURE_ASSIGN(head_beyond_, reader_.Prepare("SELECT size,note FROM tree_head WHERE size>?1"
                                              " ORDER BY size LIMIT 1"));
    DURE_ASSIGN(head_at_, reader_.Prepare("SELECT size,note FROM tree_head WHERE size=?1"));
    DURE_TRY(PrepareCosignatures());
    DURE_TRY(PrepareNames());
    DURE_ASSIGN(find_leaf_, reader_.Prepare("SELECT idx FROM entry WHERE leaf_hash=?1"));
    return {};
  }

  Status Commit(uint64_t first, const std::vector<NewEntry>& group,
                const NoteOver& note_over) override {
    return InTransaction([&] { return Write(first, group, note_over); });
  }

  Status PutCosignatures(const StoredHead& head,
                         const std::vector<StoredCosignature>& lines) override {
    return InTransaction([&]() -> Status {
      Query note(keep_head_);
      if (note.Count(head.size).Text(head.note).Step() != Query::kDone)
        return writer_.Failure("writing a co-signed tree head");
      for (const StoredCosignature& one : lines) {
        Query line(insert_line_);
        line.Count(head.size).Text(one.cosigner).Text(one.line);
        if (line.Step() != Query::kDone) return writer_.Failure("writing a cosignature");
      }
      return {};
    });
  }

  Result<std::vector<StoredCosignature>> CosignaturesAt(uint64_t size) const override {
    const std::lock_guard lock(mutex_);
    std::vector<StoredCosignature> lines;
    if (lines_at_ == nullptr) return lines;
    Query query(lines_at_);
    query.Count(size);
    int rc = Query::kDone;
    while ((rc = query.Step()) == Query::kRow) {
      lines.push_back(
          {std::string(AsText(query.BytesAt(0))), std::string(AsText(query.BytesAt(1)))});
    }
    if (rc != Query::kDone) return reader_.Failure("reading cosignatures");
    return lines;
  }

  Result<std::optional<uint64_t>> CosignedSizeBelow(uint64_t below) const override {
    if (size_below_ == nullptr) return std::optional<uint64_t>();
    const uint64_t bound = std::min(below, uint64_t{INT64_MAX});
    return FindOne(size_below_, [&](Query& query) { query.Count(bound); });
  }
  Result<std::optional<StoredHead>> HeadAt(uint64_t size) const override {
    return FindHead(head_at_, [&](Query& query) { query.Count(size); });
  }

  Result<std::vector<Bytes>> Read(uint64_t begin, uint64_t end, size_t bytes_max) const override {
    const std::lock_guard lock(mutex_);
    Query query(read_);
    query.Count(begin).Count(end);
    std::vector<Bytes> page;
    size_t bytes = 0;
    int rc = Query::kDone;
    while ((rc = query.Step()) == Query::kRow) {
      const ByteView entry = query.BytesAt(0);
      bytes += entry.size();
      if (!page.empty() && bytes > bytes_max) return page;
      page.emplace_back(entry.begin(), entry.end());
    }
    if (rc != Query::kDone) return reader_.Failure("reading the ledger");
    return page;
  }

  Result<uint64_t> Size() const override {
    DURE_ASSIGN(const std::optional<uint64_t> size, FindOne(size_, [](Query&) {}));
    return size.value_or(0);
  }
  Result<std::optional<StoredHead>> LastHead() const override {
    return FindHead(last_head_, [](Query&) {});
  }
  Result<std::optional<StoredHead>> HeadFor(uint64_t from, uint64_t entries_max) const override {
    const uint64_t to = from + std::min(entries_max, uint64_t{INT64_MAX} - from);
    DURE_ASSIGN(std::optional<StoredHead> within,
                FindHead(head_within_, [&](Query& query) { query.Count(from).Count(to); }));
    if (within) return within;
    return FindHead(head_beyond_, [&](Query& query) { query.Count(from); });
  }
  Result<std::optional<uint64_t>> FindKey(std::string_view key) const override {
    if (find_key_ == nullptr) return std::optional<uint64_t>();
    return FindOne(find_key_, [&](Query& query) { query.Text(key); });
  }
  Result<std::optional<uint64_t>> FindLeaf(const Digest& leaf) const override {
    return FindOne(find_leaf_, [&](Query& query) { query.Blob(leaf.bytes); });
  }

 private:
  Status OpenWriter(const std::string& path, uint64_t file_bytes_max) {
    DURE_TRY(writer_.Open(path, true));
    DURE_TRY(writer_.Execute("PRAGMA journal_mode=WAL;", "opening " + path));
    DURE_TRY(writer_.Execute(kPragmas, "opening " + path));
    if (file_bytes_max > 0) {
      const std::string bound =
          "PRAGMA max_page_count=" + std::to_string(file_bytes_max / 4096 + 1);
      DURE_TRY(writer_.Execute(bound.c_str(), "opening " + path));
    }
    DURE_TRY(InTransaction([&] {
      Status made = writer_.Execute(kLedgerSchema, "opening " + path);
      if (made) GiveWriteAheadRoom(path);
      return made;
    }));
    DURE_ASSIGN(insert_,
                writer_.Prepare("INSERT INTO entry(idx,type,actor,actor_seq,leaf_hash,bytes)"
                                " VALUES(?1,?2,?3,?4,?5,?6)"));
    DURE_ASSIGN(insert_key_,
                writer_.Prepare("INSERT INTO entry_name(key,idx,sum) VALUES(?1,?2,?3)"));
    DURE_ASSIGN(read_back_, writer_.Prepare("SELECT bytes FROM entry WHERE idx>=?1 ORDER BY idx"));
    DURE_TRY(TakeOldNames());
    DURE_ASSIGN(swap_, writer_.Prepare("UPDATE tree SET size=?1 WHERE id=0 AND size=?2"));
    DURE_ASSIGN(insert_head_, writer_.Prepare("INSERT INTO tree_head(size,note) VALUES(?1,?2)"));
    DURE_ASSIGN(keep_head_,
                writer_.Prepare("INSERT OR IGNORE INTO tree_head(size,note) VALUES(?1,?2)"));
    DURE_ASSIGN(insert_line_,
                writer_.Prepare("INSERT OR IGNORE INTO cosignature(size,cosigner,line)"
                                " VALUES(?1,?2,?3)"));
    return {};
  }

  Status PrepareNames() {
    DURE_ASSIGN(sqlite3_stmt* const has,
                reader_.Prepare("SELECT 1 FROM sqlite_master WHERE name='entry_name'"));
    if (Query(has).Step() != Query::kRow) return {};
    DURE_ASSIGN(find_key_, reader_.Prepare("SELECT idx FROM entry_name WHERE key=?1"));
    return {};
  }

  // A file from before keys had sums: they get them now.
  Status TakeOldNames() {
    DURE_ASSIGN(sqlite3_stmt* const has,
                writer_.Prepare("SELECT 1 FROM sqlite_master WHERE name='entry_key'"));
    if (Query(has).Step() != Query::kRow) return {};
    DURE_ASSIGN(sqlite3_stmt* const old, writer_.Prepare("SELECT key,idx FROM entry_key"));
    return InTransaction([&]() -> Status {
      {
        Query query(old);
        int rc = Query::kDone;
        while ((rc = query.Step()) == Query::kRow) {
          DURE_TRY(InsertName(query.TextAt(0), query.CountAt(1)));
        }
        if (rc != Query::kDone) return writer_.Failure("reading the old keys");
      }
      return writer_.Execute("DROP TABLE entry_key", "dropping the old keys");
    });
  }

  // A copy from before cosignatures has no such table, and a reader makes none.
  Status PrepareCosignatures() {
    DURE_ASSIGN(sqlite3_stmt* const has,
                reader_.Prepare("SELECT 1 FROM sqlite_master WHERE name='cosignature'"));
    if (Query(has).Step() != Query::kRow) return {};
    DURE_ASSIGN(lines_at_, reader_.Prepare("SELECT cosigner,line FROM cosignature WHERE size=?1"
                                           " ORDER BY cosigner"));
    DURE_ASSIGN(size_below_,
                reader_.Prepare("SELECT size FROM cosignature WHERE size<?1 ORDER BY size DESC"
                                " LIMIT 1"));
    return {};
  }

  template <typename Work>
  Status InTransaction(const Work& work) {
    const std::lock_guard lock(writer_mutex_);
    DURE_TRY(writer_.Execute("BEGIN IMMEDIATE", "starting a commit of the ledger"));
    Status done = work();
    if (done) done = writer_.Execute("COMMIT", "committing to the ledger");
    if (!done) writer_.RollBack();
    return done;
  }

  Status Write(uint64_t first, const std::vector<NewEntry>& group, const NoteOver& note_over) {
    uint64_t index = first;
    for (const NewEntry& item : group) DURE_TRY(Insert(index++, item));
    DURE_ASSIGN(const std::vector<Digest> leaves, ReadBack(first, group.size()));
    {
      Query swap(swap_);
      if (swap.Count(index).Count(first).Step() != Query::kDone)
        return writer_.Failure("writing the tree");
      if (writer_.changes() != 1) {
        return Fail(ErrorCode::kFailedPrecondition, "the store does not end where this log does");
      }
    }
    DURE_ASSIGN(const std::string note, note_over(leaves));
    Query head(insert_head_);
    if (head.Count(index).Text(note).Step() != Query::kDone)
      return writer_.Failure("writing the tree head");
    return {};
  }

  Status Insert(uint64_t index, const NewEntry& item) {
    const OpenedEntry& entry = *item.entry;
    Query insert(insert_);
    insert.Count(index).Text(Name(TypeOf(entry.record.event))).Blob(entry.record.actor.key);
    insert.Count(entry.record.actor_seq).Blob(entry.leaf.bytes).Blob(entry.bytes);
    if (insert.Step() != Query::kDone) return writer_.Failure("writing an entry");
    if (item.key.empty()) return {};
    return InsertName(item.key, index);
  }

  Status InsertName(const std::string& name, uint64_t index) {
    const Bytes sum = NameSum(name, index);
    Query key(insert_key_);
    if (key.Text(name).Count(index).Blob(sum).Step() == Query::kDone) return {};
    return writer_.Failure("writing an entry's key");
  }

  // What is signed is what the store gives back: one flipped bit once ended a public log.
  Result<std::vector<Digest>> ReadBack(uint64_t first, size_t count) {
    std::vector<Digest> leaves;
    Query query(read_back_);
    query.Count(first);
    int rc = Query::kDone;
    while ((rc = query.Step()) == Query::kRow) leaves.push_back(LeafHash(query.BytesAt(0)));
    if (rc != Query::kDone) return writer_.Failure("reading entries back");
    if (leaves.size() != count)
      return Fail(ErrorCode::kFailedPrecondition, "another writer was here");
    return leaves;
  }

  template <typename Bind>
  Result<std::optional<uint64_t>> FindOne(sqlite3_stmt* statement, const Bind& bind) const {
    const std::lock_guard lock(mutex_);
    Query query(statement);
    bind(query);
    const int rc = query.Step();
    if (rc == Query::kRow) return std::optional(query.CountAt(0));
    if (rc != Query::kDone) return reader_.Failure("reading the ledger");
    return std::optional<uint64_t>();
  }

  template <typename Bind>
  Result<std::optional<StoredHead>> FindHead(sqlite3_stmt* statement, const Bind& bind) const {
    const std::lock_guard lock(mutex_);
    Query query(statement);
    bind(query);
    const int rc = query.Step();
    if (rc == Query::kRow) {
      return std::optional(StoredHead{query.CountAt(0), std::string(AsText(query.BytesAt(1)))});
    }
    if (rc != Query::kDone) return reader_.Failure("reading the ledger");
    return std::optional<StoredHead>();
  }

  FolderLock lock_;
  std::mutex writer_mutex_;  // guards the writer and its statements
  Connection writer_;
  mutable std::mutex mutex_;  // guards the reader and its statements
  Connection reader_;
  sqlite3_stmt *insert_ = nullptr, *insert_key_ = nullptr, *read_back_ = nullptr, *swap_ = nullptr,
               *insert_head_ = nullptr, *keep_head_ = nullptr, *insert_line_ = nullptr;
  sqlite3_stmt *read_ = nullptr, *size_ = nullptr, *last_head_ = nullptr, *head_within_ = nullptr,
               *head_beyond_ = nullptr, *find_key_ = nullptr, *find_leaf_ = nullptr,
               *head_at_ = nullptr, *lines_at_ = nullptr, *size_below_ = nullptr;
};

}  // namespace

Result<std::unique_ptr<EntryStore>> OpenSqliteStore(const SqliteStoreOptions& options) {
  auto store = std::make_unique<SqliteStore>();
  DURE_TRY(store->Open(options));
  return store;
}

}  // namespace dure::ledger
