// How a segment's payload is cut for work on it: into runs of 2^20 parameters and pieces of runs.
// For the files of this room that write payloads.
#pragma once

#include <algorithm>
#include <numeric>

#include "federation/codec/lane.h"
#include "federation/limits.h"
#include "federation/masking/words.h"

namespace dure::masking {

// Cuts a segment into pieces of the fewest runs of 2^20 parameters whose planes end at a chunk's
// boundary.
class Cut {
 public:
  explicit Cut(const WordLayout& layout) : layout_(layout) {
    const uint64_t run_bytes =
        layout.LowBytes(codec::kSegmentParameters) + layout.HighBytes(codec::kSegmentParameters);
    runs_a_piece_ = limits::kChunkBytes / std::gcd(uint64_t{limits::kChunkBytes}, run_bytes);
    runs_ = codec::SegmentCount(layout.parameter_count());
  }

  uint64_t pieces() const { return (runs_ + runs_a_piece_ - 1) / runs_a_piece_; }
  uint64_t FirstRun(uint64_t piece) const { return piece * runs_a_piece_; }
  uint64_t EndRun(uint64_t piece) const { return std::min(FirstRun(piece + 1), runs_); }
  WordRange Run(uint64_t run) const {
    const uint64_t begin = run * codec::kSegmentParameters;
    return {begin, std::min(begin + codec::kSegmentParameters, layout_.parameter_count())};
  }
  uint64_t Offset(uint64_t piece) const {
    return layout_.LowOffset(FirstRun(piece) * codec::kSegmentParameters);
  }

 private:
  const WordLayout& layout_;
  uint64_t runs_ = 0;
  uint64_t runs_a_piece_ = 1;
};

// A run's planes in one buffer, as they follow one another in a payload.
class RunPlanes {
 public:
  explicit RunPlanes(const WordLayout& layout) : layout_(layout) {
    const uint64_t longest = std::min(codec::kSegmentParameters, layout.parameter_count());
    bytes_.resize(layout.LowBytes(longest) + layout.HighBytes(longest));
  }
  PlaneSpan Planes(uint64_t count) {
    const std::span<uint8_t> all(bytes_);
    return {all.first(layout_.LowBytes(count)),
            all.subspan(layout_.LowBytes(count), layout_.HighBytes(count))};
  }
  ByteView Bytes(uint64_t count) const {
    return ByteView(bytes_).first(layout_.LowBytes(count) + layout_.HighBytes(count));
  }

 private:
  const WordLayout& layout_;
  dure::Bytes bytes_;
};

}  // namespace dure::masking
