#include "site/trainer_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "federation/canonical.h"
#include "federation/codec/files.h"

namespace dure::site {
namespace {

namespace fs = std::filesystem;

constexpr size_t kNameDigits = 16;
constexpr size_t kCopyBytes = size_t{1} << 20;

std::set<fs::path> PathsOf(const seat::DataSpec& data) {
  std::set<fs::path> paths{data.path};
  paths.insert(data.more.begin(), data.more.end());
  return paths;
}

struct Descriptor {
  explicit Descriptor(int opened) : number(opened) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number >= 0) ::close(number);
  }
  const int number;
};

tl::unexpected<Error> Refused(const std::string& doing, int error) {
  return Fail(error == ENOENT ? ErrorCode::kNotFound : ErrorCode::kUnavailable,
              doing + ": " + std::strerror(error));
}

// The kernel gives no read lease while anybody has the file open or mapped for writing. REQUIRES:
// the file is where no trainer reaches it, so that nobody comes after the question.
bool CanBeChanged(int file) {
  struct stat status {};
  if (::fstat(file, &status) != 0 || status.st_nlink != 1) return true;
  if (::fcntl(file, F_SETLEASE, F_RDLCK) != 0) return true;
  ::fcntl(file, F_SETLEASE, F_UNLCK);
  return false;
}

Status Copy(int file, uint64_t bytes, const fs::path& to) {
  DURE_ASSIGN(const auto out, codec::OutputFile::Create(to.string(), bytes));
  std::vector<uint8_t> piece(std::min<uint64_t>(kCopyBytes, bytes));
  for (uint64_t done = 0; done < bytes;) {
    const size_t wanted = std::min<uint64_t>(piece.size(), bytes - done);
    const ssize_t got = ::pread(file, piece.data(), wanted, static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Refused("reading the trainer's result", errno);
    if (got == 0) {
      return Fail(ErrorCode::kCorrupt, "the trainer's result was cut short at " +
                                           std::to_string(done) + " of " + std::to_string(bytes) +
                                           " bytes while it was read");
    }
    DURE_TRY(out.WriteAt(done, ByteView(piece).first(static_cast<size_t>(got))));
    done += static_cast<uint64_t>(got);
  }
  return out.Sync();
}

// What is at `taken`, out of the trainer's reach, becomes the daemon's alone.
Status MakeOwn(const fs::path& taken) {
  // Not to wait at a pipe's end, and not to follow whither a trainer points.
  const Descriptor file(::open(taken.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (file.number < 0 && errno != ELOOP && errno != ENXIO) {
    return Refused("opening " + taken.string(), errno);
  }
  struct stat status {};
  if (file.number < 0 || ::fstat(file.number, &status) != 0 || !S_ISREG(status.st_mode)) {
    return Fail(ErrorCode::kInvalid, "the trainer's result is no plain file");
  }
  if (!CanBeChanged(file.number)) return codec::SyncFile(taken.string());
  const fs::path copy = taken.string() + ".copy";
  std::error_code failed;
  fs::remove(copy, failed);
  const Status copied = Copy(file.number, static_cast<uint64_t>(status.st_size), copy);
  if (copied) fs::rename(copy, taken, failed);
  if (copied && !failed) return {};
  std::error_code ignored;
  fs::remove(copy, ignored);
  return copied ? Status(Refused("naming " + taken.string(), failed.value())) : copied;
}

}  // namespace

fs::path WorkFolderFor(const fs::path& site_dir, const seat::DataSpec& data) {
  CanonicalWriter writer;
  writer.Text("dure-work-folder");
  for (const fs::path& path : PathsOf(data)) writer.Text(path.string());
  const fs::path folder = site_dir / "work" / Sha256(writer.bytes()).Hex().substr(0, kNameDigits);
  std::error_code ignored;  // the trainer says that it cannot write there
  fs::create_directories(folder, ignored);
  return folder;
}

Reach ReachOf(const seat::DataSpec& data, const fs::path& given, const fs::path& work_dir) {
  Reach reach{PathsOf(data), {work_dir}};
  reach.read.insert(given);
  return reach;
}

bool LinkAs(const fs::path& file, const fs::path& name) {
  ::unlink(name.c_str());
  return ::link(file.c_str(), name.c_str()) == 0;
}

Status TakeOver(const fs::path& made, const fs::path& taken) {
  std::error_code failed;
  fs::remove_all(taken, failed);
  if (::rename(made.c_str(), taken.c_str()) != 0) {
    return Refused("taking over " + made.string(), errno);
  }
  Status own = MakeOwn(taken);
  if (own) own = codec::SyncFolderOf(taken.string());
  if (!own) fs::remove_all(taken, failed);
  return own;
}

}  // namespace dure::site
