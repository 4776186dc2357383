#include "federation/identity/issue.h"

#include <arpa/inet.h>
#include <openssl/err.h>

#include <algorithm>
#include <ctime>

#include "federation/check.h"
#include "federation/identity/key.h"
#include "federation/identity/openssl.h"
#include "federation/random.h"

namespace dure::identity {
namespace {

struct Field {
  const char* name;
  std::string value;
};

struct Extension {
  int nid;
  std::string value;
};

// Everything that differs between a root, an issuing CA and a leaf.
struct Draft {
  std::vector<Field> subject;
  Validity validity;
  std::vector<Extension> extensions;
};

X509Ptr ReadCertificate(ByteView der) {
  const uint8_t* at = der.data();
  X509Ptr certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  ERR_clear_error();
  return certificate;
}

time_t Seconds(WallTime time) {
  return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
}

bool SetSerial(X509* certificate) {
  std::array<uint8_t, 16> bytes;
  SystemRandom().Fill(bytes);
  bytes[0] = static_cast<uint8_t>((bytes[0] & 0x7f) | 0x40);  // positive, always 16 bytes long
  const NumberPtr number(BN_bin2bn(bytes.data(), bytes.size(), nullptr));
  return BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool SetSubject(X509* certificate, const std::vector<Field>& fields) {
  X509_NAME* name = X509_get_subject_name(certificate);
  return std::all_of(fields.begin(), fields.end(), [name](const Field& field) {
    return X509_NAME_add_entry_by_txt(name, field.name, MBSTRING_ASC,
                                      reinterpret_cast<const unsigned char*>(field.value.data()),
                                      static_cast<int>(field.value.size()), -1, 0) == 1;
  });
}

bool AddExtension(X509* certificate, X509* issuer, const Extension& extension) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509V3_set_ctx_nodb(&context);
  const ExtensionPtr made(
      X509V3_EXT_conf_nid(nullptr, &context, extension.nid, extension.value.c_str()));
  return made != nullptr && X509_add_ext(certificate, made.get(), -1) == 1;
}

// Without an issuer the certificate signs itself: `key` is then its own.
Result<Bytes> Make(const Draft& draft, EVP_PKEY* key, const X509Ptr& issuer, EVP_PKEY* issuer_key) {
  const X509Ptr certificate(X509_new());
  X509* x509 = certificate.get();
  const bool named = X509_set_version(x509, 2) == 1 && SetSerial(x509) &&
                     SetSubject(x509, draft.subject) && X509_set_pubkey(x509, key) == 1;
  ASN1_TIME_set(X509_getm_notBefore(x509), Seconds(draft.validity.not_before));
  ASN1_TIME_set(X509_getm_notAfter(x509), Seconds(draft.validity.not_after));
  X509* signer = issuer == nullptr ? x509 : issuer.get();
  X509_set_issuer_name(x509, X509_get_subject_name(signer));
  bool extended = true;
  for (const Extension& extension : draft.extensions) {
    extended = extended && AddExtension(x509, signer, extension);
  }
  if (!named || !extended || X509_sign(x509, issuer_key, EVP_sha256()) <= 0) {
    return OpenSslFailure("making a certificate");
  }
  Bytes der(static_cast<size_t>(i2d_X509(x509, nullptr)));
  uint8_t* at = der.data();
  i2d_X509(x509, &at);
  return der;
}

std::string UseOf(Purpose purpose) {
  switch (purpose) {
    case Purpose::kTlsClient:
      return "clientAuth";
    case Purpose::kTlsServer:
      return "serverAuth";
    case Purpose::kSigning:
      return kSigningUse;
  }
  DURE_CHECK(false, "the purposes are listed above");
}

std::string NamesOf(const LeafPlan& plan) {
  std::string names = "URI:" + plan.subject.ToUri();
  for (const std::string& host : plan.hosts) {
    in6_addr address;
    const bool is_ip = inet_pton(AF_INET, host.c_str(), &address) == 1 ||
                       inet_pton(AF_INET6, host.c_str(), &address) == 1;
    names += (is_ip ? ",IP:" : ",DNS:") + host;
  }
  return names;
}

}  // namespace

Validity ValidityFrom(WallTime now, std::chrono::seconds life, std::chrono::seconds skew) {
  const auto start = std::chrono::floor<std::chrono::seconds>(now);
  return {WallTime(start - skew), WallTime(start + life)};
}

Result<Authority> MakeRoot(std::string_view consortium, const Validity& validity) {
  DURE_TRY(ValidateName("consortium", consortium));
  Authority root;
  root.key_pem = GenerateTlsKeyPem();
  const KeyPtr key = ReadTlsKey(root.key_pem);
  const Draft draft = {{{"O", std::string(consortium)}, {"CN", "Dure root CA"}},
                       validity,
                       {{NID_basic_constraints, "critical,CA:TRUE,pathlen:1"},
                        {NID_key_usage, "critical,keyCertSign,cRLSign"},
                        {NID_subject_key_identifier, "hash"}}};
  DURE_ASSIGN(root.certificate_der, Make(draft, key.get(), nullptr, key.get()));
  return root;
}

Result<Authority> MakeIssuing(const Authority& root, std::string_view consortium,
                              const Validity& validity) {
  DURE_TRY(ValidateName("consortium", consortium));
  const KeyPtr root_key = ReadTlsKey(root.key_pem);
  const X509Ptr root_x509 = ReadCertificate(root.certificate_der);
  if (root_key == nullptr || root_x509 == nullptr ||
      X509_check_private_key(root_x509.get(), root_key.get()) != 1) {
    ERR_clear_error();
    return Fail(ErrorCode::kCorrupt,
                "the root key and the root certificate do not belong together");
  }
  Authority issuing;
  issuing.key_pem = GenerateTlsKeyPem();
  const KeyPtr key = ReadTlsKey(issuing.key_pem);
  const Draft draft = {{{"O", std::string(consortium)}, {"CN", "Dure issuing CA"}},
                       validity,
                       {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
                        {NID_key_usage, "critical,keyCertSign,cRLSign"},
                        {NID_ext_key_usage, std::string("serverAuth,clientAuth,") + kSigningUse},
                        {NID_name_constraints, "critical,permitted;URI:" + std::string(consortium)},
                        {NID_subject_key_identifier, "hash"},
                        {NID_authority_key_identifier, "keyid:always"}}};
  DURE_ASSIGN(issuing.certificate_der, Make(draft, key.get(), root_x509, root_key.get()));
  return issuing;
}

Result<Bytes> MakeLeaf(const Authority& issuing, const LeafPlan& plan) {
  const KeyPtr issuer_key = ReadTlsKey(issuing.key_pem);
  const X509Ptr issuer = ReadCertificate(issuing.certificate_der);
  if (issuer_key == nullptr || issuer == nullptr) {
    return Fail(ErrorCode::kCorrupt, "the issuing CA's key or certificate is malformed");
  }
  const uint8_t* at = plan.spki.data();
  const KeyPtr key(d2i_PUBKEY(nullptr, &at, static_cast<long>(plan.spki.size())));
  if (key == nullptr) {
    ERR_clear_error();
    return Fail(ErrorCode::kInvalid, "the public key is malformed");
  }
  Draft draft = {{{"O", plan.subject.member.str()},
                  {"OU", std::string(Name(plan.subject.role))},
                  {"CN", plan.subject.site.str()}},
                 plan.validity,
                 {{NID_basic_constraints, "critical,CA:FALSE"},
                  {NID_key_usage, "critical,digitalSignature"},
                  {NID_ext_key_usage, "critical," + UseOf(plan.purpose)},
                  {NID_subject_alt_name, NamesOf(plan)},
                  {NID_subject_key_identifier, "hash"},
                  {NID_authority_key_identifier, "keyid:always"}}};
  draft.validity.not_after = std::min(plan.validity.not_after, EndOf(issuing.certificate_der));
  return Make(draft, key.get(), issuer, issuer_key.get());
}

Bytes SpkiOfSigningKey(const PublicKey& key) {
  const KeyPtr pkey(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.data(), key.size()));
  DURE_CHECK(pkey != nullptr, "any 32 bytes name an Ed25519 key");
  Bytes spki(static_cast<size_t>(i2d_PUBKEY(pkey.get(), nullptr)));
  uint8_t* at = spki.data();
  i2d_PUBKEY(pkey.get(), &at);
  return spki;
}

WallTime EndOf(ByteView certificate_der) {
  const X509Ptr certificate = ReadCertificate(certificate_der);
  std::tm parts = {};
  if (certificate == nullptr ||
      ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &parts) != 1) {
    return WallTime::min();
  }
  return WallTime(std::chrono::seconds(timegm(&parts)));
}

}  // namespace dure::identity
