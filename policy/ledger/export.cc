#include "policy/ledger/export.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "policy/ledger/tiles.h"

namespace dure::ledger {
namespace {

namespace fs = std::filesystem;

tl::unexpected<Error> DiskError(const std::string& path) {
  const ErrorCode code =
      errno == ENOSPC || errno == EDQUOT ? ErrorCode::kExhausted : ErrorCode::kUnavailable;
  return Fail(code, "writing " + path + ": " + std::strerror(errno));
}

Status SyncPath(const std::string& path, int flags) {
  const int fd = open(path.c_str(), flags | O_CLOEXEC);
  if (fd < 0) return DiskError(path);
  const int rc = fsync(fd);
  close(fd);
  if (rc != 0) return DiskError(path);
  return {};
}

Status WriteAndSync(int fd, const std::string& path, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return DiskError(path);
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
  if (fsync(fd) != 0) return DiskError(path);
  return {};
}

// The file is there whole or not at all, also after a power cut.
Status WriteFile(const std::string& path, ByteView bytes) {
  const fs::path folder = fs::path(path).parent_path();
  std::error_code error;
  fs::create_directories(folder, error);
  const std::string temporary = path + ".tmp";
  const int fd = open(temporary.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
  if (fd < 0) return DiskError(temporary);
  const Status written = WriteAndSync(fd, temporary, bytes);
  close(fd);
  if (!written) return written;
  if (rename(temporary.c_str(), path.c_str()) != 0) return DiskError(path);
  return SyncPath(folder, O_RDONLY | O_DIRECTORY);
}

Result<Bytes> ReadFile(const std::string& path, size_t bytes_max) {
  std::error_code error;
  const uintmax_t size = fs::file_size(path, error);
  if (error) return Fail(ErrorCode::kNotFound, path + " is missing");
  if (size > bytes_max) return Fail(ErrorCode::kCorrupt, path + " is larger than it can be");
  std::ifstream in(path, std::ios::binary);
  Bytes bytes{std::istreambuf_iterator<char>(in), {}};
  if (in.bad()) return Fail(ErrorCode::kUnavailable, path + " cannot be read");
  return bytes;
}

// The hashes of every level, as far as complete subtrees go, from the leaves of the log.
MerkleTree TreeOf(const LogReader& log, uint64_t size) {
  MerkleTree tree;
  for (uint64_t i = 0; i < size; ++i) tree.Append(log.Leaf(i));
  return tree;
}

Result<Bytes> ContentOf(const LogReader& log, const MerkleTree& tree, const TilePath& path) {
  const uint64_t begin = path.n * kTileWidth;
  if (!path.entries) {
    Bytes bytes;
    for (uint64_t i = begin; i < begin + path.width; ++i) {
      const Digest& hash = tree.Node(8 * path.level, i);
      bytes.insert(bytes.end(), hash.bytes.begin(), hash.bytes.end());
    }
    return bytes;
  }
  std::vector<Bytes> entries;
  while (entries.size() < path.width) {
    DURE_ASSIGN(std::vector<Bytes> page,
                log.Read(begin + entries.size(), begin + path.width, SIZE_MAX));
    for (Bytes& entry : page) entries.push_back(std::move(entry));
  }
  return EncodeBundle(entries);
}

// A log that lives in a folder of tiles. Everything is read and cross-checked when it is opened.
class TileLog final : public LogReader {
 public:
  TileLog(NoteKey log_key, SignedHead head)
      : log_key_(std::move(log_key)), head_(std::move(head)), chronicle_(log_key_) {}

  Status Load(const std::string& dir) {
    const uint64_t size = head_.head.size;
    for (const TilePath& path : TilesOf(size)) {
      if (path.entries) DURE_TRY(LoadBundle(dir, path));
    }
    for (const TilePath& path : TilesOf(size)) {
      if (!path.entries) DURE_TRY(CheckTile(dir, path));
    }
    if (tree_.Root() != head_.head.root) {
      return Fail(ErrorCode::kCorrupt, "the tiles do not hash to the root of the checkpoint");
    }
    return {};
  }

  const NoteKey& log_key() const override { return log_key_; }
  SignedHead Head() const override { return head_; }
  Result<Proof> ProveInclusion(uint64_t index, uint64_t size) const override {
    if (index >= size || size > tree_.size())
      return Fail(ErrorCode::kInvalid, "beyond the exported log");
    return tree_.ProveInclusion(index, size);
  }
  Result<Proof> ProveConsistency(uint64_t from, uint64_t to) const override {
    if (from > to || to > tree_.size()) return Fail(ErrorCode::kInvalid, "beyond the exported log");
    return tree_.ProveConsistency(from, to);
  }
  Result<std::vector<Bytes>> Read(uint64_t begin, uint64_t end, size_t bytes_max) const override {
    if (begin > end || end > entries_.size())
      return Fail(ErrorCode::kInvalid, "beyond the exported log");
    std::vector<Bytes> page;
    size_t bytes = 0;
    for (uint64_t i = begin; i < end; ++i) {
      bytes += entries_[i].size();
      if (!page.empty() && bytes > bytes_max) break;
      page.push_back(entries_[i]);
    }
    return page;
  }
  Result<SignedHead> HeadFor(uint64_t, uint64_t) const override { return head_; }
  Digest Leaf(uint64_t index) const override { return tree_.Leaf(index); }
  ActorChain ChainOf(const PublicKey& key) const override { return chronicle_.ChainOf(key); }
  std::optional<AdmittedKey> FindKey(const PublicKey& key) const override {
    const AdmittedKey* found = chronicle_.Find(key);
    return found == nullptr ? std::nullopt : std::optional(*found);
  }

 private:
  Status LoadBundle(const std::string& dir, const TilePath& path) {
    constexpr size_t kBundleBytesMax = kTileWidth * 65537;
    const auto found = ReadFile(dir + "/" + path.Text(), kBundleBytesMax);
    if (!found) return Fail(ErrorCode::kCorrupt, found.error().message);
    Result<std::vector<Bytes>> entries = DecodeBundle(*found, path.width);
    if (!entries) return Fail(ErrorCode::kCorrupt, path.Text() + ": " + entries.error().message);
    for (Bytes& entry : *entries) {
      // The chronicle stops at the first entry it refuses; FsckTiles then names that entry.
      const Result<OpenedEntry> parsed = ParseEntry(entry);
      if (parsed) chronicle_.Admit(*parsed, [this](uint64_t n) { return tree_.RootAt(n); });
      tree_.Append(LeafHash(entry));
      entries_.push_back(std::move(entry));
    }
    return {};
  }

  Status CheckTile(const std::string& dir, const TilePath& path) const {
    const auto found = ReadFile(dir + "/" + path.Text(), kTileWidth * 32);
    if (!found) return Fail(ErrorCode::kCorrupt, found.error().message);
    DURE_ASSIGN(const Bytes expected, ContentOf(*this, tree_, path));
    if (*found != expected) {
      return Fail(ErrorCode::kCorrupt, path.Text() + " does not hold the hashes of the entries");
    }
    return {};
  }

  const NoteKey log_key_;
  const SignedHead head_;
  std::vector<Bytes> entries_;
  MerkleTree tree_;
  Chronicle chronicle_;
};

}  // namespace

Result<TreeHead> ExportTiles(const LogReader& log, const std::string& dir) {
  const SignedHead head = log.Head();
  if (head.note.empty())
    return Fail(ErrorCode::kNotFound, "the copy has no tree head to export yet");
  const MerkleTree tree = TreeOf(log, head.head.size);
  for (const TilePath& path : TilesOf(head.head.size)) {
    const std::string file = dir + "/" + path.Text();
    // A tile's name fixes its content, so one that is there is done.
    if (fs::exists(file)) continue;
    DURE_ASSIGN(const Bytes bytes, ContentOf(log, tree, path));
    DURE_TRY(WriteFile(file, bytes));
  }
  DURE_TRY(WriteFile(dir + "/checkpoint", AsBytes(head.note)));
  return head.head;
}

Result<std::unique_ptr<LogReader>> OpenTiles(const std::string& dir, const NoteKey& log_key,
                                             const Verifier& verifier) {
  DURE_ASSIGN(const Bytes note, ReadFile(dir + "/checkpoint", kNoteBytesMax));
  DURE_ASSIGN(SignedHead head, OpenHead(AsText(note), log_key, verifier));
  auto log = std::make_unique<TileLog>(log_key, std::move(head));
  DURE_TRY(log->Load(dir));
  return log;
}

Result<AuditReport> FsckTiles(const std::string& dir, const NoteKey& log_key,
                              const Verifier& verifier, unsigned threads) {
  DURE_ASSIGN(const std::unique_ptr<LogReader> log, OpenTiles(dir, log_key, verifier));
  return VerifyAll(*log, log_key, verifier, threads);
}

}  // namespace dure::ledger
