// What bytes look like to somebody without a key: how evenly their values come. For people who want
// to see that what leaves their site is noise; no proof of secrecy.
#pragma once

#include <string>

#include "federation/bytes.h"

namespace dure::site {

struct ByteLook {
  std::string first;      // the first 16, in hex
  double chi_square = 0;  // of the 256 values against an even spread: 255 expected of noise, +- 23
  bool is_even = false;   // within six standard deviations of that
};
// Looks at the first MiB. REQUIRES: at least 1280 bytes, or is_even says nothing.
ByteLook LookAt(ByteView bytes);

}  // namespace dure::site
