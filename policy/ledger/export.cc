#include "policy/ledger/export.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "federation/limits.h"
#include "policy/ledger/tile_file.h"
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

// Makes the folder and those above it that are missing; each is in its parent before this returns.
Status MakeFolders(const fs::path& folder) {
  std::vector<fs::path> missing;
  std::error_code error;
  for (fs::path one = folder; !one.empty() && !fs::is_directory(one, error);
       one = one.parent_path()) {
    missing.push_back(one);
  }
  for (auto one = missing.rbegin(); one != missing.rend(); ++one) {
    if (mkdir(one->c_str(), 0755) != 0 && errno != EEXIST) return DiskError(*one);
    const fs::path parent = one->parent_path();
    DURE_TRY(SyncPath(parent.empty() ? "." : parent, O_RDONLY | O_DIRECTORY));
  }
  return {};
}

// The file is there whole or not at all, also after a power cut.
Status WriteFile(const std::string& path, ByteView bytes) {
  const fs::path folder = fs::path(path).parent_path();
  DURE_TRY(MakeFolders(folder));
  const std::string temporary = path + ".tmp";
  const int fd = open(temporary.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
  if (fd < 0) return DiskError(temporary);
  const Status written = WriteAndSync(fd, temporary, bytes);
  const int closed = close(fd);
  if (!written) return written;
  if (closed != 0) return DiskError(temporary);
  if (rename(temporary.c_str(), path.c_str()) != 0) return DiskError(path);
  return SyncPath(folder, O_RDONLY | O_DIRECTORY);
}

// The hashes of every level, as far as complete subtrees go, from the leaves of the log.
MerkleTree TreeOf(const LogReader& log, uint64_t size) {
  MerkleTree tree;
  for (uint64_t i = 0; i < size; ++i) tree.Append(log.Leaf(i));
  return tree;
}

Bytes HashesOf(const MerkleTree& tree, const TilePath& path) {
  const uint64_t begin = path.n * kTileWidth;
  Bytes bytes;
  for (uint64_t i = begin; i < begin + path.width; ++i) {
    const Digest& hash = tree.Node(8 * path.level, i);
    bytes.insert(bytes.end(), hash.bytes.begin(), hash.bytes.end());
  }
  return bytes;
}

// What the tile or bundle of that path holds.
Result<Bytes> ContentOf(const LogReader& log, const MerkleTree& tree, const TilePath& path) {
  if (!path.entries) return HashesOf(tree, path);
  const uint64_t begin = path.n * kTileWidth;
  std::vector<Bytes> entries;
  while (entries.size() < path.width) {
    DURE_ASSIGN(std::vector<Bytes> page,
                log.Read(begin + entries.size(), begin + path.width, SIZE_MAX));
    for (Bytes& entry : page) entries.push_back(std::move(entry));
  }
  return EncodeBundle(entries);
}

// Whether the file there holds what its name stands for. An entry is known by its leaf, and is not
// read from the log again.
bool IsWhole(const std::string& file, const MerkleTree& tree, const TilePath& path) {
  const size_t most = path.width * (limits::kEntryBytesMax + sizeof(uint16_t));
  const auto bytes = ReadTileFile(file, path.entries ? most : path.width * sizeof(Digest));
  if (!bytes) return false;
  if (!path.entries) return *bytes == HashesOf(tree, path);
  const auto entries = DecodeBundle(*bytes, path.width);
  if (!entries) return false;
  const uint64_t begin = path.n * kTileWidth;
  for (uint64_t i = 0; i < path.width; ++i) {
    if (LeafHash((*entries)[i]) != tree.Node(0, begin + i)) return false;
  }
  return true;
}

// A published log only grows: what `dir` holds already must be the beginning of this one.
Status ContinuesWhatIsIn(const std::string& dir, const LogReader& log, const MerkleTree& tree) {
  const std::string path = dir + "/checkpoint";
  if (!fs::exists(path)) return {};
  DURE_ASSIGN(const Bytes note, ReadTileFile(path, kNoteBytesMax));
  const std::string_view text(reinterpret_cast<const char*>(note.data()), note.size());
  const auto there = OpenHead(text, log.log_key(), Ed25519Verifier());
  if (!there) {
    return Fail(ErrorCode::kFailedPrecondition,
                path + " is not a tree head of " + log.log_key().name + " (" +
                    there.error().message + "); export into another folder");
  }
  const TreeHead& head = there->head;
  const std::string held = std::to_string(head.size);
  if (head.size > tree.size()) {
    return Fail(ErrorCode::kFailedPrecondition,
                dir + " holds " + held + " entries and this copy of the log " +
                    std::to_string(tree.size()) + ": it is behind, and a published log only grows");
  }
  if (head.root != tree.RootAt(head.size)) {
    return Fail(ErrorCode::kCorrupt,
                path + ", of " + held +
                    " entries, is signed by the log and has another root than "
                    "this copy at that size: the log has told two histories; keep both");
  }
  return {};
}

}  // namespace

Result<TreeHead> ExportTiles(const LogReader& log, const std::string& dir) {
  const SignedHead head = log.Head();
  if (head.note.empty())
    return Fail(ErrorCode::kNotFound, "the copy has no tree head to export yet");
  const MerkleTree tree = TreeOf(log, head.head.size);
  DURE_TRY(ContinuesWhatIsIn(dir, log, tree));
  for (const TilePath& path : TilesOf(head.head.size)) {
    const std::string file = dir + "/" + path.Text();
    if (IsWhole(file, tree, path)) continue;
    DURE_ASSIGN(const Bytes bytes, ContentOf(log, tree, path));
    DURE_TRY(WriteFile(file, bytes));
  }
  // With the cosignatures that this very head has by now.
  DURE_ASSIGN(const CosignedHead cosigned, log.Cosigned(head.head.size));
  DURE_TRY(WriteFile(dir + "/checkpoint", AsBytes(cosigned.Note())));
  return head.head;
}

}  // namespace dure::ledger
