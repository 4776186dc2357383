#include "federation/identity/roll.h"

#include <algorithm>

namespace dure::identity {

const Seat* Roll::Find(Role role, const SiteId& site) const {
  const auto found = std::find_if(seats.begin(), seats.end(), [&](const Seat& seat) {
    return seat.subject.role == role && seat.subject.site == site;
  });
  return found == seats.end() ? nullptr : &*found;
}

Status Roll::CheckUnrevoked(const PeerIdentity& peer) const {
  const Revocation* found = revocations->Find(peer);
  if (found == nullptr) return {};
  return Fail(ErrorCode::kPermissionDenied, "revoked: " + found->ToText());
}

Status Roll::CheckInvited(const Invitation& invitation, const SiteId& aggregator,
                          WallTime now) const {
  const std::string nonce = invitation.NonceHex();
  if (const Revocation* found = revocations->Find(RevocationKind::kInvitation, nonce)) {
    return Fail(ErrorCode::kFailedPrecondition, "the invitation was withdrawn " +
                                                    FormatRfc3339(found->since) +
                                                    "; ask the operator for a new one");
  }
  DURE_TRY(CheckNotExpired(invitation, now));
  DURE_TRY(CheckOperator(invitation, now));
  const Subject& subject = invitation.subject;
  if (subject.site == aggregator) {
    return Fail(ErrorCode::kPermissionDenied, subject.site.str() + " is the aggregator's name");
  }
  const Seat* holder = Find(subject.role, subject.site);
  if (holder != nullptr && holder->subject.member != subject.member) {
    return Fail(ErrorCode::kPermissionDenied, "the name " + subject.site.str() + " belongs to " +
                                                  holder->subject.member.str() + ", not to " +
                                                  subject.member.str());
  }
  return CheckDomicile(invitation);
}

// An invitation counts as long as the operator who signed it is one.
Status Roll::CheckOperator(const Invitation& invitation, WallTime now) const {
  const auto found = std::find_if(seats.begin(), seats.end(), [&](const Seat& seat) {
    return seat.subject.role == Role::kOperator && seat.signing_key == invitation.operator_key;
  });
  if (found == seats.end()) {
    return Fail(ErrorCode::kUnauthenticated,
                "the invitation is signed by nobody who is an operator of this consortium");
  }
  const Status unrevoked = CheckUnrevoked(PeerOf(*found));
  if (!unrevoked) return Within(unrevoked.error(), "the operator who signed the invitation");
  if (found->not_after > now) return {};
  return Fail(ErrorCode::kUnauthenticated,
              "the certificate of the operator who signed the "
              "invitation expired " +
                  FormatRfc3339(found->not_after));
}

// A member votes in one house and stands under one law, whichever seat speaks for it.
Status Roll::CheckDomicile(const Invitation& invitation) const {
  for (const Seat& seat : seats) {
    if (seat.subject.member != invitation.subject.member) continue;
    if (seat.domicile == invitation.domicile) continue;
    return Fail(ErrorCode::kFailedPrecondition,
                "the invitation says that " + seat.subject.member.str() + " is " +
                    invitation.domicile.ToText() + ", but its seat " + seat.subject.site.str() +
                    " was enrolled as " + seat.domicile.ToText() +
                    ": a member has one house and one country; ask the operator for an invitation "
                    "that says so");
  }
  return {};
}

// A name that nobody holds is barred too, but more often it is a slip of whoever is in a hurry, and
// the seat that was meant goes on.
std::string Roll::WarningFor(const RevocationOrder& order) const {
  const bool is_site = order.kind == RevocationKind::kSite;
  if (!is_site && order.kind != RevocationKind::kMember) return std::string();
  for (const Seat& seat : seats) {
    const std::string& name = is_site ? seat.subject.site.str() : seat.subject.member.str();
    if (name == order.target) return std::string();
  }
  return std::string(
      "\nWARNING: nobody of that name is enrolled, so nobody's access has ended; it "
      "is refused should it ever enrol. Check the name: dure consortium show");
}

}  // namespace dure::identity
