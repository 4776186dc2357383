// Whole vectors: encode an update, merge contributions, derive the next model. For the daemons, off
// their loop.
//
// In a round's order: a site's EncodeUpdate writes a contribution and the next residual; the
// aggregator's MergeContributions writes the aggregate; then the aggregator and every site run
// DeriveModel on the same aggregate and compare. Each call streams through the files once on
// `work.threads` threads, holds a few MiB a thread whatever the model's size (deriving 17, on eight
// of them at most), and hashes what it writes while it is in cache: the digests returned are those
// of the 1 MiB chunks of each written blob, in order, ready for its manifest. On any error the
// outputs are void and the caller removes them; inputs are never changed.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "federation/codec/aggregate.h"
#include "federation/codec/encode.h"
#include "federation/codec/files.h"
#include "federation/codec/outer.h"
#include "federation/codec/scales.h"
#include "federation/digest.h"

namespace dure::codec {

struct Work {
  int threads = 1;
  // Called after each piece of work, never twice at once, on a worker. False ends the work with
  // kCancelled.
  std::function<bool(uint64_t parameters_done, uint64_t parameters_total)> progress;
};

struct UpdateInput {
  std::span<const float> base;     // data section of the round's base model
  std::span<const float> trained;  // data section of the trainer's result
  std::span<const float>
      residual;                   // the committed residual file; empty: zeros, and nothing is read
  std::span<const float> scales;  // the plan's
};

struct EncodedUpdate {
  EncodeStats stats;
  std::vector<Digest> lane_chunks;
};

// `lanes` becomes the contribution blob (ContributionBytes), `residual` the next residual: one fp32
// a parameter, raw. The site puts `residual` in the place of the old file when it holds the
// receipt, and drops it otherwise. kInvalid: sizes do not fit the base, scales or weight out of
// range, NaN or infinity; kCancelled; errors of WriteAt.
Result<EncodedUpdate> EncodeUpdate(const UpdateInput& in, const EncodeParameters& parameters,
                                   const OutputFile& lanes, const OutputFile& residual,
                                   const Work& work);

struct MergeInput {
  std::span<const ByteView> contributions;  // in any order; each a contribution of the layout
  std::span<const float> scales;            // the plan's
  uint64_t weight_sum = 0;                  // of these contributions
};

struct MergedAggregate {
  std::vector<Digest> chunks;
  std::vector<float> next_scales;
};

// `aggregate` becomes layout.bytes() of planes. kInvalid: sizes, scales or weights do not fit, or a
// contribution holds a value that no encoder sends; kCancelled; errors of WriteAt.
Result<MergedAggregate> MergeContributions(const AggregateLayout& layout, const MergeInput& in,
                                           const OutputFile& aggregate, const Work& work);

struct ModelInput {
  ByteView base_file;        // the whole safetensors file: header, then the fp32 vector
  uint64_t data_offset = 0;  // where the vector starts: a multiple of 4096
  std::span<const float>
      momentum;  // the vector of the momentum file; empty: zeros, and nothing is read
  ByteView aggregate;
  std::span<const float> scales;  // of the aggregate's round
  uint64_t weight_sum = 0;
  OuterOptimizer outer;
  TurnBack turn_back = {};    // empty: nothing was rotated
  bool keeps_scales = false;  // the next round's are those of this one
  // Sixteen chunks at a time, where the processor can: faster, for 16 MiB of memory a thread.
  bool in_groups = true;
  // The file of base_file, if there is one: then the vector is read from it.
  const InputFile* base_input = nullptr;
};

struct DerivedModel {
  std::vector<Digest> model_chunks;
  std::vector<Digest> momentum_chunks;  // empty if the optimizer keeps no momentum
  std::vector<float> next_scales;
};

// `model` becomes the next model: the base's header, byte for byte, and the new vector. `momentum`
// becomes a file with the same header and the new momentum; null exactly if outer.keeps_momentum()
// is false. kInvalid: sizes or parameters do not fit, or a result is not finite; kCorrupt: the
// aggregate has another size than the layout or holds what no merge writes; kCancelled; errors of
// WriteAt.
Result<DerivedModel> DeriveModel(const AggregateLayout& layout, const ModelInput& in,
                                 const OutputFile& model, const OutputFile* momentum,
                                 const Work& work);

// With how many threads to derive files that are read and written around memory, for a machine that
// may compute with `threads`: some wait for the disk while others compute.
int ThreadsAroundMemory(int threads, bool in_groups);

// The digests of the 1 MiB chunks of bytes at hand, as for scales.
std::vector<Digest> ChunkDigests(ByteView bytes);

}  // namespace dure::codec
