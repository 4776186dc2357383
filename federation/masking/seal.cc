#include "federation/masking/seal.h"

#include <openssl/evp.h>

#include <array>
#include <memory>

#include "federation/check.h"

namespace dure::masking {
namespace {

constexpr std::array<uint8_t, 12> kZeroIv{};

const EVP_CIPHER* Gcm() {
  static EVP_CIPHER* const algorithm = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  DURE_CHECK(algorithm != nullptr, "OpenSSL has AES-256-GCM");
  return algorithm;
}

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

}  // namespace

Bytes SealWith(ByteView key32, ByteView iv12, ByteView associated, ByteView plain) {
  DURE_CHECK(key32.size() == 32 && iv12.size() == 12, "AES-256-GCM's sizes");
  const Context context(EVP_CIPHER_CTX_new());
  Bytes out(plain.size() + kSealTagBytes);
  int written = 0;
  int last = 0;
  bool ok = EVP_EncryptInit_ex2(context.get(), Gcm(), key32.data(), iv12.data(), nullptr) == 1;
  if (!associated.empty()) {
    ok = ok && EVP_EncryptUpdate(context.get(), nullptr, &written, associated.data(),
                                 static_cast<int>(associated.size())) == 1;
  }
  written = 0;
  if (!plain.empty()) {
    ok = ok && EVP_EncryptUpdate(context.get(), out.data(), &written, plain.data(),
                                 static_cast<int>(plain.size())) == 1;
  }
  ok = ok && EVP_EncryptFinal_ex(context.get(), out.data() + written, &last) == 1 &&
       EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kSealTagBytes,
                           out.data() + plain.size()) == 1;
  DURE_CHECK(ok, "AES-256-GCM seals");
  return out;
}

Bytes Seal(const Secret& key, ByteView associated, ByteView plain) {
  return SealWith(key.bytes, kZeroIv, associated, plain);
}

Result<Bytes> Unseal(const Secret& key, ByteView associated, ByteView sealed) {
  const auto refuse = [] {
    return Fail(ErrorCode::kInvalid, "a sealed message does not open under its key");
  };
  if (sealed.size() < kSealTagBytes) return refuse();
  const ByteView body = sealed.first(sealed.size() - kSealTagBytes);
  Bytes tag(sealed.end() - kSealTagBytes, sealed.end());
  const Context context(EVP_CIPHER_CTX_new());
  Bytes out(body.size());
  int written = 0;
  int last = 0;
  bool ok =
      EVP_DecryptInit_ex2(context.get(), Gcm(), key.bytes.data(), kZeroIv.data(), nullptr) == 1;
  if (!associated.empty()) {
    ok = ok && EVP_DecryptUpdate(context.get(), nullptr, &written, associated.data(),
                                 static_cast<int>(associated.size())) == 1;
  }
  written = 0;
  if (!body.empty()) {
    ok = ok && EVP_DecryptUpdate(context.get(), out.data(), &written, body.data(),
                                 static_cast<int>(body.size())) == 1;
  }
  ok = ok &&
       EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kSealTagBytes, tag.data()) == 1;
  DURE_CHECK(ok, "AES-256-GCM starts");
  if (EVP_DecryptFinal_ex(context.get(), out.data() + written, &last) != 1) {
    ::explicit_bzero(out.data(), out.size());
    return refuse();
  }
  return out;
}

}  // namespace dure::masking
