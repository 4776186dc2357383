#include "federation/write_ahead.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <vector>

#include "federation/free_room.h"

namespace dure {
namespace {

constexpr size_t kPieceBytes = size_t{1} << 20;

bool Lengthen(int log, uint64_t from) {
  const std::vector<char> zeros(kPieceBytes);
  while (from < kWriteAheadBytes) {
    const uint64_t count = std::min<uint64_t>(zeros.size(), kWriteAheadBytes - from);
    const ssize_t wrote = ::pwrite(log, zeros.data(), count, static_cast<off_t>(from));
    if (wrote <= 0) return false;
    from += static_cast<uint64_t>(wrote);
  }
  return true;
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
    const bool taken = Lengthen(log, static_cast<uint64_t>(now.st_size));
    if (!taken) (void)!::ftruncate(log, now.st_size);
    if (taken) ::sync_file_range(log, 0, 0, SYNC_FILE_RANGE_WRITE);  // the next commit waits less
  }
  ::close(log);
}

}  // namespace dure
