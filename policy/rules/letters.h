// What counts as a letter or a digit in a policy: ASCII alone, whatever the locale.
#pragma once

namespace dure::rules {

constexpr bool IsDigit(char c) { return c >= '0' && c <= '9'; }
constexpr bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

}  // namespace dure::rules
