// FileSpools: the blobs that are arriving in a store on disk. Private to this room.
//
// Thread-safe. Its lock is apart from the store's: opening a spool reserves room and may hash,
// while Has is asked on the loop.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "federation/blob/file_spool.h"
#include "federation/blob/spares.h"

namespace dure::blob {

class FileSpools {
 public:
  // `folder` is there, and belongs to the spools alone; `spares` outlives them.
  FileSpools(std::string folder, Spares& spares) : folder_(std::move(folder)), spares_(spares) {}

  // As BlobStore::OpenSpool, in that age. `is_here`, whether the blob has come, is asked with the
  // lock held.
  Result<std::shared_ptr<Spool>> Open(const Manifest& manifest, Lasting lasting, uint64_t age,
                                      const std::function<bool()>& is_here,
                                      FileSpool::Settle settle);
  void Discard(const Digest& digest);
  std::vector<Digest> List() const;
  // As the store's: what nobody holds, and nobody has opened since that age began. Also what a
  // crash left without its manifest.
  std::vector<Digest> IdleSince(uint64_t age) const;
  // What it had reserved, in bytes; 0: it is not idle, or not there.
  uint64_t RemoveIdle(const Digest& digest, uint64_t age);

 private:
  std::string Stem(const Digest& digest) const { return folder_ + "/" + digest.Hex(); }
  bool IsIdle(const Digest& digest, uint64_t age) const;  // with mutex_ held

  const std::string folder_;
  Spares& spares_;
  mutable std::mutex mutex_;
  struct Opened {
    std::weak_ptr<FileSpool> spool;
    uint64_t age = 0;
  };
  std::map<Digest, Opened> opened_;  // in this life; guarded by mutex_
};

}  // namespace dure::blob
