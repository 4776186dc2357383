// What a daemon says of reading its record back, in a line: for dure site status and dure
// aggregator status.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace dure::cli {

// Of {"readings", "last", "mended", "rotted": [text…]}, which may be any JSON at all.
std::string ScrubText(const nlohmann::json& scrub);

}  // namespace dure::cli
