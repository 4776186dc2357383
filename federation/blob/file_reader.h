// A blob of a store on disk, opened. Private to this room.
#pragma once

#include <memory>
#include <string>

#include "federation/blob/store.h"

namespace dure::blob {

// The blob whose bytes are at `path`, beside its manifest. Errors as BlobStore::Open.
Result<std::unique_ptr<Reader>> OpenBlobFile(const std::string& path, const Digest& digest);

}  // namespace dure::blob
