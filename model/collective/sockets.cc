// A gang of processes over a full mesh of stream sockets.
//
// In each step every rank sends every other one frame and its bytes, and reads as many. A rank that
// meets a fault first ends what it exchanges with the living, so that its word about the fault
// stands where they expect a frame, and then closes: whoever reads it takes over its reason and
// does not blame the messenger.
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "federation/check.h"
#include "model/collective/collective.h"
#include "model/collective/frame.h"

namespace dure::model::collective {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// How long the living may take to end a step that a fault interrupted.
constexpr milliseconds kLastWords{1000};
constexpr size_t kReasonBytesMax = 1024;

// One rank's half of a step: what is sent to it and what is read from it.
struct Leg {
  std::array<uint8_t, kFrameBytes> head_out{};
  std::array<uint8_t, kFrameBytes> head_in{};
  ByteView out;
  std::span<uint8_t> in;
  size_t sent = 0;  // head included
  size_t read = 0;
  bool is_over = false;  // after a fault

  bool SentAll() const { return sent == kFrameBytes + out.size(); }
  bool ReadAll() const { return read == kFrameBytes + in.size(); }
  bool IsDone() const { return SentAll() && ReadAll(); }
};

class Sockets final : public Collective {
 public:
  Sockets(uint32_t rank, std::vector<int> sockets)
      : Collective(rank, static_cast<uint32_t>(sockets.size())),
        sockets_(std::move(sockets)),
        legs_(sockets_.size()),
        names_(sockets_.size(), "not heard of yet") {
    for (const int fd : sockets_) {
      if (fd >= 0) fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    }
  }
  ~Sockets() override {
    for (const int fd : sockets_) {
      if (fd >= 0) close(fd);
    }
  }

  Status Introduce() {
    DURE_ASSIGN(const std::vector<Bytes> all, Collect(AsBytes(WhereThisRuns())));
    for (size_t r = 0; r < all.size(); ++r) {
      names_[r].clear();
      for (const uint8_t c : std::span(all[r]).first(std::min<size_t>(all[r].size(), 200))) {
        names_[r] += c >= 0x20 && c < 0x7f ? static_cast<char>(c) : '?';
      }
    }
    return {};
  }

 private:
  Status Exchange(const Step& step) override {
    Begin(step);
    Status status = Move(step);
    if (status) return status;
    TellAll(status.error());
    return status;
  }

  void Begin(const Step& step) {
    for (uint32_t r = 0; r < world(); ++r) {
      legs_[r] = {};
      if (r == rank()) continue;
      legs_[r].head_out = ToBytes(Frame{static_cast<uint32_t>(step.kind), step.number, step.size});
      legs_[r].out = step.out[r];
      legs_[r].in = step.in[r];
    }
  }

  // Until every leg is done, or there is a fault and the living are done or out of time.
  Status Move(const Step& step) {
    std::optional<Error> fault;
    Clock::time_point progress = Clock::now();
    milliseconds limit = patience();
    bool listens = false;
    for (;;) {
      if (Missing().empty()) return fault ? Fail(*fault) : Status{};
      const bool moved = Wait(limit);
      for (uint32_t r = 0; r < world(); ++r) {
        if (r == rank() || legs_[r].is_over) continue;
        const Status status = MoveLeg(r, step);
        if (status) continue;
        legs_[r].is_over = true;
        if (fault) continue;
        fault = status.error();
        limit = std::min(limit, kLastWords);
      }
      if (moved) progress = Clock::now();
      if (limit == kForever || Clock::now() - progress < limit) continue;
      if (fault) return Fail(*fault);
      // Who misses several misses the one that hangs and those that wait for it a step before:
      // they miss that one alone, and are about to say so.
      if (Missing().size() > 1 && !listens) {
        listens = true;
        limit = kLastWords;
        progress = Clock::now();
        continue;
      }
      return Fail(ErrorCode::kUnavailable, MissingText() + " gave no sign for " +
                                               std::to_string(patience().count()) + " ms in " +
                                               step.Text());
    }
  }

  std::vector<uint32_t> Missing() const {
    std::vector<uint32_t> missing;
    for (uint32_t r = 0; r < world(); ++r) {
      if (r != rank() && !legs_[r].is_over && !legs_[r].IsDone()) missing.push_back(r);
    }
    return missing;
  }

  std::string MissingText() const {
    std::string text;
    for (const uint32_t r : Missing()) text += (text.empty() ? "" : " and ") + RankText(r);
    return text;
  }

  // Until some leg can move. False: none could.
  bool Wait(milliseconds limit) {
    std::vector<pollfd> waits;
    for (uint32_t r = 0; r < world(); ++r) {
      const Leg& leg = legs_[r];
      if (r == rank() || leg.is_over || leg.IsDone()) continue;
      const int events = (leg.SentAll() ? 0 : POLLOUT) | (leg.ReadAll() ? 0 : POLLIN);
      waits.push_back({sockets_[r], static_cast<short>(events), 0});
    }
    const int timeout =
        limit == kForever ? -1 : static_cast<int>(std::min<int64_t>(limit.count(), 1 << 30));
    return poll(waits.data(), waits.size(), timeout) > 0;
  }

