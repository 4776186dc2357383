#include "federation/identity/seat_files.h"

#include <nlohmann/json.hpp>

#include "federation/check.h"
#include "federation/crash_point.h"
#include "federation/identity/key.h"
#include "federation/identity/private_files.h"

namespace dure::identity {
namespace {

using nlohmann::json;

Result<json> ReadJson(const std::filesystem::path& path) {
  DURE_ASSIGN(const std::string text, ReadPrivateFile(path));
  json parsed = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object()) return Fail(ErrorCode::kCorrupt, path.string() + " is not JSON");
  return parsed;
}

// Empty when absent or no text: what needs it says so.
std::string TextOf(const json& object, const char* field) {
  const auto found = object.find(field);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

tl::unexpected<Error> Corrupt(const std::filesystem::path& path, const Error& why) {
  const bool is_content =
      why.code == ErrorCode::kInvalid || why.code == ErrorCode::kUnauthenticated;
  return Fail(is_content ? ErrorCode::kCorrupt : why.code,
              is_content ? path.string() + ": " + why.message : why.message);
}

// The private key that belongs to the certificate: tls.key, or the waiting one after a renewal that
// was interrupted between writing the certificate and putting the key in place.
Result<std::string> KeyFor(const SeatFiles& files, const Digest& fingerprint) {
  DURE_ASSIGN(std::string key, ReadPrivateFile(files.tls_key()));
  const auto current = TlsKeyFingerprint(key);
  if (current && *current == fingerprint) return key;
  if (std::filesystem::exists(files.next_tls_key())) {
    DURE_ASSIGN(std::string next, ReadPrivateFile(files.next_tls_key()));
    const auto waiting = TlsKeyFingerprint(next);
    if (waiting && *waiting == fingerprint) {
      DURE_TRY(RenamePrivate(files.next_tls_key(), files.tls_key()));
      return next;
    }
  }
  return Fail(ErrorCode::kCorrupt, files.tls_crt().string() + " is not for the key in " +
                                       files.tls_key().string() + "; enrol again");
}

// The same for the signing key, after an enrolment with new keys.
Result<std::unique_ptr<Ed25519Signer>> SignerFor(const SeatFiles& files, const PublicKey& key) {
  for (const auto& path : {files.signing_key(), files.next_signing_key()}) {
    const auto pem = ReadPrivateFile(path);
    if (!pem && pem.error().code == ErrorCode::kNotFound) continue;
    if (!pem) return Fail(pem.error());
    auto signer = Ed25519Signer::FromPem(*pem);
    if (!signer) return Corrupt(path, signer.error());
    if ((*signer)->Key() != key) continue;
    if (path != files.signing_key()) DURE_TRY(RenamePrivate(path, files.signing_key()));
    return signer;
  }
  return Fail(ErrorCode::kCorrupt, files.signing_crt().string() + " is not for the key in " +
                                       files.signing_key().string() + "; enrol again");
}

Status ReadCertificates(const SeatFiles& files, Identity& identity) {
  DURE_ASSIGN(identity.cert_chain_pem, ReadPrivateFile(files.tls_crt()));
  DURE_ASSIGN(identity.root_pem, ReadPrivateFile(files.root_crt()));
  DURE_ASSIGN(identity.signing_cert_pem, ReadPrivateFile(files.signing_crt()));
  const auto chain = DersOf(identity.cert_chain_pem);
  if (!chain) return Corrupt(files.tls_crt(), chain.error());
  const auto roots = DersOf(identity.root_pem);
  if (!roots) return Corrupt(files.root_crt(), roots.error());
  const auto leaf = ReadLeaf(chain->front());
  if (!leaf) return Corrupt(files.tls_crt(), leaf.error());
  const auto signing = DersOf(identity.signing_cert_pem);
  if (!signing) return Corrupt(files.signing_crt(), signing.error());
  const auto signing_leaf = ReadLeaf(signing->front());
  if (!signing_leaf) return Corrupt(files.signing_crt(), signing_leaf.error());
  if (!signing_leaf->signing_key) {
    return Fail(ErrorCode::kCorrupt, files.signing_crt().string() + " is for no signing key");
  }
  DURE_ASSIGN(identity.signer, SignerFor(files, *signing_leaf->signing_key));
  identity.subject = leaf->subject;
  identity.serial = leaf->serial;
  identity.not_before = leaf->not_before;
  identity.not_after = leaf->not_after;
  identity.root_pin = Sha256(roots->front());
  DURE_ASSIGN(identity.tls_key_pem, KeyFor(files, leaf->key_fingerprint));
  return {};
}

Result<std::optional<Domicile>> DomicileAt(const SeatFiles& files) {
  if (!std::filesystem::exists(files.domicile_json())) return std::optional<Domicile>();
  DURE_ASSIGN(const json said, ReadJson(files.domicile_json()));
  Domicile domicile;
  const auto house = ParseHouse(TextOf(said, "house"));
  if (!house) return Corrupt(files.domicile_json(), house.error());
  domicile.house = *house;
  domicile.country = TextOf(said, "country");
  if (const Status sound = domicile.Check(); !sound) {
    return Corrupt(files.domicile_json(), sound.error());
  }
  return std::optional(std::move(domicile));
}

}  // namespace

Result<std::string> TlsKeyAt(const std::filesystem::path& path) {
  auto found = ReadPrivateFile(path);
  if (found || found.error().code != ErrorCode::kNotFound) {
    if (found && !TlsKeyFingerprint(*found)) {
      return Fail(ErrorCode::kCorrupt, path.string() + " is not a P-256 key");
    }
    return found;
  }
  std::string key = GenerateTlsKeyPem();
  DURE_TRY(WritePrivateFile(path, key));
  return key;
}

Result<std::unique_ptr<Ed25519Signer>> SigningKeyAt(const std::filesystem::path& path) {
  auto found = ReadPrivateFile(path);
  if (found) {
    auto signer = Ed25519Signer::FromPem(*found);
    if (!signer) return Corrupt(path, signer.error());
    return signer;
  }
  if (found.error().code != ErrorCode::kNotFound) return Fail(found.error());
  auto signer = Ed25519Signer::Generate();
  DURE_TRY(WritePrivateFile(path, signer->ToPem()));
  return signer;
}

Status WriteSeat(const SeatFiles& files, const Subject& subject, const Credentials& credentials) {
  const auto aggregator = ReadLeaf(credentials.aggregator_signing_der);
  DURE_CHECK(aggregator && aggregator->signing_key, "the credentials were verified");
  const json names = {{"consortium", subject.consortium},
                      {"member", subject.member.str()},
                      {"role", Name(subject.role)},
                      {"site", subject.site.str()},
                      {"address", credentials.address},
                      {"enrol_address", credentials.enrol_address},
                      {"aggregator_key", ToHex(*aggregator->signing_key)},
                      {"log_vkey", credentials.log_vkey},
                      {"log_origin", credentials.log_origin},
                      {"root_sha256", Sha256(credentials.root_der).Hex()}};
  DURE_TRY(WritePrivateFile(files.consortium_json(), names.dump(2) + "\n"));
  DURE_TRY(WritePrivateFile(files.root_crt(), PemOf(credentials.root_der)));
  DURE_TRY(WritePrivateFile(files.signing_crt(),
                            PemOf(credentials.signing_der) + PemOf(credentials.issuing_der)));
  CrashPoint("identity.signing-certificate-written");
  DURE_TRY(WritePrivateFile(
      files.tls_crt(),
      PemOf(credentials.tls_der) + PemOf(credentials.issuing_der) + PemOf(credentials.root_der)));
  CrashPoint("identity.certificates-written");
  const auto signing = ReadLeaf(credentials.signing_der);
  DURE_CHECK(signing && signing->signing_key, "the credentials were verified");
  DURE_TRY(SignerFor(files, *signing->signing_key).map([](const auto&) {}));
  const auto leaf = ReadLeaf(credentials.tls_der);
  DURE_CHECK(leaf.has_value(), "the credentials were verified");
  const Result<std::string> key = KeyFor(files, leaf->key_fingerprint);
  if (!key) return Fail(key.error());
  return {};
}

Status WriteDomicile(const SeatFiles& files, const Domicile& domicile) {
  const json said = {{"house", Name(domicile.house)}, {"country", domicile.country}};
  return WritePrivateFile(files.domicile_json(), said.dump(2) + "\n");
}

Result<Subject> SubjectAt(const SeatFiles& files) {
  DURE_ASSIGN(const json names, ReadJson(files.consortium_json()));
  const std::string uri = "dure://" + TextOf(names, "consortium") + "/" + TextOf(names, "member") +
                          "/" + TextOf(names, "role") + "/" + TextOf(names, "site");
  auto subject = Subject::FromUri(uri);
  if (!subject) return Corrupt(files.consortium_json(), subject.error());
  return subject;
}

Result<Identity> LoadIdentity(const std::string& dir) {
  const SeatFiles files(dir);
  if (!std::filesystem::exists(files.tls_crt())) {
    return Fail(ErrorCode::kNotFound, "there is no identity in " + files.folder.string() +
                                          "; enrol first (dure site enrol INVITATION --dir " + dir +
                                          ")");
  }
  Identity identity;
  DURE_TRY(ReadCertificates(files, identity));
  DURE_ASSIGN(const Subject subject, SubjectAt(files));
  if (subject != identity.subject) {
    return Fail(ErrorCode::kCorrupt,
                files.consortium_json().string() + " names another seat than tls.crt; enrol again");
  }
  DURE_ASSIGN(const json names, ReadJson(files.consortium_json()));
  // Otherwise the aggregator would be called a stranger, and no file be named.
  if (TextOf(names, "root_sha256") != identity.root_pin.Hex()) {
    return Fail(ErrorCode::kCorrupt,
                files.root_crt().string() + " is not the root that " +
                    files.consortium_json().string() +
                    " names (root_sha256): one of them was changed; put the folder back from a "
                    "copy, or enrol again");
  }
  DURE_ASSIGN(identity.domicile, DomicileAt(files));
  identity.log_vkey = TextOf(names, "log_vkey");
  identity.log_origin = TextOf(names, "log_origin");
  identity.address = TextOf(names, "address");
  identity.enrol_address = TextOf(names, "enrol_address");
  const auto key = FromHex(TextOf(names, "aggregator_key"));
  if (!key || key->size() != identity.aggregator_key.size()) {
    return Fail(ErrorCode::kCorrupt, files.consortium_json().string() + " has no aggregator_key");
  }
  std::copy(key->begin(), key->end(), identity.aggregator_key.begin());
  return identity;
}

WallTime RenewalTime(WallTime not_before, WallTime not_after) {
  return not_after - (not_after - not_before) / 3;
}

bool RenewalDue(WallTime not_before, WallTime not_after, WallTime now) {
  return now < not_before || now >= RenewalTime(not_before, not_after);
}

}  // namespace dure::identity
