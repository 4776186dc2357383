// Makes certificates. Pure but for the serial's randomness; who may have one is decided in
// issuing.cc.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "federation/bytes.h"
#include "federation/clock.h"
#include "federation/identity/certificate.h"
#include "federation/identity/subject.h"

namespace dure::identity {

// The extended key usage of signing certificates, an OID made from a random UUID (ITU-T X.667). TLS
// libraries refuse such a certificate, which is the point.
inline constexpr char kSigningUse[] = "2.25.123681932162388224751443528299517579629";

struct Validity {
  WallTime not_before;
  WallTime not_after;
};
// [now - skew, now + life), to the second.
Validity ValidityFrom(WallTime now, std::chrono::seconds life, std::chrono::seconds skew);

struct Authority {
  std::string key_pem;
  Bytes certificate_der;
};

// A root for `consortium`, path length 1. kInvalid: a bad name.
Result<Authority> MakeRoot(std::string_view consortium, const Validity& validity);
// An issuing CA under `root`: path length 0, only names of `consortium`, only the three purposes.
Result<Authority> MakeIssuing(const Authority& root, std::string_view consortium,
                              const Validity& validity);

struct LeafPlan {
  Subject subject;
  Purpose purpose = Purpose::kTlsClient;
  Validity validity;               // cut off at the issuing CA's own end
  Bytes spki;                      // DER of the SubjectPublicKeyInfo
  std::vector<std::string> hosts;  // a server's DNS names and IP addresses
};
Result<Bytes> MakeLeaf(const Authority& issuing, const LeafPlan& plan);

// DER of an Ed25519 key's SubjectPublicKeyInfo.
Bytes SpkiOfSigningKey(const PublicKey& key);

// When a CA certificate ends; WallTime::min() when it is malformed.
WallTime EndOf(ByteView certificate_der);

}  // namespace dure::identity
