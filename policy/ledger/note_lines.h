// What every signed note and every key of one is made of: names, key ids, signature lines. Inside
// this room only; note.h and cosign.h give the lines their meaning.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "federation/signer.h"

namespace dure::ledger {

enum class KeyType : uint8_t { kLog = 0x01, kCosigner = 0x04 };  // C2SP signed-note's type byte

struct SignatureLine {
  std::string name;
  uint32_t id = 0;
  Bytes signature;

  std::string Text() const;  // with its newline
  // One line without its newline. kInvalid: malformed.
  static Result<SignatureLine> Parse(std::string_view line);
};

// A note's two halves. The text is a part of the note that was given.
struct NoteParts {
  std::string_view text;  // with its final newline
  std::vector<SignatureLine> lines;
};
// Splits at the last empty line. kInvalid: too long, not a note's text, no signatures, too many, a
// malformed line.
Result<NoteParts> SplitNote(std::string_view note);

bool IsNoteText(std::string_view text);  // UTF-8 without control characters but newlines
bool IsKeyName(std::string_view name);   // not empty, no space, '+' or control character

uint32_t KeyIdOf(std::string_view name, KeyType type, const PublicKey& key);
std::string VkeyOf(std::string_view name, KeyType type, const PublicKey& key);
struct NamedKey {
  std::string name;
  PublicKey key{};
};
Result<NamedKey> NameKey(std::string name, const PublicKey& key);  // kInvalid: the name
// kInvalid unless it is exactly what VkeyOf writes.
Result<NamedKey> ParseVkey(std::string_view vkey, KeyType type);

}  // namespace dure::ledger
