// A folder that no daemon holds: what must be in it, what is, and a file made anew of both.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>

#include "policy/ledger/folder_lock.h"
#include "policy/ledger/merkle.h"
#include "policy/ledger/scrub_file.h"

namespace dure::ledger {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kSizeMax = uint64_t{1} << 32;
constexpr size_t kPageBytes = size_t{4} << 20;

// What a file holds, read in whatever order it still gives it back.
struct Remains {
  std::map<uint64_t, Digest> said;       // leaf hashes as the rows have them
  std::map<Digest, uint64_t> hashed;     // rows by the hash of their bytes
  std::map<uint64_t, SignedHead> heads;  // those that the log's key signed
  uint64_t largest = 0;                  // size that anything in the file claims
};

// Until SQLite can read no further: what it refuses is found by the checks.
template <typename Row>
Status Each(Connection& file, const char* sql, const Row& row) {
  const Result<sqlite3_stmt*> statement = file.Prepare(sql);
  if (!statement && statement.error().code == ErrorCode::kCorrupt) return {};
  if (!statement) return Fail(statement.error());
  Query query(*statement);
  int rc = Query::kDone;
  while ((rc = query.Step()) == Query::kRow) row(query);
  if (rc == Query::kDone) return {};
  const Error error = file.Failure("reading the ledger").value();
  return error.code == ErrorCode::kCorrupt ? Status() : Fail(error);
}

Result<Remains> Survey(Connection& file, const NoteKey& key, const Verifier& verifier) {
  Remains found;
  DURE_TRY(Each(file, "SELECT idx,leaf_hash,bytes FROM entry", [&](const Query& row) {
    const auto said = Digest::FromBytes(row.BytesAt(1));
    if (said) found.said[row.CountAt(0)] = *said;
    found.hashed[LeafHash(row.BytesAt(2))] = row.CountAt(0);
    found.largest++;
  }));
  // More than there is room for is a number that rotted.
  DURE_TRY(Each(file, "SELECT size FROM tree", [&](const Query& row) {
    if (row.CountAt(0) <= kSizeMax) found.largest = std::max(found.largest, row.CountAt(0));
  }));
  DURE_TRY(Each(file, "SELECT size,note FROM tree_head", [&](const Query& row) {
    if (row.CountAt(0) <= kSizeMax) found.largest = std::max(found.largest, row.CountAt(0));
    auto head = OpenHead(row.TextAt(1), key, verifier);
    if (head) found.heads[head->head.size] = std::move(*head);
  }));
  return found;
}

tl::unexpected<Error> CannotTell(const std::string& why) {
  return Fail(ErrorCode::kCorrupt, why + ". Take a copy that holds more: another member's");
}

// The tree under the file's own last head, of the leaves that its rows name, or that `other` has.
Result<MerkleTree> OwnTree(const Remains& remains, const SignedHead& head, const LogReader* other) {
  const uint64_t shared = other == nullptr ? 0 : std::min(other->Head().head.size, head.head.size);
  for (const uint64_t taken : {uint64_t{0}, shared}) {
    MerkleTree tree;
    for (uint64_t index = 0; index < head.head.size; ++index) {
      const auto said = remains.said.find(index);
      if (index >= taken && said == remains.said.end()) break;
      tree.Append(index < taken ? other->Leaf(index) : said->second);
    }
    if (tree.size() == head.head.size && tree.Root() == head.head.root) return tree;
  }
  return CannotTell("the signed root of " + std::to_string(head.head.size) +
                    " entries can be made neither of this file's leaf hashes nor of that copy's");
}

// What must be there. kCorrupt: the two contradict each other, or neither has it.
Result<MerkleTree> TreeOf(const Remains& remains, const NoteKey& key, const LogReader* other) {
  if (other != nullptr && other->log_key() != key) {
    return Fail(ErrorCode::kInvalid, "that copy is of another log, " + other->log_key().Vkey());
  }
  const uint64_t others = other == nullptr ? 0 : other->Head().head.size;
  for (const auto& [size, head] : remains.heads) {
    if (other == nullptr || size > others || other->RootAt(size) == head.head.root) continue;
    return Fail(ErrorCode::kCorrupt, "that copy contradicts this one's signed head of " +
                                         std::to_string(size) +
                                         " entries; dure ledger compare says where they part");
  }
  const bool last_is_whole =
      !remains.heads.empty() && remains.heads.rbegin()->first == remains.largest;
  if (last_is_whole && remains.largest > others) {
    return OwnTree(remains, remains.heads.rbegin()->second, other);
  }
  if (last_is_whole) {
    auto own = OwnTree(remains, remains.heads.rbegin()->second, nullptr);
    if (own || other == nullptr) return own;
  }
  if (other == nullptr || others == 0 || others < remains.largest) {
    return CannotTell("this file speaks of " + std::to_string(remains.largest) +
                      " entries, and the tree head over them has rotted");
  }
  MerkleTree tree;
  const uint64_t size = last_is_whole ? remains.largest : others;
  for (uint64_t index = 0; index < size; ++index) tree.Append(other->Leaf(index));
  return tree;
}

Truth TruthOf(std::shared_ptr<const MerkleTree> tree, const NoteKey& key) {
  return {key, tree->size(), [tree](uint64_t index) { return tree->Leaf(index); },
          [tree](uint64_t size) { return tree->RootAt(size); }};
}

Result<std::vector<Damage>> CheckAll(Connection& file, const std::string& path, const Truth& truth,
                                     const Verifier& verifier) {
  std::vector<Damage> found;
  for (const Status& read : {CheckRows(file, truth, 0, truth.size, found),
                             CheckHeads(file, truth, 0, truth.size, verifier, found),
                             CheckNames(file, found), CheckStructure(file, path, found)}) {
    if (read) continue;
    if (read.error().code != ErrorCode::kCorrupt) return Fail(read.error());
    found.push_back(OfFile(path, read.error().message));
  }
  return found;
}

class Anew {
 public:
  Anew(Connection& from, const Truth& truth, const Remains& remains, const LogReader* other,
       const Verifier& verifier)
      : from_(from), truth_(truth), remains_(remains), other_(other), verifier_(verifier) {}

