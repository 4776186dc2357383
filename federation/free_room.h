// Room on a disk, asked for before it is taken.
#pragma once

#include <cstdint>

namespace dure {

// Whether the file system of an open file has room for it to be `bytes` long. To be asked before
// that is reserved: a reservation that cannot succeed takes whatever is left, from every program of
// the machine, until it fails. True if the file system does not say.
bool HasRoom(int descriptor, uint64_t bytes);

// What is left free of a disk of so many bytes by whatever others may have written to it: the
// ledger and the journal of a daemon stand on the same one, and without them nothing closes, so
// nothing is ever freed. A fiftieth, so that a small disk is not mostly kept; no more than a
// gigabyte, which is months of both.
uint64_t RoomKept(uint64_t disk_bytes);
// The same as HasRoom, and what is kept of that disk stays free besides. What the file holds by now
// asks for nothing.
bool HasRoomBesideWhatIsKept(int descriptor, uint64_t bytes);

}  // namespace dure
