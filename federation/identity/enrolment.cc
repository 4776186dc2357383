#include "federation/identity/enrolment.h"

#include "federation/crash_point.h"
#include "federation/identity/certificate.h"
#include "federation/identity/key.h"
#include "federation/identity/messages.h"
#include "federation/identity/private_files.h"
#include "federation/identity/seat_files.h"

namespace dure::identity {
namespace {

tl::unexpected<Error> NotForUs(std::string what) {
  return Fail(ErrorCode::kUnauthenticated, "the aggregator's answer is refused: " + what);
}

// One of the answer's three leaves: leads to the root, is for this use and this subject.
Result<Leaf> CheckLeaf(const Credentials& credentials, const Bytes& der, Purpose purpose,
                       WallTime now) {
  const Status chained = VerifyChain(der, {&credentials.issuing_der, 1}, credentials.root_der, now);
  if (!chained) return NotForUs(chained.error().message);
  auto leaf = ReadLeaf(der);
  if (!leaf) return NotForUs(leaf.error().message);
  if (leaf->purpose != purpose) return NotForUs("a certificate is for another purpose");
  return leaf;
}

struct Expected {
  Subject subject;
  Digest root_pin;
  std::vector<PublicKey> signing_keys;  // any of these
  std::vector<Digest> tls_keys;         // any of these
};

Status Verify(const Credentials& credentials, const Expected& expected, WallTime now) {
  if (Sha256(credentials.root_der) != expected.root_pin) {
    return NotForUs("its root CA is not the one that we were told to trust");
  }
  DURE_ASSIGN(const Leaf aggregator,
              CheckLeaf(credentials, credentials.aggregator_signing_der, Purpose::kSigning, now));
  if (aggregator.subject.role != Role::kAggregator ||
      aggregator.subject.consortium != expected.subject.consortium) {
    return NotForUs("it is not signed by this consortium's aggregator");
  }
  if (!credentials.ProofVerifies(*aggregator.signing_key)) {
    return NotForUs("its signature does not verify");
  }
  const Purpose tls_purpose =
      expected.subject.role == Role::kAggregator ? Purpose::kTlsServer : Purpose::kTlsClient;
  DURE_ASSIGN(const Leaf tls, CheckLeaf(credentials, credentials.tls_der, tls_purpose, now));
  DURE_ASSIGN(const Leaf signing,
              CheckLeaf(credentials, credentials.signing_der, Purpose::kSigning, now));
  if (tls.subject != expected.subject || signing.subject != expected.subject) {
    return NotForUs("its certificates are for " + tls.subject.ToUri() + ", we are " +
                    expected.subject.ToUri());
  }
  const bool is_our_tls_key = std::find(expected.tls_keys.begin(), expected.tls_keys.end(),
                                        tls.key_fingerprint) != expected.tls_keys.end();
  const bool is_our_signing_key =
      signing.signing_key && std::find(expected.signing_keys.begin(), expected.signing_keys.end(),
                                       *signing.signing_key) != expected.signing_keys.end();
  if (!is_our_tls_key || !is_our_signing_key) {
    return NotForUs("its certificates are for other keys than ours");
  }
  return {};
}

// The fingerprints of tls.key and, if there is one, of the key that waits for a renewal.
Result<std::vector<Digest>> OurTlsKeys(const SeatFiles& files) {
  std::vector<Digest> keys;
  for (const auto& path : {files.tls_key(), files.next_tls_key()}) {
    if (!std::filesystem::exists(path)) continue;
    DURE_ASSIGN(const std::string pem, ReadPrivateFile(path));
    const auto fingerprint = TlsKeyFingerprint(pem);
    if (!fingerprint) return Fail(ErrorCode::kCorrupt, path.string() + " is not a P-256 key");
    keys.push_back(*fingerprint);
  }
  if (keys.empty()) {
    return Fail(ErrorCode::kNotFound,
                "there is no key in " + files.folder.string() + "; prepare the enrolment first");
  }
  return keys;
}

Result<std::vector<PublicKey>> OurSigningKeys(const SeatFiles& files) {
  std::vector<PublicKey> keys;
  for (const auto& path : {files.signing_key(), files.next_signing_key()}) {
    if (!std::filesystem::exists(path)) continue;
    DURE_ASSIGN(const auto signer, SigningKeyAt(path));
    keys.push_back(signer->Key());
  }
  return keys;
}

struct KeyPaths {
  std::filesystem::path tls;
  std::filesystem::path signing;
};

// New keys wait beside the old ones. One invitation gets one pair, however often it is tried: when
// a try was cut off after its answer came, some of them may be in place already.
Result<KeyPaths> NewKeysFor(const SeatFiles& files, const std::string& nonce) {
  const auto begun = ReadPrivateFile(files.next_nonce());
  if (!begun || *begun != nonce) {
    DURE_TRY(TlsKeyAt(files.next_tls_key()).map([](const auto&) {}));
    DURE_TRY(SigningKeyAt(files.next_signing_key()).map([](const auto&) {}));
    DURE_TRY(WritePrivateFile(files.next_nonce(), nonce));
  }
  const auto waiting_or = [](const std::filesystem::path& next, const std::filesystem::path& now) {
    return std::filesystem::exists(next) ? next : now;
  };
  return KeyPaths{waiting_or(files.next_tls_key(), files.tls_key()),
                  waiting_or(files.next_signing_key(), files.signing_key())};
}

// An identity folder belongs to one seat for good; another invitation wants another folder.
Status CheckOwner(const SeatFiles& files, const Subject& subject) {
  const auto owner = SubjectAt(files);
  if (!owner) {
    if (owner.error().code == ErrorCode::kNotFound) return {};
    return Fail(owner.error());
  }
  if (*owner == subject) return {};
  return Fail(ErrorCode::kAlreadyExists, files.folder.string() + " belongs to " + owner->ToUri() +
                                             "; the invitation is for " + subject.ToUri() +
                                             ": use another folder");
}

}  // namespace

Result<Bytes> PrepareEnrolment(const Invitation& invitation, const std::string& dir, WallTime now,
                               Keys keys) {
  if (Status good = CheckNotExpired(invitation, now); !good) {
    // It may be this clock that is wrong, and then a new one would seem to have expired, too.
    good.error().message += " (this machine's clock says " + FormatRfc3339(now) + ")";
    return Fail(std::move(good.error()));
  }
  const SeatFiles files(dir);
  DURE_TRY(MakePrivateFolder(dir));
  DURE_TRY(MakePrivateFolder(files.folder));
  DURE_TRY(CheckOwner(files, invitation.subject));
  KeyPaths paths{files.tls_key(), files.signing_key()};
  if (keys == Keys::kNew) {
    DURE_ASSIGN(paths, NewKeysFor(files, invitation.NonceHex()));
  }
  DURE_ASSIGN(const std::string tls_key, TlsKeyAt(paths.tls));
  DURE_ASSIGN(const auto signer, SigningKeyAt(paths.signing));
  CrashPoint("identity.keys-made");
  EnrolmentRequest request;
  request.invitation = invitation.text;
  DURE_ASSIGN(request.csr, MakeCertificateRequest(tls_key, invitation.subject.site.str(),
                                                  invitation.NonceHex()));
  request.signing_key = signer->Key();
  request.proof = signer->Sign(kEnrolmentDomain, request.Proof());
  return request.Encode();
}

Status AcceptEnrolment(const Invitation& invitation, const std::string& dir, ByteView response,
                       WallTime now) {
  const SeatFiles files(dir);
  DURE_ASSIGN(const Credentials credentials, Credentials::Parse(response));
  DURE_TRY(CheckOwner(files, invitation.subject));
  Expected expected;
  expected.subject = invitation.subject;
  expected.root_pin = invitation.root_pin;
  DURE_ASSIGN(expected.tls_keys, OurTlsKeys(files));
  DURE_ASSIGN(expected.signing_keys, OurSigningKeys(files));
  DURE_TRY(Verify(credentials, expected, now));
  DURE_TRY(WriteDomicile(files, invitation.domicile));
  return WriteSeat(files, invitation.subject, credentials);
}

Result<Bytes> PrepareRenewal(const Identity& identity, const std::string& dir, bool new_tls_key) {
  std::string tls_key = identity.tls_key_pem;
  if (new_tls_key) {
    DURE_ASSIGN(tls_key, TlsKeyAt(SeatFiles(dir).next_tls_key()));
  }
  RenewalRequest request;
  DURE_ASSIGN(request.csr, MakeCertificateRequest(tls_key, identity.site().str(), identity.serial));
  request.proof = identity.signer->Sign(kRenewalDomain, request.Proof());
  return request.Encode();
}

Status AcceptRenewal(const Identity& identity, const std::string& dir, ByteView response,
                     WallTime now) {
  const SeatFiles files(dir);
  DURE_ASSIGN(const Credentials credentials, Credentials::Parse(response));
  Expected expected;
  expected.subject = identity.subject;
  expected.root_pin = identity.root_pin;
  expected.signing_keys = {identity.signer->Key()};
  DURE_ASSIGN(expected.tls_keys, OurTlsKeys(files));
  DURE_TRY(Verify(credentials, expected, now));
  // A log has one key for life. A renewal that brings another would move us to another history.
  if (credentials.log_vkey != identity.log_vkey || credentials.log_origin != identity.log_origin) {
    return NotForUs("it names another log than the one that we follow");
  }
  return WriteSeat(files, identity.subject, credentials);
}

}  // namespace dure::identity
