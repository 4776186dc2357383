// The aggregator's end of blob transfers. Private to this room. Runs on gRPC's threads: hashing and
// disk are theirs, so nothing here waits for the loop but the questions who may.
#pragma once

#include <grpcpp/server_context.h>

#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <set>

#include "dure/v1/data.grpc.pb.h"
#include "federation/transport/gate.h"
#include "federation/transport/server.h"

namespace dure::transport {

// Offers kept open between calls; an older one is forgotten (its spool stays on disk) and offered
// again. So is one that no call has been made for in Patience::upload: nobody holds its room for an
// upload that was given up.
inline constexpr size_t kOffersMax = 1024;

class DataService final : public v1::Data::Service {
 public:
  // REQUIRES: all outlive it.
  DataService(Gate& gate, loop::EventLoop& loop, blob::BlobStore& store, const ServerCalls& calls,
              Duration upload_patience)
      : gate_(gate), loop_(loop), store_(store), calls_(calls), upload_patience_(upload_patience) {}

  grpc::Status Offer(grpc::ServerContext* context, grpc::ServerReader<v1::ManifestPart>* parts,
                     v1::OfferReply* reply) override;
  grpc::Status PutChunks(grpc::ServerContext* context, grpc::ServerReader<v1::Chunk>* chunks,
                         v1::PutReply* reply) override;
  grpc::Status GetManifest(grpc::ServerContext* context, const v1::GetManifestRequest* request,
                           grpc::ServerWriter<v1::ManifestPart>* parts) override;
  grpc::Status GetChunks(grpc::ServerContext* context, const v1::GetChunksRequest* request,
                         grpc::ServerWriter<v1::Chunk>* chunks) override;

  // Lets go of uploads that were given up; to be called often.
  void ForgetGivenUp();

  Traffic TotalTraffic() const;
  Traffic TrafficOf(const SiteId& site) const;

 private:
  // A spool that at least one site may fill.
  struct Filling {
    std::shared_ptr<blob::Spool> spool;
    std::set<SiteId> sites;
    uint64_t age = 0;
    MonoTime touched{};  // by a call
  };

  class Offering;
  Result<v1::OfferReply> TakeOffer(const PeerIdentity& peer, const blob::Manifest& manifest);
  Result<std::shared_ptr<blob::Spool>> SpoolFor(const PeerIdentity& peer, const Digest& digest);
  Result<blob::Manifest> ReadOffered(Gate::Pass& pass, grpc::ServerReader<v1::ManifestPart>& parts);
  Result<v1::PutReply> Fill(Gate::Pass& pass, grpc::ServerReader<v1::Chunk>& chunks);
  Status Complete(const PeerIdentity& peer, const Digest& digest, blob::Spool& spool);
  Result<std::unique_ptr<blob::Reader>> OpenFor(const PeerIdentity& peer,
                                                const std::string& digest);
  Status SendChunks(Gate::Pass& pass, const v1::GetChunksRequest& request,
                    grpc::ServerWriter<v1::Chunk>& chunks);
  // Asks on the loop.
  Status Ask(const std::function<Status()>& question);
  void Count(const SiteId& site, uint64_t received, uint64_t sent);

  Gate& gate_;
  loop::EventLoop& loop_;
  blob::BlobStore& store_;
  const ServerCalls& calls_;
  const Duration upload_patience_;
  mutable std::mutex mutex_;
  std::map<Digest, Filling> filling_;    // guarded by mutex_
  uint64_t offers_ = 0;                  // guarded by mutex_
  std::map<SiteId, uint32_t> offering_;  // manifests being read; guarded by mutex_
  std::map<SiteId, Traffic> traffic_;    // guarded by mutex_
};

}  // namespace dure::transport
