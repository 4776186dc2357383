#include "policy/ledger/note_lines.h"

#include <algorithm>

#include "federation/digest.h"
#include "federation/limits.h"
#include "policy/ledger/note.h"

namespace dure::ledger {
namespace {

constexpr std::string_view kDash = "\xE2\x80\x94 ";  // U+2014 and a space

// Bytes of the UTF-8 sequence at the start of `text`, or 0 if it is not well-formed (RFC 3629).
size_t Utf8Sequence(std::string_view text, uint32_t& point) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(0);
  const size_t n = lead < 0x80       ? 1
                   : lead >> 5 == 6  ? 2
                   : lead >> 4 == 14 ? 3
                   : lead >> 3 == 30 ? 4
                                     : 0;
  if (n == 0 || text.size() < n) return 0;
  point = n == 1 ? lead : lead & (0xFFu >> (n + 1));
  for (size_t i = 1; i < n; ++i) {
    if (byte(i) >> 6 != 2) return 0;
    point = point << 6 | (byte(i) & 0x3Fu);
  }
  constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (point < kLeast[n] || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) return 0;
  return n;
}

bool IsSpace(uint32_t point) {
  return (point >= 9 && point <= 13) || point == ' ' || point == 0x85 || point == 0xA0 ||
         point == 0x1680 || (point >= 0x2000 && point <= 0x200A) || point == 0x2028 ||
         point == 0x2029 || point == 0x202F || point == 0x205F || point == 0x3000;
}

uint32_t LoadBigEndian(ByteView bytes) {
  return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | bytes[3];
}

std::array<uint8_t, 4> StoreBigEndian(uint32_t v) {
  return {static_cast<uint8_t>(v >> 24), static_cast<uint8_t>(v >> 16),
          static_cast<uint8_t>(v >> 8), static_cast<uint8_t>(v)};
}

// The standard alphabet with padding and nothing else: one value has one text.
Result<Bytes> FromStrictBase64(std::string_view text) {
  DURE_ASSIGN(Bytes bytes, FromBase64(text));
  if (ToBase64(bytes) != text) return Fail(ErrorCode::kInvalid, "base64 is not in standard form");
  return bytes;
}

Result<std::vector<SignatureLine>> ParseLines(std::string_view lines) {
  std::vector<SignatureLine> parsed;
  while (!lines.empty()) {
    if (parsed.size() == limits::kNoteSignaturesMax) {
      return Fail(ErrorCode::kInvalid, "the note has too many signatures");
    }
    const size_t end = lines.find('\n');  // the note ends in a newline
    DURE_ASSIGN(SignatureLine line, SignatureLine::Parse(lines.substr(0, end)));
    parsed.push_back(std::move(line));
    lines.remove_prefix(end + 1);
  }
  return parsed;
}

}  // namespace

bool IsNoteText(std::string_view text) {
  while (!text.empty()) {
    uint32_t point = 0;
    const size_t n = Utf8Sequence(text, point);
    if (n == 0 || (point < 0x20 && point != '\n')) return false;
    text.remove_prefix(n);
  }
  return true;
}

bool IsKeyName(std::string_view name) {
  if (name.empty()) return false;
  while (!name.empty()) {
    uint32_t point = 0;
    const size_t n = Utf8Sequence(name, point);
    if (n == 0 || point < 0x20 || IsSpace(point) || point == '+') return false;
    name.remove_prefix(n);
  }
  return true;
}

Result<SignatureLine> SignatureLine::Parse(std::string_view line) {
  const auto bad = [] {
    return Fail(ErrorCode::kInvalid, "a signature line of the note is malformed");
  };
  if (!line.starts_with(kDash)) return bad();
  line.remove_prefix(kDash.size());
  const size_t space = line.find(' ');
  if (space == std::string_view::npos) return bad();
  SignatureLine parsed;
  parsed.name = line.substr(0, space);
  Result<Bytes> bytes = FromStrictBase64(line.substr(space + 1));
  if (!IsKeyName(parsed.name) || !bytes || bytes->size() < 5) return bad();
  parsed.id = LoadBigEndian(*bytes);
  parsed.signature.assign(bytes->begin() + 4, bytes->end());
  return parsed;
}

std::string SignatureLine::Text() const {
  const auto big_endian = StoreBigEndian(id);
  Bytes bytes(big_endian.begin(), big_endian.end());
  bytes.insert(bytes.end(), signature.begin(), signature.end());
  return std::string(kDash) + name + " " + ToBase64(bytes) + "\n";
}

Result<NoteParts> SplitNote(std::string_view note) {
  if (note.size() > kNoteBytesMax) return Fail(ErrorCode::kInvalid, "the note is too large");
  if (note.empty() || note.back() != '\n' || !IsNoteText(note)) {
    return Fail(ErrorCode::kInvalid, "the note is not text ending in a newline");
  }
  const size_t split = note.rfind("\n\n");
  if (split == std::string_view::npos || split + 2 == note.size()) {
    return Fail(ErrorCode::kInvalid, "the note has no signatures");
  }
  NoteParts parts;
  parts.text = note.substr(0, split + 1);
  DURE_ASSIGN(parts.lines, ParseLines(note.substr(split + 2)));
  return parts;
}

uint32_t KeyIdOf(std::string_view name, KeyType type, const PublicKey& key) {
  const uint8_t separator[] = {'\n', static_cast<uint8_t>(type)};
  return LoadBigEndian(Sha256Hasher().Update(name).Update(separator).Update(key).Finish().View());
}

std::string VkeyOf(std::string_view name, KeyType type, const PublicKey& key) {
  Bytes typed = {static_cast<uint8_t>(type)};
  typed.insert(typed.end(), key.begin(), key.end());
  return std::string(name) + "+" + ToHex(StoreBigEndian(KeyIdOf(name, type, key))) + "+" +
         ToBase64(typed);
}

Result<NamedKey> NameKey(std::string name, const PublicKey& key) {
  if (!IsKeyName(name)) {
    return Fail(ErrorCode::kInvalid,
                "a key name is not empty and has no space, '+' or control character");
  }
  return NamedKey{std::move(name), key};
}

Result<NamedKey> ParseVkey(std::string_view vkey, KeyType type) {
  const auto bad = [](std::string_view why) {
    return Fail(ErrorCode::kInvalid, "not a verifier key: " + std::string(why));
  };
  // The base64 part may itself hold '+': only the first two separate.
  const size_t first = vkey.find('+');
  if (first == std::string_view::npos) return bad("no '+'");
  const size_t second = vkey.find('+', first + 1);
  if (second != first + 9) return bad("the key id is not 8 hex digits");
  Result<Bytes> typed = FromStrictBase64(vkey.substr(second + 1));
  if (!typed || typed->size() != 33) return bad("the key is not 33 bytes in base64");
  if ((*typed)[0] != static_cast<uint8_t>(type)) {
    return bad(type == KeyType::kLog ? "not an Ed25519 key" : "not an Ed25519 cosigner's key");
  }
  PublicKey key;
  std::copy(typed->begin() + 1, typed->end(), key.begin());
  DURE_ASSIGN(NamedKey parsed, NameKey(std::string(vkey.substr(0, first)), key));
  if (VkeyOf(parsed.name, type, key) != vkey) return bad("the key id is not this key's");
  return parsed;
}

}  // namespace dure::ledger
