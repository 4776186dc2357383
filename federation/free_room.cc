#include "federation/free_room.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

namespace dure {

bool HasRoom(int descriptor, uint64_t bytes) {
  struct stat file = {};
  struct statvfs disk = {};
  if (fstat(descriptor, &file) != 0 || fstatvfs(descriptor, &disk) != 0) return true;
  constexpr uint64_t kBlockBytes = 512;  // st_blocks counts these, whatever the disk's are
  const uint64_t held = static_cast<uint64_t>(file.st_blocks) * kBlockBytes;
  const uint64_t needed = bytes > held ? bytes - held : 0;
  return disk.f_frsize == 0 || needed / disk.f_frsize <= disk.f_bavail;
}

}  // namespace dure
