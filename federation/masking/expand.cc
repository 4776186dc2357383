#include "federation/masking/expand.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "federation/check.h"

namespace dure::masking {
namespace {

EVP_KDF* HkdfAlgorithm() {
  static EVP_KDF* const algorithm = EVP_KDF_fetch(nullptr, "HKDF", nullptr);
  DURE_CHECK(algorithm != nullptr, "OpenSSL has HKDF");
  return algorithm;
}

// OpenSSL's parameters point to mutable memory that it only reads.
OSSL_PARAM Octets(const char* name, ByteView bytes) {
  return OSSL_PARAM_construct_octet_string(name, const_cast<uint8_t*>(bytes.data()), bytes.size());
}

}  // namespace

void Expand(ByteView secret, ByteView salt, ByteView info, std::span<uint8_t> out) {
  DURE_CHECK(!out.empty() && out.size() <= 255 * 32 && info.size() < 256, "HKDF's own bounds");
  EVP_KDF_CTX* const context = EVP_KDF_CTX_new(HkdfAlgorithm());
  char digest[] = "SHA256";
  OSSL_PARAM parameters[5];
  size_t count = 0;
  parameters[count++] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0);
  parameters[count++] = Octets(OSSL_KDF_PARAM_KEY, secret);
  // No salt is a salt of zeros (RFC 5869, 2.2).
  if (!salt.empty()) parameters[count++] = Octets(OSSL_KDF_PARAM_SALT, salt);
  if (!info.empty()) parameters[count++] = Octets(OSSL_KDF_PARAM_INFO, info);
  parameters[count] = OSSL_PARAM_construct_end();
  const bool ok = EVP_KDF_derive(context, out.data(), out.size(), parameters) == 1;
  EVP_KDF_CTX_free(context);
  DURE_CHECK(ok, "HKDF derives");
}

}  // namespace dure::masking
