// A transfer is attempts: ask what is missing, move it over several connections, ask again. A
// broken link ends an attempt and never the transfer; whatever got through stays.
#include <atomic>
#include <optional>
#include <thread>

#include "dure/v1/data.grpc.pb.h"
#include "federation/transport/channel.h"
#include "federation/transport/manifest_parts.h"

namespace dure::transport {
namespace {

constexpr uint64_t kChunksForASecondStream = 8;  // below, setting up another connection costs more
constexpr uint64_t kRangeChunks = 64;            // what one stream takes at a time when fetching
constexpr int kCorruptAttemptsMax = 3;           // the far disk does not heal by asking

std::vector<uint64_t> IndicesOf(ByteView bitmap, uint64_t count) {
  std::vector<uint64_t> indices;
  for (uint64_t index = 0; index < count && index / 8 < bitmap.size(); ++index) {
    if ((bitmap[index / 8] >> (index % 8) & 1) != 0) indices.push_back(index);
  }
  return indices;
}

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

}  // namespace

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
  void PutStream(const blob::Reader& blob, const Connection& connection,
                 const std::vector<uint64_t>& missing, Shared& shared, const std::stop_token& stop,
                 const std::function<void()>& moved);
  Result<blob::Manifest> FetchManifest(const Digest& digest, const Connection& connection,
                                       const std::stop_token& stop);
  Result<uint64_t> DownloadOnce(const Digest& digest, blob::BlobStore& store, Lease& lease,
                                bool& done, const std::stop_token& stop,
                                const OnProgress& progress);
  void GetStream(const Digest& digest, blob::Spool& spool, const Connection& connection,
                 const std::vector<uint64_t>& missing, Shared& shared, const std::stop_token& stop,
                 const std::function<void()>& moved);
};

Result<DataLink::State::Lease> DataLink::State::Borrow(size_t count) {
  std::lock_guard lock(mutex);
  Lease lease;
  lease.version = dial_version;
  while (lease.connections.size() < count) {
    if (!idle.empty()) {
      lease.connections.push_back(std::move(idle.back()));
      idle.pop_back();
      continue;
    }
    DURE_ASSIGN(Connection connection, Connect(dial));
    lease.connections.push_back(std::move(connection));
  }
  return lease;
}

void DataLink::State::Return(Lease lease) {
  std::lock_guard lock(mutex);
  if (lease.version != dial_version) return;
  for (Connection& connection : lease.connections) {
    if (idle.size() < limits::kDataStreamsPerSite) idle.push_back(std::move(connection));
  }
}

// Repeats `attempt`, which says how many chunks it moved and whether all is done, while the link is
// to blame.
Status DataLink::State::Persist(const Attempt& attempt, const std::stop_token& stop) {
  Waits waits(backoff, random);
  auto patience = std::chrono::steady_clock::now() + retry_for;
  int corrupt_attempts = 0;
  while (true) {
    if (stop.stop_requested()) return Fail(ErrorCode::kCancelled, "the transfer was cancelled");
    DURE_ASSIGN(Lease lease, Borrow(limits::kDataStreamsPerSite));
    bool done = false;
    const Result<uint64_t> moved = attempt(lease, done);
    if (stop.stop_requested() && !done) continue;
    if (moved && done) {
      Return(std::move(lease));
      return {};
    }
    if (moved && *moved > 0) {  // progress, and more to do
      Return(std::move(lease));
      waits.Reset();
      patience = std::chrono::steady_clock::now() + retry_for;
      continue;
    }
    const Error error =
        moved ? Error{ErrorCode::kUnavailable, "nothing got through"} : moved.error();
    const bool again =
        error.code == ErrorCode::kUnavailable ||
        error.code == ErrorCode::kFailedPrecondition ||  // offer it anew
        (error.code == ErrorCode::kCorrupt && ++corrupt_attempts < kCorruptAttemptsMax);
    if (!again || std::chrono::steady_clock::now() >= patience) return Fail(error);
    Sleep(waits.Next(), stop);
  }
}

DataLink::DataLink(Dial dial, Backoff backoff, std::chrono::milliseconds retry_for)
    : state_(std::make_unique<State>()) {
  state_->dial = std::move(dial);
  state_->backoff = backoff;
  state_->retry_for = retry_for;
}

DataLink::~DataLink() = default;

void DataLink::UseDial(Dial dial) {
  std::lock_guard lock(state_->mutex);
  state_->dial = std::move(dial);
  ++state_->dial_version;
  state_->idle.clear();
}

