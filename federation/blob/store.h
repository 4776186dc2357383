// BlobStore: immutable bytes under their digest. Models, contributions, scales and aggregates live
// here.
//
// Life: open once, then from any thread; every method is thread-safe. A blob appears whole or not
// at all, and Put, ImportAll and Spool::Complete return only after it survives a power cut.
// One that need not last (Lasting) is there until the machine starts anew, and without the wait
// for the disk. Removing a blob leaves open readers valid. These calls touch the disk: never on the
// loop, except Has and PathOf.
//
// Who does not need a blob by name may still be about to: whatever was put, imported, opened, asked
// for or found (Has, PathOf) in an age, or arrived in it, is in use until the age is over. So what
// is idle for an age, and named by nothing that is kept, can go, whatever goes on meanwhile.
//
// A Spool is a blob that is still arriving. It survives kill -9 and a power cut: OpenSpool of the
// same manifest finds the chunks that had been verified before.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "federation/blob/manifest.h"
#include "federation/bytes.h"
#include "federation/digest.h"

namespace dure::blob {

// An open blob. Thread-safe. Valid after the blob is removed from the store and after the store is
// gone.
class Reader {
 public:
  virtual ~Reader() = default;
  virtual const Manifest& manifest() const = 0;
  // The whole blob, memory-mapped. Pages come from disk as they are touched; they are not verified
  // here (Scrub does, ReadChunk does, and a receiver checks what it is sent).
  virtual ByteView bytes() const = 0;
  uint64_t size() const { return manifest().size; }
  // One chunk after its SHA-256 was checked. kCorrupt: the stored bytes do not match; kInvalid: no
  // such chunk.
  Result<ByteView> ReadChunk(uint64_t index) const;
};

// A blob that is arriving. Thread-safe: several streams fill one spool.
class Spool {
 public:
  virtual ~Spool() = default;
  virtual const Manifest& manifest() const = 0;
  // Checks the chunk against the manifest, then keeps it. A chunk already held is success without a
  // write. kCorrupt: bytes do not match, nothing kept. kInvalid: no such chunk. kExhausted: disk
  // full; the chunks held stay. kUnavailable: the disk failed. kCancelled: the spool was discarded
  // meanwhile.
  virtual Status WriteChunk(uint64_t index, ByteView bytes) = 0;
  virtual bool HasChunk(uint64_t index) const = 0;
  // One bit a chunk, least significant first, 1 = still missing; (ChunkCount() + 7) / 8 bytes.
  virtual Bytes MissingBitmap() const = 0;
  virtual uint64_t MissingCount() const = 0;
  // DiscardSpool was called: nothing more comes of this one, and it holds no room.
  virtual bool Discarded() const = 0;
  // All chunks held -> the blob is in the store, durable if it is to last. Idempotent: a second
  // call, also from another stream, succeeds. kFailedPrecondition: chunks are missing. kExhausted,
  // kUnavailable: not stored, spool kept.
  virtual Status Complete() = 0;
};

enum class Lasting {
  kThroughPowerCuts,
  kThisBoot,  // also through the end of this process, however it ends
};

struct Incoming {
  std::string path;
  Manifest manifest;
};

// Blobs, and what of others arrived in part; each in digest order.
struct Idle {
  std::vector<Digest> blobs;
  std::vector<Digest> spools;
  bool empty() const { return blobs.empty() && spools.empty(); }
};

class BlobStore {
 public:
  virtual ~BlobStore() = default;

  // Copies and hashes. For small blobs. Success if it is already there.
  virtual Result<Digest> Put(ByteView bytes) = 0;
  // Takes over files whose chunk digests are known: renamed into the store when on the same file
  // system, copied otherwise; their bytes are not hashed again. On success no `path` exists any
  // more. Already there: success, and the file is removed. Several at once cost little more time
  // than one: the disk is waited for once. kNotFound: no such file. kCorrupt: a file's size is not
  // its manifest's. kExhausted, kUnavailable. On failure some may have been taken, whole; the
  // others are left in place.
  virtual Result<std::vector<Digest>> ImportAll(std::span<const Incoming> files) = 0;
  Result<Digest> Import(const std::string& path, const Manifest& manifest);
  // kNotFound: nothing under that digest. kCorrupt: the stored manifest or size contradicts the
  // digest.
  virtual Result<std::unique_ptr<Reader>> Open(const Digest& digest) const = 0;
  virtual bool Has(const Digest& digest) const = 0;
  // A file with exactly the blob's bytes, for programs that map files themselves (the trainer). It
  // must not be written. kNotFound; kFailedPrecondition: this store keeps no files.
  virtual Result<std::string> PathOf(const Digest& digest) const = 0;
  // Success if it was not there.
  virtual Status Remove(const Digest& digest) = 0;
  // Moves the file of a removed blob, or a scrapped one, of exactly that size to `path`, a new name
  // on the store's file system. Its bytes are void and may be written over in place, which is
  // cheaper than a new file. False if the store keeps no such file: then make one.
  virtual bool Recycle(uint64_t bytes, const std::string& path) = 0;
  // Deletes a file of a former work, or keeps it for Recycle. Success if there was none.
  virtual void Scrap(const std::string& path) = 0;
  virtual std::vector<Digest> List() const = 0;  // in digest order
  virtual uint64_t TotalBytes() const = 0;       // of blobs, without spools

  // The spool of this manifest, with what it already holds; the same object while anyone holds it.
  // Its whole size is reserved on disk first. kExhausted: that room is not there (no spool is left
  // behind). kAlreadyExists: the blob is in the store already, and lasts as long. How long it lasts
  // is said by whoever opens it first.
  virtual Result<std::shared_ptr<Spool>> OpenSpool(
      const Manifest& manifest, Lasting lasting = Lasting::kThroughPowerCuts) = 0;
  // Forgets a partly received blob and frees its room, also while somebody holds its spool. Success
  // if there was none.
  virtual Status DiscardSpool(const Digest& digest) = 0;
  virtual std::vector<Digest> ListSpools() const = 0;

  // Begins an age, and says which: greater than all before. What was here at the opening is of age
  // 0, the first.
  virtual uint64_t NewAge() = 0;
  // What nobody has used since that age began; no spool that somebody holds.
  virtual Idle IdleSince(uint64_t age) const = 0;
  // Removes those of them that nobody has used since; a blob that is used meanwhile stays, or is
  // not here for whoever looks. How much went, in bytes.
  virtual uint64_t RemoveIdle(const Idle& idle, uint64_t age) = 0;

  // Reads the blob and checks every chunk. kCorrupt names the first bad chunk; kNotFound.
  Status Scrub(const Digest& digest) const;
};

// In memory: the fake for tests and the simulator. Import reads and removes the file.
std::unique_ptr<BlobStore> MemoryBlobStore();

// Files under `folder`, created if absent: blobs/<hex>, blobs/<hex>.manifest, the same in
// passing/<boot> for what lasts as long as that boot of the machine,
// spools/<hex>.{part,manifest,bits}, and spare/ for files to write over, emptied when it is opened
// or when the disk is full. One process owns the folder. kUnavailable: it cannot be created or
// written; kFailedPrecondition: another process holds it.
Result<std::unique_ptr<BlobStore>> OpenFileBlobStore(const std::string& folder);
// Where what is whole lies, in the folder of such a store; its lock and what is under way lie
// elsewhere.
inline std::string WholeBlobsIn(const std::string& folder) { return folder + "/blobs"; }

}  // namespace dure::blob
