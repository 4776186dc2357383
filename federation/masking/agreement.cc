#include "federation/masking/agreement.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <memory>

#include "federation/check.h"

namespace dure::masking {
namespace {

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
};
// u of order 2 and 4, of order 8 (two), and of order 4 on the twist: whatever a clamped secret, a
// multiple of 8, makes infinity of.
constexpr AgreementKey kLowOrder[] = {
    {},
    {1},
    {0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
     0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
     0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00},
    {0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1,
     0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c,
     0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57},
    {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
};

using Key = std::unique_ptr<EVP_PKEY, FreeKey>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, FreeKey>;

Key PrivateKey(const Secret& secret) {
  Key key(EVP_PKEY_new_raw_private_key_ex(nullptr, "X25519", nullptr, secret.bytes.data(),
                                          secret.bytes.size()));
  DURE_CHECK(key != nullptr, "any 32 bytes are an X25519 secret");
  return key;
}

}  // namespace

bool SameSecret(const Secret& a, const Secret& b) {
  return CRYPTO_memcmp(a.bytes.data(), b.bytes.data(), a.bytes.size()) == 0;
}

AgreementKey PublicOf(const Secret& secret) {
  AgreementKey key;
  size_t size = key.size();
  DURE_CHECK(EVP_PKEY_get_raw_public_key(PrivateKey(secret).get(), key.data(), &size) == 1,
             "a secret has a public key");
  return key;
}

Status CheckAgreementKey(const AgreementKey& key) {
  // p = 2^255 - 19 is ed ff .. ff 7f.
  const bool middle_full =
      std::all_of(key.begin() + 1, key.end() - 1, [](uint8_t byte) { return byte == 0xff; });
  if (key.back() > 0x7f || (key.back() == 0x7f && middle_full && key.front() >= 0xed)) {
    return Fail(ErrorCode::kInvalid, "an agreement key is not in its one encoding");
  }
  if (std::ranges::find(kLowOrder, key) != std::end(kLowOrder)) {
    return Fail(ErrorCode::kInvalid, "an agreement key is a point of low order");
  }
  return {};
}

Result<Secret> Agree(const Secret& secret, const AgreementKey& peer) {
  DURE_TRY(CheckAgreementKey(peer));
  const Key own = PrivateKey(secret);
  const Key other(
      EVP_PKEY_new_raw_public_key_ex(nullptr, "X25519", nullptr, peer.data(), peer.size()));
  DURE_CHECK(other != nullptr, "any 32 bytes are taken as an X25519 key");
  const KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, own.get(), nullptr));
  DURE_CHECK(context != nullptr && EVP_PKEY_derive_init(context.get()) == 1 &&
                 EVP_PKEY_derive_set_peer(context.get(), other.get()) == 1,
             "X25519 takes any two keys");
  Secret shared;
  size_t size = shared.bytes.size();
  // OpenSSL refuses the all-zero result itself; that is how a point of low order would show.
  if (EVP_PKEY_derive(context.get(), shared.bytes.data(), &size) != 1 || size != 32) {
    return Fail(ErrorCode::kInvalid, "an agreement key is a point of low order");
  }
  return shared;
}

const X25519 kX25519;

AgreementKey X25519::PublicOf(const Secret& secret) const { return masking::PublicOf(secret); }

Result<Secret> X25519::Agree(const Secret& secret, const AgreementKey& peer) const {
  return masking::Agree(secret, peer);
}

}  // namespace dure::masking
