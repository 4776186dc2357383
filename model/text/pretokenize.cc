#include "model/text/pretokenize.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

namespace dure::text {
namespace {

enum class Kind : uint8_t { kSpace, kLineEnd, kDigit, kLetter, kHangul, kHan, kOther };

struct Range {
  uint32_t first;
  uint32_t last;
};

// Scripts written with spaces, combining marks among them.
constexpr Range kLetters[] = {{0x41, 0x5a},     {0x61, 0x7a},     {0xaa, 0xaa},
                              {0xb5, 0xb5},     {0xba, 0xba},     {0xc0, 0xd6},
                              {0xd8, 0xf6},     {0xf8, 0x10ff},   {0x1200, 0x1fff},
                              {0x2c00, 0x2dff}, {0xa000, 0xa95f}, {0xa980, 0xabff}};
// Conjoining and compatibility letters (ㅋㅋ) go with the syllables.
constexpr Range kHangul[] = {
    {0x1100, 0x11ff}, {0x3131, 0x318e}, {0xa960, 0xa97f}, {0xac00, 0xd7a3}, {0xd7b0, 0xd7ff}};
constexpr Range kHan[] = {{0x3005, 0x3007}, {0x3041, 0x30ff}, {0x31f0, 0x31ff},  {0x3400, 0x4dbf},
                          {0x4e00, 0x9fff}, {0xf900, 0xfaff}, {0x20000, 0x3fffd}};

bool Within(std::span<const Range> ranges, uint32_t point) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [point](Range r) { return point >= r.first && point <= r.last; });
}

constexpr std::array<Kind, 128> kAscii = [] {
  std::array<Kind, 128> kinds{};
  kinds.fill(Kind::kOther);
  for (char c : {' ', '\t', '\v', '\f'}) kinds[static_cast<size_t>(c)] = Kind::kSpace;
  for (char c : {'\n', '\r'}) kinds[static_cast<size_t>(c)] = Kind::kLineEnd;
  for (size_t c = '0'; c <= '9'; ++c) kinds[c] = Kind::kDigit;
  for (size_t c = 'a'; c <= 'z'; ++c) kinds[c] = kinds[c - 32] = Kind::kLetter;
  return kinds;
}();

uint8_t ByteAt(std::string_view text, size_t at) { return static_cast<uint8_t>(text[at]); }

uint32_t PointAt(std::string_view text, size_t at, size_t length) {
  if (length == 1) return ByteAt(text, at);
  uint32_t point = ByteAt(text, at) & (0xffu >> (length + 1));
  for (size_t i = 1; i < length; ++i) point = point << 6 | (ByteAt(text, at + i) & 0x3fu);
  return point;
}

struct Unit {
  Kind kind;
  size_t length;
};

Unit UnitAt(std::string_view text, size_t at) {
  const uint8_t byte = ByteAt(text, at);
  if (byte < 0x80) return {kAscii[byte], 1};
  const size_t length = Utf8Length(text, at);
  if (length == 0) return {Kind::kOther, 1};
  const uint32_t point = PointAt(text, at, length);
  if (point >= 0xac00 && point <= 0xd7a3) return {Kind::kHangul, length};  // by far the usual case
  if (Within(kHan, point)) return {Kind::kHan, length};
  if (Within(kLetters, point)) return {Kind::kLetter, length};
  if (Within(kHangul, point)) return {Kind::kHangul, length};
  return {Kind::kOther, length};
}

size_t RunEnd(std::string_view text, size_t at, Kind kind) {
  while (at < text.size()) {
    const Unit unit = UnitAt(text, at);
    if (unit.kind != kind) break;
    at += unit.length;
  }
  return at;
}

size_t OtherEnd(std::string_view text, size_t at) {
  return RunEnd(text, RunEnd(text, at, Kind::kOther), Kind::kLineEnd);
}

