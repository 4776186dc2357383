#include "federation/signer.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <algorithm>

#include "federation/check.h"
#include "federation/random.h"

namespace dure {
namespace {

std::string WithDomain(std::string_view domain, ByteView message) {
  std::string bytes("DURE1\0", 6);
  bytes.append(domain).push_back('\0');
  bytes.append(AsText(message));
  return bytes;
}

// Points of order 1, 2, 4 and 8, whichever sign, and two second encodings of them. Under such a key
// one signature holds for every message, or for each eighth, and anybody can make it.
constexpr std::array<uint8_t, 32> kOrderEight[] = {
    {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
     0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
     0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
    {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b,
     0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
     0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a}};

bool IsOfSmallOrder(PublicKey key) {
  key.back() &= 0x7f;
  if (key == kOrderEight[0] || key == kOrderEight[1]) return true;
  // 0 and 1; p - 1, p and p + 1.
  const bool filled =
      std::all_of(key.begin() + 1, key.end() - 1, [&key](uint8_t byte) { return byte == key[1]; });
  const bool low = key[0] <= 1 && key[1] == 0 && key.back() == 0;
  const bool high = key[0] >= 0xec && key[0] <= 0xee && key[1] == 0xff && key.back() == 0x7f;
  return filled && (low || high);
}

}  // namespace

Signature Signer::Sign(std::string_view domain, ByteView message) const {
  return SignRaw(AsBytes(WithDomain(domain, message)));
}

bool Verifier::Verify(std::string_view domain, const PublicKey& key, ByteView message,
                      ByteView signature) const {
  return VerifyRaw(key, AsBytes(WithDomain(domain, message)), signature);
}

struct Ed25519Signer::State {
  EVP_PKEY* key = nullptr;
  ~State() { EVP_PKEY_free(key); }
};

Ed25519Signer::Ed25519Signer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Ed25519Signer::~Ed25519Signer() = default;

Result<std::unique_ptr<Ed25519Signer>> Ed25519Signer::FromSeed(ByteView seed32) {
  if (seed32.size() != 32) return Fail(ErrorCode::kInvalid, "an Ed25519 seed has 32 bytes");
  auto state = std::make_unique<State>();
  state->key =
      EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed32.data(), seed32.size());
  DURE_CHECK(state->key != nullptr, "OpenSSL takes any 32-byte seed");
  return std::unique_ptr<Ed25519Signer>(new Ed25519Signer(std::move(state)));
}

Result<std::unique_ptr<Ed25519Signer>> Ed25519Signer::FromPem(std::string_view pem) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  auto state = std::make_unique<State>();
  state->key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  if (state->key == nullptr || EVP_PKEY_base_id(state->key) != EVP_PKEY_ED25519) {
    return Fail(ErrorCode::kInvalid, "not an Ed25519 private key in PEM");
  }
  return std::unique_ptr<Ed25519Signer>(new Ed25519Signer(std::move(state)));
}

std::unique_ptr<Ed25519Signer> Ed25519Signer::Generate() {
  std::array<uint8_t, 32> seed;
  SystemRandom().Fill(seed);
  auto signer = FromSeed(seed);
  explicit_bzero(seed.data(), seed.size());
  return std::move(*signer);
}

PublicKey Ed25519Signer::Key() const {
  PublicKey key;
  size_t n = key.size();
  DURE_CHECK(EVP_PKEY_get_raw_public_key(state_->key, key.data(), &n) == 1,
             "the key has a public part");
  return key;
}

Signature Ed25519Signer::SignRaw(ByteView message) const {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  Signature signature;
  size_t n = signature.size();
  const bool ok =
      EVP_DigestSignInit(context, nullptr, nullptr, nullptr, state_->key) == 1 &&
      EVP_DigestSign(context, signature.data(), &n, message.data(), message.size()) == 1;
  EVP_MD_CTX_free(context);
  DURE_CHECK(ok && n == signature.size(), "Ed25519 signs any message");
  return signature;
}

std::string Ed25519Signer::ToPem() const {
  BIO* bio = BIO_new(BIO_s_mem());
  DURE_CHECK(
      PEM_write_bio_PKCS8PrivateKey(bio, state_->key, nullptr, nullptr, 0, nullptr, nullptr) == 1,
      "a key can be written");
  char* text = nullptr;
  const long n = BIO_get_mem_data(bio, &text);
  std::string pem(text, static_cast<size_t>(n));
  BIO_free(bio);
  return pem;
}

bool Ed25519Verifier::VerifyRaw(const PublicKey& key, ByteView message, ByteView signature) const {
  if (signature.size() != sizeof(Signature) || IsOfSmallOrder(key)) return false;
  EVP_PKEY* pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.data(), key.size());
  if (pkey == nullptr) return false;
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  const bool ok = EVP_DigestVerifyInit(context, nullptr, nullptr, nullptr, pkey) == 1 &&
                  EVP_DigestVerify(context, signature.data(), signature.size(), message.data(),
                                   message.size()) == 1;
  EVP_MD_CTX_free(context);
  EVP_PKEY_free(pkey);
  return ok;
}

}  // namespace dure
