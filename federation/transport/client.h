// The dialling half: a site's control stream, blob transfers, and the small calls of sites and
// people.
//
// Sites dial out; nobody dials in. The server is accepted only if its chain ends in the
// consortium's root, its role is aggregator and its certificate names the host that was dialled.
// Bulk data has its own connections, so control never waits behind it.
//
// Everything here but SiteLink blocks its caller up to a bound: never on the loop (see
// loop/workers.h).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <type_traits>
#include <vector>

#include "federation/blob/store.h"
#include "federation/bytes.h"
#include "federation/clock.h"
#include "federation/digest.h"
#include "federation/identity/peer.h"
#include "federation/loop/loop.h"
#include "federation/random.h"
#include "federation/round/messages.h"

namespace dure::transport {

// Whom to dial, and as whom. From identity::Identity: address, cert_chain_pem, tls_key_pem,
// trust().
struct Dial {
  std::string address;  // host:port
  std::string cert_chain_pem;
  std::string key_pem;
  identity::Trust trust;
};

// Waits between attempts: doubling from `first` to `last`, each multiplied by a random 0.5..1.
struct Backoff {
  std::chrono::milliseconds first{200};
  std::chrono::milliseconds last{15000};
};

struct LinkCalls {
  std::function<void()> connected;  // [loop] the aggregator accepted the stream
  std::function<void(const Error& why)>
      disconnected;  // [loop] also after each failed attempt, with its cause
  std::function<void(round::Message)> received;  // [loop]
};

// A site's control stream, kept up for as long as the object lives.
class SiteLink {
 public:
  // REQUIRES: loop and random outlive it; random is thread-safe (SystemRandom).
  SiteLink(Dial dial, loop::EventLoop& loop, Random& random, LinkCalls calls, Backoff backoff = {});
  // No callback runs after it. REQUIRES: called on the loop, or while the loop runs none of its
  // callbacks.
  ~SiteLink();

  // kUnavailable: not connected, nothing kept; state is sent again on connected(). kExhausted: the
  // queue is full and the stream is closed. kInvalid: larger than kControlMessageBytesMax.
  // Thread-safe.
  Status Send(const round::Message& message);
  bool IsConnected() const;
  // After a renewal: reconnects with the new certificate. Thread-safe.
  void UseDial(Dial dial);

 private:
  struct State;
  std::shared_ptr<State>
      state_;  // shared with gRPC's callbacks and the loop's timers, which may outlive it
};

struct Progress {
  uint64_t bytes_done = 0;  // including what the other side, or the spool, held before
  uint64_t bytes_total = 0;
};
using OnProgress = std::function<void(const Progress&)>;  // on a transfer thread; must be quick

// Blob transfers over kDataStreamsPerSite connections. Thread-safe.
class DataLink {
 public:
  // `retry_for`: how long a broken link is retried without any chunk getting through before the
  // transfer fails.
  explicit DataLink(Dial dial, Backoff backoff = {},
                    std::chrono::milliseconds retry_for = std::chrono::hours(1));
  ~DataLink();

  // Returns when the aggregator holds the whole blob durably. Chunks that it already holds are not
  // sent. kUnavailable: the link stayed broken for retry_for; kCancelled; kPermissionDenied,
  // kUnauthenticated: refused; kExhausted: the aggregator's disk is full; kCorrupt: our own file
  // does not match its manifest.
  Status Upload(const blob::Reader& blob, std::stop_token stop, OnProgress progress = nullptr);
  // The same of a blob of which the aggregator can hold nothing yet: a small one moves in one call
  // with its offer.
  Status UploadNew(const blob::Reader& blob, std::stop_token stop, OnProgress progress = nullptr);
  // Returns when the blob is in `store`, to last as long as is asked for. Chunks that a spool of
  // `store` already holds are not fetched again. Errors as above; kNotFound: the aggregator has no
  // such blob; kExhausted: our disk is full.
  Status Download(const Digest& digest, blob::BlobStore& store, std::stop_token stop,
                  OnProgress progress = nullptr,
                  blob::Lasting lasting = blob::Lasting::kThroughPowerCuts);

  void UseDial(Dial dial);  // for transfers that begin, or retry, afterwards
  // Uploads take no more of the line than this, on average over a few chunks; 0: all they get. For
  // transfers that begin afterwards.
  // A stream that would be silent for longer than `silence_max` ends and begins anew.
  void LimitUploads(uint64_t bytes_per_second,
                    std::chrono::milliseconds silence_max = std::chrono::seconds(30));
  uint64_t bytes_sent() const;  // chunk payload since construction
  uint64_t bytes_received() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

inline constexpr std::chrono::milliseconds kCallTimeout{20000};
inline constexpr int kTriesMax = 3;  // of a person's call

// `call`, and again while nobody answers it (kUnavailable), `tries` times in all: a busy machine
// misses a handshake's time now and then. REQUIRES: each time it makes a connection of its own, for
// one that failed waits before it dials again; and made twice it does no more than once, for an
// answer may be lost as well.
template <typename Call>
std::invoke_result_t<Call> CallAgain(int tries, Call call) {
  auto answer = call();
  for (int made = 1; made < tries && !answer; ++made) {
    if (answer.error().code != ErrorCode::kUnavailable) break;
    answer = call();
  }
  return answer;
}

// A head, the proof that it extends a copy, and the first of the entries between them.
struct LogExtension {
  Bytes head;
  Bytes consistency;
  std::vector<Bytes> entries;
};

// The log as the aggregator serves it; the caller verifies. All: kUnavailable, and whatever the
// server refuses.
class LedgerLink {
 public:
  explicit LedgerLink(Dial dial);
  ~LedgerLink();
  Result<Bytes> TreeHead();
  // For a copy of `held` entries. Proof and entries are empty when the head is not beyond it.
  Result<LogExtension> Extend(uint64_t held);
  // At most a bounded batch from `begin` on; at least one entry when begin < end <= the log's size.
  Result<std::vector<Bytes>> Entries(uint64_t begin, uint64_t end);
  Result<Bytes> InclusionProof(uint64_t index, uint64_t tree_size);
  Result<Bytes> ConsistencyProof(uint64_t old_size, uint64_t new_size);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class AdminLink {
 public:
  explicit AdminLink(Dial dial);
  ~AdminLink();
  Result<std::string> Call(std::string_view verb, std::string_view json);
  // Calls `line` for each JSON line until the server ends the stream (success), it fails, `line`
  // returns false (success) or stop is requested (kCancelled).
  Status Watch(std::string_view json, std::stop_token stop,
               const std::function<bool(std::string)>& line);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The one call made without a certificate. The server must present a chain that ends in the root of
// that fingerprint and be the aggregator of that consortium. kUnauthenticated: it does not;
// kUnavailable; else as the aggregator refuses.
struct EnrolDial {
  std::string address;  // the invitation's enrol_address
  std::string consortium;
  Digest root_pin;
};
Result<Bytes> Enrol(const EnrolDial& dial, ByteView request);
Result<Bytes> Renew(const Dial& dial, ByteView request);

}  // namespace dure::transport
