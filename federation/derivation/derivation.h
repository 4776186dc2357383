// Derivation: the next model from an aggregate, blob to blob. The aggregator and every site run
// this same code, which is why they can compare digests.
//
// Blocks for as long as the memory takes: on a worker, never on the loop. Thread-safe for different
// scratch folders. Memory: a few MiB a thread, whatever the model's size.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "federation/blob/store.h"
#include "federation/codec/vectors.h"
#include "federation/round/plan.h"

namespace dure::derivation {

// Of files that are made ready, and of models that memory need not hold until training reads them.
inline constexpr uint64_t kLargeBytes = uint64_t{16} << 20;

// Where the flat vector lies in a model file (docs/decisions/0001): 8 bytes little-endian header
// length, header, fp32 data from a multiple of 4096 on.
struct ModelShape {
  uint64_t data_offset = 0;
  uint64_t parameter_count = 0;
  bool operator==(const ModelShape&) const = default;
};
// Total. kInvalid: too short, a header beyond the file, data that is not aligned or not whole fp32
// values.
Result<ModelShape> ShapeOf(ByteView model_file);

// The scales a round starts from: the base's blob, or in round 0 the manifest's one scale for all
// blocks. kNotFound, kCorrupt, kInvalid: the blob is absent or is not such scales.
Result<std::vector<float>> ScalesOf(const round::Base& base, const round::RunManifest& manifest,
                                    uint64_t parameter_count, const blob::BlobStore& store);

struct Step {
  round::Base base;
  Digest aggregate;
  uint32_t site_count = 0;  // contributions in the aggregate
  uint64_t weight_sum = 0;
  // The aggregate's file, where the store does not have it yet: it comes in together with what is
  // derived from it, so that the disk is waited for once and not twice.
  std::optional<blob::Incoming> incoming = {};
};

// A file of that size to be filled at `path`, replacing what is there: one that `store` has no use
// for any more, or a new one. Errors as codec::OutputFile::Create.
Result<codec::OutputFile> NewFile(blob::BlobStore& store, const std::string& path, uint64_t bytes,
                                  codec::Caching caching);

struct ReadyFile {
  uint64_t bytes = 0;
  codec::Caching caching = codec::Caching::kKept;
};
// Has such files ready in `store` for the next NewFile or spool, the first of a size for the first
// that asks: for the time before a round's work. A new file's pages are filled at a tenth of the
// speed, and a write around memory into blocks never written is one at a time. Only large ones,
// and no more than spares may be; fewer where the disk refuses. `prefix`: of the paths of files
// under way, on the store's file system.
void KeepReady(blob::BlobStore& store, const std::string& prefix,
               const std::vector<ReadyFile>& files);
// What DeriveNext will fill, in that order.
std::vector<ReadyFile> FilesOfDerivation(uint64_t model_bytes, const round::RunManifest& manifest);

codec::Lane LaneOf(const round::RunManifest& manifest);

// The next base; all its blobs, and the incoming aggregate, are durable in `store` when this
// returns. `scratch` is a folder on
// the store's file system for files under way. kNotFound: a blob of the step is absent; kCorrupt,
// kInvalid: it does not fit the run; kExhausted: disk full, the store unchanged; kCancelled. On
// failure the incoming file stays where it is.
Result<round::Base> DeriveNext(const Step& step, const round::RunManifest& manifest,
                               blob::BlobStore& store, const std::string& scratch,
                               const codec::Work& work);

}  // namespace dure::derivation
