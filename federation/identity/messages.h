// What enrolment and renewal send: canonical bytes, carried opaquely by the transport.
//
// Parsers are total and bounded by kEnrolmentBytesMax; they check form only. Proofs are checked
// where the keys are known: issuing.cc and enrolment.cc.
#pragma once

#include <string>

#include "federation/bytes.h"
#include "federation/clock.h"
#include "federation/signer.h"

namespace dure::identity {

struct EnrolmentRequest {
  std::string invitation;  // the whole line
  Bytes csr;               // PKCS#10 for the TLS key, its challenge the invitation's nonce
  PublicKey signing_key{};
  Signature proof{};  // by the signing key, of Proof()

  Bytes Proof() const;
  bool ProofVerifies() const;
  Bytes Encode() const;
  static Result<EnrolmentRequest> Parse(ByteView bytes);
};

struct RenewalRequest {
  Bytes csr;          // its challenge the serial of the certificate in use
  Signature proof{};  // by the seat's signing key, of Proof()

  Bytes Proof() const;
  bool ProofVerifies(const PublicKey& signing_key) const;
  Bytes Encode() const;
  static Result<RenewalRequest> Parse(ByteView bytes);
};

// The answer to both.
struct Credentials {
  Bytes tls_der;
  Bytes signing_der;
  Bytes issuing_der;
  Bytes root_der;
  Bytes aggregator_signing_der;
  std::string log_vkey;
  std::string log_origin;
  std::string address;
  std::string enrol_address;
  Signature proof{};  // by the aggregator's signing key, of Proof()

  Bytes Proof() const;
  bool ProofVerifies(const PublicKey& aggregator_key) const;
  void Sign(const Signer& aggregator);
  Bytes Encode() const;
  static Result<Credentials> Parse(ByteView bytes);
};

inline constexpr std::string_view kEnrolmentDomain = "dure-enrolment-1";
inline constexpr std::string_view kRenewalDomain = "dure-renewal-1";

}  // namespace dure::identity
