// One block of every contribution of a round, and of their median, in memory: what a worker of the
// robust merge holds. A few KiB a contribution, one a thread, reused block after block.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "federation/bytes.h"
#include "federation/merging/block.h"
#include "federation/result.h"

namespace dure::merging {

// The exchanges that sort `count` values, whatever they are (Knuth, TAOCP 3, 5.2.2, algorithm M).
std::vector<Exchange> SortingNetwork(uint32_t count);

class Rows {
 public:
  // REQUIRES: 1 <= contributions <= limits::kSitesMax.
  Rows(codec::Lane lane, uint32_t contributions);

  // `count` lanes of each contribution from lane `first` on, where a block begins.
  // REQUIRES: lanes.size() is the number of contributions, each has them; 1 <= count <= kBlock.
  // kInvalid: a lane of -L-1, which no encoder sends; the message names the position in `lanes`.
  Status Load(std::span<const ByteView> lanes, uint64_t first, size_t count);

  // Fills the row behind the contributions with the lower median of each column.
  void FillCentre();
  size_t centre() const { return contributions_; }

  int64_t Product(size_t i, size_t j) const;  // of two rows, the centre's among them
  // Afterwards rows are columns' order statistics and no longer contributions.
  void Sort();
  std::span<const double> Sums() const { return std::span(sums_).first(count_); }
  void ClearSums();
  void Add(size_t row, double times);

 private:
  int16_t* Row(size_t i) { return rows_.data() + i * kBlock; }
  const int16_t* Row(size_t i) const { return rows_.data() + i * kBlock; }

  codec::Lane lane_;
  size_t contributions_;
  size_t count_ = 0;
  const BlockKernels& kernels_ = BestBlockKernels();
  std::vector<Exchange> network_;
  std::array<int8_t, kBlock> room_;  // one contribution's block, if it was packed
  std::vector<int16_t> rows_;        // contributions, then the centre
  std::vector<int16_t> sorted_;      // what FillCentre sorts
  std::vector<double> sums_;
};

}  // namespace dure::merging
