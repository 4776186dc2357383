#include "model/collective/join.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>

#include "federation/canonical.h"
#include "federation/check.h"
#include "model/collective/collective.h"

namespace dure::model::collective {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// A stranger that connects and says nothing costs this long, and only its own place.
constexpr milliseconds kStrangerTime{5000};
constexpr size_t kStrangersMax = 128;
constexpr milliseconds kLookAgain{20};  // a shared folder tells nobody of a new file

class Socket {
 public:
  explicit Socket(int fd = -1) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  int fd() const { return fd_; }
  int Take() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

Error SystemError(ErrorCode code, const std::string& what) {
  return {code, what + ": " + std::strerror(errno)};
}

milliseconds Left(Clock::time_point deadline) {
  return std::max(milliseconds(0),
                  std::chrono::duration_cast<milliseconds>(deadline - Clock::now()));
}

bool WaitFor(int fd, short events, Clock::time_point deadline) {
  pollfd wait{fd, events, 0};
  return poll(&wait, 1, static_cast<int>(Left(deadline).count())) == 1;
}

// Whole or not at all, before the deadline.
bool ReadWhole(int fd, std::span<uint8_t> room, Clock::time_point deadline) {
  while (!room.empty()) {
    if (!WaitFor(fd, POLLIN, deadline)) return false;
    const ssize_t n = recv(fd, room.data(), room.size(), MSG_DONTWAIT);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n <= 0) return false;
    room = room.subspan(static_cast<size_t>(n));
  }
  return true;
}

// Some hundred bytes on a new connection: its buffer takes them at once.
bool WriteWhole(int fd, ByteView bytes) {
  return send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) ==
         static_cast<ssize_t>(bytes.size());
}

struct Pair {
  uint32_t world;
  uint32_t connecting;
  uint32_t accepting;
  std::array<uint8_t, 32> connecting_nonce;
  std::array<uint8_t, 32> accepting_nonce;
};

Digest Proof(const GangSecret& secret, std::string_view role, const Pair& pair) {
  CanonicalWriter writer;
  writer.Text("dure-gang").Text(role).U32(pair.world).U32(pair.connecting).U32(pair.accepting);
  writer.Blob(pair.connecting_nonce).Blob(pair.accepting_nonce);
  return HmacSha256(secret, writer.bytes());
}

// Without a branch on the secret's bytes.
bool Same(const Digest& a, ByteView b) {
  uint8_t difference = 0;
  for (size_t i = 0; i < a.bytes.size(); ++i) difference |= a.bytes[i] ^ b[i];
  return difference == 0;
}

struct Addresses {
  addrinfo* first = nullptr;
  ~Addresses() {
    if (first != nullptr) freeaddrinfo(first);
  }
};

Status Resolve(const std::string& host, const std::string& port, int flags, Addresses* found) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = flags;
  const int failed = getaddrinfo(host.c_str(), port.c_str(), &wanted, &found->first);
  if (failed == 0) return {};
  return Fail(ErrorCode::kInvalid, "no address for " + host + ": " + gai_strerror(failed));
}

