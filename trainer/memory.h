// Whether a training fits, before it begins.
#pragma once

#include <cstdint>

#include "federation/result.h"

namespace dure::trainer {

// kExhausted: `planned_bytes` on each of the ranks here are more than this machine can give
// without swapping, or more than the process may map. Says how much is missing and what would help.
// Where the kernel does not tell, it is taken to fit.
Status CheckMemory(uint64_t planned_bytes, uint32_t ranks_here);

// The rule itself. 0: unknown, or no limit.
struct MemoryRoom {
  uint64_t free_bytes = 0;   // of the machine
  uint64_t limit_bytes = 0;  // of this process
};
Status CheckMemory(uint64_t planned_bytes, uint32_t ranks_here, const MemoryRoom& room);

}  // namespace dure::trainer