// 0: no contraction at `at`, where an apostrophe stands.
size_t ContractionLength(std::string_view text, size_t at) {
  const std::string_view rest = text.substr(at + 1, 2);
  if (rest.empty()) return 0;
  if (std::string_view("sdmt").find(rest[0]) != std::string_view::npos) return 2;
  return rest == "ll" || rest == "ve" || rest == "re" ? 3 : 0;
}

size_t WhiteSpaceEnd(std::string_view text, size_t begin) {
  size_t end = begin;
  size_t last_line_end = 0;
  for (; end < text.size() && ByteAt(text, end) < 0x80; ++end) {
    const Kind kind = kAscii[ByteAt(text, end)];
    if (kind == Kind::kLineEnd) last_line_end = end + 1;
    if (kind != Kind::kLineEnd && kind != Kind::kSpace) break;
  }
  if (last_line_end > begin) return last_line_end;
  // The last space before a word is left to the word.
  return end == text.size() || end == begin + 1 ? end : end - 1;
}

bool IsWord(Kind kind) {
  return kind == Kind::kLetter || kind == Kind::kHangul || kind == Kind::kHan;
}

void AppendUtf8(uint32_t point, std::string* out) {
  const auto put = [out](uint32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (point < 0x80) return put(point);
  if (point < 0x800) {
    put(0xc0 | point >> 6);
  } else {
    if (point < 0x10000) {
      put(0xe0 | point >> 12);
    } else {
      put(0xf0 | point >> 18);
      put(0x80 | (point >> 12 & 0x3f));
    }
    put(0x80 | (point >> 6 & 0x3f));
  }
  put(0x80 | (point & 0x3f));
}

std::string ClassText(std::span<const Range> ranges) {
  std::string text;
  for (const Range range : ranges) {
    AppendUtf8(range.first, &text);
    if (range.last == range.first) continue;
    text += '-';
    AppendUtf8(range.last, &text);
  }
  return text;
}

}  // namespace

size_t Utf8Length(std::string_view text, size_t begin) {
  const uint8_t lead = ByteAt(text, begin);
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() - begin < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((ByteAt(text, begin + i) & 0xc0) != 0x80) return 0;
  }
  const uint8_t second = ByteAt(text, begin + 1);
  if (lead == 0xe0 && second < 0xa0) return 0;  // overlong
  if (lead == 0xed && second > 0x9f) return 0;  // surrogates
  if (lead == 0xf0 && second < 0x90) return 0;  // overlong
  if (lead == 0xf4 && second > 0x8f) return 0;  // beyond U+10FFFF
  return length;
}

size_t WordEnd(std::string_view text, size_t begin) {
  const char first = text[begin];
  if (first == '\'') {
    const size_t length = ContractionLength(text, begin);
    if (length > 0) return begin + length;
  }
  const Unit unit = UnitAt(text, begin);
  if (first == ' ' && begin + 1 < text.size()) {
    const Unit next = UnitAt(text, begin + 1);
    if (IsWord(next.kind)) return RunEnd(text, begin + 1, next.kind);
    if (next.kind == Kind::kOther) return OtherEnd(text, begin + 1);
  }
  if (IsWord(unit.kind)) return RunEnd(text, begin, unit.kind);
  if (unit.kind == Kind::kDigit) {
    return std::min(begin + 3, RunEnd(text.substr(0, begin + 3), begin, Kind::kDigit));
  }
  if (unit.kind == Kind::kOther) return OtherEnd(text, begin);
  return WhiteSpaceEnd(text, begin);
}

std::string SplitPattern() {
  const std::string letters = ClassText(kLetters);
  const std::string hangul = ClassText(kHangul);
  const std::string han = ClassText(kHan);
  const std::string space = "\\t\\n\\v\\f\\r ";
  return "'(?:[sdmt]|ll|ve|re)| ?[" + letters + "]+| ?[" + hangul + "]+| ?[" + han +
         "]+|[0-9]{1,3}| ?[^" + space + "0-9" + letters + hangul + han + "]+[\\r\\n]*|[" + space +
         "]*[\\r\\n]+|[" + space + "]+(?![^" + space + "])|[" + space + "]+";
}

}  // namespace dure::text
