// What the ranks of a gang compute together on their devices: sums and gathers of numbers that lie
// in device memory, without a way through the host.
//
// Beside every such gang stands the Collective of the same ranks (model/collective): through it
// they met, and through it a rank that hangs is named. Two threads use it: the one that computes
// calls Mark, one of the queue's own makes the calls, in one order on every rank. A call returns
// when it is done. After an error the gang is over; the error names the ranks at fault, as far as
// they can be found. Sums have an order that is fixed for a fixed world, not the Collective's.
#pragma once

#include <memory>

#include "model/collective/collective.h"
#include "model/cuda/device.h"

namespace dure::model::cuda {

class DeviceGang {
 public:
  virtual ~DeviceGang() = default;
  DeviceGang(const DeviceGang&) = delete;
  DeviceGang& operator=(const DeviceGang&) = delete;

  // What has been queued on the device until now: the call that is given the mark begins after it.
  virtual uint32_t Mark() = 0;

  // In place, over `count` values: every rank's become the sum; this rank's piece
  // (collective::PieceOf) becomes the sum, the rest is unspecified; every rank's piece goes to all.
  // kUnavailable: a rank is gone, hangs or failed.
  Status AllReduce(float* values, uint64_t count, uint32_t mark) {
    return Do({GangCall::kAllReduce, NumberType::kFloat, values, nullptr, 0, mark}, count);
  }
  Status ReduceScatter(float* values, uint64_t count, uint32_t mark) {
    return Do({GangCall::kReduceScatter, NumberType::kFloat, values, nullptr, 0, mark}, count);
  }
  template <typename T>
  Status AllGather(T* values, uint64_t count, uint32_t mark) {
    return Do({GangCall::kAllGather, kTypeOf<T>, values, nullptr, 0, mark}, count);
  }

 protected:
  DeviceGang() = default;

 private:
  virtual Status Do(GangWork work, uint64_t count) = 0;
};

// Through NCCL. Every rank calls it with its own device and the Collective of all; they agree on
// an identifier through it. kUnavailable: not all came within `patience`, or the plug-in has no
// NCCL. Calls that do not end within the Collective's patience are given up.
Result<std::unique_ptr<DeviceGang>> JoinNccl(Device& device, collective::Collective& ranks,
                                             std::chrono::milliseconds patience);

}  // namespace dure::model::cuda
