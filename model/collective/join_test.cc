// How a gang meets, and that nobody else can.
#include "model/collective/join.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

#include <fstream>

#include "model/collective/gang_of_threads.h"

namespace dure::model::collective {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

void CloseAll(const std::vector<int>& sockets) {
  for (const int fd : sockets) {
    if (fd >= 0) close(fd);
  }
}

Rendezvous Place(const std::filesystem::path& folder, uint32_t rank, uint32_t world) {
  Rendezvous place{.rank = rank, .world = world, .folder = folder, .host = "127.0.0.1"};
  place.secret.fill(7);
  return place;
}

TEST(Hmac, IsThatOfRfc4231) {
  EXPECT_EQ(HmacSha256(Bytes(20, 0x0b), AsBytes("Hi There")).Hex(),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(HmacSha256(AsBytes("Jefe"), AsBytes("what do ya want for nothing?")).Hex(),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(HmacSha256(Bytes(131, 0xaa),
                       AsBytes("Test Using Larger Than Block-Size Key - Hash Key First"))
                .Hex(),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Join, NobodyJoinsWithAnotherSecret) {
  const auto folder = FreshFolder("stranger");
  std::thread stranger([&] {
    SystemRandom random;
    Rendezvous place = Place(folder, 1, 2);
    place.secret.fill(8);
    place.patience = milliseconds(300);
    const auto joined = Join(place, random);
    ASSERT_FALSE(joined);
    EXPECT_EQ(joined.error().code, ErrorCode::kUnavailable);
    EXPECT_THAT(joined.error().message, HasSubstr("rank 0"));
  });
  SystemRandom random;
  Rendezvous place = Place(folder, 0, 2);
  place.patience = milliseconds(900);
  const auto joined = Join(place, random);
  stranger.join();
  ASSERT_FALSE(joined);
  EXPECT_THAT(joined.error().message, HasSubstr("rank 1 has not come"));
  std::filesystem::remove_all(folder);
}

// A connection to rank 0 of the gang that meets in `folder`, once it says where it is.
int Call(const std::filesystem::path& folder) {
  std::string host;
  int port = 0;
  while (!(std::ifstream(folder / "rank-0") >> host >> port)) std::this_thread::yield();
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  inet_pton(AF_INET, host.c_str(), &address.sin_addr);
  EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  return fd;
}

TEST(Join, StrangersThatClaimARankOrSayNothingDoNotKeepTheGangFromMeeting) {
  const auto folder = FreshFolder("crowd");
  std::vector<int> joined[2];
  const auto join = [&](uint32_t rank) {
    SystemRandom random;
    auto sockets = Join(Place(folder, rank, 2), random);
    ASSERT_TRUE(sockets) << sockets.error().message;
    joined[rank] = *sockets;
  };
  std::thread zero(join, 0);
  const int silent = Call(folder);
  const int liar = Call(folder);
  const Bytes hello = ToBytes(Hello{2, 1, {}});
  ASSERT_EQ(send(liar, hello.data(), hello.size(), 0), static_cast<ssize_t>(hello.size()));
  Bytes answer(64);
  ASSERT_EQ(recv(liar, answer.data(), answer.size(), MSG_WAITALL), 64);
  // The other side's own proof, sent back, is not the one that is asked for.
  ASSERT_EQ(send(liar, answer.data() + 32, 32, 0), 32);
  const timeval enough{10, 0};
  setsockopt(liar, SOL_SOCKET, SO_RCVTIMEO, &enough, sizeof enough);
  const ssize_t end = recv(liar, answer.data(), 1, 0);
  EXPECT_TRUE(end == 0 || (end < 0 && errno == ECONNRESET)) << "not shown the door";
  std::thread one(join, 1);
  zero.join();
  one.join();
  auto first = std::thread([&] { EXPECT_TRUE(MakeSockets(0, joined[0], milliseconds(10'000))); });
  EXPECT_TRUE(MakeSockets(1, joined[1], milliseconds(10'000)));
  first.join();
  CloseAll({silent, liar});
  std::filesystem::remove_all(folder);
}

TEST(Join, NamesTheRankThatDidNotCome) {
  const auto folder = FreshFolder("absent");
  SystemRandom random;
  Rendezvous place = Place(folder, 1, 3);
  place.patience = milliseconds(60);
  const auto joined = Join(place, random);
  ASSERT_FALSE(joined);
  EXPECT_THAT(joined.error().message, HasSubstr("rank 0 has not said where it is"));
  std::filesystem::remove_all(folder);
}

TEST(Secret, IsForItsUserAloneAndReadWhole) {
  const auto folder = FreshFolder("secret");
  SystemRandom random;
  EXPECT_EQ(ReadSecret(folder).error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(WriteSecret(folder, random));
  EXPECT_FALSE(WriteSecret(folder, random));  // never replaced
  const auto secret = ReadSecret(folder);
  ASSERT_TRUE(secret);
  EXPECT_NE(*secret, GangSecret{});
  std::filesystem::permissions(folder / "secret", std::filesystem::perms::group_read,
                               std::filesystem::perm_options::add);
  EXPECT_EQ(ReadSecret(folder).error().code, ErrorCode::kPermissionDenied);
  std::filesystem::permissions(folder / "secret", std::filesystem::perms::owner_all);
  std::ofstream(folder / "secret", std::ios::app) << "x";
  EXPECT_EQ(ReadSecret(folder).error().code, ErrorCode::kCorrupt);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace dure::model::collective
