#include "trainer/memory.h"

#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <string>

namespace dure::trainer {
namespace {

uint64_t FreeBytes() {
  std::ifstream file("/proc/meminfo");
  for (std::string key; file >> key;) {
    uint64_t kibibytes = 0;
    if (key == "MemAvailable:" && file >> kibibytes) return kibibytes << 10;
    file.ignore(256, '\n');
  }
  return 0;
}

uint64_t LimitBytes() {
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return 0;
  return limit.rlim_cur;
}

std::string Mebibytes(uint64_t bytes) {
  return std::to_string((bytes + (1 << 20) - 1) >> 20) + " MiB";
}

}  // namespace

Status CheckMemory(uint64_t planned_bytes, uint32_t ranks_here, const MemoryRoom& room) {
  const std::string help =
      "; a smaller --batch, more ranks with --zero 2 or 3, or another machine would help "
      "(dure plan --memory)";
  if (room.limit_bytes != 0 && planned_bytes > room.limit_bytes) {
    return Fail(ErrorCode::kExhausted, "this training needs " + Mebibytes(planned_bytes) +
                                           " of memory, the process may have " +
                                           Mebibytes(room.limit_bytes) + help);
  }
  if (room.free_bytes == 0 || planned_bytes <= room.free_bytes / std::max(1u, ranks_here))
    return {};
  const std::string each =
      ranks_here > 1 ? " for each of " + std::to_string(ranks_here) + " ranks" : "";
  return Fail(ErrorCode::kExhausted, "this training needs " + Mebibytes(planned_bytes) +
                                         " of memory" + each + ", the machine has " +
                                         Mebibytes(room.free_bytes) + " free" + help);
}

Status CheckMemory(uint64_t planned_bytes, uint32_t ranks_here) {
  return CheckMemory(planned_bytes, ranks_here, {FreeBytes(), LimitBytes()});
}

}  // namespace dure::trainer
