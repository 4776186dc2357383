#include "policy/ledger/note.h"

#include <algorithm>

#include "federation/check.h"
#include "policy/ledger/note_lines.h"

namespace dure::ledger {

uint32_t NoteKey::Id() const { return KeyIdOf(name, KeyType::kLog, key); }

std::string NoteKey::Vkey() const { return VkeyOf(name, KeyType::kLog, key); }

Result<NoteKey> NoteKey::Make(std::string name, const PublicKey& key) {
  DURE_ASSIGN(NamedKey named, NameKey(std::move(name), key));
  return NoteKey{std::move(named.name), named.key};
}

Result<NoteKey> NoteKey::Parse(std::string_view vkey) {
  DURE_ASSIGN(NamedKey named, ParseVkey(vkey, KeyType::kLog));
  return NoteKey{std::move(named.name), named.key};
}

Result<std::string> SignNote(std::string_view text, const NoteKey& key, const Signer& signer) {
  DURE_CHECK(signer.Key() == key.key, "the signer holds the named key");
  if (text.empty() || text.back() != '\n' || !IsNoteText(text)) {
    return Fail(ErrorCode::kInvalid,
                "a note's text is UTF-8 without control characters and ends in a newline");
  }
  const Signature signature = signer.SignRaw(AsBytes(text));
  const SignatureLine line{key.name, key.Id(), {signature.begin(), signature.end()}};
  return std::string(text) + "\n" + line.Text();
}

Result<OpenedNote> OpenNote(std::string_view note, const std::vector<NoteKey>& known,
                            const Verifier& verifier) {
  DURE_ASSIGN(const NoteParts parts, SplitNote(note));
  OpenedNote opened;
  opened.text = parts.text;
  for (const SignatureLine& line : parts.lines) {
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
