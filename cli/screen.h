// The terminal that a table is drawn on, as it is at the moment of asking: people resize windows.
#pragma once

namespace dure::cli {

struct Screen {
  int columns = 120;
  int rows = 40;
};

// Of standard output; the values above where it is no terminal or does not say.
Screen ScreenNow();

// Whether a picture on standard output can be drawn over: it is a terminal, and none that says of
// itself that it only writes on (TERM=dumb).
bool ScreenRedraws();

}  // namespace dure::cli
