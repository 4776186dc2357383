// Cryptographic chance that can be repeated: AES-256-CTR of zeros under a secret key.
//
// A contribution's noise and rounding come from here, under a key that the site derives from its
// own secret and the round's attempt. A site that was restarted then makes the same bytes again.
// Fresh noise would not do: the masks of the attempt are the same, and two contributions under the
// same masks show their difference to whoever has both. One key serves one vector of one attempt.
// The key is wiped at the end. Not thread-safe.
#pragma once

#include <array>
#include <memory>

#include "federation/random.h"

namespace dure::noise {

class SecretRandom final : public Random {
 public:
  using Key = std::array<uint8_t, 32>;

  explicit SecretRandom(const Key& key);
  ~SecretRandom() override;
  void Fill(std::span<uint8_t> out) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dure::noise
