// From a site to the aggregator.
#include <numeric>
#include <utility>

#include "federation/canonical.h"
#include "federation/transport/data_link_state.h"
#include "federation/wire_hook.h"

namespace dure::transport {
namespace {

// The index-th chunk, as it is sent. A test's liar sends another one over and over, other bytes
// than it promised, or says that they belong elsewhere.
void SetPayload(v1::Chunk& chunk, const blob::Reader& blob, uint64_t index) {
  const std::string name = std::to_string(index);
  Bytes again;
  PassWire("site.chunk-again", name, again);
  const uint64_t taken = again.empty() ? index : again.front();
  Bytes place;
  PassWire("site.chunk-place", name, place);
  chunk.set_index(place.empty() ? taken : CanonicalReader(place).U64());
  Bytes other;
  PassWire("site.chunk", name, other);
  const blob::Manifest& manifest = blob.manifest();
  const ByteView sent =
      other.empty() ? blob.bytes().subspan(manifest.ChunkOffset(taken), manifest.ChunkSize(taken))
                    : ByteView(other);
  chunk.set_payload(sent.data(), sent.size());
}

}  // namespace

Result<uint64_t> DataLink::State::UploadAtOnce(const blob::Reader& blob, Lease& lease, bool& done,
                                               const std::stop_token& stop,
                                               const OnProgress& progress) {
  std::vector<uint64_t> all(blob.manifest().ChunkCount());
  std::iota(all.begin(), all.end(), 0);
  Shared shared;
  const auto moved = [&] {
    if (progress) progress({shared.moved, blob.manifest().size});
  };
  PutStream(blob, lease.connections.front(), all, shared, stop, moved, true);
  done = shared.complete;
  if (!done && shared.error) return Fail(*shared.error);
  return done ? uint64_t{1} : shared.moved.load();
}

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
                                const std::stop_token& stop, const std::function<void()>& moved,
                                bool at_once) {
  const auto begun = std::chrono::steady_clock::now();
  const uint64_t limit = upload_limit;
  // Until the limit allows for the next chunk.
  const auto pause = [&] {
    if (limit == 0) return std::chrono::milliseconds(0);
    const auto due = begun + std::chrono::microseconds(shared.moved * 1'000'000 / limit);
    return std::chrono::duration_cast<std::chrono::milliseconds>(due -
                                                                 std::chrono::steady_clock::now());
  };
  const auto go_on = [&](uint64_t size) {
    sent += size;
    shared.moved += size;
    moved();
    if (pause() > silence_max.load()) return false;
    Sleep(pause(), stop);
    return true;
  };
  while (PutSome({blob, connection, missing, at_once}, shared, stop, go_on)) {
    at_once = false;
    Sleep(pause(), stop);  // also after the last one: the limit holds over all uploads
    if (shared.complete) return;
  }
}

bool DataLink::State::PutSome(const Put& put, Shared& shared, const std::stop_token& stop,
                              const std::function<bool(uint64_t)>& go_on) {
  const blob::Manifest& manifest = put.blob.manifest();
  const Digest digest = manifest.BlobDigest();
  Cancellable call(stop);
  v1::PutReply reply;
  const auto stub = v1::Data::NewStub(put.connection.channel);
  const auto writer = stub->PutChunks(&call.context(), &reply);
  v1::Chunk chunk;
  chunk.set_blob_digest(digest.bytes.data(), digest.bytes.size());
  if (put.at_once) {
    const Bytes encoded = manifest.Encode();
    chunk.set_manifest(encoded.data(), encoded.size());
  }
  bool paused = false;
  while (!paused && !shared.failed()) {
    const size_t at = shared.cursor++;
    if (at >= put.missing.size()) break;
    const uint64_t index = put.missing[at];
    SetPayload(chunk, put.blob, index);
    if (!writer->Write(chunk)) break;
    chunk.clear_blob_digest();
    chunk.clear_manifest();
    paused = !go_on(manifest.ChunkSize(index));
  }
  writer->WritesDone();
  const grpc::Status status = writer->Finish();
  if (status.ok()) {
    if (reply.complete()) shared.complete = true;
    return paused;
  }
  Error error = put.connection.Explain(status);
  // "A stream without chunks": the other streams were faster. Nothing is wrong.
  if (error.code == ErrorCode::kInvalid && !chunk.blob_digest().empty()) return false;
  shared.Fail(error);
  return false;
}

}  // namespace dure::transport
