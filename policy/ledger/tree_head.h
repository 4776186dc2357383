// Tree heads: a log's signed size and root, as C2SP tlog-checkpoint v1.0.0 fixes it (a signed note
// whose text is origin, size, base64(root)). No extension lines: facts belong in entries. Pure, for
// any thread.
#pragma once

#include <string>
#include <string_view>

#include "federation/digest.h"
#include "policy/ledger/note.h"

namespace dure::ledger {

struct TreeHead {
  std::string origin;  // the log's name, e.g. "demo.dure/ledger": no space, no '+'
  uint64_t size = 0;
  Digest root;

  std::string Text() const;  // the three lines that are signed
  bool operator==(const TreeHead&) const = default;
  // kInvalid: not exactly three lines, a size with leading zeros or beyond 2^63, a root that is not
  // canonical base64 of 32 bytes, or an empty tree with another root than SHA-256("").
  static Result<TreeHead> Parse(std::string_view text);
};

// A head together with the note that proves it.
struct SignedHead {
  TreeHead head;
  std::string note;
};

// REQUIRES: key.name == head.origin and the signer holds key.key.
SignedHead SignHead(const TreeHead& head, const NoteKey& key, const Signer& signer);
// kInvalid, kUnauthenticated as OpenNote; kInvalid also when the origin is not the key's name.
Result<SignedHead> OpenHead(std::string_view note, const NoteKey& key, const Verifier& verifier);

}  // namespace dure::ledger
