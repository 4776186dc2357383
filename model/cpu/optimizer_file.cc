#include "model/cpu/optimizer_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>

#include "federation/canonical.h"

namespace dure::model::cpu {
namespace {

constexpr std::string_view kWholeMagic = "DUREOPT3";
constexpr std::string_view kRankMagic = "DUREOPT4";
constexpr std::string_view kOldWholeMagic = "DUREOPT1";
constexpr std::string_view kOldRankMagic = "DUREOPT2";
constexpr size_t kMagicBytes = 8;
constexpr size_t kOptimizerBytes = 4;  // not in the old ones
constexpr size_t kHeaderBytes = kMagicBytes + 32 + 8 + 8;
constexpr size_t kRankHeaderBytes = kHeaderBytes + 4 + 4 + 8;  // without the pieces
// Squares of gradients vanish from v only where the gradients are far smaller than this, and so is
// then AdamW's m.
constexpr float kMomentWithoutSquare = 1e-15F;
constexpr uint64_t kPiecesMax = 1 << 20;
constexpr size_t kDigestBytes = 32;

Error SystemError(const std::filesystem::path& path, const char* what) {
  const int number = errno;
  ErrorCode code = ErrorCode::kInternal;
  if (number == ENOENT) code = ErrorCode::kNotFound;
  if (number == ENOSPC || number == EDQUOT || number == EFBIG) code = ErrorCode::kExhausted;
  return {code, std::string(what) + " " + path.string() + ": " + std::strerror(number)};
}

class Descriptor {
 public:
  Descriptor(const std::filesystem::path& path, int flags)
      : value_(open(path.c_str(), flags | O_CLOEXEC, 0600)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (value_ >= 0) close(value_);
  }
  int value() const { return value_; }

 private:
  int value_;
};

class ReadMapping {
 public:
  ReadMapping(const Descriptor& file, size_t bytes)
      : base_(mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, file.value(), 0)), bytes_(bytes) {}
  ReadMapping(ReadMapping&& other) noexcept
      : base_(std::exchange(other.base_, MAP_FAILED)), bytes_(other.bytes_) {}
  ReadMapping(const ReadMapping&) = delete;
  ReadMapping& operator=(const ReadMapping&) = delete;
  ~ReadMapping() {
    if (is_mapped()) munmap(base_, bytes_);
  }
  bool is_mapped() const { return base_ != MAP_FAILED; }
  ByteView bytes() const { return {static_cast<const uint8_t*>(base_), bytes_}; }

