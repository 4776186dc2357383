#include "federation/identity/key.h"

#include <openssl/ec.h>
#include <openssl/err.h>

#include "federation/check.h"
#include "federation/identity/openssl.h"

namespace dure::identity {
namespace {

Bytes SpkiOf(EVP_PKEY* key) {
  const int n = i2d_PUBKEY(key, nullptr);
  DURE_CHECK(n > 0, "a key has a public part");
  Bytes spki(static_cast<size_t>(n));
  uint8_t* at = spki.data();
  i2d_PUBKEY(key, &at);
  return spki;
}

bool IsP256(EVP_PKEY* key) {
  if (key == nullptr || EVP_PKEY_base_id(key) != EVP_PKEY_EC) return false;
  char group[64] = {};
  size_t n = 0;
  return EVP_PKEY_get_group_name(key, group, sizeof group, &n) == 1 &&
         std::string_view(group, n) == "prime256v1";
}

// The only value of a name's field; empty when absent, repeated or no plain text.
std::string OnlyEntry(const X509_NAME* name, int nid) {
  const int at = X509_NAME_get_index_by_NID(name, nid, -1);
  if (at < 0 || X509_NAME_get_index_by_NID(name, nid, at) >= 0) return {};
  const ASN1_STRING* value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
          static_cast<size_t>(ASN1_STRING_length(value))};
}

bool AddEntry(X509_NAME* name, const char* field, std::string_view value) {
  return X509_NAME_add_entry_by_txt(name, field, MBSTRING_ASC,
                                    reinterpret_cast<const unsigned char*>(value.data()),
                                    static_cast<int>(value.size()), -1, 0) == 1;
}

}  // namespace

tl::unexpected<Error> OpenSslFailure(std::string_view doing) {
  char reason[256] = "no reason given";
  const unsigned long code = ERR_get_error();
  if (code != 0) ERR_error_string_n(code, reason, sizeof reason);
  ERR_clear_error();
  return Fail(ErrorCode::kInternal, std::string(doing) + ": " + reason);
}

KeyPtr ReadTlsKey(std::string_view pem) {
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  // An empty pass phrase keeps OpenSSL from asking at the terminal for an encrypted key.
  KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, const_cast<char*>("")));
  ERR_clear_error();
  return IsP256(key.get()) ? std::move(key) : nullptr;
}

std::string GenerateTlsKeyPem() {
  const KeyPtr key(EVP_EC_gen("P-256"));
  DURE_CHECK(key != nullptr, "the system gives entropy and OpenSSL knows P-256");
  const BioPtr bio(BIO_new(BIO_s_mem()));
  const int written =
      PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  DURE_CHECK(written == 1, "a key can be written");
  char* text = nullptr;
  const long n = BIO_get_mem_data(bio.get(), &text);
  return std::string(text, static_cast<size_t>(n));
}

Result<Bytes> TlsKeySpki(std::string_view key_pem) {
  const KeyPtr key = ReadTlsKey(key_pem);
  if (key == nullptr) return Fail(ErrorCode::kInvalid, "not a P-256 private key in PEM");
  return SpkiOf(key.get());
}

Result<Digest> TlsKeyFingerprint(std::string_view key_pem) {
  DURE_ASSIGN(const Bytes spki, TlsKeySpki(key_pem));
  return Sha256(spki);
}

Result<Bytes> MakeCertificateRequest(std::string_view key_pem, std::string_view name,
                                     std::string_view challenge) {
  const KeyPtr key = ReadTlsKey(key_pem);
  if (key == nullptr) return Fail(ErrorCode::kInvalid, "not a P-256 private key in PEM");
  const RequestPtr request(X509_REQ_new());
  X509_NAME* subject = X509_REQ_get_subject_name(request.get());
  if (!AddEntry(subject, "CN", name) || !AddEntry(subject, "OU", challenge) ||
      X509_REQ_set_pubkey(request.get(), key.get()) != 1 ||
      X509_REQ_sign(request.get(), key.get(), EVP_sha256()) <= 0) {
    return OpenSslFailure("making a certificate request");
  }
  const int n = i2d_X509_REQ(request.get(), nullptr);
  Bytes der(static_cast<size_t>(n));
  uint8_t* at = der.data();
  i2d_X509_REQ(request.get(), &at);
  return der;
}

Result<Bytes> CheckCertificateRequest(ByteView request_der, std::string_view name,
                                      std::string_view challenge) {
  const uint8_t* at = request_der.data();
  const RequestPtr request(d2i_X509_REQ(nullptr, &at, static_cast<long>(request_der.size())));
  ERR_clear_error();
  if (request == nullptr || at != request_der.data() + request_der.size()) {
    return Fail(ErrorCode::kInvalid, "the certificate request is malformed");
  }
  EVP_PKEY* key = X509_REQ_get0_pubkey(request.get());
  if (!IsP256(key)) {
    return Fail(ErrorCode::kInvalid, "the certificate request is not for a P-256 key");
  }
  const bool verifies = X509_REQ_verify(request.get(), key) == 1;
  ERR_clear_error();
  if (!verifies) {
    return Fail(ErrorCode::kInvalid, "the certificate request is not signed by its own key");
  }
  const X509_NAME* subject = X509_REQ_get_subject_name(request.get());
  if (OnlyEntry(subject, NID_commonName) != name ||
      OnlyEntry(subject, NID_organizationalUnitName) != challenge) {
    return Fail(ErrorCode::kInvalid, "the certificate request was made for something else");
  }
  return SpkiOf(key);
}

}  // namespace dure::identity
