// A transfer is attempts: ask what is missing, move it over several connections, ask again. A
// broken link ends an attempt and never the transfer; whatever got through stays.
#include <thread>
#include <utility>

#include "federation/transport/data_link_state.h"

namespace dure::transport {
namespace {

constexpr uint64_t kChunksForASecondStream = 8;  // below, setting up another connection costs more
constexpr int kCorruptAttemptsMax = 3;           // the far disk does not heal by asking

}  // namespace

std::vector<uint64_t> IndicesOf(ByteView bitmap, uint64_t count) {
  std::vector<uint64_t> indices;
  for (uint64_t index = 0; index < count && index / 8 < bitmap.size(); ++index) {
    if ((bitmap[index / 8] >> (index % 8) & 1) != 0) indices.push_back(index);
  }
  return indices;
}

uint64_t BytesOf(const blob::Manifest& manifest, const std::vector<uint64_t>& indices) {
  uint64_t bytes = 0;
  for (const uint64_t index : indices) bytes += manifest.ChunkSize(index);
  return bytes;
}

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

void DataLink::LimitUploads(uint64_t bytes_per_second, std::chrono::milliseconds silence_max) {
  state_->upload_limit = bytes_per_second;
  state_->silence_max = silence_max;
}

uint64_t DataLink::bytes_sent() const { return state_->sent; }
uint64_t DataLink::bytes_received() const { return state_->received; }

Status DataLink::Upload(const blob::Reader& blob, std::stop_token stop, OnProgress progress) {
  return state_->Persist(
      [&](State::Lease& lease, bool& done) {
        return state_->UploadOnce(blob, lease, done, stop, progress);
      },
      stop);
}

Status DataLink::UploadNew(const blob::Reader& blob, std::stop_token stop, OnProgress progress) {
  const uint64_t chunks = blob.manifest().ChunkCount();
  bool at_once = chunks >= 1 && chunks <= kAtOnceChunks;
  return state_->Persist(
      [&](State::Lease& lease, bool& done) {
        // Whatever failed, the aggregator then says what it has.
        if (std::exchange(at_once, false)) {
          return state_->UploadAtOnce(blob, lease, done, stop, progress);
        }
        return state_->UploadOnce(blob, lease, done, stop, progress);
      },
      stop);
}

Status DataLink::Download(const Digest& digest, blob::BlobStore& store, std::stop_token stop,
                          OnProgress progress, blob::Lasting lasting) {
  return state_->Persist(
      [&](State::Lease& lease, bool& done) {
        return state_->DownloadOnce({digest, lasting}, store, lease, done, stop, progress);
      },
      stop);
}

}  // namespace dure::transport
