// What any version of this program can read of a kept state, whichever version wrote it: for
// whoever starts on a folder and cannot read all of it.
#pragma once

#include <cstdint>
#include <optional>

#include "federation/bytes.h"

namespace dure::round {

struct KeptHead {
  uint32_t version = 0;
  std::optional<bool> over;  // the run had ended; nullopt: its version did not say

  template <typename A>
  void Visit(A& a);
};
// Of Rounds::Save's or Participation::Save's bytes. Total.
KeptHead HeadOf(ByteView kept);

// What a site answers that cannot read its own state of a run.
inline constexpr const char* kStateUnreadable = "state-unreadable";

}  // namespace dure::round
