#include "federation/free_room.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>

namespace dure {
namespace {

constexpr uint64_t kKeptShare = 50;
constexpr uint64_t kKeptBytesMax = uint64_t{1} << 30;

enum class Beside : uint8_t { kNothing, kWhatIsKept };

bool HasRoomBeside(Beside beside, int descriptor, uint64_t bytes) {
  struct stat file = {};
  struct statvfs disk = {};
  if (fstat(descriptor, &file) != 0 || fstatvfs(descriptor, &disk) != 0) return true;
  constexpr uint64_t kBlockBytes = 512;  // st_blocks counts these, whatever the disk's are
  const uint64_t held = static_cast<uint64_t>(file.st_blocks) * kBlockBytes;
  if (disk.f_frsize == 0 || bytes <= held) return true;
  const uint64_t kept =
      beside == Beside::kNothing ? 0 : RoomKept(disk.f_blocks * disk.f_frsize) / disk.f_frsize;
  return kept <= disk.f_bavail && (bytes - held) / disk.f_frsize <= disk.f_bavail - kept;
}

}  // namespace

bool HasRoom(int descriptor, uint64_t bytes) {
  return HasRoomBeside(Beside::kNothing, descriptor, bytes);
}

uint64_t RoomKept(uint64_t disk_bytes) { return std::min(disk_bytes / kKeptShare, kKeptBytesMax); }

bool HasRoomBesideWhatIsKept(int descriptor, uint64_t bytes) {
  return HasRoomBeside(Beside::kWhatIsKept, descriptor, bytes);
}

}  // namespace dure
