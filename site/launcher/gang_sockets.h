// The sockets between the ranks of a gang on this machine, made before any of them runs: nobody
// else can ever join, and no rank needs leave to open one.
#pragma once

#include <vector>

#include "federation/result.h"

namespace dure::launcher {

// Owns what it made until it is destroyed; children have copies by then.
class GangSockets {
 public:
  // kUnavailable: the system has no more.
  static Result<GangSockets> Create(uint32_t ranks);
  GangSockets(GangSockets&& other) noexcept : ends_(std::move(other.ends_)) {}
  GangSockets& operator=(GangSockets&&) = delete;
  ~GangSockets();

  // Rank r's ends, in the order of the other ranks.
  std::vector<int> Of(uint32_t rank) const;

 private:
  GangSockets() = default;
  std::vector<std::vector<int>> ends_;  // [r][s]: r's end of the socket to s; -1: none
};

}  // namespace dure::launcher