void DataLink::LimitUploads(uint64_t bytes_per_second) { state_->upload_limit = bytes_per_second; }

uint64_t DataLink::bytes_sent() const { return state_->sent; }
uint64_t DataLink::bytes_received() const { return state_->received; }

Status DataLink::Upload(const blob::Reader& blob, std::stop_token stop, OnProgress progress) {
  return state_->Persist(
      [&](State::Lease& lease, bool& done) {
        return state_->UploadOnce(blob, lease, done, stop, progress);
      },
      stop);
}

Status DataLink::Download(const Digest& digest, blob::BlobStore& store, std::stop_token stop,
                          OnProgress progress) {
  return state_->Persist(
      [&](State::Lease& lease, bool& done) {
        return state_->DownloadOnce(digest, store, lease, done, stop, progress);
      },
      stop);
}

namespace {

uint64_t BytesOf(const blob::Manifest& manifest, const std::vector<uint64_t>& indices) {
  uint64_t bytes = 0;
  for (const uint64_t index : indices) bytes += manifest.ChunkSize(index);
  return bytes;
}

// Runs `stream(connection)` on as many connections as `missing` is worth, the first on this thread.
void OnStreams(const std::vector<Connection>& connections, size_t missing,
               const std::function<void(const Connection&)>& stream) {
  std::vector<std::jthread> others;
  if (missing >= kChunksForASecondStream) {
    for (size_t i = 1; i < connections.size(); ++i) {
      others.emplace_back([&stream, &connection = connections[i]] { stream(connection); });
    }
  }
  stream(connections.front());
}

}  // namespace

Result<uint64_t> DataLink::State::UploadOnce(const blob::Reader& blob, Lease& lease, bool& done,
                                             const std::stop_token& stop,
                                             const OnProgress& progress) {
  const blob::Manifest& manifest = blob.manifest();
  const Connection& first = lease.connections.front();
  v1::OfferReply offer;
  {
    Cancellable call(stop);
    const auto stub = v1::Data::NewStub(first.channel);
    const auto writer = stub->Offer(&call.context(), &offer);
    WriteManifest(manifest, [&](const v1::ManifestPart& part) { return writer->Write(part); });
    writer->WritesDone();
    if (const grpc::Status status = writer->Finish(); !status.ok()) {
      return Fail(first.Explain(status));
    }
  }
  const std::vector<uint64_t> missing = IndicesOf(AsBytes(offer.missing()), manifest.ChunkCount());
  const uint64_t held = manifest.size - BytesOf(manifest, missing);
  Shared shared;
  const auto moved = [&] {
    if (progress) progress({held + shared.moved, manifest.size});
  };
  if (offer.complete()) {
    if (progress) progress({manifest.size, manifest.size});
    done = true;
    return uint64_t{0};
  }
  moved();
  OnStreams(lease.connections, missing.size(), [&](const Connection& connection) {
    PutStream(blob, connection, missing, shared, stop, moved);
  });
  done = shared.complete;
  if (!done && shared.error) return Fail(*shared.error);
  return done ? uint64_t{1} : shared.moved.load();
}

void DataLink::State::PutStream(const blob::Reader& blob, const Connection& connection,
                                const std::vector<uint64_t>& missing, Shared& shared,
                                const std::stop_token& stop, const std::function<void()>& moved) {
  const blob::Manifest& manifest = blob.manifest();
  const Digest digest = manifest.BlobDigest();
  Cancellable call(stop);
  v1::PutReply reply;
  const auto stub = v1::Data::NewStub(connection.channel);
  const auto writer = stub->PutChunks(&call.context(), &reply);
  v1::Chunk chunk;
  chunk.set_blob_digest(digest.bytes.data(), digest.bytes.size());
  const uint64_t limit = upload_limit;
  const auto begun = std::chrono::steady_clock::now();
  while (!shared.failed()) {
    const size_t at = shared.cursor++;
    if (at >= missing.size()) break;
    const uint64_t index = missing[at];
    const size_t size = manifest.ChunkSize(index);
    chunk.set_index(index);
    chunk.set_payload(blob.bytes().data() + manifest.ChunkOffset(index), size);
    if (!writer->Write(chunk)) break;
    chunk.clear_blob_digest();
    sent += size;
    shared.moved += size;
    moved();
    if (limit != 0) {
      const auto due = begun + std::chrono::microseconds(shared.moved * 1'000'000 / limit);
      Sleep(std::chrono::duration_cast<std::chrono::milliseconds>(due -
                                                                  std::chrono::steady_clock::now()),
            stop);
    }
  }
  writer->WritesDone();
  const grpc::Status status = writer->Finish();
  if (status.ok()) {
    if (reply.complete()) shared.complete = true;
    return;
  }
  Error error = connection.Explain(status);
  // "A stream without chunks": the other streams were faster. Nothing is wrong.
  if (error.code == ErrorCode::kInvalid && !chunk.blob_digest().empty()) return;
  shared.Fail(error);
}

