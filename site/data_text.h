// What a site's own log says of the text it was given: how much of it is used, and what was left
// out and why. Stays at the site.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/seat/messages.h"

namespace dure::site {

// "its text: 2999 documents of 3 files, 58211 tokens to train on, 3103 held out; left out: 1 file,
// 12 rows (r.csv row 17: 3 columns, not 2; ...)". One line without control characters, whatever
// files are called.
std::string DataText(const seat::PreparedEvent& prepared);

// The same of what was left out alone; empty: nothing was.
std::string LeftOutText(uint64_t files, uint64_t rows, const std::vector<std::string>& notes);

}  // namespace dure::site
