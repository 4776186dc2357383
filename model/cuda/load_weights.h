// A flat vector onto a device, in the numbers that are computed with.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "model/cuda/decoder.h"
#include "model/layout.h"

namespace dure::model::cuda {

// kInvalid: configuration, or a vector of another size.
inline Status CheckWeights(const LlamaConfig& config, std::span<const float> parameters) {
  DURE_TRY(Validate(config));
  DURE_TRY(CheckModel(config));
  if (parameters.size() == LlamaLayout(config).parameter_count()) return {};
  return Fail(ErrorCode::kInvalid, "the parameters are not as many as the model has");
}

// Piece by piece, so that the host needs no second copy. Gives `to`.
template <typename T>
const T* LoadWeights(Device& device, std::span<const float> parameters, T* to) {
  constexpr size_t kPiece = size_t{1} << 20;
  std::vector<T> piece;
  for (size_t at = 0; at < parameters.size(); at += kPiece) {
    const auto from = parameters.subspan(at, std::min(kPiece, parameters.size() - at));
    piece.resize(from.size());
    std::ranges::transform(from, piece.begin(), FromFloat<T>);
    device.CopyIn(to + at, std::span<const T>(piece));
  }
  return to;
}

}  // namespace dure::model::cuda
