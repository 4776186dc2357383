// Receipts: proof that an entry is in the log, and the C2SP tlog-proof file that carries it to
// whoever asks. A receipt is complete: entry bytes + receipt + the log's vkey is all a checker
// needs. Pure, for any thread.
#pragma once

#include <string>
#include <string_view>

#include "policy/ledger/merkle.h"
#include "policy/ledger/tree_head.h"

namespace dure::ledger {

inline constexpr size_t kReceiptBytesMax =
    kNoteBytesMax + 64 * 64;  // a note and at most 63 proof lines

struct Receipt {
  uint64_t index = 0;
  Proof inclusion;  // of the entry at `index` in the tree of `head.head.size`
  SignedHead head;

  std::string ToTlogProof() const;  // "c2sp.org/tlog-proof@v1\nindex <n>\n<hashes>\n\n<note>"
};

// Parses, and checks the note's signature. kInvalid, kUnauthenticated as OpenHead.
Result<Receipt> ParseTlogProof(std::string_view file, const NoteKey& log_key,
                               const Verifier& verifier);
// kUnauthenticated: the head is not signed by the log. kCorrupt: the entry is not at that index of
// that tree.
Status VerifyReceipt(ByteView entry, const Receipt& receipt, const NoteKey& log_key,
                     const Verifier& verifier);

}  // namespace dure::ledger
