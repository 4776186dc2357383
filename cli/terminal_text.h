// What others wrote, as a terminal may be shown it: names of files, terms, refusals and a model's
// own words reach a screen, and a screen obeys control characters.
#pragma once

#include <string>
#include <string_view>

namespace dure::cli {

// The same text with U+FFFD for each control character but tab and newline (a carriage return stays
// before a newline), each character that turns the order of what is read around (U+202A to U+202E,
// U+2066 to U+2069) and each byte that belongs to no UTF-8 character.
std::string TerminalText(std::string_view text);

// One line of a log: as TerminalText, and whatever follows a newline is set in, so that no text
// looks like a line of its own.
std::string LogLine(std::string_view text);

}  // namespace dure::cli
