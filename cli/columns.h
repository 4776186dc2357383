// Text in the columns of a table. Widths are in characters (code points), so that Korean names and
// bars do not shift a table by their bytes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace dure::cli {

size_t WidthOf(std::string_view text);
// At most `width` characters: a longer text loses its middle to "…", because names differ at their
// ends as often as at their beginnings ("movie-reviews-ko alone"). REQUIRES: width >= 3.
std::string Elided(std::string_view text, size_t width);
// Elided to `width` and filled with spaces on the left.
std::string RightAligned(std::string_view text, size_t width);
std::string LeftAligned(std::string_view text, size_t width);

}  // namespace dure::cli
