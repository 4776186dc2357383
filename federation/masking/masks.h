// The masks of one site in one segment, and masking: lanes in the clear to masked planes.
//
// A masked word is the lane, plus the site's own mask, plus or minus a mask shared with each
// neighbour: the lower index of a pair adds, the higher subtracts, so that they cancel in the sum.
// Work goes chunk by chunk, each small enough for the second-level cache together with what all
// neighbours add to it: memory is O(chunk), memory traffic does not depend on the number of
// neighbours, and chunks are independent. Pure; any thread.
#pragma once

#include <span>
#include <vector>

#include "federation/masking/keystream.h"
#include "federation/masking/words.h"

namespace dure::masking {

// Parameters of a chunk: 16 blocks, 16 to 64 KiB of words.
inline constexpr uint64_t kChunkParameters = 16 * 1024;

struct Mask {
  StreamKey key;
  Direction direction = Direction::kAdd;
};

class Masks {
 public:
  explicit Masks(std::span<const Mask> masks, Engine engine = BestEngine());

  // Every mask, on words of which the first belongs to parameter `first` of the segment.
  void Apply(WordBytes width, uint64_t first, std::span<uint8_t> words) const;
  void Apply(Scalars& scalars) const;
  size_t size() const { return streams_.size(); }

 private:
  struct Stream {
    Keystream stream;
    Direction direction;
  };
  std::vector<Stream> streams_;
};

// Masks the lanes of a range. REQUIRES: lanes and planes have the range's sizes. kInvalid: a lane
// beyond lane_max, found before anything of its chunk is written; the output is then void and must
// not be sent.
Status MaskLanes(const WordLayout& layout, const Masks& masks, WordRange range, ByteView lanes,
                 PlaneSpan out);

// What MaskLanes does with plane bytes, for unmasking and for tests. Words of at most one chunk.
void PackWords(const WordLayout& layout, std::span<const uint8_t> words, PlaneSpan out);

}  // namespace dure::masking
