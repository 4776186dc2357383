#include "federation/identity/issuing.h"

#include <filesystem>
#include <map>
#include <mutex>
#include <utility>

#include "federation/identity/ca_files.h"
#include "federation/identity/enrolment.h"
#include "federation/identity/identity_book.h"
#include "federation/identity/key.h"
#include "federation/identity/messages.h"
#include "federation/identity/roll.h"
#include "federation/identity/seat_certificates.h"
#include "federation/identity/seat_files.h"
#include "federation/token_bucket.h"

namespace dure::identity {
namespace {

using Snapshot = std::shared_ptr<const Revocations>;

Digest KeysOf(ByteView tls_spki, const PublicKey& signing_key) {
  return Sha256Hasher().Update(Sha256(tls_spki).View()).Update(ByteView(signing_key)).Finish();
}

}  // namespace

PeerIdentity PeerOf(const Seat& seat) {
  PeerIdentity peer;
  peer.consortium = seat.subject.consortium;
  peer.member = seat.subject.member;
  peer.site = seat.subject.site;
  peer.role = seat.subject.role;
  peer.serial = seat.serial;
  return peer;
}

struct IssuingAuthority::State {
  // An enrolment whose form, signatures and consortium are good.
  struct Asked {
    Invitation invitation;
    SeatKeys keys;
    Digest keys_digest;
  };

  std::filesystem::path dir;
  Lifetimes lifetimes;
  Trust trust;
  Digest root_pin;
  IssuingFiles ca;
  LatestRoll roll;
  // One change after another, each until it is durable: guards everything below. No other lock is
  // taken while it is held, but for the moment in which the roll is replaced.
  mutable std::mutex mutex;
  Identity own;
  std::unique_ptr<IdentityBook> book;
  TokenBucket enrolments{kEnrolmentsAMinuteMax, std::chrono::minutes(1)};
  TokenBucket answers{kEnrolmentsAMinuteMax, std::chrono::minutes(1)};  // that are given again
  std::map<std::pair<Role, SiteId>, TokenBucket> renewals;
  std::function<void(Snapshot)> observer;

