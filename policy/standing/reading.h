// Reading a log from one entry on, page by page. Inside this room only.
#pragma once

#include <functional>

#include "policy/ledger/ledger.h"

namespace dure::standing {

// Entries [begin, end), in order, parsed: they were verified when they were stored. kCorrupt names
// the entry; and errors of the log.
Status ForEachEntry(const ledger::LogReader& log, uint64_t begin, uint64_t end,
                    const std::function<void(const ledger::OpenedEntry&)>& visit);

}  // namespace dure::standing
