// The scrubber: reads entries back and hashes them again, while nobody asks for them. A disk that
// gives back other bytes than it took is then noticed before a member is, and the log takes nothing
// more.
#pragma once

#include "policy/ledger/ledger.h"

namespace dure::ledger {

// Entries [begin, end). kCorrupt names the first that does not hash to the leaf that the tree was
// made of; else as LogReader::Read. Any thread.
Status Scrub(const LogReader& log, uint64_t begin, uint64_t end);

}  // namespace dure::ledger
