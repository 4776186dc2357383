// Quantities as people write them: "204B" parameters, "10Gbps", "13.6 min".
#pragma once

#include <string>
#include <string_view>

#include "federation/result.h"

namespace dure::planning {

// A count with an optional K, M, B (10^9) or T: "1.3B", "512", "2M". kInvalid: anything else, or
// not positive, or above 10^18.
Result<double> ParseCount(std::string_view text);
// Bits a second: a number and bps, Kbps, Mbps, Gbps or Tbps, in any case; "Gb/s" too.
Result<double> ParseRate(std::string_view text);
// Bytes: a number and B, KB, MB, GB, TB or PB, powers of 1000.
Result<double> ParseBytes(std::string_view text);

// With three digits and the unit that suits: "204 B", "816 GB", "1.35 Gb/s", "13.6 min"; counts
// below a hundred thousand whole: "8,192".
std::string CountText(double count);
std::string BytesText(double bytes);
std::string RateText(double bits_per_second);
std::string SecondsText(double seconds);
std::string PercentText(double share);  // 0.957: "95.7 %"

}  // namespace dure::planning
