// The reading half of export.h: a log from a folder of tiles.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "policy/ledger/export.h"
#include "policy/ledger/tile_file.h"
#include "policy/ledger/tiles.h"

namespace dure::ledger {

namespace fs = std::filesystem;

Result<Bytes> ReadTileFile(const std::string& path, size_t bytes_max) {
  std::error_code error;
  const uintmax_t size = fs::file_size(path, error);
  if (error) return Fail(ErrorCode::kNotFound, path + " is missing");
  if (size > bytes_max) return Fail(ErrorCode::kCorrupt, path + " is larger than it can be");
  std::ifstream in(path, std::ios::binary);
  Bytes bytes(size);
  in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size));
  if (!in) return Fail(ErrorCode::kUnavailable, path + " cannot be read");
  return bytes;
}

namespace {

constexpr size_t kBundleBytesMax = kTileWidth * 65537;

FileSource InFolder(const std::string& dir) {
  return [dir](const std::string& path, size_t bytes_max) {
    return ReadTileFile(dir + "/" + path, bytes_max);
  };
}

// Everything is read and cross-checked when it is opened. The hashes come first: they are small,
// and once they give the signed root each entry can be judged by itself.
class TileLog final : public LogReader {
 public:
  TileLog(NoteKey log_key, SignedHead head)
      : log_key_(std::move(log_key)), head_(std::move(head)), chronicle_(log_key_) {}

  Status Load(const FileSource& files, const Verifier& verifier) {
    const std::vector<TilePath> paths = TilesOf(head_.head.size);
    for (const TilePath& path : paths) {
      if (!path.entries && path.level == 0) DURE_TRY(LoadLeaves(files, path));
    }
    if (tree_.Root() != head_.head.root) {
      return Fail(ErrorCode::kCorrupt, "the tiles do not hash to the root of the checkpoint");
    }
    for (const TilePath& path : paths) {
      if (!path.entries && path.level > 0) DURE_TRY(CheckTile(files, path));
    }
    for (const TilePath& path : paths) {
      if (path.entries) DURE_TRY(LoadBundle(files, path));
    }
    FoldEntries();
    std::vector<CosignerKey> known;
    for (const Cosigner& one : chronicle_.cosigners()->At(head_.head.size)) {
      known.push_back(one.key);
    }
    DURE_ASSIGN(cosigned_, OpenCosigned(head_.note, log_key_, known, verifier));
    return {};
  }
  // Whether every line of the checkpoint is one that this record accounts for.
  bool IsPlain() const { return cosigned_.Note() == head_.note; }

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
  Digest RootAt(uint64_t size) const override { return tree_.RootAt(size); }
  ActorChain ChainOf(const PublicKey& key) const override { return chronicle_.ChainOf(key); }
  std::optional<AdmittedKey> FindKey(const PublicKey& key) const override {
    const AdmittedKey* found = chronicle_.Find(key);
    return found == nullptr ? std::nullopt : std::optional(*found);
  }
  std::shared_ptr<const CosignerRoll> Cosigners() const override { return chronicle_.cosigners(); }
  Result<CosignedHead> Cosigned(uint64_t size) const override {
    if (size == head_.head.size) return cosigned_;
    return Fail(ErrorCode::kNotFound, "the folder has one tree head");
  }
  std::optional<CosignedHead> Agreed() const override {
    const std::shared_ptr<const CosignerRoll> roll = chronicle_.cosigners();
    std::vector<CosignerKey> signed_by;
    for (const Cosigner& one : roll->At(head_.head.size)) {
      const auto& lines = cosigned_.cosignatures;
      const bool signed_it = std::any_of(lines.begin(), lines.end(), [&](const Cosignature& line) {
        return line.cosigner == one.key.name && line.key_id == one.key.Id();
      });
      if (signed_it) signed_by.push_back(one.key);
    }
    const bool agreed = AllAgree(roll->Count(head_.head.size, signed_by));
    return agreed ? std::optional(cosigned_) : std::nullopt;
  }
  Result<std::optional<uint64_t>> CosignedSizeBelow(uint64_t below) const override {
    const bool some = !cosigned_.cosignatures.empty() && head_.head.size < below;
    return some ? std::optional(head_.head.size) : std::nullopt;
  }

 private:
  static Result<Bytes> Whole(const FileSource& files, const TilePath& path, size_t bytes_max) {
    Result<Bytes> found = files(path.Text(), bytes_max);
    if (!found) return Fail(ErrorCode::kCorrupt, found.error().message);
    return found;
  }

