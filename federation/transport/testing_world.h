// For tests of this room: a consortium with real certificates, a real server on a free port, and
// seats that dial it.
#pragma once

#include <gmock/gmock.h>

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>

#include "federation/identity/testing.h"
#include "federation/transport/client.h"
#include "federation/transport/server.h"

namespace dure::transport {

using identity::Must;
using identity::Role;

inline WallTime RealNow() { return loop::RealWallNow(); }

inline RunId TestRun() { return Must(RunId::Parse("run-1")); }
inline round::Message ToAggregator() {
  round::Declined declined;
  declined.at.run = TestRun();
  declined.reason = "policy";
  return declined;
}
inline round::Message ToSite() {
  round::RunEnded ended;
  ended.run = TestRun();
  ended.reason = "stopped";
  return ended;
}

// Things that happened, waited for without sleeping. Thread-safe.
class Events {
 public:
  void Add(std::string event) {
    std::lock_guard lock(mutex_);
    ++seen_[std::move(event)];
    wake_.notify_all();
  }
  // False after a minute: a test that would hang fails instead.
  bool Await(const std::string& event, int times = 1) {
    std::unique_lock lock(mutex_);
    return wake_.wait_for(lock, std::chrono::minutes(1), [&] { return seen_[event] >= times; });
  }
  int Count(const std::string& event) {
    std::lock_guard lock(mutex_);
    return seen_[event];
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::map<std::string, int> seen_;  // guarded by mutex_
};

inline constexpr Backoff kQuick{std::chrono::milliseconds(1), std::chrono::milliseconds(20)};

class World {
 public:
  // Founded so long ago that the aggregator's certificate, good for seven days, must be renewed;
  // Start does.
  explicit World(std::unique_ptr<blob::BlobStore> blob_store = blob::MemoryBlobStore(),
                 Duration age = std::chrono::hours(6 * 24))
      : consortium("hanguk", RealNow() - age), store(std::move(blob_store)) {
    calls.connected = [this](const PeerIdentity& peer) {
      events.Add("connected " + peer.site.str());
    };
    calls.disconnected = [this](const PeerIdentity& peer) {
      events.Add("disconnected " + peer.site.str());
    };
    calls.received = [this](const PeerIdentity& peer, const round::Message& message) {
      events.Add(peer.site.str() + " says " + std::string(round::KindName(message)));
    };
    calls.may_put = [](const PeerIdentity&, const Digest&, uint64_t) { return Status{}; };
    calls.may_get = [](const PeerIdentity&, const Digest&) { return Status{}; };
    calls.blob_arrived = [this](const PeerIdentity& peer, const Digest&) {
      events.Add("blob from " + peer.site.str());
    };
    calls.enrol = [this](ByteView request) {
      return consortium.authority->Enrol(request, RealNow());
    };
    calls.renew = [this](const PeerIdentity& peer, ByteView request) {
      return consortium.authority->Renew(peer, request, RealNow());
    };
  }
  ~World() { server.reset(); }

  void Start() {
    Must(consortium.authority->RenewOwn(RealNow()));
    StartAsItIs();
  }
  void StartAsItIs() {
    const std::string folder = (consortium.folder / "aggregator").string() + "/identity";
    ServerOptions options;
    options.address = listen_host + ":" + std::to_string(port);
    options.enrol_address = "127.0.0.1:0";
    options.key_path = folder + "/tls.key";
    options.chain_path = folder + "/tls.crt";
    options.trust = consortium.authority->trust();
    options.patience = patience;
    options.threads_max = threads_max;
    if (start_thread) options.start_thread = start_thread;
    server = Must(TransportServer::Make(options, loop, *store, calls));
    Must(server->Listen());
    port = server->port();
  }
  identity::Invitation Invite(const std::string& site, Role role, WallTime now) const {
    return consortium.Invite("kt", site, role, now + std::chrono::hours(1));
  }
  // A seat that enrolled at `now`, without the network. REQUIRES: the aggregator's certificate was
  // good then.
  identity::Identity Seat(const std::string& site, Role role = Role::kMember,
                          WallTime now = RealNow()) const {
    const identity::Invitation invitation = Invite(site, role, now);
    const std::string folder = consortium.SiteDir(site);
    const Bytes request = Must(identity::PrepareEnrolment(invitation, folder, now));
    const Bytes response = Must(consortium.authority->Enrol(request, now));
    Must(identity::AcceptEnrolment(invitation, folder, response, now));
    return Must(identity::LoadIdentity(folder));
  }
  Dial DialAs(const identity::Identity& seat) const {
    return {listen_host + ":" + std::to_string(port), seat.cert_chain_pem, seat.tls_key_pem,
            seat.trust()};
  }
  Dial DialAs(const std::string& site, Role role = Role::kMember) const {
    return DialAs(Seat(site, role));
  }
  // A control stream whose events carry its name.
  std::unique_ptr<SiteLink> Link(const std::string& name, Dial dial) {
    LinkCalls link;
    link.connected = [this, name] { events.Add(name + " up"); };
    link.disconnected = [this, name](const Error& why) {
      {
        std::lock_guard lock(mutex);
        last_error[name] = why;
      }
      events.Add(name + " down");
    };
    link.received = [this, name](const round::Message& message) {
      events.Add(name + " hears " + std::string(round::KindName(message)));
    };
    return std::make_unique<SiteLink>(std::move(dial), loop, random, link, kQuick);
  }
  Error LastError(const std::string& name) {
    std::lock_guard lock(mutex);
    return last_error[name];
  }

  identity::TestConsortium consortium;
  loop::EventLoop loop;
  SystemRandom random;
  Events events;
  std::unique_ptr<blob::BlobStore> store;
  ServerCalls calls;
  Patience patience;
  int threads_max = ServerOptions().threads_max;
  decltype(ServerOptions::start_thread) start_thread;
  std::string listen_host = "127.0.0.1";
  uint16_t port = 0;
  std::unique_ptr<TransportServer> server;
  std::mutex mutex;
  std::map<std::string, Error> last_error;  // guarded by mutex
};

inline SiteId SiteNamed(const std::string& name) { return Must(SiteId::Parse(name)); }

}  // namespace dure::transport
