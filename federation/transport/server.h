// TransportServer: the aggregator's doors. gRPC over TLS 1.3; nothing else of Dure sees gRPC or
// protobuf.
//
// Two listeners. The main one asks every peer for its certificate, and verifies it (chain, expiry,
// revocation, role) before any message of that call is parsed; a refusal says its cause. The
// enrolment one has no client certificate and one small call.
//
// Life: Make; once what the callbacks touch is there, Listen; callbacks arrive; destroy before the
// loop, the store and whatever the callbacks touch. Send, Revoke, Cut and the counters are
// thread-safe.
// Callbacks marked [loop] run on the event loop; those marked [any] run on the transport's threads,
// several at a time, and may block on disk.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "federation/blob/store.h"
#include "federation/bytes.h"
#include "federation/digest.h"
#include "federation/identity/peer.h"
#include "federation/loop/loop.h"
#include "federation/round/messages.h"

namespace dure::transport {

using identity::PeerIdentity;

// What an operator watches: JSON lines, in order. Thread-safe. The queue is bounded: a watcher who
// cannot keep up is closed, not waited for.
class Watcher {
 public:
  virtual ~Watcher() = default;
  // False once the watcher is gone, or when its queue is full, which closes it.
  virtual bool Send(std::string json) = 0;
  virtual void Close(Status status) = 0;
};

// A byte range of the log for a site that mirrors it; proofs are opaque here.
struct LedgerCalls {
  struct Head {
    Bytes note;
    uint64_t size = 0;
  };
  std::function<Result<Head>()> tree_head;                                               // [any]
  std::function<Result<std::vector<Bytes>>(uint64_t begin, uint64_t end)> entries;       // [any]
  std::function<Result<Bytes>(uint64_t index, uint64_t tree_size)> inclusion_proof;      // [any]
  std::function<Result<Bytes>(uint64_t old_size, uint64_t new_size)> consistency_proof;  // [any]
};

using JsonReply = std::function<void(Result<std::string>)>;  // call once, from any thread

// An absent function refuses its call with kFailedPrecondition.
struct ServerCalls {
  // The control stream of a site. A reconnect replaces the old stream: no disconnected() comes
  // between.
  // Asked after the certificate was found good; an absent function lets everybody in.
  std::function<Status(const PeerIdentity&)> may_connect;             // [loop]
  std::function<void(const PeerIdentity&)> connected;                 // [loop]
  std::function<void(const PeerIdentity&)> disconnected;              // [loop]
  std::function<void(const PeerIdentity&, round::Message)> received;  // [loop]
  // A site has taken all that waited for it, after its queue was too full for something: whatever
  // it should know is to be said again.
  std::function<void(const PeerIdentity&)> caught_up;  // [loop]

  // Who may move what. `offer` is asked before a long manifest is read: whether a blob of `size`
  // bytes may be wanted of that peer at all (an absent function lets it be read). `put` is asked
  // before room is reserved for `size` bytes.
  std::function<Status(const PeerIdentity&, uint64_t size)> may_offer;               // [loop]
  std::function<Status(const PeerIdentity&, const Digest&, uint64_t size)> may_put;  // [loop]
  std::function<Status(const PeerIdentity&, const Digest&)> may_get;                 // [loop]
  // Whether room was reserved for what is then uploaded.
  std::function<void(const Status&)> reserved;  // [loop]
  // The blob is whole and durable in the store. May be said more than once.
  std::function<void(const PeerIdentity&, const Digest&)> blob_arrived;  // [loop]

  // Asked by anybody, at any rate: what costs something is for the owner to bound.
  std::function<Result<Bytes>(ByteView request)> enrol;                       // [any]
  std::function<Result<Bytes>(const PeerIdentity&, ByteView request)> renew;  // [any]
  LedgerCalls ledger;
  std::function<void(const PeerIdentity&, std::string_view verb, std::string json, JsonReply)>
      admin;  // [loop]
  std::function<void(const PeerIdentity&, std::string json, std::shared_ptr<Watcher>)>
      watch;  // [loop]
};

// How long a connection, or an upload, may do nothing.
struct Patience {
  // Until the first frames of HTTP/2 have come.
  std::chrono::milliseconds handshake{10'000};
  // Without a call: who has no certificate may shake hands, and gets no further. A site keeps a
  // stream open; whoever else comes again connects again.
  std::chrono::milliseconds idle{60'000};
  // Of an upload, from one call for it to the next. It is resumed within that time, and what came
  // of it is the store's to remove afterwards; offered again it still finds what is there.
  std::chrono::milliseconds upload{std::chrono::minutes(30)};
};

struct ServerOptions {
  std::string address;        // "host:port"; port 0 takes a free one
  std::string enrol_address;  // empty: no enrolment here
  // The aggregator's TLS identity. The files are watched: a renewed pair is served without a
  // restart.
  std::string key_path;
  std::string chain_path;  // leaf, issuing CA, root: <dir>/identity/tls.crt beside tls.key
  identity::Trust trust;
  std::shared_ptr<const identity::Revocations>
      revocations;  // in force from the first call; may be null
  identity::Roles admin_roles = {identity::Role::kOperator};
  identity::Roles watch_roles = identity::Roles::Invited();
  Patience patience;
  // Of gRPC's for all calls of members together; above, a call is refused. Every site's stream and
  // transfers need 1,280, the people a few; each seat may hold 64 calls.
  int threads_max = 4096;
  // Begins a thread for a control stream. Throws std::system_error where none is to be had; a test
  // has it do so.
  std::function<std::thread(std::function<void()> work)> start_thread =
      [](std::function<void()> work) { return std::thread(std::move(work)); };
};

struct Traffic {
  uint64_t bytes_received = 0;  // chunk payload
  uint64_t bytes_sent = 0;
};

class TransportServer {
 public:
  // Nobody is let in yet. REQUIRES: loop and store outlive the server. kInvalid: the certificate
  // files cannot be used.
  static Result<std::unique_ptr<TransportServer>> Make(const ServerOptions& options,
                                                       loop::EventLoop& loop,
                                                       blob::BlobStore& store, ServerCalls calls);
  // Opens the doors: calls may come in before this returns. kInvalid: an address is none.
  // kUnavailable: an address cannot be
  // listened on, and the server is of no use. REQUIRES: called once, not on the loop.
  Status Listen();
  // Cancels every call and waits for the transport's threads. REQUIRES: not called on the loop.
  ~TransportServer();

  uint16_t port() const;        // of the main listener, once it listens
  uint16_t enrol_port() const;  // 0 without one

  // Queues a message for the site's control stream. kUnavailable: not connected (send again when it
  // is); kExhausted: its queue is full; caught_up() comes once it is empty; kInvalid: larger than
  // kControlMessageBytesMax.
  Status Send(const SiteId& site, const round::Message& message);
  bool IsConnected(const SiteId& site) const;

  // The revocations in force from now on; calls already open by a revoked peer are cancelled at
  // once.
  void Revoke(std::shared_ptr<const identity::Revocations> revocations);
  // Cancels the calls that this seat has open, whatever certificate they were made with. It may
  // come again, and is then asked about as always.
  void Cut(identity::Role role, const SiteId& site);

  Traffic TotalTraffic() const;
  Traffic TrafficOf(const SiteId& site) const;

 private:
  struct State;
  explicit TransportServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace dure::transport
