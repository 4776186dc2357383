#include "federation/identity/certificate.h"

#include <arpa/inet.h>
#include <openssl/err.h>

#include <ctime>

#include "federation/check.h"
#include "federation/identity/issue.h"
#include "federation/identity/openssl.h"

namespace dure::identity {
namespace {

X509Ptr ReadX509(ByteView der) {
  if (der.size() > kChainBytesMax) return nullptr;
  const uint8_t* at = der.data();
  X509Ptr certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  ERR_clear_error();
  if (certificate == nullptr || at != der.data() + der.size()) return nullptr;
  // Only the one DER encoding counts, so that the digest of the bytes names the certificate.
  uint8_t* again = nullptr;
  const int n = i2d_X509(certificate.get(), &again);
  const bool same = n == static_cast<int>(der.size()) && std::equal(der.begin(), der.end(), again);
  OPENSSL_free(again);
  return same ? std::move(certificate) : nullptr;
}

WallTime TimeOf(const ASN1_TIME* time) {
  std::tm parts = {};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return WallTime::min();
  return WallTime(std::chrono::seconds(timegm(&parts)));
}

std::string SerialOf(X509* certificate) {
  const NumberPtr number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr));
  if (number == nullptr) return {};
  Bytes bytes(static_cast<size_t>(BN_num_bytes(number.get())));
  BN_bn2bin(number.get(), bytes.data());
  return ToHex(bytes);
}

Result<Purpose> PurposeOf(X509* certificate) {
  const auto* uses = static_cast<const EXTENDED_KEY_USAGE*>(
      X509_get_ext_d2i(certificate, NID_ext_key_usage, nullptr, nullptr));
  const std::unique_ptr<EXTENDED_KEY_USAGE, FreeWith<EXTENDED_KEY_USAGE_free>> owner(
      const_cast<EXTENDED_KEY_USAGE*>(uses));
  if (uses == nullptr || sk_ASN1_OBJECT_num(uses) != 1) {
    return Fail(ErrorCode::kInvalid, "it has no single extended key usage");
  }
  const ASN1_OBJECT* use = sk_ASN1_OBJECT_value(uses, 0);
  if (OBJ_obj2nid(use) == NID_client_auth) return Purpose::kTlsClient;
  if (OBJ_obj2nid(use) == NID_server_auth) return Purpose::kTlsServer;
  char text[80] = {};
  OBJ_obj2txt(text, sizeof text, use, 1);
  if (std::string_view(text) == kSigningUse) return Purpose::kSigning;
  return Fail(ErrorCode::kInvalid, "its extended key usage is unknown");
}

std::string TextOf(const ASN1_STRING* string) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
          static_cast<size_t>(ASN1_STRING_length(string))};
}

std::string AddressOf(const ASN1_OCTET_STRING* bytes) {
  char text[INET6_ADDRSTRLEN] = {};
  const int family = ASN1_STRING_length(bytes) == 4 ? AF_INET : AF_INET6;
  if (family == AF_INET6 && ASN1_STRING_length(bytes) != 16) return {};
  inet_ntop(family, ASN1_STRING_get0_data(bytes), text, sizeof text);
  return text;
}

// The one URI, and beside it the names a server goes by.
Status ReadNames(X509* certificate, Leaf& leaf) {
  const NamesPtr names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  ERR_clear_error();
  std::string uri;
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_DNS) {
      leaf.hosts.push_back(TextOf(name->d.dNSName));
    } else if (name->type == GEN_IPADD) {
      leaf.hosts.push_back(AddressOf(name->d.iPAddress));
    } else if (name->type == GEN_URI && uri.empty()) {
      uri = TextOf(name->d.uniformResourceIdentifier);
    } else {
      return Fail(ErrorCode::kInvalid, "it has names that Dure does not use");
    }
  }
  DURE_ASSIGN(leaf.subject, Subject::FromUri(uri));
  return {};
}

Status ReadKey(X509* certificate, Leaf& leaf) {
  EVP_PKEY* key = X509_get0_pubkey(certificate);
  ERR_clear_error();
  if (key == nullptr) return Fail(ErrorCode::kInvalid, "its key is unreadable");
  const bool is_signing = leaf.purpose == Purpose::kSigning;
  if (EVP_PKEY_base_id(key) != (is_signing ? EVP_PKEY_ED25519 : EVP_PKEY_EC)) {
    return Fail(ErrorCode::kInvalid, "its key is of the wrong kind");
  }
  uint8_t* spki = nullptr;
  const int n = i2d_PUBKEY(key, &spki);
  leaf.key_fingerprint = Sha256({spki, static_cast<size_t>(n)});
  OPENSSL_free(spki);
  if (is_signing) {
    PublicKey raw;
    size_t size = raw.size();
    if (EVP_PKEY_get_raw_public_key(key, raw.data(), &size) != 1) {
      return Fail(ErrorCode::kInvalid, "its key is unreadable");
    }
    leaf.signing_key = raw;
  }
  return {};
}

