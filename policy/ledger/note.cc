#include "policy/ledger/note.h"

#include <algorithm>

#include "federation/check.h"
#include "federation/digest.h"
#include "federation/limits.h"

namespace dure::ledger {
namespace {

constexpr uint8_t kEd25519 = 0x01;
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

uint32_t LoadBigEndian(ByteView bytes) {
  return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | bytes[3];
}

std::array<uint8_t, 4> StoreBigEndian(uint32_t v) {
  return {static_cast<uint8_t>(v >> 24), static_cast<uint8_t>(v >> 16),
          static_cast<uint8_t>(v >> 8), static_cast<uint8_t>(v)};
}

struct SignatureLine {
  std::string_view name;
  uint32_t id = 0;
  Bytes signature;
};

// The standard alphabet with padding and nothing else: one value has one text.
Result<Bytes> FromStrictBase64(std::string_view text) {
  DURE_ASSIGN(Bytes bytes, FromBase64(text));
  if (ToBase64(bytes) != text) return Fail(ErrorCode::kInvalid, "base64 is not in standard form");
  return bytes;
}

Result<SignatureLine> ParseLine(std::string_view line) {
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

Result<std::vector<SignatureLine>> ParseLines(std::string_view lines) {
  std::vector<SignatureLine> parsed;
  while (!lines.empty()) {
    if (parsed.size() == limits::kNoteSignaturesMax) {
      return Fail(ErrorCode::kInvalid, "the note has too many signatures");
    }
    const size_t end = lines.find('\n');  // the note ends in a newline
    DURE_ASSIGN(SignatureLine line, ParseLine(lines.substr(0, end)));
    parsed.push_back(std::move(line));
    lines.remove_prefix(end + 1);
  }
  return parsed;
}

}  // namespace

uint32_t NoteKey::Id() const {
  const uint8_t separator[] = {'\n', kEd25519};
  return LoadBigEndian(Sha256Hasher().Update(name).Update(separator).Update(key).Finish().View());
}

std::string NoteKey::Vkey() const {
  Bytes typed = {kEd25519};
  typed.insert(typed.end(), key.begin(), key.end());
  return name + "+" + ToHex(StoreBigEndian(Id())) + "+" + ToBase64(typed);
}

Result<NoteKey> NoteKey::Make(std::string name, const PublicKey& key) {
  if (!IsKeyName(name)) {
    return Fail(ErrorCode::kInvalid,
                "a key name is not empty and has no space, '+' or control character");
  }
  return NoteKey{std::move(name), key};
}

Result<NoteKey> NoteKey::Parse(std::string_view vkey) {
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
  if ((*typed)[0] != kEd25519) return bad("not an Ed25519 key");
  PublicKey key;
  std::copy(typed->begin() + 1, typed->end(), key.begin());
  DURE_ASSIGN(NoteKey parsed, Make(std::string(vkey.substr(0, first)), key));
  if (parsed.Vkey() != vkey) return bad("the key id is not this key's");
  return parsed;
}

Result<std::string> SignNote(std::string_view text, const NoteKey& key, const Signer& signer) {
  DURE_CHECK(signer.Key() == key.key, "the signer holds the named key");
  if (text.empty() || text.back() != '\n' || !IsNoteText(text)) {
    return Fail(ErrorCode::kInvalid,
                "a note's text is UTF-8 without control characters and ends in a newline");
  }
  const auto id = StoreBigEndian(key.Id());
  const Signature signature = signer.SignRaw(AsBytes(text));
  Bytes line(id.begin(), id.end());
  line.insert(line.end(), signature.begin(), signature.end());
  return std::string(text) + "\n" + std::string(kDash) + key.name + " " + ToBase64(line) + "\n";
}

Result<OpenedNote> OpenNote(std::string_view note, const std::vector<NoteKey>& known,
                            const Verifier& verifier) {
  if (note.size() > kNoteBytesMax) return Fail(ErrorCode::kInvalid, "the note is too large");
  if (note.empty() || note.back() != '\n' || !IsNoteText(note)) {
    return Fail(ErrorCode::kInvalid, "the note is not text ending in a newline");
  }
  const size_t split = note.rfind("\n\n");
  if (split == std::string_view::npos || split + 2 == note.size()) {
    return Fail(ErrorCode::kInvalid, "the note has no signatures");
  }
  OpenedNote opened;
  opened.text = note.substr(0, split + 1);
  DURE_ASSIGN(const std::vector<SignatureLine> lines, ParseLines(note.substr(split + 2)));
  for (const SignatureLine& line : lines) {
    for (const NoteKey& key : known) {
      if (key.name != line.name || key.Id() != line.id) continue;
      if (!verifier.VerifyRaw(key.key, AsBytes(opened.text), line.signature)) {
        return Fail(ErrorCode::kUnauthenticated,
                    "the note's signature by " + key.name + " is wrong");
      }
      const auto& names = opened.signed_by;
      if (std::find(names.begin(), names.end(), key.name) == names.end()) {
        opened.signed_by.push_back(key.name);
      }
    }
  }
  if (opened.signed_by.empty()) {
    return Fail(ErrorCode::kUnauthenticated, "no known key signed the note");
  }
  return opened;
}

}  // namespace dure::ledger
