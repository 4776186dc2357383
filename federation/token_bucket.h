// TokenBucket: so much at once, and again as time passes. Starts full. A value; not thread-safe.
//
// Times are since any instant, the same one for one bucket. A clock that went back adds nothing.
#pragma once

#include <algorithm>

#include "federation/clock.h"

namespace dure {

class TokenBucket {
 public:
  // `refill`: from empty to full.
  TokenBucket(double size, Duration refill) : size_(size), refill_(refill), tokens_(size) {}

  // Until so many are there; zero: they are. Takes none.
  Duration Wait(double tokens, Duration now) {
    const std::chrono::duration<double> passed = std::max(now - filled_, Duration::zero());
    filled_ = now;
    tokens_ = std::min(size_, tokens_ + passed / refill_ * size_);
    const double lacking = std::max(tokens - tokens_, 0.0);
    return std::chrono::ceil<Duration>(lacking / size_ * refill_);
  }
  // False, and takes none, where they are not there.
  bool Take(double tokens, Duration now) {
    if (Wait(tokens, now) > Duration::zero()) return false;
    tokens_ -= tokens;
    return true;
  }

 private:
  double size_;
  std::chrono::duration<double> refill_;
  double tokens_;
  Duration filled_{};
};

}  // namespace dure