  Status LoadLeaves(const FileSource& files, const TilePath& path) {
    DURE_ASSIGN(const Bytes tile, Whole(files, path, kTileWidth * 32));
    if (tile.size() != size_t{path.width} * 32) return WrongTile(path);
    for (size_t at = 0; at < tile.size(); at += 32) {
      tree_.Append(*Digest::FromBytes(ByteView(tile).subspan(at, 32)));
    }
    return {};
  }

  Status CheckTile(const FileSource& files, const TilePath& path) const {
    DURE_ASSIGN(const Bytes tile, Whole(files, path, kTileWidth * 32));
    if (tile.size() != size_t{path.width} * 32) return WrongTile(path);
    for (size_t i = 0; i < path.width; ++i) {
      const Digest& due = tree_.Node(8 * path.level, path.n * kTileWidth + i);
      const ByteView found = ByteView(tile).subspan(i * 32, 32);
      if (!std::equal(found.begin(), found.end(), due.bytes.begin())) return WrongTile(path);
    }
    return {};
  }

  static Status WrongTile(const TilePath& path) {
    return Fail(ErrorCode::kCorrupt, path.Text() + " does not hold the hashes of the entries");
  }

  Status LoadBundle(const FileSource& files, const TilePath& path) {
    DURE_ASSIGN(const Bytes bundle, Whole(files, path, kBundleBytesMax));
    ByteView rest = bundle;
    std::vector<ByteView> sound;
    for (unsigned i = 0; i < path.width; ++i) {
      const size_t length = rest.size() < 2 ? SIZE_MAX : size_t{rest[0]} << 8 | rest[1];
      if (length == SIZE_MAX || rest.size() - 2 < length) {
        return Fail(ErrorCode::kCorrupt, path.Text() + " is cut short");
      }
      const ByteView entry = rest.subspan(2, length);
      if (LeafHash(entry) != tree_.Leaf(entries_.size() + i)) {
        return Fail(ErrorCode::kCorrupt, "entry " + std::to_string(entries_.size() + i) + " in " +
                                             path.Text() + " does not hash to its leaf");
      }
      sound.push_back(entry);
      rest = rest.subspan(2 + length);
    }
    if (!rest.empty())
      return Fail(ErrorCode::kCorrupt, path.Text() + " goes on behind its entries");
    for (const ByteView entry : sound) entries_.emplace_back(entry.begin(), entry.end());
    return {};
  }

  // The chronicle stops at the first entry it refuses; FsckTiles then names that entry.
  void FoldEntries() {
    for (const Bytes& entry : entries_) {
      const Result<OpenedEntry> parsed = ParseEntry(entry);
      if (!parsed) return;
      if (chronicle_.Admit(*parsed, [this](uint64_t n) { return tree_.RootAt(n); })) return;
    }
  }

  const NoteKey log_key_;
  const SignedHead head_;
  std::vector<Bytes> entries_;
  MerkleTree tree_;
  Chronicle chronicle_;
  CosignedHead cosigned_;
};

Result<std::unique_ptr<TileLog>> Open(const FileSource& files, const NoteKey& log_key,
                                      const Verifier& verifier) {
  DURE_ASSIGN(const Bytes note, files("checkpoint", kNoteBytesMax));
  DURE_ASSIGN(SignedHead head, OpenHead(AsText(note), log_key, verifier));
  auto log = std::make_unique<TileLog>(log_key, std::move(head));
  DURE_TRY(log->Load(files, verifier));
  return log;
}

}  // namespace

Result<std::unique_ptr<LogReader>> OpenTiles(const std::string& dir, const NoteKey& log_key,
                                             const Verifier& verifier) {
  return Open(InFolder(dir), log_key, verifier);
}

Result<AuditReport> FsckTiles(const FileSource& files, const NoteKey& log_key,
                              const Verifier& verifier, unsigned threads,
                              const EntryVisitor& visit) {
  DURE_ASSIGN(const std::unique_ptr<TileLog> log, Open(files, log_key, verifier));
  if (!log->IsPlain()) {
    return Fail(ErrorCode::kCorrupt,
                "the checkpoint carries lines that neither the log nor a cosigner made");
  }
  return VerifyAll(*log, log_key, verifier, threads, visit);
}

Result<AuditReport> FsckTiles(const std::string& dir, const NoteKey& log_key,
                              const Verifier& verifier, unsigned threads,
                              const EntryVisitor& visit) {
  return FsckTiles(InFolder(dir), log_key, verifier, threads, visit);
}

}  // namespace dure::ledger
