#include "policy/ledger/receipt.h"

#include <charconv>

namespace dure::ledger {
namespace {

constexpr std::string_view kMagic = "c2sp.org/tlog-proof@v1";
constexpr size_t kProofHashesMax = 63;  // a tree of 2^63 entries

Result<uint64_t> ParseIndexLine(std::string_view line) {
  constexpr std::string_view kIndex = "index ";
  uint64_t index = 0;
  const bool named = line.starts_with(kIndex);
  const std::string_view number = named ? line.substr(kIndex.size()) : std::string_view();
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), index);
  if (!named || error != std::errc() || std::to_string(index) != number) {
    return Fail(ErrorCode::kInvalid, "the receipt's index line is malformed");
  }
  return index;
}

Result<Digest> ParseHashLine(std::string_view line) {
  DURE_ASSIGN(const Bytes bytes, FromBase64(line));
  DURE_ASSIGN(const Digest digest, Digest::FromBytes(bytes));
  if (ToBase64(digest.bytes) != line)
    return Fail(ErrorCode::kInvalid, "a proof hash is not standard base64");
  return digest;
}

}  // namespace

std::string Receipt::ToTlogProof() const {
  std::string text = std::string(kMagic) + "\nindex " + std::to_string(index) + "\n";
  for (const Digest& hash : inclusion) text += ToBase64(hash.bytes) + "\n";
  return text + "\n" + head.note;
}

Result<Receipt> ParseTlogProof(std::string_view file, const NoteKey& log_key,
                               const Verifier& verifier) {
  const auto bad = [](std::string_view why) {
    return Fail(ErrorCode::kInvalid, "not a tlog-proof file: " + std::string(why));
  };
  if (file.size() > kReceiptBytesMax) return bad("too large");
  const size_t split = file.find("\n\n");
  if (split == std::string_view::npos) return bad("no empty line before the tree head");
  std::string_view lines = file.substr(0, split + 1);
  const auto take = [&lines] {
    const size_t end = lines.find('\n');
    const std::string_view line = lines.substr(0, end);
    lines.remove_prefix(end + 1);
    return line;
  };
  if (take() != kMagic) return bad("another first line");
  if (lines.starts_with("extra ")) {
    if (!FromBase64(take().substr(6))) return bad("the extra line is malformed");
  }
  Receipt receipt;
  if (lines.empty()) return bad("no index line");
  DURE_ASSIGN(receipt.index, ParseIndexLine(take()));
  while (!lines.empty()) {
    if (receipt.inclusion.size() == kProofHashesMax) return bad("the proof is too long");
    DURE_ASSIGN(const Digest hash, ParseHashLine(take()));
    receipt.inclusion.push_back(hash);
  }
  DURE_ASSIGN(receipt.head, OpenHead(file.substr(split + 2), log_key, verifier));
  return receipt;
}

Status VerifyReceipt(ByteView entry, const Receipt& receipt, const NoteKey& log_key,
                     const Verifier& verifier) {
  // The note is what the log signed; the parsed head beside it is only a convenience.
  DURE_ASSIGN(const SignedHead opened, OpenHead(receipt.head.note, log_key, verifier));
  const bool included = VerifyInclusion(LeafHash(entry), receipt.index, opened.head.size,
                                        receipt.inclusion, opened.head.root);
  if (!included) {
    return Fail(ErrorCode::kCorrupt, "the entry is not at index " + std::to_string(receipt.index) +
                                         " of the tree of " + std::to_string(opened.head.size));
  }
  return {};
}

}  // namespace dure::ledger
