// Reading one static file of a log. Inside this room only.
#pragma once

#include <string>

#include "federation/bytes.h"
#include "federation/result.h"

namespace dure::ledger {

// kNotFound: it is not there. kCorrupt: it has more than `bytes_max`. kUnavailable: the disk.
Result<Bytes> ReadTileFile(const std::string& path, size_t bytes_max);

}  // namespace dure::ledger
