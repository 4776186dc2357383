// Room on a disk, asked for before it is taken.
#pragma once

#include <cstdint>

namespace dure {

// Whether the file system of an open file has room for it to be `bytes` long. To be asked before
// that is reserved: a reservation that cannot succeed takes whatever is left, from every program of
// the machine, until it fails. True if the file system does not say.
bool HasRoom(int descriptor, uint64_t bytes);

}  // namespace dure
