#include "federation/transport/data_service.h"

#include <algorithm>

#include "federation/crash_point.h"
#include "federation/limits.h"
#include "federation/transport/manifest_parts.h"
#include "federation/transport/status.h"

namespace dure::transport {
namespace {

constexpr int kRangesMax = 4096;
constexpr uint32_t kOffersAtOnceMax = 4;  // of a site, which offers one a run

Result<Digest> DigestFrom(const std::string& bytes) { return Digest::FromBytes(AsBytes(bytes)); }

}  // namespace

Status DataService::Ask(const std::function<Status()>& question) {
  Status answer = Fail(ErrorCode::kUnavailable, "the aggregator is stopping");
  loop_.Wait([&] { answer = question(); });
  return answer;
}

// A manifest is as large as its blob makes it, and read before anybody knows whether it is wanted.
class DataService::Offering {
 public:
  Offering(DataService& service, const SiteId& site) : service_(service), site_(site) {
    const std::lock_guard lock(service_.mutex_);
    may_ = ++service_.offering_[site_] <= kOffersAtOnceMax;
  }
  Offering(const Offering&) = delete;
  Offering& operator=(const Offering&) = delete;
  ~Offering() {
    const std::lock_guard lock(service_.mutex_);
    const auto own = service_.offering_.find(site_);
    if (--own->second == 0) service_.offering_.erase(own);
  }
  bool may() const { return may_; }

