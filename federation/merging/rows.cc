#include "federation/merging/rows.h"

#include <algorithm>
#include <bit>
#include <string>

#include "federation/codec/typed.h"

namespace dure::merging {

std::vector<Exchange> SortingNetwork(uint32_t count) {
  std::vector<Exchange> network;
  if (count < 2) return network;
  const uint32_t top = std::bit_ceil(count) / 2;
  for (uint32_t p = top; p > 0; p /= 2) {
    uint32_t q = top;
    uint32_t r = 0;
    uint32_t d = p;
    while (true) {
      for (uint32_t i = 0; i + d < count; ++i) {
        if ((i & p) == r) network.push_back({i, i + d});
      }
      if (q == p) break;
      d = q - p;
      q /= 2;
      r = p;
    }
  }
  return network;
}

Rows::Rows(codec::Lane lane, uint32_t contributions)
    : lane_(lane),
      contributions_(contributions),
      network_(SortingNetwork(contributions)),
      rows_((contributions_ + 1) * kBlock),
      sums_(kBlock) {}

Status Rows::Load(std::span<const ByteView> lanes, uint64_t first, size_t count) {
  count_ = count;
  for (size_t i = 0; i < contributions_; ++i) {
    const uint8_t* const from = codec::BlockValues(lane_, lanes[i], first, count, room_);
    const int32_t least = codec::LaneBytes(lane_) == 1
                              ? kernels_.widen8(count, codec::Typed<int8_t>(from), Row(i))
                              : kernels_.copy16(count, codec::Typed<int16_t>(from), Row(i));
    if (least < -codec::LaneMax(lane_)) {
      return Fail(ErrorCode::kInvalid,
                  "contribution " + std::to_string(i) + " holds a lane that no encoder sends");
    }
  }
  return {};
}

void Rows::FillCentre() {
  sorted_.assign(rows_.begin(), rows_.begin() + static_cast<ptrdiff_t>(contributions_ * kBlock));
  kernels_.exchange(count_, network_, sorted_.data());
  const auto middle = sorted_.begin() + static_cast<ptrdiff_t>((contributions_ - 1) / 2 * kBlock);
  std::copy_n(middle, count_, Row(centre()));
}

int64_t Rows::Product(size_t i, size_t j) const {
  return codec::LaneBytes(lane_) == 1 ? kernels_.product8(count_, Row(i), Row(j))
                                      : kernels_.product16(count_, Row(i), Row(j));
}

void Rows::Sort() { kernels_.exchange(count_, network_, rows_.data()); }

void Rows::ClearSums() { std::fill(sums_.begin(), sums_.end(), 0.0); }

void Rows::Add(size_t row, double times) { kernels_.add(count_, Row(row), times, sums_.data()); }

}  // namespace dure::merging
