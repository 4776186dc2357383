// Landlock: the files that stay reachable. Linux 5.13 and later, where the administrator left it
// on.
#pragma once

#include "federation/result.h"
#include "trainer/sandbox.h"

namespace dure::trainer {

// False: the kernel has no Landlock and nothing changed. kInternal: it has, and refused.
// REQUIRES: no_new_privs is set.
Result<bool> RestrictFiles(const Confinement& confinement);

}  // namespace dure::trainer