  Status Write(const std::string& path) {
    DURE_TRY(to_.Open(path, true));
    DURE_TRY(to_.Execute("PRAGMA synchronous=FULL; BEGIN IMMEDIATE", "making " + path));
    DURE_TRY(to_.Execute(kLedgerSchema, "making " + path));
    DURE_TRY(Entries());
    DURE_TRY(Heads());
    DURE_TRY(Cosignatures());
    DURE_TRY(Names());
    const std::string size = "UPDATE tree SET size=" + std::to_string(truth_.size);
    DURE_TRY(to_.Execute(size.c_str(), "making " + path));
    return to_.Execute("COMMIT", "making " + path);
  }

 private:
  Result<Bytes> Entry(sqlite3_stmt* own, uint64_t index) const {
    const Digest leaf = truth_.leaf(index);
    if (const auto row = remains_.hashed.find(leaf); own && row != remains_.hashed.end()) {
      Query query(own);
      query.Count(row->second);
      if (query.Step() == Query::kRow && LeafHash(query.BytesAt(0)) == leaf) {
        const ByteView bytes = query.BytesAt(0);
        return Bytes(bytes.begin(), bytes.end());
      }
    }
    if (other_ != nullptr && index < other_->Head().head.size && other_->Leaf(index) == leaf) {
      DURE_ASSIGN(std::vector<Bytes> entry, other_->Read(index, index + 1, kPageBytes));
      return std::move(entry.front());
    }
    return CannotTell("entry " + std::to_string(index) +
                      " has rotted, and that copy ends before it");
  }

  Status Entries() {
    const auto own = from_.Prepare("SELECT bytes FROM entry WHERE idx=?1");
    DURE_ASSIGN(sqlite3_stmt* const insert, PrepareInsert(to_));
    for (uint64_t index = 0; index < truth_.size; ++index) {
      DURE_ASSIGN(const Bytes bytes, Entry(own ? *own : nullptr, index));
      DURE_ASSIGN(const OpenedEntry entry, ParseEntry(bytes));
      DURE_TRY(InsertEntry(to_, insert, index, entry));
    }
    return {};
  }

  Status Heads() {
    std::map<uint64_t, std::string> notes;
    for (const auto& [size, head] : remains_.heads) {
      if (size <= truth_.size && head.head.root == truth_.root(size)) notes[size] = head.note;
    }
    if (!notes.contains(truth_.size) && other_ != nullptr) {
      DURE_ASSIGN(const CosignedHead head, other_->Cosigned(truth_.size));
      notes[truth_.size] = head.head.note;
    }
    DURE_ASSIGN(sqlite3_stmt* const insert,
                to_.Prepare("INSERT INTO tree_head(size,note) VALUES(?1,?2)"));
    for (const auto& [size, note] : notes) {
      kept_.push_back(size);
      Query query(insert);
      if (query.Count(size).Text(note).Step() != Query::kDone) return to_.Failure("writing a head");
    }
    return {};
  }

