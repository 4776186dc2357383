// Numbers with at most six decimals, kept as whole millionths: equal on every machine.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dure::terms {

inline constexpr uint64_t kMillionthsMax = 1'000'000'000'000'000;  // a thousand million

std::optional<uint64_t> ParseMillionths(std::string_view text);  // "8.5"; nullopt: no such number
std::optional<uint64_t> MillionthsOf(double value);  // nullopt: not a multiple, NaN, …
std::string FormatMillionths(uint64_t millionths);   // "8.5", "8", "0.000001"

}  // namespace dure::terms