// OpenSSL's finding in the words of peer.h.
Error Finding(X509_STORE_CTX* context) {
  const int code = X509_STORE_CTX_get_error(context);
  const int depth = X509_STORE_CTX_get_error_depth(context);
  X509* at = X509_STORE_CTX_get_current_cert(context);
  const std::string whose = depth == 0 ? "the certificate" : "the consortium's issuing or root CA";
  const std::string words = X509_verify_cert_error_string(code);
  const auto say = [](std::string text) { return Error{ErrorCode::kUnauthenticated, text}; };
  switch (code) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return say("expired: " + whose + " ended " + FormatRfc3339(TimeOf(X509_get0_notAfter(at))));
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return say("not yet valid: " + whose + " begins " +
                 FormatRfc3339(TimeOf(X509_get0_notBefore(at))) + "; check this machine's clock");
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_CERT_CHAIN_TOO_LONG:
      return say("foreign CA: the certificate does not lead to this consortium's root");
    default:
      return say("malformed certificate: " + words);
  }
}

}  // namespace

Result<Leaf> ReadLeaf(ByteView der) {
  const X509Ptr certificate = ReadX509(der);
  if (certificate == nullptr) return Fail(ErrorCode::kInvalid, "not a certificate");
  if (X509_check_ca(certificate.get()) != 0 || X509_get_version(certificate.get()) != 2) {
    return Fail(ErrorCode::kInvalid, "it is a CA's certificate, not a seat's");
  }
  Leaf leaf;
  DURE_ASSIGN(leaf.purpose, PurposeOf(certificate.get()));
  DURE_TRY(ReadNames(certificate.get(), leaf));
  DURE_TRY(ReadKey(certificate.get(), leaf));
  leaf.serial = SerialOf(certificate.get());
  leaf.not_before = TimeOf(X509_get0_notBefore(certificate.get()));
  leaf.not_after = TimeOf(X509_get0_notAfter(certificate.get()));
  return leaf;
}

std::string PemOf(ByteView certificate_der) {
  const X509Ptr certificate = ReadX509(certificate_der);
  DURE_CHECK(certificate != nullptr, "only a certificate that was read is written");
  const BioPtr bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), certificate.get());
  char* text = nullptr;
  const long n = BIO_get_mem_data(bio.get(), &text);
  return std::string(text, static_cast<size_t>(n));
}

std::string PemOf(std::span<const Bytes> certificate_ders) {
  std::string pem;
  for (const Bytes& der : certificate_ders) pem += PemOf(der);
  return pem;
}

Result<std::vector<Bytes>> DersOf(std::string_view pem) {
  if (pem.size() > kChainBytesMax) {
    return Fail(ErrorCode::kInvalid, "the certificate chain is too long");
  }
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  std::vector<Bytes> ders;
  while (ders.size() <= kChainLengthMax) {
    uint8_t* der = nullptr;
    long n = 0;
    const int read =
        PEM_bytes_read_bio(&der, &n, nullptr, PEM_STRING_X509, bio.get(), nullptr, nullptr);
    if (read != 1) break;
    ders.emplace_back(der, der + n);
    OPENSSL_free(der);
    if (ReadX509(ders.back()) == nullptr) {
      return Fail(ErrorCode::kInvalid, "a certificate of the chain is malformed");
    }
  }
  ERR_clear_error();
  if (ders.empty()) return Fail(ErrorCode::kInvalid, "there is no certificate in PEM");
  if (ders.size() > kChainLengthMax) {
    return Fail(ErrorCode::kInvalid, "the certificate chain has too many certificates");
  }
  return ders;
}

Status VerifyChain(ByteView leaf, std::span<const Bytes> between, ByteView root, WallTime now) {
  const X509Ptr leaf_x509 = ReadX509(leaf);
  const X509Ptr root_x509 = ReadX509(root);
  if (leaf_x509 == nullptr || root_x509 == nullptr) {
    return Fail(ErrorCode::kUnauthenticated, "malformed certificate: not a certificate in DER");
  }
  std::vector<X509Ptr> owners;
  const X509StackPtr untrusted(sk_X509_new_null());
  for (const Bytes& der : between) {
    owners.push_back(ReadX509(der));
    if (owners.back() != nullptr) sk_X509_push(untrusted.get(), owners.back().get());
  }
  const StorePtr store(X509_STORE_new());
  X509_STORE_add_cert(store.get(), root_x509.get());
  const StoreContextPtr context(X509_STORE_CTX_new());
  if (X509_STORE_CTX_init(context.get(), store.get(), leaf_x509.get(), untrusted.get()) != 1) {
    return OpenSslFailure("verifying a certificate");
  }
  X509_VERIFY_PARAM* rules = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_X509_STRICT);
  X509_VERIFY_PARAM_set_depth(rules, 1);  // one issuing CA between a leaf and the root
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()).count();
  X509_VERIFY_PARAM_set_time(rules, static_cast<time_t>(seconds));
  const bool verifies = X509_verify_cert(context.get()) == 1;
  ERR_clear_error();
  if (!verifies) return Fail(Finding(context.get()));
  return {};
}

}  // namespace dure::identity
