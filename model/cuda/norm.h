// The backward of RMSNorm by the kernel that is fastest for the width of its rows.
#pragma once

#include <algorithm>

#include "model/cuda/device.h"

namespace dure::model::cuda {

// dx, and the gradient of w added to `dw` [dim]. args.blocks: as many rows as args.parts has, at
// most that many are used.
template <typename T>
void NormBackward(Device& device, typename RmsNormBackward<T>::Args args, float* dw) {
  if (args.rows == 0) return;
  args.blocks = std::min(args.blocks, args.rows);
  using Held = RmsNormBackwardHeld<T>;
  if (Held::Holds(args)) {
    args.blocks = std::min(args.blocks, Held::kBlocks);
    device.Launch<Held>(args);
  } else {
    device.Launch<RmsNormBackward<T>>(args);
  }
  device.Launch<ColumnSums>({args.parts, dw, args.blocks, args.dim});
}

}  // namespace dure::model::cuda
