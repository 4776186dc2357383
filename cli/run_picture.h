// A run as a picture for a terminal: a heading, for whom it waits, and a line for each site.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/progress_view.h"
#include "cli/screen.h"

namespace dure::cli {

// Lines that fit the screen, so that each takes one row and the whole can be drawn over: columns
// narrow first, then go, the least telling first; whole sites go where rows do not suffice, and a
// last line counts them by their states.
std::vector<std::string> PictureOf(const RunProgress& progress, const Screen& screen);

// For whom it waits, or what a person can do; nothing while the run goes on.
std::string WhyItWaits(const RunProgress& progress);

std::string LossText(const std::optional<double>& loss);  // "3.142", or a dash

}  // namespace dure::cli
