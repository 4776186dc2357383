#include "federation/masking/expand.h"

#include <string.h>

#include <algorithm>
#include <array>

#include "federation/check.h"
#include "federation/digest.h"

namespace dure::masking {
namespace {

// HMAC-SHA-256 (RFC 2104). Not OpenSSL's HKDF, which looks SHA-256 up by its name in every call:
// that takes longer than these few hashes.
class Hmac {
 public:
  explicit Hmac(ByteView key) {
    if (key.size() > pad_.size()) {
      const Digest digest = hasher_.Update(key).Finish();
      std::ranges::copy(digest.bytes, pad_.begin());
    } else {
      std::ranges::copy(key, pad_.begin());
    }
  }
  ~Hmac() { ::explicit_bzero(pad_.data(), pad_.size()); }
  Hmac(const Hmac&) = delete;
  Hmac& operator=(const Hmac&) = delete;

  Digest Of(std::initializer_list<ByteView> message) {
    Turn(0x36);
    hasher_.Update(pad_);
    for (const ByteView part : message) hasher_.Update(part);
    Digest inner = hasher_.Finish();
    Turn(0x36 ^ 0x5c);
    const Digest outer = hasher_.Update(pad_).Update(inner.View()).Finish();
    Turn(0x5c);
    ::explicit_bzero(inner.bytes.data(), inner.bytes.size());
    return outer;
  }

 private:
  void Turn(uint8_t by) {
    for (uint8_t& byte : pad_) byte ^= by;
  }
  static thread_local Sha256Hasher hasher_;
  std::array<uint8_t, 64> pad_{};  // the key, filled up with zeros
};
thread_local Sha256Hasher Hmac::hasher_;

}  // namespace

void Expand(ByteView secret, ByteView salt, ByteView info, std::span<uint8_t> out) {
  DURE_CHECK(!out.empty() && out.size() <= 255 * 32 && info.size() < 256, "HKDF's own bounds");
  // No salt is a salt of zeros (RFC 5869, 2.2), as HMAC fills its key up anyway.
  Digest key = Hmac(salt).Of({secret});
  Hmac expand(key.View());
  Digest block;
  size_t filled = 0;
  for (uint8_t number = 1; filled < out.size(); ++number) {
    const ByteView before = number == 1 ? ByteView() : block.View();
    block = expand.Of({before, info, ByteView(&number, 1)});
    const size_t count = std::min(block.bytes.size(), out.size() - filled);
    std::copy_n(block.bytes.begin(), count, out.begin() + static_cast<ptrdiff_t>(filled));
    filled += count;
  }
  ::explicit_bzero(key.bytes.data(), key.bytes.size());
  ::explicit_bzero(block.bytes.data(), block.bytes.size());
}

}  // namespace dure::masking
