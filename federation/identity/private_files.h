// Files that only their owner may read: 0600 in folders of 0700, replaced whole and durably.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "federation/result.h"

namespace dure::identity {

inline constexpr size_t kPrivateFileBytesMax = 64 * 1024;

// Makes `dir` with 0700 (parents as the umask has them) and takes others' rights from one that
// exists. kUnavailable: it cannot be made.
Status MakePrivateFolder(const std::filesystem::path& dir);

// Replaces the file by one with these bytes: a crash leaves the old or the new one, whole.
// kExhausted: the disk is full. kUnavailable: the folder cannot be written.
Status WritePrivateFile(const std::filesystem::path& path, std::string_view bytes);

// kNotFound; kPermissionDenied: others may read it, and it says how to mend that; kCorrupt: not a
// regular file, or longer than kPrivateFileBytesMax; kUnavailable: unreadable.
Result<std::string> ReadPrivateFile(const std::filesystem::path& path);

// Renames, durably. kUnavailable.
Status RenamePrivate(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace dure::identity
