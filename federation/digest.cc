#include "federation/digest.h"

#include <openssl/evp.h>

#include <algorithm>

#include "federation/check.h"

namespace dure {
namespace {

// Fetched once: an implicit fetch on every call costs more than hashing a small message.
const EVP_MD* Sha256Algorithm() {
  static EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  DURE_CHECK(algorithm != nullptr, "OpenSSL has SHA-256");
  return algorithm;
}

}  // namespace

bool Digest::IsZero() const {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t b) { return b == 0; });
}

Result<Digest> Digest::FromHex(std::string_view hex) {
  DURE_ASSIGN(const Bytes raw, ::dure::FromHex(hex));
  return FromBytes(raw);
}

Result<Digest> Digest::FromBytes(ByteView raw) {
  Digest digest;
  if (raw.size() != digest.bytes.size()) return Fail(ErrorCode::kInvalid, "a digest has 32 bytes");
  std::copy(raw.begin(), raw.end(), digest.bytes.begin());
  return digest;
}

Digest Sha256(ByteView bytes) {
  thread_local Sha256Hasher hasher;
  return hasher.Update(bytes).Finish();
}

struct Sha256Hasher::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  State() { Start(); }
  ~State() { EVP_MD_CTX_free(context); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  void Start() {
    DURE_CHECK(EVP_DigestInit_ex2(context, Sha256Algorithm(), nullptr) == 1, "SHA-256 starts");
  }
};

Sha256Hasher::Sha256Hasher() : state_(std::make_unique<State>()) {}
Sha256Hasher::~Sha256Hasher() = default;
Sha256Hasher::Sha256Hasher(Sha256Hasher&&) noexcept = default;
Sha256Hasher& Sha256Hasher::operator=(Sha256Hasher&&) noexcept = default;

Sha256Hasher& Sha256Hasher::Update(ByteView bytes) {
  DURE_CHECK(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1, "SHA-256 updates");
  return *this;
}

Digest Sha256Hasher::Finish() {
  Digest digest;
  DURE_CHECK(EVP_DigestFinal_ex(state_->context, digest.bytes.data(), nullptr) == 1,
             "SHA-256 ends");
  state_->Start();
  return digest;
}

}  // namespace dure
