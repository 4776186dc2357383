// seccomp: the system calls that fail from now on, with "operation not permitted".
#pragma once

#include "federation/result.h"

namespace dure::trainer {

// Applies to this thread and those it makes. kInternal: the kernel refused.
Status RestrictSystemCalls();

}  // namespace dure::trainer