 private:
  DataService& service_;
  const SiteId site_;
  bool may_ = false;
};

grpc::Status DataService::Offer(grpc::ServerContext* context,
                                grpc::ServerReader<v1::ManifestPart>* parts,
                                v1::OfferReply* reply) {
  Result<Gate::Pass> pass = gate_.Enter(*context);
  if (!pass) return ToGrpc(pass.error());
  const Offering offering(*this, pass->peer().site);
  if (!offering.may()) return {grpc::StatusCode::UNAVAILABLE, "offered too much at once"};
  const auto manifest = ReadOffered(*pass, *parts);
  if (!manifest) return ToGrpc(manifest.error());
  Result<v1::OfferReply> answer = TakeOffer(pass->peer(), *manifest);
  if (!answer) return ToGrpc(answer.error());
  *reply = std::move(*answer);
  return grpc::Status::OK;
}

Result<blob::Manifest> DataService::ReadOffered(Gate::Pass& pass,
                                                grpc::ServerReader<v1::ManifestPart>& parts) {
  const auto read = [&](v1::ManifestPart* part) {
    return pass.Await([&] { return parts.Read(part); });
  };
  return ReadManifest(read, [&](uint64_t size) {
    return Ask([&] { return calls_.may_offer ? calls_.may_offer(pass.peer(), size) : Status{}; });
  });
}

Result<v1::OfferReply> DataService::TakeOffer(const PeerIdentity& peer,
                                              const blob::Manifest& manifest) {
  const Digest digest = manifest.BlobDigest();
  DURE_TRY(Ask([&]() -> Status {
    if (!calls_.may_put) return Fail(ErrorCode::kPermissionDenied, "nothing may be put here");
    return calls_.may_put(peer, digest, manifest.size);
  }));
  v1::OfferReply reply;
  Result<std::shared_ptr<blob::Spool>> spool = store_.OpenSpool(manifest);
  if (!spool && spool.error().code == ErrorCode::kAlreadyExists) {
    reply.set_complete(true);
    return reply;
  }
  Status reserved = spool.map([](const auto&) {});
  loop_.Post([this, reserved] {
    if (calls_.reserved) calls_.reserved(reserved);
  });
  if (!spool) return Fail(spool.error());
  if ((*spool)->MissingCount() == 0) {  // all had arrived when we were killed before completing it
    DURE_TRY(Complete(peer, digest, **spool));
    reply.set_complete(true);
    return reply;
  }
  const Bytes missing = (*spool)->MissingBitmap();
  reply.set_missing(missing.data(), missing.size());
  std::lock_guard lock(mutex_);
  std::erase_if(filling_, [](const auto& one) { return one.second.spool->Discarded(); });
  if (filling_.size() >= kOffersMax && !filling_.contains(digest)) {
    const auto oldest =
        std::min_element(filling_.begin(), filling_.end(),
                         [](const auto& a, const auto& b) { return a.second.age < b.second.age; });
    filling_.erase(oldest);
  }
  Filling& filling = filling_[digest];
  filling.spool = std::move(*spool);
  filling.sites.insert(peer.site);
  filling.age = offers_++;
  filling.touched = loop_.Now();
  return reply;
}

Result<std::shared_ptr<blob::Spool>> DataService::SpoolFor(const PeerIdentity& peer,
                                                           const Digest& digest) {
  std::lock_guard lock(mutex_);
  const auto found = filling_.find(digest);
  if (found == filling_.end() || !found->second.sites.contains(peer.site)) {
    return Fail(ErrorCode::kFailedPrecondition, "blob " + digest.Hex() + " was not offered");
  }
  found->second.touched = loop_.Now();
  return found->second.spool;
}

void DataService::ForgetGivenUp() {
  std::vector<std::shared_ptr<blob::Spool>> given_up;  // closed without the lock
  const std::lock_guard lock(mutex_);
  const MonoTime now = loop_.Now();
  for (auto it = filling_.begin(); it != filling_.end();) {
    Filling& filling = it->second;
    const bool in_a_stream = filling.spool.use_count() > 1;
    if (in_a_stream) filling.touched = now;
    const bool over = now - filling.touched >= upload_patience_;
    if (over) given_up.push_back(std::move(filling.spool));
    it = over ? filling_.erase(it) : std::next(it);
  }
}

grpc::Status DataService::PutChunks(grpc::ServerContext* context,
                                    grpc::ServerReader<v1::Chunk>* chunks, v1::PutReply* reply) {
  Result<Gate::Pass> pass = gate_.Enter(*context);
  if (!pass) return ToGrpc(pass.error());
  Result<v1::PutReply> answer = Fill(*pass, *chunks);
  if (!answer) return ToGrpc(answer.error());
  *reply = std::move(*answer);
  return grpc::Status::OK;
}

Result<v1::PutReply> DataService::Fill(Gate::Pass& pass, grpc::ServerReader<v1::Chunk>& chunks) {
  const PeerIdentity& peer = pass.peer();
  v1::Chunk chunk;
  const auto read = [&] { return chunks.Read(&chunk); };
  if (!pass.Await(read)) return Fail(ErrorCode::kInvalid, "a stream without chunks");
  DURE_ASSIGN(const Digest digest, DigestFrom(chunk.blob_digest()));
  if (!chunk.manifest().empty()) {
    DURE_ASSIGN(const auto manifest, blob::Manifest::Parse(AsBytes(chunk.manifest())));
    if (manifest.ChunkCount() > kAtOnceChunks || manifest.BlobDigest() != digest) {
      return Fail(ErrorCode::kInvalid, "a manifest of another blob, or of one to be offered first");
    }
    DURE_TRY(TakeOffer(peer, manifest));
  }
  std::shared_ptr<blob::Spool> spool;
  if (Result<std::shared_ptr<blob::Spool>> found = SpoolFor(peer, digest)) {
    spool = *found;
  } else if (store_.Has(digest)) {  // a faster stream brought the last chunk before we began
    v1::PutReply whole;
    whole.set_complete(true);
    return whole;
  } else {
    return Fail(found.error());
  }
  do {
    DURE_TRY(spool->WriteChunk(chunk.index(), AsBytes(chunk.payload())));
    Count(peer.site, chunk.payload().size(), 0);
    CrashPoint("aggregator.chunk-received");
  } while (pass.Await(read));
  v1::PutReply reply;
  reply.set_missing_count(spool->MissingCount());
  if (reply.missing_count() > 0) return reply;
  DURE_TRY(Complete(peer, digest, *spool));
  reply.set_complete(true);
  return reply;
}

Status DataService::Complete(const PeerIdentity& peer, const Digest& digest, blob::Spool& spool) {
  CrashPoint("aggregator.before-blob-complete");
  DURE_TRY(spool.Complete());
  CrashPoint("aggregator.blob-complete");
  {
    std::lock_guard lock(mutex_);
    filling_.erase(digest);
  }
  loop_.Post([this, peer, digest] {
    if (calls_.blob_arrived) calls_.blob_arrived(peer, digest);
  });
  return {};
}

Result<std::unique_ptr<blob::Reader>> DataService::OpenFor(const PeerIdentity& peer,
                                                           const std::string& digest_bytes) {
  DURE_ASSIGN(const Digest digest, DigestFrom(digest_bytes));
  DURE_TRY(Ask([&]() -> Status {
    if (!calls_.may_get) return Fail(ErrorCode::kPermissionDenied, "nothing may be fetched here");
    return calls_.may_get(peer, digest);
  }));
  return store_.Open(digest);
}

grpc::Status DataService::GetManifest(grpc::ServerContext* context,
                                      const v1::GetManifestRequest* request,
                                      grpc::ServerWriter<v1::ManifestPart>* parts) {
  Result<Gate::Pass> pass = gate_.Enter(*context);
  if (!pass) return ToGrpc(pass.error());
  const auto reader = OpenFor(pass->peer(), request->blob_digest());
  if (!reader) return ToGrpc(reader.error());
  const blob::Manifest& manifest = (*reader)->manifest();
  const auto write = [&](const v1::ManifestPart& part) {
    return pass->Await([&] { return parts->Write(part); });
  };
  WriteManifest(manifest, write);
  if (!request->with_chunks() || manifest.ChunkCount() > kAtOnceChunks) return grpc::Status::OK;
  v1::ManifestPart part;
  for (uint64_t index = 0; index < manifest.ChunkCount(); ++index) {
    const size_t size = manifest.ChunkSize(index);
    part.mutable_chunk()->set_index(index);
    part.mutable_chunk()->set_payload((*reader)->bytes().data() + manifest.ChunkOffset(index),
                                      size);
    if (!write(part)) break;
    Count(pass->peer().site, 0, size);
  }
  return grpc::Status::OK;
}

grpc::Status DataService::GetChunks(grpc::ServerContext* context,
                                    const v1::GetChunksRequest* request,
                                    grpc::ServerWriter<v1::Chunk>* chunks) {
  Result<Gate::Pass> pass = gate_.Enter(*context);
  if (!pass) return ToGrpc(pass.error());
  return ToGrpc(SendChunks(*pass, *request, *chunks));
}

Status DataService::SendChunks(Gate::Pass& pass, const v1::GetChunksRequest& request,
                               grpc::ServerWriter<v1::Chunk>& chunks) {
  const PeerIdentity& peer = pass.peer();
  DURE_ASSIGN(const std::unique_ptr<blob::Reader> reader, OpenFor(peer, request.blob_digest()));
  const blob::Manifest& manifest = reader->manifest();
  if (request.ranges_size() > kRangesMax) return Fail(ErrorCode::kInvalid, "too many ranges");
  v1::Chunk chunk;
  for (const v1::ChunkRange& range : request.ranges()) {
    if (!(range.begin() < range.end() && range.end() <= manifest.ChunkCount())) {
      return Fail(ErrorCode::kInvalid, "a range outside of the blob");
    }
    for (uint64_t index = range.begin(); index < range.end(); ++index) {
      // Not hashed here: the receiver checks each chunk, and names one that rotted on our disk.
      const size_t size = manifest.ChunkSize(index);
      chunk.set_index(index);
      chunk.set_payload(reader->bytes().data() + manifest.ChunkOffset(index), size);
      const bool taken = pass.Await([&] { return chunks.Write(chunk); });
      if (!taken) return Fail(ErrorCode::kUnavailable, "the link is gone");
      Count(peer.site, 0, size);
    }
  }
  return {};
}

void DataService::Count(const SiteId& site, uint64_t received, uint64_t sent) {
  std::lock_guard lock(mutex_);
  Traffic& traffic = traffic_[site];
  traffic.bytes_received += received;
  traffic.bytes_sent += sent;
}

Traffic DataService::TrafficOf(const SiteId& site) const {
  std::lock_guard lock(mutex_);
  const auto found = traffic_.find(site);
  return found == traffic_.end() ? Traffic{} : found->second;
}

Traffic DataService::TotalTraffic() const {
  std::lock_guard lock(mutex_);
  Traffic total;
  for (const auto& [site, traffic] : traffic_) {
    total.bytes_received += traffic.bytes_received;
    total.bytes_sent += traffic.bytes_sent;
  }
  return total;
}

}  // namespace dure::transport
