// Signed notes (C2SP signed-note v1.0.0): a text and Ed25519 signature lines under named keys.
//
//   text ending in \n
//   (empty line)
//   — <key name> <base64(4-byte key id || signature)>
//
// Pure functions, for any thread. Bytes from outside meet OpenNote, which is total and bounded.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "federation/signer.h"

namespace dure::ledger {

inline constexpr size_t kNoteBytesMax =
    64 * 1024;  // a tree head with 257 signatures is under 45 kB

// A named Ed25519 key that may sign notes; as text a "vkey": <name>+<8 hex digits>+<base64(0x01 ||
// key)>.
struct NoteKey {
  std::string name;
  PublicKey key{};

  uint32_t Id() const;  // first four bytes of SHA-256(name || 0x0A || 0x01 || key), big-endian
  std::string Vkey() const;
  bool operator==(const NoteKey&) const = default;
  // kInvalid: empty name, a name with a space or '+', wrong key id, not an Ed25519 key.
  static Result<NoteKey> Parse(std::string_view vkey);
  static Result<NoteKey> Make(std::string name, const PublicKey& key);
};

struct OpenedNote {
  std::string text;                    // what was signed, with its final newline
  std::vector<std::string> signed_by;  // names of the known keys that signed, in line order
};

// The whole note. kInvalid: the text is not valid UTF-8, holds a control character or does not end
// in a newline.
Result<std::string> SignNote(std::string_view text, const NoteKey& key, const Signer& signer);

// Splits at the last empty line and checks the signatures of known keys; lines of unknown keys are
// ignored. kInvalid: malformed. kUnauthenticated: a known key's signature is wrong, or no known key
// signed.
Result<OpenedNote> OpenNote(std::string_view note, const std::vector<NoteKey>& known,
                            const Verifier& verifier);

}  // namespace dure::ledger
