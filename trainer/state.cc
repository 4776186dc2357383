#include "trainer/state.h"

#include <fcntl.h>
#include <unistd.h>

#include "federation/canonical.h"
#include "model/text/whole_file.h"
#include "trainer/gang.h"

namespace dure::trainer {
namespace {

namespace fs = std::filesystem;

constexpr size_t kPlaceBytesMax = 4096;

// A rename survives a power cut only when its folder was synced.
Status SyncFolder(const fs::path& folder) {
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0 || fsync(fd) != 0) {
    const Error error = text::FileError("sync", folder);
    if (fd >= 0) close(fd);
    return Fail(error);
  }
  close(fd);
  return {};
}

Bytes ToBytes(const DataPlace& place) {
  CanonicalWriter writer;
  writer.Text("dure-data-place-1").Raw32(place.dataset).U64(place.seed).U32(place.sequence);
  writer.U64(place.cursor.epoch).U64(place.cursor.position);
  const Digest sum = Sha256(writer.bytes());
  writer.Raw32(sum);
  return writer.Take();
}

Result<DataPlace> ParsePlace(ByteView bytes) {
  CanonicalReader reader(bytes);
  DataPlace place;
  const bool known = reader.Text() == "dure-data-place-1";
  place.dataset = reader.Raw32();
  place.seed = reader.U64();
  place.sequence = reader.U32();
  place.cursor.epoch = reader.U64();
  place.cursor.position = reader.U64();
  const Bytes again = ToBytes(place);
  if (!known || !reader.ok() ||
      !std::equal(again.begin(), again.end(), bytes.begin(), bytes.end())) {
    return Fail(ErrorCode::kCorrupt, "the saved place in the data is damaged");
  }
  return place;
}

Status MakeAnew(const fs::path& folder) {
  std::error_code failed;
  fs::remove_all(folder, failed);
  fs::create_directories(folder, failed);
  if (!failed) return {};
  return Fail(ErrorCode::kUnavailable, folder.string() + ": " + failed.message());
}

Status PutInPlace(const fs::path& fresh, const fs::path& folder, const DataPlace& place) {
  DURE_TRY(text::WriteWhole(fresh / "place", AsText(ToBytes(place))));
  DURE_TRY(SyncFolder(fresh));
  std::error_code failed;
  fs::remove_all(folder, failed);
  fs::rename(fresh, folder, failed);
  if (failed) return Fail(ErrorCode::kUnavailable, folder.string() + ": " + failed.message());
  return SyncFolder(fs::absolute(folder).parent_path());
}

}  // namespace

Status SaveState(const fs::path& folder, Session& session, const DataPlace& place,
                 model::collective::Collective& gang) {
  const fs::path fresh = folder.string() + ".new";
  const bool is_first = gang.rank() == 0;
  const auto save = [&]() -> Status {
    DURE_TRY(AgreeOnFiles(gang, is_first ? MakeAnew(fresh) : Status{}));
    DURE_TRY(AgreeOnFiles(gang, session.SaveOptimizer(fresh / "optimizer")));
    return AgreeOnFiles(gang, is_first ? PutInPlace(fresh, folder, place) : Status{});
  };
  const Status saved = save();
  std::error_code ignored;
  if (!saved && is_first) fs::remove_all(fresh, ignored);  // a full disk needs the room
  return saved;
}

Result<SavedState> LoadState(const fs::path& folder, Session* session) {
  DURE_ASSIGN(const std::string bytes, text::ReadWhole(folder / "place", kPlaceBytesMax));
  DURE_ASSIGN(const DataPlace place, ParsePlace(AsBytes(bytes)));
  DURE_ASSIGN(const model::cpu::OptimizerState state, session->LoadOptimizer(folder / "optimizer"));
  return SavedState{place, state.saved_by};
}

text::Cursor Continue(const DataPlace& saved, const DataPlace& now) {
  const bool same =
      saved.dataset == now.dataset && saved.seed == now.seed && saved.sequence == now.sequence;
  return same ? saved.cursor : text::Cursor{saved.cursor.epoch + 1, 0};
}

}  // namespace dure::trainer
