#include "federation/write_ahead.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <vector>

#include "federation/free_room.h"

namespace dure {
namespace {

constexpr size_t kPieceBytes = size_t{1} << 20;
constexpr uint64_t kHeaderBytes = 32;  // https://www.sqlite.org/fileformat2.html, section 4.1

bool WriteZeros(int log, uint64_t from, uint64_t end) {
  const std::vector<char> zeros(kPieceBytes);
  while (from < end) {
    const uint64_t count = std::min<uint64_t>(zeros.size(), end - from);
    const ssize_t wrote = ::pwrite(log, zeros.data(), count, static_cast<off_t>(from));
    if (wrote <= 0) return false;
    from += static_cast<uint64_t>(wrote);
  }
  return true;
}

// Most of a log is zeros already, and stays unwritten.
bool WriteZerosWhereNone(int log) {
  std::vector<char> piece(kPieceBytes);
  for (uint64_t at = 0;;) {
    const ssize_t read = ::pread(log, piece.data(), piece.size(), static_cast<off_t>(at));
    if (read <= 0) return read == 0;
    const uint64_t end = at + static_cast<uint64_t>(read);
    const bool is_zero =
        std::all_of(piece.begin(), piece.begin() + read, [](char one) { return one == '\0'; });
    if (!is_zero && !WriteZeros(log, at, end)) return false;
    at = end;
  }
}

}  // namespace

void GiveWriteAheadRoom(const std::string& database) {
  // SQLite locks the database and its shared memory, never the log: closing this drops no lock.
  const int log = ::open((database + "-wal").c_str(), O_WRONLY | O_CLOEXEC);
  if (log < 0) return;
  struct stat now = {};
  const bool is_short = ::fstat(log, &now) == 0 && now.st_size >= 0 &&
                        static_cast<uint64_t>(now.st_size) < kWriteAheadBytes;
  if (is_short && HasRoom(log, kWriteAheadBytes)) {
    const bool taken = WriteZeros(log, static_cast<uint64_t>(now.st_size), kWriteAheadBytes);
    if (!taken) (void)!::ftruncate(log, now.st_size);
    if (taken) ::sync_file_range(log, 0, 0, SYNC_FILE_RANGE_WRITE);  // the next commit waits less
  }
  ::close(log);
}

bool EraseWriteAhead(const std::string& database) {
  const int log = ::open((database + "-wal").c_str(), O_RDWR | O_CLOEXEC);
  if (log < 0) return errno == ENOENT;
  struct stat now = {};
  bool erased = ::fstat(log, &now) == 0;
  // The header goes first, and is gone for good before anything else goes: after a power cut a log
  // with a header and with some of its frames would take pages back to what those frames say.
  const auto header = std::min<uint64_t>(kHeaderBytes, static_cast<uint64_t>(now.st_size));
  erased = erased && WriteZeros(log, 0, header) && ::fdatasync(log) == 0;
  erased = erased && WriteZerosWhereNone(log) && ::fdatasync(log) == 0;
  ::close(log);
  return erased;
}

}  // namespace dure
