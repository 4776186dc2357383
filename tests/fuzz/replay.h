// The fuzz targets of this build, for whoever replays what they once were given.
//
// cmake/Rooms.cmake (dure_replay_fuzz) writes the table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace dure {

struct FuzzTarget {
  std::string_view name;
  int (*run)(const uint8_t* data, size_t size);
};

std::vector<FuzzTarget> FuzzTargets();

}  // namespace dure