  Status MoveLeg(uint32_t r, const Step& step) {
    Leg& leg = legs_[r];
    // Reading first: a rank that is gone may have said why.
    DURE_TRY(ReadLeg(r, leg, step));
    while (!leg.SentAll()) {
      const bool in_head = leg.sent < kFrameBytes;
      const ByteView rest = in_head ? ByteView(leg.head_out).subspan(leg.sent)
                                    : leg.out.subspan(leg.sent - kFrameBytes);
      const ssize_t n = send(sockets_[r], rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return {};
      if (n < 0) {  // it may have said why since it was last read
        DURE_TRY(ReadLeg(r, leg, step));
        return Gone(r, step);
      }
      leg.sent += static_cast<size_t>(n);
    }
    return {};
  }

  Status ReadLeg(uint32_t r, Leg& leg, const Step& step) {
    while (!leg.ReadAll()) {
      const bool in_head = leg.read < kFrameBytes;
      const std::span<uint8_t> room = in_head ? std::span(leg.head_in).subspan(leg.read)
                                              : leg.in.subspan(leg.read - kFrameBytes);
      const ssize_t n = recv(sockets_[r], room.data(), room.size(), MSG_DONTWAIT);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return {};
      if (n <= 0) return Gone(r, step);
      leg.read += static_cast<size_t>(n);
      if (in_head && leg.read == kFrameBytes) DURE_TRY(CheckHead(r, leg, step));
    }
    return {};
  }

  Status CheckHead(uint32_t r, const Leg& leg, const Step& step) {
    const auto frame = ParseFrame(leg.head_in);
    if (!frame) return Fail(ErrorCode::kCorrupt, RankText(r) + " sends what is no frame");
    if (frame->kind == static_cast<uint32_t>(Kind::kFailure)) return Hear(r, *frame);
    if (frame->kind == static_cast<uint32_t>(step.kind) && frame->number == step.number &&
        frame->size == step.size) {
      return {};
    }
    const Step theirs{static_cast<Kind>(frame->kind), frame->number, frame->size, {}, {}};
    return Fail(ErrorCode::kCorrupt, RankText(r) + " is in " + theirs.Text() + ", rank " +
                                         std::to_string(rank()) + " in " + step.Text());
  }

  // The reason of a rank that ended itself: written at once, so it is there or never will be.
  Status Hear(uint32_t r, const Frame& frame) {
    std::string reason(std::min<uint64_t>(frame.size, kReasonBytesMax), '\0');
    const ssize_t n = recv(sockets_[r], reason.data(), reason.size(), MSG_DONTWAIT);
    reason.resize(n > 0 ? static_cast<size_t>(n) : 0);
    const auto code = static_cast<ErrorCode>(frame.number);
    const bool known = code == ErrorCode::kCorrupt || code == ErrorCode::kUnavailable;
    if (reason.empty()) reason = RankText(r) + " ended the gang";
    return Fail(known ? code : ErrorCode::kUnavailable, reason);
  }

  Status Gone(uint32_t r, const Step& step) {
    return Fail(ErrorCode::kUnavailable, RankText(r) + " is gone, in " + step.Text());
  }

  std::string RankText(uint32_t r) const {
    return "rank " + std::to_string(r) + " (" + names_[r] + ")";
  }

  void TellAll(const Error& why) {
    const std::string reason = why.message.substr(0, kReasonBytesMax);
    const auto head = ToBytes(Frame{static_cast<uint32_t>(Kind::kFailure),
                                    static_cast<uint64_t>(why.code), reason.size()});
    Bytes all(head.begin(), head.end());
    all.insert(all.end(), reason.begin(), reason.end());
    for (uint32_t r = 0; r < world(); ++r) {
      // Who has not seen which call this is shall see it: it may differ from its own. In the middle
      // of its bytes a rank would not see a frame; it sees our end instead.
      Leg& leg = legs_[r];
      if (leg.sent == 0) Say(r, leg.head_out);
      if (leg.SentAll() || (leg.sent == 0 && leg.out.empty())) Say(r, all);
      // Not closed: a reset could overtake the words.
      shutdown(sockets_[r], SHUT_WR);
    }
  }

  // In the buffer at once or not at all.
  void Say(uint32_t r, ByteView bytes) {
    (void)send(sockets_[r], bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }

  std::vector<int> sockets_;  // by rank; -1: the own
  std::vector<Leg> legs_;     // of the step under way
  std::vector<std::string> names_;
};

}  // namespace

std::string WhereThisRuns() {
  char host[256] = {};
  if (gethostname(host, sizeof host - 1) != 0) host[0] = '?';
  return std::string("host ") + host + ", process " + std::to_string(getpid());
}

Result<std::unique_ptr<Collective>> MakeSockets(uint32_t rank, std::vector<int> sockets,
                                                milliseconds patience) {
  DURE_CHECK(rank < sockets.size() && sockets.size() <= kWorldMax, "a gang of 1 to kWorldMax");
  auto gang = std::make_unique<Sockets>(rank, std::move(sockets));
  gang->set_patience(patience);
  DURE_TRY(gang->Introduce());
  gang->set_patience(kPatience);
  return std::unique_ptr<Collective>(std::move(gang));
}

}  // namespace dure::model::collective