  Status Cosignatures() {
    DURE_ASSIGN(sqlite3_stmt* const insert,
                to_.Prepare("INSERT OR IGNORE INTO cosignature(size,cosigner,line)"
                            " VALUES(?1,?2,?3)"));
    Status written;
    DURE_TRY(Each(from_, "SELECT size,cosigner,line FROM cosignature", [&](const Query& row) {
      const uint64_t size = row.CountAt(0);
      if (!written || !std::ranges::binary_search(kept_, size)) return;
      const std::string cosigner = row.TextAt(1);
      const std::string text = row.TextAt(2);
      const auto key = CosignerKey::Parse(cosigner);
      const auto line = Cosignature::Parse(text);
      const TreeHead head{truth_.log_key.name, size, truth_.root(size)};
      if (!key || !line || !VerifyCosignature(head, *line, *key, verifier_)) return;
      Query query(insert);
      query.Count(size).Text(cosigner).Text(text);
      if (query.Step() != Query::kDone) written = to_.Failure("writing a cosignature");
    }));
    return written;
  }

  Status Names() {
    Status written;
    DURE_TRY(Each(from_, "SELECT key,idx,sum FROM entry_name", [&](const Query& row) {
      const auto name = NameBefore({row.TextAt(0), row.CountAt(1)}, row.BytesAt(2), truth_.size);
      if (written && name && name->index < truth_.size) written = InsertName(to_, *name);
    }));
    return written;
  }

  Connection& from_;
  const Truth& truth_;
  const Remains& remains_;
  const LogReader* other_;
  const Verifier& verifier_;
  Connection to_;
  std::vector<uint64_t> kept_;  // sizes of the heads written
};

// The new file is durable before it takes the old one's name, and the old one keeps another.
Status TakeThePlace(const std::string& path) {
  std::error_code error;
  for (const char* tail : {"", "-wal", "-shm"}) fs::remove(path + ".rotted" + tail, error);
  fs::create_hard_link(path, path + ".rotted", error);
  // What SQLite could not fold into the old file is of the old file.
  if (!error && fs::exists(path + "-wal")) fs::rename(path + "-wal", path + ".rotted-wal", error);
  if (!error && fs::exists(path + "-shm")) fs::rename(path + "-shm", path + ".rotted-shm", error);
  if (!error) fs::rename(path + ".anew", path, error);
  if (error) return Fail(ErrorCode::kUnavailable, "replacing " + path + ": " + error.message());
  const int folder = open(fs::path(path).parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = folder >= 0 && fsync(folder) == 0;
  if (folder >= 0) close(folder);
  return synced ? Status() : Fail(ErrorCode::kUnavailable, "replacing " + path + ": not durable");
}

Result<Mended> Look(Connection& file, const std::string& path, const NoteKey& key,
                    const LogReader* other, const Verifier& verifier, Remains& remains,
                    std::shared_ptr<const MerkleTree>& tree) {
  // A file that is none any more has nothing to survey.
  const Status opened = OpenToRead(file, path);
  if (!opened && opened.error().code != ErrorCode::kCorrupt) return Fail(opened.error());
  DURE_ASSIGN(remains, Survey(file, key, verifier));
  DURE_ASSIGN(MerkleTree due, TreeOf(remains, key, other));
  tree = std::make_shared<const MerkleTree>(std::move(due));
  Mended looked;
  looked.size = remains.heads.empty() ? 0 : remains.heads.rbegin()->first;
  DURE_ASSIGN(looked.found, CheckAll(file, path, TruthOf(tree, key), verifier));
  looked.left = looked.found;
  return looked;
}

Status Exists(const std::string& path) {
  if (fs::exists(path)) return {};
  return Fail(ErrorCode::kNotFound, "no ledger at " + path);
}

}  // namespace

Result<Mended> CheckFolder(const std::string& dir, const NoteKey& log_key, const LogReader* other,
                           const Verifier& verifier) {
  const std::string path = dir + "/ledger.db";
  DURE_TRY(Exists(path));
  Connection file;
  Remains remains;
  std::shared_ptr<const MerkleTree> tree;
  return Look(file, path, log_key, other, verifier, remains, tree);
}

Result<Mended> MendFolder(const std::string& dir, const NoteKey& log_key, const LogReader* other,
                          const Verifier& verifier) {
  const std::string path = dir + "/ledger.db";
  DURE_TRY(Exists(path));
  FolderLock lock;
  DURE_TRY(lock.Take(dir + "/ledger.lock"));
  Mended mended;
  {
    Connection file;
    Remains remains;
    std::shared_ptr<const MerkleTree> tree;
    DURE_ASSIGN(mended, Look(file, path, log_key, other, verifier, remains, tree));
    if (mended.found.empty()) return mended;
    std::error_code ignored;
    for (const char* tail : {"", "-journal", "-wal", "-shm"}) {
      fs::remove(path + ".anew" + tail, ignored);
    }
    const Truth truth = TruthOf(tree, log_key);
    DURE_TRY(Anew(file, truth, remains, other, verifier).Write(path + ".anew"));
    Connection anew;
    DURE_TRY(OpenToRead(anew, path + ".anew"));
    DURE_ASSIGN(mended.left, CheckAll(anew, path, truth, verifier));
  }
  DURE_TRY(TakeThePlace(path));
  return mended;
}

}  // namespace dure::ledger
