#include "federation/noise/secret_random.h"

#include <openssl/evp.h>

#include <algorithm>

#include "federation/check.h"

namespace dure::noise {

struct SecretRandom::State {
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  ~State() { EVP_CIPHER_CTX_free(context); }  // wipes the key
};

SecretRandom::SecretRandom(const Key& key) : state_(std::make_unique<State>()) {
  constexpr std::array<uint8_t, 16> kStart{};
  const int started =
      EVP_EncryptInit_ex(state_->context, EVP_aes_256_ctr(), nullptr, key.data(), kStart.data());
  DURE_CHECK(started == 1, "OpenSSL has AES-256-CTR");
}

SecretRandom::~SecretRandom() = default;

void SecretRandom::Fill(std::span<uint8_t> out) {
  std::fill(out.begin(), out.end(), uint8_t{0});
  while (!out.empty()) {
    const size_t count = std::min<size_t>(out.size(), 1u << 30);
    int written = 0;
    const int done = EVP_EncryptUpdate(state_->context, out.data(), &written, out.data(),
                                       static_cast<int>(count));
    DURE_CHECK(done == 1 && static_cast<size_t>(written) == count, "a stream cipher never waits");
    out = out.subspan(count);
  }
}

}  // namespace dure::noise