  Result<Credentials> Issue(const SeatKeys& keys, WallTime now) const;
  Result<Asked> Read(const EnrolmentRequest& request) const;  // takes no lock
  Result<Bytes> Enrol(const Asked& asked, WallTime now);
  Result<Bytes> Renew(const PeerIdentity& peer, const RenewalRequest& request, WallTime now);
  Status TakePace(const PeerIdentity& peer, WallTime now);
  Result<std::string> Obey(const RevocationOrder& order, WallTime now);
  // What the book says now is what is answered from now on. Returns the revocations if they
  // changed.
  Result<Snapshot> Refresh();
};

Result<Credentials> IssuingAuthority::State::Issue(const SeatKeys& keys, WallTime now) const {
  DURE_ASSIGN(Credentials credentials, IssueSeat(ca, keys, lifetimes, now));
  DURE_ASSIGN(const std::vector<Bytes> signing, DersOf(own.signing_cert_pem));
  credentials.aggregator_signing_der = signing.front();
  credentials.log_vkey = own.log_vkey;
  credentials.log_origin = own.log_origin;
  credentials.address = own.address;
  credentials.enrol_address = own.enrol_address;
  credentials.Sign(*own.signer);
  return credentials;
}

Result<IssuingAuthority::State::Asked> IssuingAuthority::State::Read(
    const EnrolmentRequest& request) const {
  Asked asked;
  DURE_ASSIGN(asked.invitation, ParseInvitation(request.invitation));
  const Invitation& invitation = asked.invitation;
  if (invitation.subject.consortium != trust.consortium || invitation.root_pin != root_pin) {
    return Fail(ErrorCode::kPermissionDenied,
                "wrong consortium: the invitation is for '" + invitation.subject.consortium +
                    "', this is the aggregator of '" + trust.consortium + "' or has another root");
  }
  SeatKeys& keys = asked.keys;
  keys.subject = invitation.subject;
  keys.domicile = invitation.domicile;
  keys.signing_key = request.signing_key;
  DURE_ASSIGN(keys.tls_spki, CheckCertificateRequest(request.csr, invitation.subject.site.str(),
                                                     invitation.NonceHex()));
  if (!request.ProofVerifies()) {
    return Fail(ErrorCode::kInvalid, "the request is not signed by its own signing key");
  }
  asked.keys_digest = KeysOf(keys.tls_spki, keys.signing_key);
  return asked;
}

Result<Bytes> IssuingAuthority::State::Enrol(const Asked& asked, WallTime now) {
  const Invitation& invitation = asked.invitation;
  PeerIdentity asking;
  asking.member = invitation.subject.member;
  asking.site = invitation.subject.site;
  const std::shared_ptr<const Roll> current = roll.Get();
  DURE_TRY(current->CheckUnrevoked(asking));
  DURE_ASSIGN(const auto spent, book->FindSpent(invitation.nonce));
  if (spent && spent->keys != asked.keys_digest) {
    return Fail(ErrorCode::kAlreadyExists,
                "the invitation was used already, with other keys; ask the operator for a new one "
                "(and tell them if it was not you)");
  }
  if (!spent) {
    DURE_TRY(current->CheckInvited(invitation, own.site(), now));
  }
  // Not before: anybody may ask, and those who were invited would be kept out by those who were
  // not; nor do those who ask again keep out who asks for the first time.
  if (!(spent ? answers : enrolments).Take(1, now.time_since_epoch())) {
    return Fail(ErrorCode::kUnavailable, "too many enrolments at once: try again in a minute");
  }
  if (spent) return spent->response;  // its first answer was lost
  DURE_ASSIGN(const Credentials credentials, Issue(asked.keys, now));
  const Seat seat = SeatOf(credentials, asked.keys, now);
  DURE_TRY(book->Spend({invitation.nonce, asked.keys_digest, credentials.Encode(), seat}, now));
  return credentials.Encode();
}

Result<Bytes> IssuingAuthority::State::Renew(const PeerIdentity& peer,
                                             const RenewalRequest& request, WallTime now) {
  const std::shared_ptr<const Roll> current = roll.Get();
  DURE_TRY(current->CheckUnrevoked(peer));
  const Seat* seat = current->Find(peer.role, peer.site);
  if (seat == nullptr || seat->subject != peer.subject()) {
    return Fail(ErrorCode::kPermissionDenied,
                peer.subject().ToUri() + " holds no seat here; enrol with an invitation");
  }
  SeatKeys keys;
  keys.subject = seat->subject;
  keys.domicile = seat->domicile;
  keys.signing_key = seat->signing_key;
  DURE_ASSIGN(keys.tls_spki, CheckCertificateRequest(request.csr, peer.site.str(), peer.serial));
  if (!request.ProofVerifies(seat->signing_key)) {
    return Fail(ErrorCode::kPermissionDenied,
                "the renewal is not signed by the seat's signing key: the seat was enrolled again "
                "elsewhere, or the key was lost; enrol with a new invitation");
  }
  DURE_TRY(TakePace(peer, now));
  DURE_ASSIGN(const Credentials credentials, Issue(keys, now));
  DURE_TRY(book->PutSeat(SeatOf(credentials, keys, seat->enrolled), now));
  DURE_TRY(Refresh());
  return credentials.Encode();
}

// Once the renewal is found good: who stole the key of a connection alone uses up nothing.
Status IssuingAuthority::State::TakePace(const PeerIdentity& peer, WallTime now) {
  const auto [pace, is_new] = renewals.try_emplace({peer.role, peer.site}, kRenewalsAtOnceMax,
                                                   kRenewalsAtOnceMax * kRenewalAgainAfter);
  const Duration time = now.time_since_epoch();
  if (pace->second.Take(1, time)) return {};
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(pace->second.Wait(1, time));
  return Fail(ErrorCode::kUnavailable,
              peer.site.str() +
                  " was renewed just now, and its certificate is good; it may be "
                  "renewed again in " +
                  std::to_string(seconds.count()) + " s");
}

Result<std::string> IssuingAuthority::State::Obey(const RevocationOrder& order, WallTime now) {
  if ((order.kind == RevocationKind::kSite && order.target == own.site().str()) ||
      (order.kind == RevocationKind::kMember && order.target == own.member().str())) {
    return Fail(ErrorCode::kInvalid,
                "the aggregator and its operators as a whole cannot be revoked; revoke one "
                "operator by its name (--site), or stop the aggregator");
  }
  if (order.lift) {
    DURE_TRY(book->Lift(order.kind, order.target, now));
    return std::string(Name(order.kind)) + " " + order.target + " is no longer revoked";
  }
  const Revocation revocation = {order.kind, order.target, order.reason, now};
  DURE_TRY(book->Revoke(revocation));
  const std::shared_ptr<const Roll> current = roll.Get();
  const Revocation* before = current->revocations->Find(order.kind, order.target);
  const std::string warning = current->WarningFor(order);
  return (before == nullptr ? revocation : *before).ToText() + warning;
}

Result<Snapshot> IssuingAuthority::State::Refresh() {
  auto fresh = std::make_shared<Roll>();
  DURE_ASSIGN(fresh->seats, book->Seats());
  DURE_ASSIGN(Revocations loaded, book->LoadRevocations());
  const std::shared_ptr<const Roll> before = roll.Get();
  const bool same = before != nullptr && before->revocations->version() == loaded.version();
  fresh->revocations =
      same ? before->revocations : std::make_shared<const Revocations>(std::move(loaded));
  roll.Set(fresh);
  return same ? Snapshot() : fresh->revocations;
}

IssuingAuthority::IssuingAuthority(std::unique_ptr<State> state) : state_(std::move(state)) {}
IssuingAuthority::~IssuingAuthority() = default;

Result<std::unique_ptr<IssuingAuthority>> IssuingAuthority::Open(const std::string& dir,
                                                                 const Lifetimes& lifetimes) {
  auto state = std::make_unique<State>();
  state->dir = dir;
  state->lifetimes = lifetimes;
  DURE_ASSIGN(state->ca, ReadIssuing(dir));
  DURE_ASSIGN(state->own, LoadIdentity(dir));
  if (state->own.role() != Role::kAggregator) {
    return Fail(ErrorCode::kCorrupt, dir + " holds the identity of " + state->own.subject.ToUri() +
                                         ", not an aggregator's");
  }
  state->trust = state->own.trust();
  state->root_pin = state->own.root_pin;
  DURE_ASSIGN(state->book, IdentityBook::Open((state->dir / "identity.db").string()));
  DURE_TRY(state->Refresh());
  return std::unique_ptr<IssuingAuthority>(new IssuingAuthority(std::move(state)));
}

Result<Bytes> IssuingAuthority::Enrol(ByteView request, WallTime now) {
  DURE_ASSIGN(const EnrolmentRequest parsed, EnrolmentRequest::Parse(request));
  DURE_ASSIGN(const State::Asked asked, state_->Read(parsed));
  Snapshot changed;
  Result<Bytes> response;
  std::function<void(Snapshot)> tell;
  {
    const std::lock_guard lock(state_->mutex);
    response = state_->Enrol(asked, now);
    if (!response) return response;
    DURE_ASSIGN(changed, state_->Refresh());  // a new enrolment may supersede an old one
    tell = state_->observer;
  }
  if (changed != nullptr && tell) tell(changed);
  return response;
}

Result<Bytes> IssuingAuthority::Renew(const PeerIdentity& peer, ByteView request, WallTime now) {
  DURE_ASSIGN(const RenewalRequest parsed, RenewalRequest::Parse(request));
  const std::lock_guard lock(state_->mutex);
  return state_->Renew(peer, parsed, now);
}

Result<std::string> IssuingAuthority::Obey(const PeerIdentity& peer, ByteView order, WallTime now) {
  if (peer.role != Role::kOperator) {
    return Fail(ErrorCode::kPermissionDenied, "wrong role: " + peer.site.str() + " is " +
                                                  std::string(Name(peer.role)) +
                                                  ", revoking needs operator");
  }
  DURE_ASSIGN(const RevocationOrder parsed, RevocationOrder::Parse(order));
  Snapshot changed;
  Result<std::string> done;
  std::function<void(Snapshot)> tell;
  {
    const std::lock_guard lock(state_->mutex);
    DURE_TRY(state_->roll.Get()->CheckUnrevoked(peer));
    done = state_->Obey(parsed, now);
    if (!done) return done;
    DURE_ASSIGN(changed, state_->Refresh());
    tell = state_->observer;
  }
  // Outside the lock: the observer may ask us for seats or revocations.
  if (changed != nullptr && tell) tell(changed);
  return done;
}

Result<bool> IssuingAuthority::RenewOwn(WallTime now) {
  const std::lock_guard lock(state_->mutex);
  const Identity& own = state_->own;
  DURE_ASSIGN(const std::vector<Bytes> chain, DersOf(own.cert_chain_pem));
  // After the issuing CA was renewed, our answers hold its new certificate; ours must lead to it
  // too.
  const bool same_issuer = chain.size() > 1 && chain[1] == state_->ca.issuing.certificate_der;
  if (same_issuer && !RenewalDue(own, now)) return false;
  DURE_ASSIGN(const Leaf leaf, ReadLeaf(chain.front()));
  SeatKeys keys;
  keys.subject = own.subject;
  const std::shared_ptr<const Roll> current = state_->roll.Get();
  const Seat* seat = current->Find(own.subject.role, own.subject.site);
  if (seat == nullptr)
    return Fail(ErrorCode::kCorrupt, "identity.db does not know the aggregator itself");
  keys.domicile = seat->domicile;
  keys.signing_key = own.signer->Key();
  keys.hosts = leaf.hosts;
  DURE_ASSIGN(keys.tls_spki, TlsKeySpki(own.tls_key_pem));
  DURE_ASSIGN(Credentials credentials, state_->Issue(keys, now));
  credentials.aggregator_signing_der = credentials.signing_der;
  credentials.Sign(*own.signer);
  DURE_TRY(WriteSeat(SeatFiles(state_->dir), own.subject, credentials));
  DURE_TRY(state_->book->PutSeat(SeatOf(credentials, keys, now), now));
  DURE_TRY(state_->Refresh());
  DURE_ASSIGN(state_->own, LoadIdentity(state_->dir.string()));
  return true;
}

WallTime IssuingAuthority::IssuingEnds() const { return EndOf(state_->ca.issuing.certificate_der); }

std::string IssuingNotice(WallTime ends, WallTime now) {
  if (now < ends - kIssuingNotice) return "";
  const auto days = std::chrono::duration_cast<std::chrono::days>(ends - now).count();
  const std::string when = ends <= now ? "ended " : "ends ";
  return "the issuing CA " + when + FormatRfc3339(ends) +
         (ends <= now ? "" : ", in " + std::to_string(days) + (days == 1 ? " day" : " days")) +
         ", and every certificate with it: from then on nobody connects, and every site needs a "
         "new "
         "invitation. Renew it before: stop the aggregator, dure consortium renew --dir DIR --root "
         "CA-OFFLINE, start it again; daemons then renew theirs by themselves";
}

std::shared_ptr<const Revocations> IssuingAuthority::revocations() const {
  return state_->roll.Get()->revocations;
}

void IssuingAuthority::OnRevocation(std::function<void(Snapshot)> observer) {
  const std::lock_guard lock(state_->mutex);
  state_->observer = std::move(observer);
}

std::optional<Seat> IssuingAuthority::FindSeat(Role role, const SiteId& site) const {
  const std::shared_ptr<const Roll> current = state_->roll.Get();
  const Seat* seat = current->Find(role, site);
  return seat == nullptr ? std::nullopt : std::optional<Seat>(*seat);
}

std::vector<Seat> IssuingAuthority::Seats() const { return state_->roll.Get()->seats; }

const Trust& IssuingAuthority::trust() const { return state_->trust; }

}  // namespace dure::identity
