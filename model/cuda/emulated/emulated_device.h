// For tests only: a table whose device is this process. Kernels run as loops over the threads of
// their blocks (host_block.h), matrix products as plain loops in fp32.
//
// Memory begins as NaN, so what a kernel forgets to write shows; what it writes beside what was
// allocated ends the test. In the backward order the threads of a phase and the blocks of a grid
// run downwards: a kernel whose result differs from the forward order's has a race.
#pragma once

#include "model/cuda/table.h"

namespace dure::model::cuda {

enum class Order { kUpwards, kDownwards };

const DeviceTable& EmulatedTable(Order order = Order::kUpwards);

// Bytes that one emulated device has; an allocation beyond it fails. Of devices opened afterwards.
void SetEmulatedMemory(uint64_t bytes);
// Whether they have a library of attention (emulated_attention.h), for sequences that are multiples
// of 128; not by default.
void SetEmulatedAttention(bool wanted);

}  // namespace dure::model::cuda
