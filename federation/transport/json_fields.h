// JSON that a peer wrote, read without trust: a field that is absent or of another type reads as
// the fallback, and nothing throws. (The JSON library's own accessors throw on another type, and an
// exception on the loop would end the daemon.)
//
// Pure; any thread. Include <nlohmann/json.hpp> in the .cc that uses it.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "federation/result.h"

namespace dure::transport {

// Nothing we say is nested deeper than 5; whoever writes JSON out again recurses once a level.
inline constexpr int kJsonDepthMax = 16;

// kInvalid: no JSON, no object at the top, or nested deeper than kJsonDepthMax. `what` names the
// text in the error.
Result<nlohmann::json> ParseJsonObject(std::string_view text, std::string_view what);

// Each reads one field of `object`, which may be any JSON at all.
std::string TextField(const nlohmann::json& object, const char* key);  // else ""
uint64_t CountField(const nlohmann::json& object, const char* key);    // else 0
double NumberField(const nlohmann::json& object, const char* key);     // else 0
bool FlagField(const nlohmann::json& object, const char* key);         // else false
std::optional<double> OptionalNumber(const nlohmann::json& object, const char* key);
const nlohmann::json& ListField(const nlohmann::json& object,
                                const char* key);  // else an empty list

// One line; text that is not UTF-8 is written with replacement characters instead of a throw.
std::string JsonLine(const nlohmann::json& value);

}  // namespace dure::transport
