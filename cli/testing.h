// Command lines as a person types them, for this room's tests.
#pragma once

#include <sstream>
#include <string>
#include <vector>

#include "cli/dure.h"
#include "federation/clock.h"

namespace dure::cli {

struct Outcome {
  int code;
  std::string out;
  std::string err;
};

// `arguments`: without the program's own name.
inline Outcome RunLine(const std::vector<std::string>& arguments, WallTime now = {}) {
  std::ostringstream out, err;
  const int code = RunDure(arguments, out, err, [now] { return now; });
  return {code, out.str(), err.str()};
}

}  // namespace dure::cli
