#include "policy/ledger/scrub.h"

#include <algorithm>

#include "policy/ledger/scrub_file.h"

namespace dure::ledger {
namespace {

// Of a row that may say anything at all.
std::string Printable(std::string text) {
  const auto odd = [](unsigned char c) { return c < 0x20 || c > 0x7e; };
  std::replace_if(text.begin(), text.end(), odd, '?');
  return text.size() > 80 ? text.substr(0, 80) + "…" : text;
}

Damage OfEntry(uint64_t index, const std::string& text) {
  return {Rotted::kEntry, index, "entry " + std::to_string(index) + text, {}};
}

Damage OfHead(uint64_t size, const std::string& text) {
  return {Rotted::kHead, size, "the tree head of " + std::to_string(size) + " entries " + text, {}};
}

// Columns as CheckRow reads them.
constexpr char kRows[] =
    "SELECT idx,type,actor,actor_seq,leaf_hash,bytes FROM entry WHERE idx>=?1 AND idx<?2"
    " ORDER BY idx";

bool RowAgrees(const Query& row, const OpenedEntry& entry) {
  const Record& record = entry.record;
  return row.TypeAt(1) == Query::kText && row.TypeAt(2) == Query::kBlob &&
         row.TypeAt(3) == Query::kInteger && row.TypeAt(4) == Query::kBlob &&
         row.TextAt(1) == Name(TypeOf(record.event)) &&
         std::ranges::equal(row.BytesAt(2), record.actor.key) &&
         row.CountAt(3) == record.actor_seq && std::ranges::equal(row.BytesAt(4), entry.leaf.bytes);
}

std::optional<Damage> CheckRow(const Query& row, uint64_t index, const Digest& leaf) {
  const std::string kind = " (" + Printable(row.TextAt(1)) + ")";
  const ByteView bytes = row.BytesAt(5);
  if (row.TypeAt(5) != Query::kBlob || LeafHash(bytes) != leaf) {
    return OfEntry(index, kind + ": its bytes are not those that the signed tree head counts");
  }
  const Result<OpenedEntry> entry = ParseEntry(bytes);
  if (entry && RowAgrees(row, *entry)) return std::nullopt;
  return OfEntry(index, kind + ": what its row says of it is not what its bytes say");
}

std::optional<Damage> CheckHead(const Truth& truth, const Query& row, const Verifier& verifier) {
  const uint64_t size = row.CountAt(0);
  if (size > truth.size) return std::nullopt;  // of a writer beside us
  const Result<SignedHead> head = OpenHead(row.TextAt(1), truth.log_key, verifier);
  if (!head) return OfHead(size, "is no head that the log's key signed");
  if (head->head.size != size) return OfHead(size, "is of another size");
  if (head->head.root == truth.root(size)) return std::nullopt;
  return OfHead(size, "has another root than the entries");
}

std::optional<Damage> CheckLine(const Truth& truth, const Query& row, const Verifier& verifier) {
  const uint64_t size = row.CountAt(0);
  if (size > truth.size) return std::nullopt;
  const Result<CosignerKey> key = CosignerKey::Parse(row.TextAt(1));
  const Result<Cosignature> line = Cosignature::Parse(row.TextAt(2));
  const TreeHead head{truth.log_key.name, size, truth.root(size)};
  const bool good = key && line && row.TextAt(2) == line->Line() && line->cosigner == key->name &&
                    line->key_id == key->Id() && VerifyCosignature(head, *line, *key, verifier);
  if (good) return std::nullopt;
  return Damage{Rotted::kCosignature, size,
                "a cosignature of the tree head of " + std::to_string(size) + " entries (" +
                    Printable(row.TextAt(1)) + ") does not verify",
                row.TextAt(1)};
}

}  // namespace

Truth TruthOf(const LogReader& log) {
  return {log.log_key(), log.Head().head.size, [&log](uint64_t index) { return log.Leaf(index); },
          [&log](uint64_t size) { return log.RootAt(size); }};
}

Damage OfFile(const std::string& path, const std::string& what) {
  return {Rotted::kFile, 0, path + ": " + what, {}};
}

Status CheckRows(Connection& file, const Truth& truth, uint64_t begin, uint64_t end,
                 std::vector<Damage>& found) {
  DURE_ASSIGN(sqlite3_stmt* const statement, file.Prepare(kRows));
  Query row(statement);
  row.Count(begin).Count(end);
  int rc = Query::kDone;
  while ((rc = row.Step()) == Query::kRow) {
    const uint64_t index = row.CountAt(0);
    while (begin < index) found.push_back(OfEntry(begin++, " is gone"));
    if (index != begin) continue;
    if (auto damage = CheckRow(row, index, truth.leaf(index))) found.push_back(std::move(*damage));
    begin++;
  }
  if (rc != Query::kDone) {
    return file.Failure("reading entry " + std::to_string(begin));
  }
  while (begin < end) found.push_back(OfEntry(begin++, " is gone"));
  return {};
}

Status CheckHeads(Connection& file, const Truth& truth, uint64_t begin, uint64_t end,
                  const Verifier& verifier, std::vector<Damage>& found) {
  DURE_ASSIGN(sqlite3_stmt* const heads,
              file.Prepare("SELECT size,note FROM tree_head WHERE size>?1 AND size<=?2"));
  Query head(heads);
  head.Count(begin == 0 ? UINT64_MAX : begin).Count(end);  // from -1 on: the empty tree's too
  bool last = end != truth.size;
  int rc = Query::kDone;
  while ((rc = head.Step()) == Query::kRow) {
    last = last || head.CountAt(0) == end;
    if (auto damage = CheckHead(truth, head, verifier)) found.push_back(std::move(*damage));
  }
  if (rc != Query::kDone) return file.Failure("reading tree heads");
  if (!last) found.push_back(OfHead(end, "is gone"));
  DURE_ASSIGN(sqlite3_stmt* const lines, file.Prepare("SELECT size,cosigner,line FROM cosignature"
                                                      " WHERE size>?1 AND size<=?2"));
  Query line(lines);
  line.Count(begin == 0 ? UINT64_MAX : begin).Count(end);
  while ((rc = line.Step()) == Query::kRow) {
    if (auto damage = CheckLine(truth, line, verifier)) found.push_back(std::move(*damage));
  }
  return rc == Query::kDone ? Status() : file.Failure("reading cosignatures");
}

Status CheckNames(Connection& file, std::vector<Damage>& found) {
  DURE_ASSIGN(sqlite3_stmt* const names, file.Prepare("SELECT key,idx,sum FROM entry_name"));
  Query name(names);
  int rc = Query::kDone;
  while ((rc = name.Step()) == Query::kRow) {
    const uint64_t index = name.CountAt(1);
    const Bytes sum = NameSum(name.TextAt(0), index);
    if (std::ranges::equal(name.BytesAt(2), sum)) continue;
    found.push_back({Rotted::kName, index,
                     "the key '" + Printable(name.TextAt(0)) + "' of entry " +
                         std::to_string(index) + " is not the one that was stored",
                     name.TextAt(0)});
  }
  return rc == Query::kDone ? Status() : file.Failure("reading the entries' keys");
}

Status CheckStructure(Connection& file, const std::string& path, std::vector<Damage>& found) {
  DURE_ASSIGN(sqlite3_stmt* const sizes,
              file.Prepare("SELECT size,(SELECT count(*) FROM entry) FROM tree WHERE id=0"));
  {
    Query size(sizes);
    if (size.Step() != Query::kRow || size.CountAt(0) != size.CountAt(1)) {
      found.push_back(OfFile(path, "the number of entries is not the one that was written"));
    }
  }
  DURE_ASSIGN(const std::string fresh, FreshSchema());
  DURE_ASSIGN(const std::string schema, SchemaOf(file));
  if (schema != fresh) found.push_back(OfFile(path, "the tables are not defined as they were"));
  DURE_ASSIGN(sqlite3_stmt* const check, file.Prepare("PRAGMA integrity_check(4)"));
  Query line(check);
  int rc = Query::kDone;
  while ((rc = line.Step()) == Query::kRow) {
    if (line.TextAt(0) != "ok") found.push_back(OfFile(path, Printable(line.TextAt(0))));
  }
  return rc == Query::kDone ? Status() : file.Failure("checking " + path);
}

Status OpenToRead(Connection& file, const std::string& path) {
  // Read-write, so that it can rebuild the shared memory of a WAL left by a crash; it never writes.
  DURE_TRY(file.Open(path, false));
  return file.Execute("PRAGMA trusted_schema=OFF; PRAGMA query_only=ON;", "opening " + path);
}

// What SQLite refuses to read has rotted as well.
Result<std::vector<Damage>> OrTheFile(const Status& read, const std::string& path,
                                      std::vector<Damage> found) {
  if (!read && read.error().code != ErrorCode::kCorrupt) return Fail(read.error());
  if (!read) found.push_back(OfFile(path, Printable(read.error().message)));
  return found;
}

Result<std::vector<Damage>> Scrub::CheckEntries(const Truth& truth, uint64_t begin,
                                                uint64_t end) const {
  Connection file;
  std::vector<Damage> found;
  Status read = OpenToRead(file, path());
  if (read) read = CheckRows(file, truth, begin, end, found);
  if (read) read = CheckHeads(file, truth, begin, end, verifier_, found);
  return OrTheFile(read, path(), std::move(found));
}

Result<std::vector<Damage>> Scrub::CheckFile() const {
  Connection file;
  std::vector<Damage> found;
  Status read = OpenToRead(file, path());
  if (read) read = CheckNames(file, found);
  if (read) read = CheckStructure(file, path(), found);
  return OrTheFile(read, path(), std::move(found));
}

}  // namespace dure::ledger
