#include "cli/columns.h"

#include <algorithm>
#include <cstdint>

#include "federation/check.h"

namespace dure::cli {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

// Drawn two columns wide.
constexpr Range kWide[] = {
    {0x1100, 0x115F},   {0x231A, 0x231B},   {0x2E80, 0x303E},   {0x3041, 0x33FF},
    {0x3400, 0x4DBF},   {0x4E00, 0x9FFF},   {0xA000, 0xA4CF},   {0xA960, 0xA97F},
    {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},
    {0xFFE0, 0xFFE6},   {0x1F300, 0x1F64F}, {0x1F680, 0x1F6FF}, {0x1F900, 0x1F9FF},
    {0x20000, 0x3FFFD},
};
// Drawn into the column before: the vowels and finals of Hangul written letter by letter (as some
// file systems keep names), accents, marks without a shape.
constexpr Range kJoined[] = {
    {0x0300, 0x036F}, {0x1160, 0x11FF}, {0x200B, 0x200F},
    {0x20D0, 0x20FF}, {0xD7B0, 0xD7FF}, {0xFE00, 0xFE0F},
};

bool IsIn(const auto& ranges, char32_t c) {
  return std::ranges::any_of(ranges,
                             [c](const Range& one) { return c >= one.first && c <= one.last; });
}

bool Continues(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// The character that begins at `at`, and where the next one begins. Bytes that are no UTF-8 count
// as something one column wide.
struct Character {
  size_t end;
  size_t width;
};

Character CharacterAt(std::string_view text, size_t at) {
  const auto first = static_cast<unsigned char>(text[at]);
  char32_t code = first < 0x80   ? first
                  : first < 0xE0 ? first & 0x1F
                  : first < 0xF0 ? first & 0x0F
                                 : first & 0x07;
  size_t end = at + 1;
  for (; end < text.size() && Continues(text[end]); ++end) {
    code = (code << 6) | (static_cast<unsigned char>(text[end]) & 0x3F);
  }
  return {end, IsIn(kJoined, code) ? size_t{0} : IsIn(kWide, code) ? size_t{2} : size_t{1}};
}

// The longest beginning of at most `width` columns.
std::string_view Beginning(std::string_view text, size_t width) {
  size_t at = 0;
  for (size_t used = 0; at < text.size();) {
    const Character next = CharacterAt(text, at);
    used += next.width;
    if (used > width) break;
    at = next.end;
  }
  return text.substr(0, at);
}

// The longest end of at most `width` columns.
std::string_view Ending(std::string_view text, size_t width) {
  size_t left = WidthOf(text);
  size_t at = 0;
  while (left > width) {
    const Character next = CharacterAt(text, at);
    left -= next.width;
    at = next.end;
  }
  return text.substr(at);
}

}  // namespace

size_t WidthOf(std::string_view text) {
  size_t width = 0;
  for (size_t at = 0; at < text.size();) {
    const Character next = CharacterAt(text, at);
    width += next.width;
    at = next.end;
  }
  return width;
}

std::string Elided(std::string_view text, size_t width) {
  DURE_CHECK(width >= 3, "a column has room for a beginning, the mark and an end");
  if (WidthOf(text) <= width) return std::string(text);
  const size_t tail = (width - 1) * 2 / 5;
  return std::string(Beginning(text, width - 1 - tail)) + "…" + std::string(Ending(text, tail));
}

std::string RightAligned(std::string_view text, size_t width) {
  const std::string cut = Elided(text, width);
  return std::string(width - WidthOf(cut), ' ') + cut;
}

std::string LeftAligned(std::string_view text, size_t width) {
  const std::string cut = Elided(text, width);
  return cut + std::string(width - WidthOf(cut), ' ');
}

std::string Clipped(std::string_view text, size_t width) {
  DURE_CHECK(width >= 1, "a line has room for the mark");
  if (WidthOf(text) <= width) return std::string(text);
  return std::string(Beginning(text, width - 1)) + "…";
}

}  // namespace dure::cli
