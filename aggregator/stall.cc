#include "aggregator/stall.h"

#include <filesystem>
#include <utility>

namespace dure::aggregator {

bool Stall::Worked() {
  if (std::exchange(failing_, false)) say_("can " + what_ + " again");
  return true;
}

bool Stall::Failed(const Error& why) {
  if (std::exchange(failing_, true)) return false;
  std::error_code unknown;
  const auto room = std::filesystem::space(folder_, unknown);
  const std::string free = unknown ? "" : std::to_string(room.available) + " bytes are free in ";
  say_("cannot " + what_ + ": " + why.message + " (" + free + folder_ +
       "); it is tried again until that works");
  return false;
}

}  // namespace dure::aggregator
