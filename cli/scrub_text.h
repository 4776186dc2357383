// What a daemon says of reading its record back, and of its store, in a line each: for dure site
// status and dure aggregator status.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace dure::cli {

// Of {"readings", "last", "mended", "rotted": [text…]}, which may be any JSON at all.
std::string ScrubText(const nlohmann::json& scrub);
// "its store holds 1.2 MiB in 3 blobs". Of {"blobs", "bytes"}, or any JSON.
std::string StoreText(const nlohmann::json& store);

}  // namespace dure::cli
