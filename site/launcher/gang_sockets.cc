#include "site/launcher/gang_sockets.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace dure::launcher {

Result<GangSockets> GangSockets::Create(uint32_t ranks) {
  GangSockets sockets;
  sockets.ends_.assign(ranks, std::vector<int>(ranks, -1));
  for (uint32_t r = 0; r < ranks; ++r) {
    for (uint32_t s = 0; s < r; ++s) {
      int ends[2];
      if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        return Fail(ErrorCode::kUnavailable,
                    std::string("cannot connect the ranks: ") + strerror(errno));
      }
      sockets.ends_[r][s] = ends[0];
      sockets.ends_[s][r] = ends[1];
    }
  }
  return sockets;
}

GangSockets::~GangSockets() {
  for (const auto& row : ends_) {
    for (const int fd : row) {
      if (fd >= 0) close(fd);
    }
  }
}

std::vector<int> GangSockets::Of(uint32_t rank) const {
  std::vector<int> peers;
  for (uint32_t other = 0; other < ends_.size(); ++other) {
    if (other != rank) peers.push_back(ends_[rank][other]);
  }
  return peers;
}

}  // namespace dure::launcher
