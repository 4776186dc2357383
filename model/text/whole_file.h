// Small files read with a bound and written whole or not at all.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "federation/result.h"

namespace dure::text {

// kNotFound; kExhausted: larger than bytes_max; kUnavailable: cannot be read.
Result<std::string> ReadWhole(const std::filesystem::path& path, size_t bytes_max);

// A temporary beside it, synced, then renamed over `path`. kExhausted: the disk is full;
// kUnavailable.
Status WriteWhole(const std::filesystem::path& path, std::string_view bytes);
// The same for whoever reads it, but a power cut may leave half of it, or nothing, under that name
// until the caller has synced the file.
Status WriteWholeUnsynced(const std::filesystem::path& path, std::string_view bytes);

// The error of errno after a failed call on `path`.
Error FileError(std::string_view action, const std::filesystem::path& path);

}  // namespace dure::text