Result<blob::Manifest> DataLink::State::FetchManifest(const Digest& digest,
                                                      const Connection& connection,
                                                      const std::stop_token& stop) {
  Cancellable call(stop);
  v1::GetManifestRequest request;
  request.set_blob_digest(digest.bytes.data(), digest.bytes.size());
  const auto stub = v1::Data::NewStub(connection.channel);
  const auto reader = stub->GetManifest(&call.context(), request);
  bool ended = false;
  Result<blob::Manifest> manifest = ReadManifest([&](v1::ManifestPart* part) {
    ended = !reader->Read(part);
    return !ended;
  });
  // Not after the end: a cancellation would hide what the aggregator says in its status.
  if (!ended) call.context().TryCancel();
  const grpc::Status status = reader->Finish();
  if (!status.ok()) return Fail(connection.Explain(status));
  if (manifest && manifest->BlobDigest() != digest) {
    return Fail(ErrorCode::kCorrupt, "the aggregator's manifest does not match " + digest.Hex());
  }
  return manifest;
}

Result<uint64_t> DataLink::State::DownloadOnce(const Digest& digest, blob::BlobStore& store,
                                               Lease& lease, bool& done,
                                               const std::stop_token& stop,
                                               const OnProgress& progress) {
  if (store.Has(digest)) {
    done = true;
    return uint64_t{0};
  }
  DURE_ASSIGN(const blob::Manifest manifest,
              FetchManifest(digest, lease.connections.front(), stop));
  Result<std::shared_ptr<blob::Spool>> spool = store.OpenSpool(manifest);
  if (!spool && spool.error().code == ErrorCode::kAlreadyExists) {
    done = true;
    return uint64_t{0};
  }
  if (!spool) return Fail(spool.error());
  const std::vector<uint64_t> missing = IndicesOf((*spool)->MissingBitmap(), manifest.ChunkCount());
  const uint64_t held = manifest.size - BytesOf(manifest, missing);
  Shared shared;
  const auto moved = [&] {
    if (progress) progress({held + shared.moved, manifest.size});
  };
  moved();
  if (!missing.empty()) {
    OnStreams(lease.connections, missing.size(), [&](const Connection& connection) {
      GetStream(digest, **spool, connection, missing, shared, stop, moved);
    });
  }
  if ((*spool)->MissingCount() == 0) {
    DURE_TRY((*spool)->Complete());
    done = true;
    return uint64_t{1};
  }
  if (shared.error) return Fail(*shared.error);
  return shared.moved.load();
}

void DataLink::State::GetStream(const Digest& digest, blob::Spool& spool,
                                const Connection& connection, const std::vector<uint64_t>& missing,
                                Shared& shared, const std::stop_token& stop,
                                const std::function<void()>& moved) {
  const auto stub = v1::Data::NewStub(connection.channel);
  while (!shared.failed() && !stop.stop_requested()) {
    const size_t begin = shared.cursor.fetch_add(kRangeChunks);
    if (begin >= missing.size()) return;
    const size_t end = std::min<size_t>(begin + kRangeChunks, missing.size());
    v1::GetChunksRequest request;
    request.set_blob_digest(digest.bytes.data(), digest.bytes.size());
    for (size_t at = begin; at < end; ++at) {
      v1::ChunkRange* last =
          request.ranges_size() > 0 ? request.mutable_ranges(request.ranges_size() - 1) : nullptr;
      if (last == nullptr || last->end() != missing[at]) {
        last = request.add_ranges();
        last->set_begin(missing[at]);
      }
      last->set_end(missing[at] + 1);
    }
    Cancellable call(stop);
    const auto reader = stub->GetChunks(&call.context(), request);
    v1::Chunk chunk;
    while (reader->Read(&chunk)) {
      if (Status kept = spool.WriteChunk(chunk.index(), AsBytes(chunk.payload())); !kept) {
        shared.Fail(kept.error());
        call.context().TryCancel();
        break;
      }
      received += chunk.payload().size();
      shared.moved += chunk.payload().size();
      moved();
    }
    const grpc::Status status = reader->Finish();
    if (!status.ok()) return shared.Fail(connection.Explain(status));
  }
}

}  // namespace dure::transport
