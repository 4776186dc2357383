#include "policy/ledger/tree_head.h"

#include <charconv>

#include "federation/check.h"
#include "policy/ledger/merkle.h"

namespace dure::ledger {
namespace {

// A decimal number in its one form: no sign, no leading zero, at most 2^63.
Result<uint64_t> ParseDecimal(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (!whole || std::to_string(value) != text || value > (uint64_t{1} << 63)) {
    return Fail(ErrorCode::kInvalid, "not a plain decimal number");
  }
  return value;
}

std::string_view TakeLine(std::string_view& text) {
  const size_t end = text.find('\n');
  if (end == std::string_view::npos) return {};
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

}  // namespace

std::string TreeHead::Text() const {
  return origin + "\n" + std::to_string(size) + "\n" + ToBase64(root.bytes) + "\n";
}

Result<TreeHead> TreeHead::Parse(std::string_view text) {
  std::string_view rest = text;
  const std::string_view origin = TakeLine(rest);
  const std::string_view size = TakeLine(rest);
  const std::string_view root = TakeLine(rest);
  if (origin.empty() || size.empty() || root.empty() || !rest.empty()) {
    return Fail(ErrorCode::kInvalid, "a tree head is three lines: origin, size, root");
  }
  TreeHead head;
  head.origin = origin;
  if (origin.find_first_of(" +") != std::string_view::npos) {
    return Fail(ErrorCode::kInvalid, "a tree head's origin has no space or '+'");
  }
  DURE_ASSIGN(head.size, ParseDecimal(size));
  DURE_ASSIGN(const Bytes bytes, FromBase64(root));
  DURE_ASSIGN(head.root, Digest::FromBytes(bytes));
  if (head.Text() != text) return Fail(ErrorCode::kInvalid, "the root is not in standard base64");
  if (head.size == 0 && head.root != EmptyRoot()) {
    return Fail(ErrorCode::kInvalid, "an empty tree has the root SHA-256(\"\")");
  }
  return head;
}

SignedHead SignHead(const TreeHead& head, const NoteKey& key, const Signer& signer) {
  DURE_CHECK(key.name == head.origin, "a log signs heads under its own name");
  Result<std::string> note = SignNote(head.Text(), key, signer);
  DURE_CHECK(note.has_value(), "a tree head is always a valid note text");
  return {head, std::move(*note)};
}

Result<SignedHead> OpenHead(std::string_view note, const NoteKey& key, const Verifier& verifier) {
  DURE_ASSIGN(const OpenedNote opened, OpenNote(note, {key}, verifier));
  DURE_ASSIGN(TreeHead head, TreeHead::Parse(opened.text));
  if (head.origin != key.name) {
    return Fail(ErrorCode::kInvalid, "the tree head is of " + head.origin + ", not of " + key.name);
  }
  return SignedHead{std::move(head), std::string(note)};
}

}  // namespace dure::ledger
