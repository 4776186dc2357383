// Where a log's static files are and what they hold (C2SP tlog-tiles v0.1.0). Pure, for any thread.
//
//   checkpoint                        the tree head
//   tile/<level>/<n>[.p/<width>]      256 (or width) hashes of complete subtrees of 256^level
//   leaves tile/entries/<n>[.p/<width>]      the entries of level-0 tile n, each after a big-endian
//   u16 length
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "federation/bytes.h"

namespace dure::ledger {

inline constexpr uint64_t kTileWidth = 256;

struct TilePath {
  bool entries = false;  // an entry bundle; level is then 0
  unsigned level = 0;    // 0..63
  uint64_t n = 0;
  unsigned width = 256;  // 1..255 for a partial tile

  std::string Text() const;
  bool operator==(const TilePath&) const = default;
  static Result<TilePath> Parse(
      std::string_view path);  // kInvalid unless it is exactly what Text() writes
};

// Every tile and bundle a log of `size` entries needs, partial ones included, those of [0, from)
// full tiles left out.
std::vector<TilePath> TilesOf(uint64_t size, uint64_t from = 0);

// REQUIRES: every entry is at most limits::kEntryBytesMax.
Bytes EncodeBundle(const std::vector<Bytes>& entries);
// kInvalid: cut short, or not exactly `count` entries.
Result<std::vector<Bytes>> DecodeBundle(ByteView bundle, unsigned count);

}  // namespace dure::ledger
