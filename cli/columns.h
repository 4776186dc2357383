// Text in the columns of a table. Widths are in a terminal's columns, so that neither the bytes nor
// the double width of Korean names shift a table.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace dure::cli {

// Hangul syllables, ideographs and full-width signs take two columns, combining marks none, every
// other character one (Unicode Standard Annex 11).
size_t WidthOf(std::string_view text);
// At most `width` columns: a longer text loses its middle to "…", because names differ at their
// ends as often as at their beginnings ("movie-reviews-ko alone"). REQUIRES: width >= 3.
std::string Elided(std::string_view text, size_t width);
// Elided to `width` and filled with spaces on the left.
std::string RightAligned(std::string_view text, size_t width);
std::string LeftAligned(std::string_view text, size_t width);
// At most `width` columns: a longer text loses its end to "…". REQUIRES: width >= 1.
std::string Clipped(std::string_view text, size_t width);

}  // namespace dure::cli
