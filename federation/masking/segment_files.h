// Whole segments over files: mask an update, unmask the uploads, take both sides of the aggregate
// check. The drivers' counterpart of codec/vectors.h, with the same manners: each call streams
// through its files once on `work.threads` threads, holds a few MiB a thread whatever the segment's
// size, and hashes what it writes while it is in cache. On any error the outputs are void and the
// caller removes them; inputs are never changed.
#pragma once

#include <span>
#include <vector>

#include "federation/codec/vectors.h"
#include "federation/masking/encode_masked.h"
#include "federation/masking/inner_product.h"
#include "federation/masking/unmask.h"
#include "federation/masking/weighing.h"

namespace dure::masking {

// Where a segment's part of a whole-vector file begins.
struct FilePart {
  const codec::OutputFile& file;
  uint64_t offset = 0;
};

struct SegmentUpdate {
  codec::UpdateInput in;       // of the segment: subspans of the whole vectors
  uint64_t segment_first = 0;  // Context::SegmentFirst
  codec::EncodeParameters parameters;
  // kSaturated is filled in here, from the encoding.
  Scalars scalars{};
};

struct MaskedSegment {
  codec::EncodeStats stats;
  Scalars scalars{};                   // as summed: with kSaturated
  std::vector<Digest> payload_chunks;  // of the 1 MiB chunks of the payload
};

// `payload` becomes the masked payload (layout.PayloadBytes()), `lanes` the lanes in the clear,
// which stay at the site until the check is done, `residual` the next residual. kInvalid: sizes do
// not fit, a NaN or infinity, a scalar of kScalarMax or more; kCancelled; errors of WriteAt.
Result<MaskedSegment> MaskSegmentFiles(const SegmentUpdate& update, const WordLayout& layout,
                                       std::span<const Mask> masks,
                                       const codec::OutputFile& payload, const FilePart& lanes,
                                       const FilePart& residual, const codec::Work& work);

// The same of lanes that were made before, with noise in them: the segment's part of a lanes file.
// `scalars` as they are summed. kInvalid: sizes do not fit, a lane beyond lane_max, a scalar of
// kScalarMax or more; else as above. `stats` of the answer is empty.
Result<MaskedSegment> MaskLanesFile(ByteView lanes, const Scalars& scalars,
                                    const WordLayout& layout, std::span<const Mask> masks,
                                    const codec::OutputFile& payload, const codec::Work& work);

struct UnmaskedSegment {
  Scalars scalars{};
  std::vector<Digest> plane_chunks;
};

// `planes` becomes sums.PlaneBytes(): for one segment of int8 or int16 lanes, the aggregate of the
// codec. kInvalid: sizes do not fit; kCorrupt: a sum of lanes or of weights that the survivors
// cannot reach; kCancelled; errors of WriteAt.
Result<UnmaskedSegment> UnmaskSegmentFiles(const WordLayout& masked,
                                           std::span<const ByteView> payloads,
                                           std::span<const Mask> undo, const WordLayout& sums,
                                           const Weighing& weighing,
                                           const codec::OutputFile& planes,
                                           const codec::Work& work);

struct CheckSides {
  ByteView planes;   // published
  Scalars result{};  // published
  ByteView lanes;    // of this site in the segment; empty: it is no survivor
  Scalars own{};     // of this site, as summed
  Weighing weighing;
};
struct CheckProducts {
  uint64_t own = 0;  // 0 for no survivor
  uint64_t result = 0;
};

// kInvalid: sizes do not fit; kCorrupt: a published sum, of lanes or of weights, beyond reach;
// kCancelled.
Result<CheckProducts> CheckSegmentFiles(const WordLayout& sums, const CheckSides& sides,
                                        const StreamKey& coefficients, const codec::Work& work);

}  // namespace dure::masking
