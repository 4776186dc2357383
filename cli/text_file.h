// A file that a person names, read whole.
#pragma once

#include <cstddef>
#include <string>

#include "cli/command.h"

namespace dure::cli {

// No text that a command takes is longer; what a reader takes may be less, and it says so.
inline constexpr size_t kTextFileBytesMax = size_t{16} << 20;

// kNotFound: it is not there, or a folder, or not to be read. kExhausted: longer than the bound.
Result<std::string> ReadTextFile(const std::string& path, const Context& context);

}  // namespace dure::cli
