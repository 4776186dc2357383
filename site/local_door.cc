#include "site/local_door.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "federation/journal/journal.h"
#include "federation/transport/json_fields.h"
#include "policy/privacy/account_book.h"

namespace dure::site {

using nlohmann::json;
using transport::JsonLine;

namespace {

constexpr char kSocketName[] = "site.sock";
constexpr timeval kPatience{5, 0};           // for a peer on the same machine
constexpr size_t kAnswerBytesMax = 1 << 20;  // a status of every run there may be
constexpr int kCallersMax = 8;

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }

 private:
  int fd_;
};

// A socket's name is at most 108 bytes, a folder's may be longer: so it is named by way of the
// folder's descriptor.
sockaddr_un AddressIn(const Descriptor& folder) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = "/proc/self/fd/" + std::to_string(folder.get()) + "/" + kSocketName;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

Descriptor OpenFolder(const std::filesystem::path& dir) {
  return Descriptor(open(dir.c_str(), O_DIRECTORY | O_RDONLY | O_CLOEXEC));
}

void Hurry(int fd) {
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
}

// Up to the line's end or `bytes_max`; what a peer that falls silent had said.
std::string ReadLine(int fd, size_t bytes_max) {
  std::string line;
  char piece[4096];
  while (line.size() <= bytes_max) {
    const ssize_t n = recv(fd, piece, sizeof piece, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    line.append(piece, static_cast<size_t>(n));
    if (const size_t end = line.find('\n'); end != std::string::npos) {
      line.resize(end);
      break;
    }
  }
  return line;
}

bool WriteLine(int fd, std::string line) {
  line.push_back('\n');
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t n = send(fd, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    rest.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

}  // namespace

struct LocalDoor::State {
  Descriptor folder;
  Descriptor listener;
  Descriptor wake;
  Answer answer;
  std::jthread thread;

  void Serve(const std::stop_token& stop) const;
  void ServeOne(int peer) const;
};

void LocalDoor::State::Serve(const std::stop_token& stop) const {
  while (!stop.stop_requested()) {
    pollfd waits[2] = {{listener.get(), POLLIN, 0}, {wake.get(), POLLIN, 0}};
    if (poll(waits, 2, -1) < 0 && errno != EINTR) return;
    if ((waits[0].revents & POLLIN) == 0) continue;
    const Descriptor peer(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (peer.valid()) ServeOne(peer.get());
  }
}

void LocalDoor::State::ServeOne(int peer) const {
  Hurry(peer);
  const auto request = ParseLocalRequest(ReadLine(peer, kLocalRequestBytesMax));
  const Result<std::string> answered =
      request ? answer(*request) : Result<std::string>(Fail(request.error()));
  if (answered) {
    WriteLine(peer, *answered);
    return;
  }
  const Error& error = answered.error();
  WriteLine(
      peer,
      JsonLine({{"error", {{"code", static_cast<int>(error.code)}, {"message", error.message}}}}));
}

LocalDoor::LocalDoor(std::unique_ptr<State> state) : state_(std::move(state)) {}

LocalDoor::~LocalDoor() {
  state_->thread.request_stop();
  const uint64_t one = 1;
  if (write(state_->wake.get(), &one, sizeof one) < 0) return;  // an eventfd takes its first count
  state_->thread.join();
  unlinkat(state_->folder.get(), kSocketName, 0);
}

Result<std::unique_ptr<LocalDoor>> LocalDoor::Open(const std::filesystem::path& dir,
                                                   Answer answer) {
  auto state = std::make_unique<State>();
  state->answer = std::move(answer);
  state->folder = OpenFolder(dir);
  state->listener = Descriptor(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  state->wake = Descriptor(eventfd(0, EFD_CLOEXEC));
  const auto failed = [&] {
    return Fail(ErrorCode::kUnavailable,
                "cannot listen on " + (dir / kSocketName).string() + ": " + std::strerror(errno));
  };
  if (!state->folder.valid() || !state->listener.valid() || !state->wake.valid()) return failed();
  // Of an earlier process: the journal's lock says that it is no more.
  unlinkat(state->folder.get(), kSocketName, 0);
  const sockaddr_un address = AddressIn(state->folder);
  const auto* name = reinterpret_cast<const sockaddr*>(&address);
  const int listener = state->listener.get();
  if (fchmod(listener, 0600) != 0 || bind(listener, name, sizeof address) != 0) return failed();
  if (listen(listener, kCallersMax) != 0) return failed();
  State* serving = state.get();
  state->thread = std::jthread([serving](const std::stop_token& stop) { serving->Serve(stop); });
  return std::unique_ptr<LocalDoor>(new LocalDoor(std::move(state)));
}

// The asking side
// -------------------------------------------------------------------------------

namespace {

using Answered = std::optional<Result<std::string>>;  // nullopt: nobody listens there

Result<std::string> Understand(const std::string& line) {
  if (line.empty()) {
    return Fail(ErrorCode::kUnavailable, "the site's daemon did not answer; its log says why");
  }
  DURE_ASSIGN(const json object, transport::ParseJsonObject(line, "the daemon's answer"));
  const auto error = object.find("error");
  if (error == object.end()) return line;
  const uint64_t code = transport::CountField(*error, "code");
  const bool known = code <= static_cast<uint64_t>(ErrorCode::kInternal);
  return Fail(known ? static_cast<ErrorCode>(code) : ErrorCode::kInternal,
              transport::TextField(*error, "message"));
}

Answered AskDaemon(const std::filesystem::path& dir, const LocalRequest& request) {
  const Descriptor folder = OpenFolder(dir);
  if (!folder.valid()) return std::nullopt;
  const Descriptor peer(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_un address = AddressIn(folder);
  const auto* name = reinterpret_cast<const sockaddr*>(&address);
  if (!peer.valid() || connect(peer.get(), name, sizeof address) != 0) return std::nullopt;
  Hurry(peer.get());
  const bool asked = WriteLine(peer.get(), LineOf(request));
  return Understand(asked ? ReadLine(peer.get(), kAnswerBytesMax) : std::string());
}

struct Stored {
  std::map<std::string, Bytes> entries;
  Result<round::SitePhase> PhaseOf(const RunId& run) const {
    const auto state = entries.find("run/" + run.str() + "/state");
    if (state == entries.end()) return Fail(NotKnownHere(run));
    DURE_ASSIGN(const auto participation, round::Participation::Load(state->second));
    return participation.phase();
  }
};

Result<std::string> StatusOf(const Stored& stored) {
  json runs = json::array();
  for (const auto& [key, value] : stored.entries) {
    if (!key.ends_with("/state")) continue;
    const auto run = RunId::Parse(std::string_view(key).substr(4, key.size() - 10));
    if (!run) continue;
    DURE_ASSIGN(const round::SitePhase phase, stored.PhaseOf(*run));
    json entry = {{"run", run->str()}, {"phase", std::string(round::Name(phase))}};
    if (const auto asked = stored.entries.find(AskedKey(*run)); asked != stored.entries.end()) {
      entry["asked"] = std::string(AsText(asked->second));
    }
    runs.push_back(std::move(entry));
  }
  return JsonLine({{"running", false}, {"runs", std::move(runs)}});
}

Result<std::string> AskJournal(const std::filesystem::path& dir, const LocalRequest& request) {
  const std::string path = (dir / "site.db").string();
  if (!std::filesystem::exists(path)) {
    return Fail(ErrorCode::kNotFound,
                "no site has run in " + dir.string() + " yet (dure site serve takes part in runs)");
  }
  DURE_ASSIGN(const auto journal, journal::Journal::Open(path));
  if (request.verb == LocalVerb::kAccounts) {
    DURE_ASSIGN(const auto accounts, journal->Scan(privacy::kAccountKeyPrefix));
    json list = json::array();
    for (const auto& [key, bytes] : accounts) list.push_back(ToHex(bytes));
    return JsonLine({{"accounts", std::move(list)}});
  }
  DURE_ASSIGN(auto entries, journal->Scan("run/"));
  const Stored stored{std::move(entries)};
  if (request.verb == LocalVerb::kStatus) return StatusOf(stored);
  DURE_ASSIGN(const round::SitePhase phase, stored.PhaseOf(request.run));
  const auto asked = stored.entries.find(AskedKey(request.run));
  const bool leaves =
      asked != stored.entries.end() && AsText(asked->second) == Name(LocalVerb::kLeave);
  json answer = {
      {"run", request.run.str()}, {"phase", std::string(round::Name(phase))}, {"running", false}};
  journal::Change change;
  if (leaves && request.verb == LocalVerb::kJoin && phase != round::SitePhase::kLeft) {
    change.Erase(AskedKey(request.run));  // it had not left yet
  } else {
    DURE_ASSIGN(const auto event, EventFor(request.verb, phase));
    if (event) {
      change.Put(AskedKey(request.run), ToBytes(std::string(Name(request.verb))));
      answer["asked"] = std::string(Name(request.verb));
    } else {
      change.Erase(AskedKey(request.run));  // of an earlier wish that this one takes back
    }
  }
  DURE_TRY(journal->Apply(change));
  return JsonLine(answer);
}

}  // namespace

std::string AskedKey(const RunId& run) { return "run/" + run.str() + "/asked"; }

Result<std::string> AskSite(const std::filesystem::path& dir, const LocalRequest& request) {
  if (auto answered = AskDaemon(dir, request)) return std::move(*answered);
  return AskJournal(dir, request);
}

}  // namespace dure::site
