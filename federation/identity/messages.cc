#include "federation/identity/messages.h"

#include "federation/canonical.h"
#include "federation/identity/enrolment.h"
#include "federation/limits.h"

namespace dure::identity {
namespace {

constexpr uint8_t kVersion = 1;
constexpr size_t kCertificateBytesMax = 2048;  // ours take 500 to 800
constexpr size_t kTextBytesMax = 512;
constexpr std::string_view kCredentialsDomain = "dure-credentials-1";

template <size_t n>
std::array<uint8_t, n> Fixed(CanonicalReader& reader, bool& ok) {
  const Bytes bytes = reader.Blob(n);
  std::array<uint8_t, n> out{};
  if (bytes.size() != n) {
    ok = false;
    return out;
  }
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return out;
}

Status CheckEnd(const CanonicalReader& reader, bool fixed_ok, uint8_t version,
                std::string_view what) {
  DURE_TRY(reader.Done(what));
  if (!fixed_ok) return Fail(ErrorCode::kInvalid, std::string(what) + " is malformed");
  if (version != kVersion) {
    return Fail(ErrorCode::kInvalid, std::string(what) + " is of another version of Dure");
  }
  return {};
}

Status CheckSize(ByteView bytes, std::string_view what) {
  if (bytes.size() <= kEnrolmentBytesMax) return {};
  return Fail(ErrorCode::kInvalid, std::string(what) + " is too long");
}

}  // namespace

Bytes EnrolmentRequest::Proof() const {
  return CanonicalWriter().Text(invitation).Blob(csr).Blob(signing_key).Take();
}

bool EnrolmentRequest::ProofVerifies() const {
  return Ed25519Verifier().Verify(kEnrolmentDomain, signing_key, Proof(), proof);
}

Bytes EnrolmentRequest::Encode() const {
  return CanonicalWriter()
      .U8(kVersion)
      .Text(invitation)
      .Blob(csr)
      .Blob(signing_key)
      .Blob(proof)
      .Take();
}

Result<EnrolmentRequest> EnrolmentRequest::Parse(ByteView bytes) {
  constexpr std::string_view kWhat = "the enrolment request";
  DURE_TRY(CheckSize(bytes, kWhat));
  CanonicalReader reader(bytes);
  bool ok = true;
  EnrolmentRequest request;
  const uint8_t version = reader.U8();
  request.invitation = reader.Text(limits::kInvitationBytesMax);
  request.csr = reader.Blob(kCertificateBytesMax);
  request.signing_key = Fixed<32>(reader, ok);
  request.proof = Fixed<64>(reader, ok);
  DURE_TRY(CheckEnd(reader, ok, version, kWhat));
  return request;
}

Bytes RenewalRequest::Proof() const { return CanonicalWriter().Blob(csr).Take(); }

bool RenewalRequest::ProofVerifies(const PublicKey& signing_key) const {
  return Ed25519Verifier().Verify(kRenewalDomain, signing_key, Proof(), proof);
}

Bytes RenewalRequest::Encode() const {
  return CanonicalWriter().U8(kVersion).Blob(csr).Blob(proof).Take();
}

Result<RenewalRequest> RenewalRequest::Parse(ByteView bytes) {
  constexpr std::string_view kWhat = "the renewal request";
  DURE_TRY(CheckSize(bytes, kWhat));
  CanonicalReader reader(bytes);
  bool ok = true;
  RenewalRequest request;
  const uint8_t version = reader.U8();
  request.csr = reader.Blob(kCertificateBytesMax);
  request.proof = Fixed<64>(reader, ok);
  DURE_TRY(CheckEnd(reader, ok, version, kWhat));
  return request;
}

Bytes Credentials::Proof() const {
  return CanonicalWriter()
      .Blob(tls_der)
      .Blob(signing_der)
      .Blob(issuing_der)
      .Blob(root_der)
      .Blob(aggregator_signing_der)
      .Text(log_vkey)
      .Text(log_origin)
      .Text(address)
      .Text(enrol_address)
      .Take();
}

bool Credentials::ProofVerifies(const PublicKey& aggregator_key) const {
  return Ed25519Verifier().Verify(kCredentialsDomain, aggregator_key, Proof(), proof);
}

void Credentials::Sign(const Signer& aggregator) {
  proof = aggregator.Sign(kCredentialsDomain, Proof());
}

Bytes Credentials::Encode() const {
  return CanonicalWriter().U8(kVersion).Blob(Proof()).Blob(proof).Take();
}

Result<Credentials> Credentials::Parse(ByteView bytes) {
  constexpr std::string_view kWhat = "the aggregator's answer";
  DURE_TRY(CheckSize(bytes, kWhat));
  CanonicalReader outer(bytes);
  bool ok = true;
  Credentials credentials;
  const uint8_t version = outer.U8();
  const Bytes body = outer.Blob(kEnrolmentBytesMax);
  credentials.proof = Fixed<64>(outer, ok);
  DURE_TRY(CheckEnd(outer, ok, version, kWhat));
  CanonicalReader reader(body);
  credentials.tls_der = reader.Blob(kCertificateBytesMax);
  credentials.signing_der = reader.Blob(kCertificateBytesMax);
  credentials.issuing_der = reader.Blob(kCertificateBytesMax);
  credentials.root_der = reader.Blob(kCertificateBytesMax);
  credentials.aggregator_signing_der = reader.Blob(kCertificateBytesMax);
  credentials.log_vkey = reader.Text(kTextBytesMax);
  credentials.log_origin = reader.Text(kTextBytesMax);
  credentials.address = reader.Text(kTextBytesMax);
  credentials.enrol_address = reader.Text(kTextBytesMax);
  DURE_TRY(reader.Done(kWhat));
  return credentials;
}

}  // namespace dure::identity
