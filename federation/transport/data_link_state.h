// What the two halves of a data link share. Private to this room.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <vector>

#include "dure/v1/data.grpc.pb.h"
#include "federation/transport/channel.h"
#include "federation/transport/manifest_parts.h"

namespace dure::transport {

// The parts of a transfer that its streams share. Thread-safe.
struct Shared {
  std::atomic<size_t> cursor = 0;  // into the missing indices
  std::atomic<uint64_t> moved = 0;
  std::atomic<bool> complete = false;
  std::mutex mutex;
  std::optional<Error> error;  // guarded by mutex: the first

  void Fail(const Error& failed) {
    std::lock_guard lock(mutex);
    if (!error) error = failed;
  }
  bool failed() {
    std::lock_guard lock(mutex);
    return error.has_value();
  }
};

// Keeps a call cancellable for as long as it runs.
class Cancellable {
 public:
  explicit Cancellable(const std::stop_token& stop) : callback_(stop, Cancel{&context_}) {}
  grpc::ClientContext& context() { return context_; }

 private:
  struct Cancel {
    grpc::ClientContext* context;
    void operator()() const { context->TryCancel(); }
  };
  grpc::ClientContext context_;
  std::stop_callback<Cancel> callback_;
};

struct DataLink::State {
  Backoff backoff;
  std::chrono::milliseconds retry_for;
  SystemRandom random;
  std::mutex mutex;
  Dial dial;                     // guarded by mutex
  uint64_t dial_version = 0;     // guarded by mutex
  std::vector<Connection> idle;  // guarded by mutex; of dial_version, for the next transfer
  std::atomic<uint64_t> sent = 0;
  std::atomic<uint64_t> received = 0;
  std::atomic<uint64_t> upload_limit = 0;  // bytes a second; 0: none
  // A stream that the limit would leave silent for longer ends, and another one goes on: the
  // aggregator lets go of what does not move.
  std::atomic<std::chrono::milliseconds> silence_max{std::chrono::seconds(30)};

  // Connections of one attempt. They go back only if nothing failed: a broken one is not kept.
  struct Lease {
    std::vector<Connection> connections;
    uint64_t version = 0;
  };

  Result<Lease> Borrow(size_t count);
  void Return(Lease lease);

  using Attempt = std::function<Result<uint64_t>(Lease& lease, bool& done)>;
  Status Persist(const Attempt& attempt, const std::stop_token& stop);

  Result<uint64_t> UploadOnce(const blob::Reader& blob, Lease& lease, bool& done,
                              const std::stop_token& stop, const OnProgress& progress);
  // The offer and all chunks in one call.
  Result<uint64_t> UploadAtOnce(const blob::Reader& blob, Lease& lease, bool& done,
                                const std::stop_token& stop, const OnProgress& progress);
  void PutStream(const blob::Reader& blob, const Connection& connection,
                 const std::vector<uint64_t>& missing, Shared& shared, const std::stop_token& stop,
                 const std::function<void()>& moved, bool at_once = false);
  struct Put {
    const blob::Reader& blob;
    const Connection& connection;
    const std::vector<uint64_t>& missing;
    bool at_once = false;
  };
  // One call. `go_on(size)` follows each chunk; it returns false to end the call. Returns whether
  // it did, and nothing failed.
  bool PutSome(const Put& put, Shared& shared, const std::stop_token& stop,
               const std::function<bool(uint64_t)>& go_on);
  struct Fetched {
    blob::Manifest manifest;
    std::vector<v1::Chunk> chunks;  // of a small blob: all of them
  };
  Result<Fetched> FetchManifest(const Digest& digest, const Connection& connection,
                                const std::stop_token& stop);
  struct Wanted {
    Digest digest;
    blob::Lasting lasting;
  };
  Result<uint64_t> DownloadOnce(const Wanted& wanted, blob::BlobStore& store, Lease& lease,
                                bool& done, const std::stop_token& stop,
                                const OnProgress& progress);
  void GetStream(const Digest& digest, blob::Spool& spool, const Connection& connection,
                 const std::vector<uint64_t>& missing, Shared& shared, const std::stop_token& stop,
                 const std::function<void()>& moved);
};

std::vector<uint64_t> IndicesOf(ByteView bitmap, uint64_t count);
uint64_t BytesOf(const blob::Manifest& manifest, const std::vector<uint64_t>& indices);
// Runs `stream(connection)` on as many connections as `missing` is worth, the first on this
// thread.
void OnStreams(const std::vector<Connection>& connections, size_t missing,
               const std::function<void(const Connection&)>& stream);

}  // namespace dure::transport
