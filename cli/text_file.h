// A file that a person names, read or written whole.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "cli/command.h"

namespace dure::cli {

// No text that a command takes is longer; what a reader takes may be less, and it says so.
inline constexpr size_t kTextFileBytesMax = size_t{16} << 20;

// kNotFound: it is not there, or a folder, or not to be read. kExhausted: longer than the bound.
Result<std::string> ReadTextFile(const std::string& path, const Context& context);

// Puts a file with these bytes at `path`, in the place of one that is there. On failure that one is
// as it was, and nothing is left beside it. kExhausted: the disk is full. kInvalid: what is there
// is no regular file. kUnavailable: it cannot be written.
Status WriteTextFile(const std::string& path, std::string_view bytes, const Context& context);

// Whether WriteTextFile would find its folder willing: to be asked before a person has worked for
// what is to be written. Errors as there.
Status CheckWritable(const std::string& path, const Context& context);

}  // namespace dure::cli