 private:
  void* base_;
  size_t bytes_;
};

ByteView ViewOf(std::span<const float> floats) {
  return {reinterpret_cast<const uint8_t*>(floats.data()), floats.size_bytes()};
}

bool WriteAll(const Descriptor& file, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(file.value(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  return true;
}

Bytes Header(const OptimizerFile& file, const OptimizerPieces& pieces) {
  CanonicalWriter w;
  for (const char c : file.world == 1 ? kWholeMagic : kRankMagic) w.U8(static_cast<uint8_t>(c));
  w.U32(static_cast<uint32_t>(file.optimizer));
  w.Raw32(file.config).U64(file.step).U64(file.count);
  if (file.world == 1) return w.Take();
  w.U32(file.rank).U32(file.world).U64(pieces.size());
  for (const OptimizerPiece& p : pieces) w.U64(p.begin).U64(p.begin + p.m.size());
  return w.Take();
}

std::filesystem::path PathOf(const std::filesystem::path& path, uint32_t rank) {
  return path.string() + "." + std::to_string(rank);
}

Status SyncDirectoryOf(const std::filesystem::path& path) {
  const auto parent = path.parent_path();
  const std::filesystem::path directory = parent.empty() ? std::filesystem::path(".") : parent;
  const Descriptor handle(directory, O_RDONLY | O_DIRECTORY);
  if (handle.value() < 0 || fsync(handle.value()) != 0) {
    return Fail(SystemError(directory, "cannot sync"));
  }
  return {};
}

}  // namespace

Status WriteOptimizer(const std::filesystem::path& given, const OptimizerFile& optimizer,
                      const OptimizerPieces& pieces) {
  const std::filesystem::path path = optimizer.world == 1 ? given : PathOf(given, optimizer.rank);
  const Bytes header = Header(optimizer, pieces);
  std::vector<ByteView> parts = {ByteView(header)};
  for (const OptimizerPiece& piece : pieces) parts.push_back(ViewOf(piece.m));
  for (const OptimizerPiece& piece : pieces) parts.push_back(ViewOf(piece.v));
  Sha256Hasher hasher;
  for (const ByteView part : parts) hasher.Update(part);
  const Digest digest = hasher.Finish();
  parts.push_back(digest.View());
  const std::filesystem::path temporary = path.string() + ".writing";
  {
    const Descriptor file(temporary, O_WRONLY | O_CREAT | O_TRUNC);
    if (file.value() < 0) return Fail(SystemError(temporary, "cannot create"));
    for (const ByteView part : parts) {
      if (WriteAll(file, part)) continue;
      Error error = SystemError(temporary, "cannot write");
      unlink(temporary.c_str());
      return Fail(std::move(error));
    }
    if (fsync(file.value()) != 0) return Fail(SystemError(temporary, "cannot sync"));
  }
  if (rename(temporary.c_str(), path.c_str()) != 0)
    return Fail(SystemError(path, "cannot replace"));
  return SyncDirectoryOf(path);
}

namespace {

// A file that was checked: where the moments of which stretch lie in it.
struct Stored {
  struct Stretch {
    uint64_t begin;
    uint64_t end;
    const uint8_t* m;
    const uint8_t* v;
  };
  OptimizerFile head;
  ReadMapping mapping;
  std::vector<Stretch> stretches;
};

Error Corrupt(const std::filesystem::path& path, const char* why) {
  return {ErrorCode::kCorrupt, "optimizer state " + path.string() + ": " + why};
}

// What saved a file that does not say it.
Optimizer OptimizerOfOld(const std::vector<Stored::Stretch>& stretches) {
  for (const Stored::Stretch& stretch : stretches) {
    for (uint64_t i = 0; i < stretch.end - stretch.begin; ++i) {
      float m = 0;
      float v = 0;
      std::memcpy(&m, stretch.m + sizeof(float) * i, sizeof m);
      std::memcpy(&v, stretch.v + sizeof(float) * i, sizeof v);
      if (v == 0 && std::abs(m) > kMomentWithoutSquare) return Optimizer::kMuon;
    }
  }
  return Optimizer::kAdamW;
}

// The stretches of a file whose length and checksum are right.
bool FindStretches(CanonicalReader reader, size_t before, Stored* stored) {
  const ByteView all = stored->mapping.bytes();
  uint64_t pieces = 1;
  if (stored->head.world > 1) {
    reader.U32();
    reader.U32();
    pieces = reader.U64();
  }
  if (pieces > kPiecesMax) return false;
  uint64_t floats = 0;
  uint64_t last = 0;
  for (uint64_t i = 0; i < pieces; ++i) {
    const bool whole = stored->head.world == 1;
    const uint64_t begin = whole ? 0 : reader.U64();
    const uint64_t end = whole ? stored->head.count : reader.U64();
    if (!reader.ok() || begin < last || end < begin || end > stored->head.count) return false;
    stored->stretches.push_back({begin, end, nullptr, nullptr});
    floats += end - begin;
    last = end;
  }
  const uint64_t header =
      before + (stored->head.world == 1 ? kHeaderBytes : kRankHeaderBytes + 16 * pieces);
  if (all.size() != header + 2 * sizeof(float) * floats + kDigestBytes) return false;
  const uint8_t* at = all.data() + header;
  for (Stored::Stretch& stretch : stored->stretches) {
    stretch.m = at;
    stretch.v = at + sizeof(float) * floats;
    at += sizeof(float) * (stretch.end - stretch.begin);
  }
  return true;
}

Result<Stored> OpenStored(const std::filesystem::path& path, const OptimizerOwner& owner) {
  const Descriptor file(path, O_RDONLY);
  if (file.value() < 0) return Fail(SystemError(path, "cannot open"));
  struct stat status {};
  if (fstat(file.value(), &status) != 0) return Fail(SystemError(path, "cannot inspect"));
  const auto bytes = static_cast<uint64_t>(status.st_size);
  if (bytes < kHeaderBytes + kDigestBytes) return Fail(Corrupt(path, "cut short"));
  Stored stored{{}, ReadMapping(file, bytes), {}};
  if (!stored.mapping.is_mapped()) return Fail(SystemError(path, "cannot map"));
  const ByteView all = stored.mapping.bytes();
  const std::string_view magic = AsText(all.first(kMagicBytes));
  const bool is_old = magic == kOldWholeMagic || magic == kOldRankMagic;
  const bool is_ranks = magic == kRankMagic || magic == kOldRankMagic;
  if (!is_old && !is_ranks && magic != kWholeMagic) {
    return Fail(Corrupt(path, "not an optimizer state"));
  }
  CanonicalReader reader(all.subspan(kMagicBytes, bytes - kMagicBytes - kDigestBytes));
  const uint32_t optimizer = is_old ? 0 : reader.U32();
  if (optimizer > static_cast<uint32_t>(Optimizer::kMuon)) {
    return Fail(Corrupt(path, "of an optimizer that this build does not know"));
  }
  stored.head.optimizer = static_cast<Optimizer>(optimizer);
  stored.head.config = reader.Raw32();
  stored.head.step = reader.U64();
  stored.head.count = reader.U64();
  if (stored.head.config != owner.config || stored.head.count != owner.count) {
    return Fail(ErrorCode::kFailedPrecondition,
                "optimizer state " + path.string() + " belongs to another model");
  }
  if (is_ranks) {
    CanonicalReader ahead = reader;
    stored.head.rank = ahead.U32();
    stored.head.world = ahead.U32();
    if (!ahead.ok() || stored.head.world < 2 || stored.head.rank >= stored.head.world) {
      return Fail(Corrupt(path, "its rank is none"));
    }
  }
  if (!FindStretches(reader, is_old ? 0 : kOptimizerBytes, &stored)) {
    return Fail(Corrupt(path, "wrong length"));
  }
  const Digest digest = Sha256(all.first(bytes - kDigestBytes));
  if (std::memcmp(digest.bytes.data(), all.data() + bytes - kDigestBytes, kDigestBytes) != 0) {
    return Fail(Corrupt(path, "its checksum does not match"));
  }
  if (is_old) stored.head.optimizer = OptimizerOfOld(stored.stretches);
  return stored;
}

// All files of one moment.
Result<std::vector<Stored>> OpenAll(const std::filesystem::path& path,
                                    const OptimizerOwner& owner) {
  std::vector<Stored> all;
  auto whole = OpenStored(path, owner);
  if (whole || whole.error().code != ErrorCode::kNotFound) {
    if (!whole) return Fail(whole.error());
    if (whole->head.world != 1) return Fail(Corrupt(path, "a part under the name of the whole"));
    all.push_back(std::move(*whole));
    return all;
  }
  uint32_t world = 1;
  for (uint32_t rank = 0; rank < world; ++rank) {
    DURE_ASSIGN(Stored stored, OpenStored(PathOf(path, rank), owner));
    if (rank == 0) world = stored.head.world;
    const bool fits = stored.head.rank == rank && stored.head.world == world &&
                      (rank == 0 || stored.head.step == all[0].head.step);
    if (!fits) return Fail(Corrupt(PathOf(path, rank), "of another moment than its neighbours"));
    all.push_back(std::move(stored));
  }
  return all;
}

// Calls `use` for every overlap of the piece with what is stored; the floats that were met.
template <typename Use>
uint64_t ForOverlaps(const std::vector<Stored>& all, const OptimizerPiece& piece, const Use& use) {
  uint64_t met = 0;
  for (const Stored& stored : all) {
    for (const Stored::Stretch& stretch : stored.stretches) {
      const uint64_t begin = std::max<uint64_t>(stretch.begin, piece.begin);
      const uint64_t end = std::min<uint64_t>(stretch.end, piece.begin + piece.m.size());
      if (begin >= end) continue;
      use(stretch, begin, end);
      met += end - begin;
    }
  }
  return met;
}

}  // namespace

Result<OptimizerState> ReadOptimizer(const std::filesystem::path& path, const OptimizerOwner& owner,
                                     const OptimizerPieces& pieces) {
  DURE_ASSIGN(const std::vector<Stored> all, OpenAll(path, owner));
  for (const OptimizerPiece& piece : pieces) {
    const auto nothing = [](const Stored::Stretch&, uint64_t, uint64_t) {};
    if (ForOverlaps(all, piece, nothing) == piece.m.size()) continue;
    return Fail(Corrupt(path, "a stretch of the model is in none of its files, or in two"));
  }
  // An old gang's first file may lack the matrices that give Muon away.
  OptimizerState state{all[0].head.step, Optimizer::kAdamW};
  for (const Stored& stored : all) state.saved_by = std::max(state.saved_by, stored.head.optimizer);
  for (const OptimizerPiece& piece : pieces) {
    if (state.saved_by != owner.optimizer) {
      std::ranges::fill(piece.m, 0.0F);
      std::ranges::fill(piece.v, 0.0F);
      continue;
    }
    ForOverlaps(all, piece, [&](const Stored::Stretch& stretch, uint64_t begin, uint64_t end) {
      const size_t from = sizeof(float) * (begin - stretch.begin);
      const size_t bytes = sizeof(float) * (end - begin);
      std::memcpy(piece.m.data() + (begin - piece.begin), stretch.m + from, bytes);
      std::memcpy(piece.v.data() + (begin - piece.begin), stretch.v + from, bytes);
    });
  }
  return state;
}

}  // namespace dure::model::cpu
