#include "federation/identity/invitation.h"

#include <arpa/inet.h>

#include "federation/canonical.h"
#include "federation/limits.h"

namespace dure::identity {
namespace {

constexpr std::string_view kPrefix = "dure2-";
constexpr std::string_view kDomain = "dure-invitation-2";
constexpr size_t kAddressBytesMax = 262;  // a DNS name of 253, brackets, a colon and a port

std::string_view WithoutBlanks(std::string_view line) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const size_t first = line.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return line.substr(first, line.find_last_not_of(kBlanks) - first + 1);
}

Bytes SignedPart(const Invitation& invitation) {
  return CanonicalWriter()
      .Text(invitation.subject.ToUri())
      .U8(static_cast<uint8_t>(invitation.domicile.house))
      .Text(invitation.domicile.country)
      .I64(invitation.expires.time_since_epoch() / std::chrono::seconds(1))
      .Blob(invitation.nonce)
      .Raw32(invitation.root_pin)
      .Text(invitation.address)
      .Text(invitation.enrol_address)
      .Blob(invitation.operator_key)
      .Take();
}

// Everything that must hold of an invitation before it is signed and after it is read.
Status CheckFields(const Invitation& invitation) {
  if (!Roles::Invited().Has(invitation.subject.role)) {
    return Fail(ErrorCode::kInvalid,
                "nobody is invited as " + std::string(Name(invitation.subject.role)));
  }
  DURE_TRY(invitation.domicile.Check());
  const auto address = ParseAddress(invitation.address);
  if (!address) return Within(address.error(), "the aggregator's address");
  const auto enrol_address = ParseAddress(invitation.enrol_address);
  if (!enrol_address) return Within(enrol_address.error(), "the address for enrolment");
  return {};
}

tl::unexpected<Error> Damaged(std::string_view how) {
  return Fail(ErrorCode::kInvalid, "the invitation " + std::string(how) +
                                       "; copy the whole line again, or ask for a new one");
}

template <size_t n>
bool Fill(const Bytes& bytes, std::array<uint8_t, n>& out) {
  if (bytes.size() != n) return false;
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return true;
}

}  // namespace

std::string Invitation::NonceHex() const { return ToHex(nonce); }

Result<Invitation> MakeInvitation(const InvitationDraft& draft, const Signer& operator_signer,
                                  Random& random) {
  Invitation invitation;
  invitation.subject = draft.subject;
  invitation.domicile = draft.domicile;
  invitation.expires = std::chrono::floor<std::chrono::seconds>(draft.expires);
  random.Fill(invitation.nonce);
  invitation.root_pin = draft.root_pin;
  invitation.address = draft.address;
  invitation.enrol_address = draft.enrol_address;
  invitation.operator_key = operator_signer.Key();
  DURE_TRY(CheckFields(invitation));
  const Bytes part = SignedPart(invitation);
  const Signature signature = operator_signer.Sign(kDomain, part);
  const Bytes whole = CanonicalWriter().Blob(part).Blob(signature).Take();
  invitation.text = std::string(kPrefix) + ToBase64Url(whole);
  return invitation;
}

Result<Invitation> ParseInvitation(std::string_view line) {
  line = WithoutBlanks(line);
  if (line.size() > limits::kInvitationBytesMax) return Damaged("is too long");
  if (line.starts_with("dure1-")) {
    return Fail(ErrorCode::kInvalid,
                "the invitation is of an earlier version of Dure; ask the operator for a new one");
  }
  if (!line.starts_with(kPrefix)) return Damaged("does not begin with dure2-");
  const std::string_view body = line.substr(kPrefix.size());
  const Result<Bytes> whole = FromBase64(body);
  // One invitation has one text: other alphabets and paddings are refused by writing it again.
  if (!whole || ToBase64Url(*whole) != body) return Damaged("is damaged");
  CanonicalReader outer(*whole);
  const Bytes part = outer.Blob(limits::kInvitationBytesMax);
  const Bytes signature = outer.Blob(sizeof(Signature));
  if (!outer.Done("invitation")) return Damaged("is cut short");

  CanonicalReader reader(part);
  Invitation invitation;
  const std::string uri = reader.Text(5 * limits::kNameBytesMax);
  const auto house = HouseOf(reader.U8());
  invitation.domicile.country = reader.Text(2);
  const int64_t expires = reader.I64();
  const Bytes nonce = reader.Blob(sizeof(Nonce));
  invitation.root_pin = reader.Raw32();
  invitation.address = reader.Text(kAddressBytesMax);
  invitation.enrol_address = reader.Text(kAddressBytesMax);
  const Bytes key = reader.Blob(sizeof(PublicKey));
  if (!reader.Done("invitation")) return Damaged("is malformed");
  // Seconds far beyond any date would overflow microseconds.
  constexpr int64_t kSecondsMax = int64_t{1} << 40;
  const auto subject = Subject::FromUri(uri);
  if (!subject || !house || expires < 0 || expires > kSecondsMax ||
      !Fill(nonce, invitation.nonce) || !Fill(key, invitation.operator_key)) {
    return Damaged("is malformed");
  }
  invitation.subject = *subject;
  invitation.domicile.house = *house;
  invitation.expires = WallTime(std::chrono::seconds(expires));
  DURE_TRY(CheckFields(invitation));
  if (!Ed25519Verifier().Verify(kDomain, invitation.operator_key, part, signature)) {
    return Damaged("was altered: its signature does not verify");
  }
  invitation.text = line;
  return invitation;
}

Status CheckNotExpired(const Invitation& invitation, WallTime now) {
  if (now < invitation.expires) return {};
  return Fail(ErrorCode::kFailedPrecondition, "the invitation expired " +
                                                  FormatRfc3339(invitation.expires) +
                                                  "; ask the operator for a new one");
}

Result<HostPort> ParseAddress(std::string_view address) {
  const auto malformed = [address] {
    return Fail(ErrorCode::kInvalid, "'" + std::string(address.substr(0, 80)) +
                                         "' is not host:port (for example fed.example.org:7443)");
  };
  const size_t colon = address.rfind(':');
  if (address.size() > kAddressBytesMax || colon == std::string_view::npos) return malformed();
  const std::string_view digits = address.substr(colon + 1);
  HostPort parsed;
  uint32_t port = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9' || port > 65535) return malformed();
    port = port * 10 + static_cast<uint32_t>(c - '0');
  }
  if (port == 0 || port > 65535 || digits.front() == '0') return malformed();
  parsed.port = static_cast<uint16_t>(port);
  parsed.host = address.substr(0, colon);
  in6_addr binary;
  if (parsed.host.size() > 2 && parsed.host.front() == '[' && parsed.host.back() == ']') {
    parsed.host = parsed.host.substr(1, parsed.host.size() - 2);
    parsed.is_ip = true;
    if (inet_pton(AF_INET6, parsed.host.c_str(), &binary) != 1) return malformed();
    return parsed;
  }
  constexpr std::string_view kHostCharacters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
  if (parsed.host.empty() || parsed.host.find_first_not_of(kHostCharacters) != std::string::npos) {
    return malformed();
  }
  parsed.is_ip = inet_pton(AF_INET, parsed.host.c_str(), &binary) == 1;
  return parsed;
}

}  // namespace dure::identity
