// For tests: gangs of every kind whose ranks are threads of the test.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "federation/check.h"
#include "model/collective/collective.h"
#include "model/collective/join.h"

namespace dure::model::collective {

// sockets[r][s]: rank r's end of its connection to rank s.
inline std::vector<std::vector<int>> SocketPairs(uint32_t world) {
  std::vector<std::vector<int>> sockets(world, std::vector<int>(world, -1));
  for (uint32_t r = 0; r < world; ++r) {
    for (uint32_t s = 0; s < r; ++s) {
      int ends[2];
      DURE_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0, "socketpair");
      sockets[r][s] = ends[0];
      sockets[s][r] = ends[1];
    }
  }
  return sockets;
}

inline std::filesystem::path FreshFolder(const std::string& name) {
  const auto folder = std::filesystem::path(testing::TempDir()) / ("dure_gang_" + name);
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

using RankWork = std::function<void(Collective&)>;

// Runs `work` on every rank of a gang of this kind: "threads", "sockets" or "tcp".
inline void OnEveryRank(const std::string& kind, uint32_t world, const RankWork& work) {
  std::vector<std::unique_ptr<Collective>> threads;
  std::vector<std::vector<int>> sockets;
  Rendezvous place{.world = world, .folder = {}, .host = "127.0.0.1"};
  if (kind == "threads") threads = MakeThreads(world);
  if (kind == "sockets") sockets = SocketPairs(world);
  if (kind == "tcp") place.folder = FreshFolder("tcp");
  std::vector<std::thread> ranks;
  for (uint32_t r = 0; r < world; ++r) {
    ranks.emplace_back([&, r] {
      if (kind == "threads") {
        work(*threads[r]);
        threads[r].reset();
        return;
      }
      if (kind == "tcp") {
        SystemRandom random;
        Rendezvous mine = place;
        mine.rank = r;
        auto joined = Join(mine, random);
        ASSERT_TRUE(joined) << joined.error().message;
        auto gang = MakeSockets(r, std::move(*joined));
        ASSERT_TRUE(gang) << gang.error().message;
        return work(**gang);
      }
      auto gang = MakeSockets(r, sockets[r]);
      ASSERT_TRUE(gang) << gang.error().message;
      work(**gang);
    });
  }
  for (std::thread& rank : ranks) rank.join();
  if (kind == "tcp") std::filesystem::remove_all(place.folder);
}

}  // namespace dure::model::collective
