// Mending in place, beside a daemon's own connections: one thing, one transaction, and looked at
// again before it is committed.
#include <algorithm>

#include "policy/ledger/scrub_file.h"

namespace dure::ledger {
namespace {

// The tables refuse changes, this one's too: what they refuse with is taken away for as long as the
// transaction lasts. Indexes are made anew, since a row that rotted is not where they say.
constexpr char kLoosenEntries[] =
    "DROP TRIGGER IF EXISTS entry_keeps; DROP TRIGGER IF EXISTS entry_stays; REINDEX entry;";
constexpr char kLoosenHeads[] =
    "DROP TRIGGER IF EXISTS head_keeps; DROP TRIGGER IF EXISTS head_stays; REINDEX tree_head;";

template <typename Bind>
Status Change(Connection& file, const char* sql, const Bind& bind) {
  DURE_ASSIGN(sqlite3_stmt* const statement, file.Prepare(sql));
  Query query(statement);
  bind(query);
  if (query.Step() != Query::kDone) return file.Failure("mending the ledger");
  return {};
}

tl::unexpected<Error> MustBeMadeAnew(const Damage& damage) {
  return Fail(ErrorCode::kFailedPrecondition,
              damage.text +
                  ": it cannot be put right in its place. Stop the daemon and run dure "
                  "ledger heal");
}

// Whole bytes of entry `index`: the row's own where only what it says of them rotted.
Result<Bytes> WholeEntry(Connection& file, const Truth& truth, uint64_t index,
                         const Spares& spares) {
  DURE_ASSIGN(sqlite3_stmt* const statement, file.Prepare("SELECT bytes FROM entry WHERE idx=?1"));
  Query own(statement);
  if (own.Count(index).Step() == Query::kRow && LeafHash(own.BytesAt(0)) == truth.leaf(index)) {
    const ByteView bytes = own.BytesAt(0);
    return Bytes(bytes.begin(), bytes.end());
  }
  std::optional<Bytes> spare;
  if (spares.entry) spare = spares.entry(index);
  const std::string name = "entry " + std::to_string(index);
  if (!spare) return Fail(ErrorCode::kNotFound, "nobody has shown " + name + " whole yet");
  if (LeafHash(*spare) == truth.leaf(index)) return std::move(*spare);
  return Fail(ErrorCode::kInvalid,
              "what was given for " + name + " does not fit the signed tree head");
}

Status MendEntry(Connection& file, const Truth& truth, const Damage& damage, const Spares& spares) {
  const uint64_t index = damage.at;
  DURE_ASSIGN(const Bytes bytes, WholeEntry(file, truth, index, spares));
  DURE_ASSIGN(const OpenedEntry entry, ParseEntry(bytes));
  DURE_TRY(file.Execute(kLoosenEntries, "mending an entry"));
  DURE_TRY(
      Change(file, "DELETE FROM entry WHERE idx=?1", [&](Query& query) { query.Count(index); }));
  DURE_ASSIGN(sqlite3_stmt* const insert, PrepareInsert(file));
  DURE_TRY(InsertEntry(file, insert, index, entry));
  DURE_TRY(file.Execute(kLedgerSchema, "mending an entry"));
  std::vector<Damage> left;
  DURE_TRY(CheckRows(file, truth, index, index + 1, left));
  return left.empty() ? Status() : MustBeMadeAnew(damage);
}

Status MendHead(Connection& file, const Truth& truth, const Damage& damage, const Spares& spares,
                const Verifier& verifier) {
  const uint64_t size = damage.at;
  std::optional<std::string> note;
  if (spares.note) note = spares.note(size);
  if (!note && size == truth.size) {
    return Fail(ErrorCode::kNotFound, "nobody has shown the last tree head whole yet");
  }
  const auto of_size = [&](Query& query) { query.Count(size); };
  DURE_TRY(file.Execute(kLoosenHeads, "mending a tree head"));
  DURE_TRY(Change(file, "DELETE FROM tree_head WHERE size=?1", of_size));
  if (note) {
    DURE_TRY(Change(file, "INSERT INTO tree_head(size,note) VALUES(?1,?2)",
                    [&](Query& query) { query.Count(size).Text(*note); }));
  } else {
    DURE_TRY(Change(file, "DELETE FROM cosignature WHERE size=?1", of_size));
  }
  DURE_TRY(file.Execute(kLedgerSchema, "mending a tree head"));
  std::vector<Damage> left;
  DURE_TRY(CheckHeads(file, truth, size == 0 ? 0 : size - 1, size, verifier, left));
  const bool still = std::ranges::any_of(
      left, [&](const Damage& one) { return one.what == Rotted::kHead && one.at == size; });
  return still ? MustBeMadeAnew(damage) : Status();
}

Status MendCosignature(Connection& file, const Damage& damage) {
  DURE_TRY(Change(file, "DELETE FROM cosignature WHERE size=?1 AND cosigner=?2",
                  [&](Query& query) { query.Count(damage.at).Text(damage.row); }));
  return file.changes() == 1 ? Status() : MustBeMadeAnew(damage);
}

Status MendName(Connection& file, const Truth& truth, const Damage& damage) {
  DURE_ASSIGN(sqlite3_stmt* const select, file.Prepare("SELECT sum FROM entry_name WHERE key=?1"));
  Bytes sum;
  {
    Query query(select);
    if (query.Text(damage.row).Step() != Query::kRow) return MustBeMadeAnew(damage);
    const ByteView stored = query.BytesAt(0);
    sum.assign(stored.begin(), stored.end());
  }
  DURE_TRY(Change(file, "DELETE FROM entry_name WHERE key=?1",
                  [&](Query& query) { query.Text(damage.row); }));
  if (file.changes() != 1) return MustBeMadeAnew(damage);
  const auto before = NameBefore({damage.row, damage.at}, sum, truth.size);
  return before ? InsertName(file, *before) : Status();
}

Status MendFile(Connection& file, const std::string& path, const Damage& damage) {
  DURE_TRY(file.Execute("REINDEX;", "making the indexes anew"));
  std::vector<Damage> left;
  DURE_TRY(CheckStructure(file, path, left));
  return left.empty() ? Status() : MustBeMadeAnew(damage);
}

}  // namespace

std::optional<EntryName> NameBefore(const EntryName& now, ByteView sum, uint64_t entries) {
  const auto fits = [&](const std::string& key, uint64_t index) {
    return std::ranges::equal(NameSum(key, index), sum);
  };
  const Bytes due = NameSum(now.key, now.index);
  size_t same = 0;
  for (size_t i = 0; i < std::min(due.size(), sum.size()); ++i) same += due[i] == sum[i] ? 1 : 0;
  if (sum.size() == due.size() && same + 1 >= due.size()) return now;
  for (uint64_t index = 0; index < entries; ++index) {
    if (fits(now.key, index)) return EntryName{now.key, index};
  }
  std::string key = now.key;
  for (char& byte : key) {
    const char was = byte;
    for (int other = 0; other < 256; ++other) {
      byte = static_cast<char>(other);
      if (fits(key, now.index)) return EntryName{key, now.index};
    }
    byte = was;
  }
  return std::nullopt;
}

Result<sqlite3_stmt*> PrepareInsert(Connection& file) {
  return file.Prepare(
      "INSERT INTO entry(idx,type,actor,actor_seq,leaf_hash,bytes) VALUES(?1,?2,?3,?4,?5,?6)");
}

Status InsertEntry(Connection& file, sqlite3_stmt* insert, uint64_t index,
                   const OpenedEntry& entry) {
  Query query(insert);
  query.Count(index).Text(Name(TypeOf(entry.record.event))).Blob(entry.record.actor.key);
  query.Count(entry.record.actor_seq).Blob(entry.leaf.bytes).Blob(entry.bytes);
  return query.Step() == Query::kDone ? Status() : file.Failure("writing an entry");
}

Status InsertName(Connection& file, const EntryName& name) {
  const Bytes sum = NameSum(name.key, name.index);
  return Change(file, "INSERT INTO entry_name(key,idx,sum) VALUES(?1,?2,?3)",
                [&](Query& query) { query.Text(name.key).Count(name.index).Blob(sum); });
}

Status Scrub::Mend(const Truth& truth, const Damage& damage, const Spares& spares) const {
  Connection file;
  DURE_TRY(file.Open(path(), false));
  DURE_TRY(
      file.Execute("PRAGMA synchronous=FULL; PRAGMA trusted_schema=OFF;", "opening " + path()));
  DURE_TRY(file.Execute("BEGIN IMMEDIATE", "mending " + path()));
  Status done;
  switch (damage.what) {
    case Rotted::kEntry:
      done = MendEntry(file, truth, damage, spares);
      break;
    case Rotted::kHead:
      done = MendHead(file, truth, damage, spares, verifier_);
      break;
    case Rotted::kCosignature:
      done = MendCosignature(file, damage);
      break;
    case Rotted::kName:
      done = MendName(file, truth, damage);
      break;
    case Rotted::kFile:
      done = MendFile(file, path(), damage);
      break;
  }
  if (done) done = file.Execute("COMMIT", "mending " + path());
  if (!done) file.RollBack();
  if (!done && done.error().code == ErrorCode::kCorrupt) return MustBeMadeAnew(damage);
  return done;
}

}  // namespace dure::ledger
