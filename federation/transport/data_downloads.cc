// From the aggregator to a site.
#include <algorithm>
#include <utility>

#include "federation/transport/data_link_state.h"

namespace dure::transport {
namespace {

constexpr uint64_t kRangeChunks = 64;  // what one stream takes at a time when fetching

}  // namespace

Result<DataLink::State::Fetched> DataLink::State::FetchManifest(const Digest& digest,
                                                                const Connection& connection,
                                                                const std::stop_token& stop) {
  Cancellable call(stop);
  v1::GetManifestRequest request;
  request.set_blob_digest(digest.bytes.data(), digest.bytes.size());
  request.set_with_chunks(true);
  const auto stub = v1::Data::NewStub(connection.channel);
  const auto reader = stub->GetManifest(&call.context(), request);
  Fetched fetched;
  bool ended = false;
  const auto read = [&](v1::ManifestPart* part) {
    while (!(ended = !reader->Read(part))) {
      if (!part->has_chunk()) return true;
      if (fetched.chunks.size() == kAtOnceChunks) return false;
      fetched.chunks.push_back(std::move(*part->mutable_chunk()));
    }
    return false;
  };
  // Asked for by its digest, it is as long as it is.
  Result<blob::Manifest> manifest = ReadManifest(read, [](uint64_t) { return Status{}; });
  // Not after the end: a cancellation would hide what the aggregator says in its status.
  if (!ended) call.context().TryCancel();
  const grpc::Status status = reader->Finish();
  if (!status.ok()) return Fail(connection.Explain(status));
  if (!manifest) return Fail(manifest.error());
  if (manifest->BlobDigest() != digest) {
    return Fail(ErrorCode::kCorrupt, "the aggregator's manifest does not match " + digest.Hex());
  }
  fetched.manifest = *std::move(manifest);
  return fetched;
}

Result<uint64_t> DataLink::State::DownloadOnce(const Wanted& wanted, blob::BlobStore& store,
                                               Lease& lease, bool& done,
                                               const std::stop_token& stop,
                                               const OnProgress& progress) {
  const Digest& digest = wanted.digest;
  if (store.Has(digest)) {
    done = true;
    return uint64_t{0};
  }
  DURE_ASSIGN(const Fetched fetched, FetchManifest(digest, lease.connections.front(), stop));
  const blob::Manifest& manifest = fetched.manifest;
  Result<std::shared_ptr<blob::Spool>> spool = store.OpenSpool(manifest, wanted.lasting);
  if (!spool && spool.error().code == ErrorCode::kAlreadyExists) {
    done = true;
    return uint64_t{0};
  }
  if (!spool) return Fail(spool.error());
  for (const v1::Chunk& chunk : fetched.chunks) {
    DURE_TRY((*spool)->WriteChunk(chunk.index(), AsBytes(chunk.payload())));
    received += chunk.payload().size();
  }
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
