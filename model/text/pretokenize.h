// How text is cut into words before byte pairs are merged, so that no token crosses a word.
//
// In order, the first that matches at a position (the same as SplitPattern, which tokenizer.json
// carries):
//   an English contraction ('s 'd 'm 't 'll 've 're); a run of letters, of Hangul or of Han and
//   Kana, each with at most one space before it; 1 to 3 ASCII digits; a run of anything else with
//   at most one space before and its line ends behind; white space through its last line end; white
//   space but the last before a word; white space.
// Classes are fixed ranges of code points, not Unicode properties: the cut never changes with a
// Unicode version and needs no tables. A byte that is not part of valid UTF-8 counts as "anything
// else".
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace dure::text {

// The end of the word that starts at `begin`. Linear over all words of a text.
// REQUIRES: begin < text.size().
size_t WordEnd(std::string_view text, size_t begin);

// The same cut as a regular expression (UTF-8; Oniguruma, Python's re, PCRE agree on it).
std::string SplitPattern();

// Bytes of the UTF-8 sequence at `begin`, 1..4; 0 if there is none that is valid.
size_t Utf8Length(std::string_view text, size_t begin);

}  // namespace dure::text
