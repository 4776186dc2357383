#include "cli/columns.h"

#include <algorithm>

#include "federation/check.h"

namespace dure::cli {
namespace {

bool StartsCharacter(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

// Where the n-th character begins; the text's size past its end.
size_t OffsetOf(std::string_view text, size_t n) {
  for (size_t at = 0; at < text.size(); ++at) {
    if (StartsCharacter(text[at]) && n-- == 0) return at;
  }
  return text.size();
}

}  // namespace

size_t WidthOf(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(text, StartsCharacter));
}

std::string Elided(std::string_view text, size_t width) {
  DURE_CHECK(width >= 3, "a column has room for a beginning, the mark and an end");
  const size_t shown = WidthOf(text);
  if (shown <= width) return std::string(text);
  const size_t tail = (width - 1) * 2 / 5;
  const size_t head = width - 1 - tail;
  return std::string(text.substr(0, OffsetOf(text, head))) + "…" +
         std::string(text.substr(OffsetOf(text, shown - tail)));
}

std::string RightAligned(std::string_view text, size_t width) {
  const std::string cut = Elided(text, width);
  return std::string(width - WidthOf(cut), ' ') + cut;
}

std::string LeftAligned(std::string_view text, size_t width) {
  const std::string cut = Elided(text, width);
  return cut + std::string(width - WidthOf(cut), ' ');
}

}  // namespace dure::cli
