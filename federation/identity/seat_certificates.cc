#include "federation/identity/seat_certificates.h"

#include "federation/check.h"

namespace dure::identity {
namespace {

std::chrono::seconds LifeOf(Role role, const Lifetimes& lifetimes) {
  switch (role) {
    case Role::kMember:
      return lifetimes.site;
    case Role::kAggregator:
      return lifetimes.aggregator;
    case Role::kOfficer:
    case Role::kResearcher:
    case Role::kOperator:
      return lifetimes.person;
  }
  DURE_CHECK(false, "every role is listed above");
}

}  // namespace

Result<Credentials> IssueSeat(const IssuingFiles& ca, const SeatKeys& keys,
                              const Lifetimes& lifetimes, WallTime now) {
  const WallTime end = EndOf(ca.issuing.certificate_der);
  if (end <= now) {
    return Fail(ErrorCode::kFailedPrecondition,
                "the issuing CA ended " + FormatRfc3339(end) +
                    "; renew it with the root key (dure consortium renew)");
  }
  const Role role = keys.subject.role;
  LeafPlan plan;
  plan.subject = keys.subject;
  plan.validity = ValidityFrom(now, LifeOf(role, lifetimes), lifetimes.clock_skew);
  plan.purpose = role == Role::kAggregator ? Purpose::kTlsServer : Purpose::kTlsClient;
  plan.spki = keys.tls_spki;
  plan.hosts = keys.hosts;
  Credentials credentials;
  DURE_ASSIGN(credentials.tls_der, MakeLeaf(ca.issuing, plan));
  plan.purpose = Purpose::kSigning;
  plan.spki = SpkiOfSigningKey(keys.signing_key);
  plan.hosts.clear();
  DURE_ASSIGN(credentials.signing_der, MakeLeaf(ca.issuing, plan));
  credentials.issuing_der = ca.issuing.certificate_der;
  credentials.root_der = ca.root_der;
  return credentials;
}

Seat SeatOf(const Credentials& credentials, const SeatKeys& keys, WallTime enrolled) {
  const auto leaf = ReadLeaf(credentials.tls_der);
  DURE_CHECK(leaf.has_value(), "we can read what we have just made");
  Seat seat;
  seat.subject = keys.subject;
  seat.domicile = keys.domicile;
  seat.signing_key = keys.signing_key;
  seat.signing_cert_der = credentials.signing_der;
  seat.serial = leaf->serial;
  seat.enrolled = enrolled;
  seat.not_after = leaf->not_after;
  return seat;
}

}  // namespace dure::identity
