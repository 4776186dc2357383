#include "federation/identity/revocation.h"

#include "federation/canonical.h"
#include "federation/identity/peer.h"
#include "federation/limits.h"

namespace dure::identity {
namespace {

constexpr uint8_t kOrderVersion = 1;
constexpr size_t kReasonBytesMax = 200;
constexpr size_t kSerialDigitsMax = 40;  // RFC 5280: at most 20 bytes
constexpr size_t kNonceDigits = 32;

bool IsLowerHex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// Shown to people in terminals and pages: no control characters.
bool IsPlain(std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) return false;
  }
  return true;
}

Status CheckTarget(RevocationKind kind, std::string_view target) {
  switch (kind) {
    case RevocationKind::kSite:
      return ValidateName("site", target);
    case RevocationKind::kMember:
      return ValidateName("member", target);
    case RevocationKind::kSerial:
      if (!target.empty() && target.size() <= kSerialDigitsMax && IsLowerHex(target)) return {};
      return Fail(ErrorCode::kInvalid, "a serial is 1 to 40 lower-case hex digits");
    case RevocationKind::kInvitation:
      if (target.size() == kNonceDigits && IsLowerHex(target)) return {};
      return Fail(ErrorCode::kInvalid, "an invitation is named by the 32 hex digits of its nonce");
  }
  return Fail(ErrorCode::kInvalid, "there is no such kind of revocation");
}

}  // namespace

std::string_view Name(RevocationKind kind) {
  switch (kind) {
    case RevocationKind::kSerial:
      return "serial";
    case RevocationKind::kSite:
      return "site";
    case RevocationKind::kMember:
      return "member";
    case RevocationKind::kInvitation:
      return "invitation";
  }
  return "unknown";
}

Bytes RevocationOrder::Encode() const {
  return CanonicalWriter()
      .U8(kOrderVersion)
      .U8(static_cast<uint8_t>(kind))
      .Text(target)
      .Text(reason)
      .Bool(lift)
      .Take();
}

Result<RevocationOrder> RevocationOrder::Parse(ByteView bytes) {
  CanonicalReader reader(bytes);
  const uint8_t version = reader.U8();
  RevocationOrder order;
  order.kind = static_cast<RevocationKind>(reader.U8());
  order.target = reader.Text(limits::kNameBytesMax);
  order.reason = reader.Text(kReasonBytesMax);
  order.lift = reader.Bool();
  DURE_TRY(reader.Done("the revocation order"));
  if (version != kOrderVersion) {
    return Fail(ErrorCode::kInvalid, "the revocation order is of another version of Dure");
  }
  DURE_TRY(CheckTarget(order.kind, order.target));
  if (!IsPlain(order.reason)) {
    return Fail(ErrorCode::kInvalid, "the reason of a revocation is one line of plain text");
  }
  return order;
}

std::string Revocation::ToText() const {
  std::string text = std::string(Name(kind)) + " " + target + " revoked " + FormatRfc3339(since);
  if (!reason.empty()) text += ": " + reason;
  return text;
}

void Revocations::Add(Revocation revocation) {
  auto key = std::pair(revocation.kind, revocation.target);
  by_target_.try_emplace(std::move(key), std::move(revocation));
}

void Revocations::Remove(RevocationKind kind, const std::string& target) {
  by_target_.erase({kind, target});
}

const Revocation* Revocations::Find(RevocationKind kind, const std::string& target) const {
  const auto found = by_target_.find({kind, target});
  return found == by_target_.end() ? nullptr : &found->second;
}

const Revocation* Revocations::Find(const PeerIdentity& peer) const {
  if (const Revocation* found = Find(RevocationKind::kSerial, peer.serial)) return found;
  if (const Revocation* found = Find(RevocationKind::kSite, peer.site.str())) return found;
  return Find(RevocationKind::kMember, peer.member.str());
}

}  // namespace dure::identity