void SendAtOnce(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

// One rank's part of the meeting.
class Meeting {
 public:
  Meeting(const Rendezvous& where, Random& random)
      : where_(where),
        random_(random),
        deadline_(Clock::now() + where.patience),
        sockets_(where.world) {}

  Status Listen() {
    Addresses found;
    DURE_TRY(Resolve(where_.host, "0", AI_PASSIVE, &found));
    for (const addrinfo* at = found.first; at != nullptr; at = at->ai_next) {
      Socket fresh(socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      if (fresh.fd() < 0 || bind(fresh.fd(), at->ai_addr, at->ai_addrlen) != 0) continue;
      if (listen(fresh.fd(), static_cast<int>(kWorldMax)) != 0) continue;
      listener_ = std::move(fresh);
      return {};
    }
    return Fail(SystemError(ErrorCode::kInvalid, "cannot listen on " + where_.host));
  }

  Status Announce() {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (getsockname(listener_.fd(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      return Fail(SystemError(ErrorCode::kUnavailable, "where this rank listens"));
    }
    const uint16_t port = address.ss_family == AF_INET6
                              ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                              : reinterpret_cast<const sockaddr_in&>(address).sin_port;
    const auto path = FileOf(where_.rank);
    const std::string fresh = path.string() + ".new";
    std::ofstream(fresh) << where_.host << ' ' << ntohs(port) << '\n';
    std::error_code failed;
    std::filesystem::rename(fresh, path, failed);
    if (!failed) return {};
    return Fail(ErrorCode::kUnavailable, path.string() + ": " + failed.message());
  }

  Status ConnectTo(uint32_t rank) {
    for (;;) {
      std::string why = "has not said where it is";
      std::ifstream file(FileOf(rank));
      std::string host;
      std::string port;
      if (file >> host >> port) {
        why = "at " + host + " port " + port + " does not answer as one of this gang";
        if (Dial(rank, host, port)) return {};
      }
      if (Clock::now() >= deadline_) {
        return Fail(ErrorCode::kUnavailable, "rank " + std::to_string(rank) + " " + why +
                                                 " within " +
                                                 std::to_string(where_.patience.count()) + " ms");
      }
      poll(nullptr, 0, static_cast<int>(kLookAgain.count()));
    }
  }

  // Until all higher ranks are here; strangers come and go.
  Status AcceptTheRest() {
    for (;;) {
      const auto absent = std::find_if(sockets_.begin() + where_.rank + 1, sockets_.end(),
                                       [](const Socket& s) { return s.fd() < 0; });
      if (absent == sockets_.end()) return {};
      if (Clock::now() >= deadline_) {
        return Fail(ErrorCode::kUnavailable, "rank " + std::to_string(absent - sockets_.begin()) +
                                                 " has not come within " +
                                                 std::to_string(where_.patience.count()) + " ms");
      }
      std::vector<pollfd> waits = {{listener_.fd(), POLLIN, 0}};
      for (const auto& caller : callers_) waits.push_back({caller->socket.fd(), POLLIN, 0});
      poll(waits.data(), waits.size(),
           static_cast<int>(std::min(Left(deadline_), kStrangerTime).count()));
      if (waits[0].revents != 0) Accept();
      for (size_t i = callers_.size(); i-- > 0;) {
        if (!Hear(*callers_[i])) callers_.erase(callers_.begin() + static_cast<ptrdiff_t>(i));
      }
    }
  }

  std::vector<int> Take() {
    std::vector<int> fds;
    for (Socket& socket : sockets_) fds.push_back(socket.Take());
    return fds;
  }

 private:
  // Somebody who connected and has not proved anything yet.
  struct Caller {
    Socket socket;
    Clock::time_point until;
    Bytes heard;
    std::optional<Pair> pair;  // once it said hello
  };

  std::filesystem::path FileOf(uint32_t rank) const {
    return where_.folder / ("rank-" + std::to_string(rank));
  }

  bool Dial(uint32_t rank, const std::string& host, const std::string& port) {
    Addresses found;
    if (!Resolve(host, port, 0, &found)) return false;
    for (const addrinfo* at = found.first; at != nullptr; at = at->ai_next) {
      Socket fresh(socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      if (fresh.fd() < 0) continue;
      const auto until = std::min(deadline_, Clock::now() + kStrangerTime);
      if (connect(fresh.fd(), at->ai_addr, at->ai_addrlen) != 0) {
        if (errno != EINPROGRESS || !WaitFor(fresh.fd(), POLLOUT, until)) continue;
      }
      SendAtOnce(fresh.fd());
      if (!Prove(rank, fresh.fd())) continue;
      sockets_[rank] = std::move(fresh);
      return true;
    }
    return false;
  }

  // The connecting half. The accepting rank may still be connecting itself: it has the whole time.
  bool Prove(uint32_t rank, int fd) {
    Pair pair{where_.world, where_.rank, rank, {}, {}};
    random_.Fill(pair.connecting_nonce);
    if (!WriteWhole(fd, ToBytes(Hello{where_.world, where_.rank, pair.connecting_nonce}))) {
      return false;
    }
    std::array<uint8_t, 64> answer;
    if (!ReadWhole(fd, answer, deadline_)) return false;
    std::copy_n(answer.begin(), 32, pair.accepting_nonce.begin());
    if (!Same(Proof(where_.secret, "accept", pair), ByteView(answer).subspan(32))) return false;
    return WriteWhole(fd, Proof(where_.secret, "connect", pair).View());
  }

  void Accept() {
    Socket fresh(accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (fresh.fd() < 0) return;
    SendAtOnce(fresh.fd());
    if (callers_.size() == kStrangersMax) callers_.erase(callers_.begin());
    callers_.push_back(std::make_unique<Caller>(
        Caller{std::move(fresh), Clock::now() + kStrangerTime, {}, std::nullopt}));
  }

  // What has arrived from it. False: done with it, as a rank or as a stranger.
  bool Hear(Caller& caller) {
    const size_t wanted = caller.pair ? 32 : kHelloBytes;
    Bytes room(wanted - caller.heard.size());
    const ssize_t n = recv(caller.socket.fd(), room.data(), room.size(), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return Clock::now() < caller.until;
    if (n <= 0) return false;
    caller.heard.insert(caller.heard.end(), room.begin(), room.begin() + n);
    if (caller.heard.size() < wanted) return true;
    const Bytes heard = std::exchange(caller.heard, {});
    if (!caller.pair) return Greet(caller, heard);
    if (!Same(Proof(where_.secret, "connect", *caller.pair), heard)) return false;
    Socket& place = sockets_[caller.pair->connecting];
    if (place.fd() < 0) place = std::move(caller.socket);
    return false;
  }

  bool Greet(Caller& caller, ByteView heard) {
    const auto hello = ParseHello(heard);
    if (!hello || hello->world != where_.world || hello->rank <= where_.rank) return false;
    Pair pair{where_.world, hello->rank, where_.rank, hello->nonce, {}};
    random_.Fill(pair.accepting_nonce);
    const Digest proof = Proof(where_.secret, "accept", pair);
    Bytes answer(pair.accepting_nonce.begin(), pair.accepting_nonce.end());
    answer.insert(answer.end(), proof.bytes.begin(), proof.bytes.end());
    caller.pair = pair;
    return WriteWhole(caller.socket.fd(), answer);
  }

  const Rendezvous& where_;
  Random& random_;
  const Clock::time_point deadline_;
  std::vector<Socket> sockets_;
  Socket listener_;
  std::vector<std::unique_ptr<Caller>> callers_;  // oldest first, at most kStrangersMax
};

}  // namespace

Result<std::vector<int>> Join(const Rendezvous& rendezvous, Random& random) {
  DURE_CHECK(rendezvous.rank < rendezvous.world && rendezvous.world <= kWorldMax, "1 to kWorldMax");
  Meeting meeting(rendezvous, random);
  DURE_TRY(meeting.Listen());
  DURE_TRY(meeting.Announce());
  for (uint32_t rank = 0; rank < rendezvous.rank; ++rank) DURE_TRY(meeting.ConnectTo(rank));
  DURE_TRY(meeting.AcceptTheRest());
  return meeting.Take();
}

}  // namespace dure::model::collective
