// For tests only: the gang of emulated devices, whose memory the host can reach: everything through
// the ranks' Collective. Numbers in bf16 travel as fp32, which is exact.
#pragma once

#include <vector>

#include "federation/check.h"
#include "model/cuda/gang.h"

namespace dure::model::cuda {

class HostGang final : public DeviceGang {
 public:
  explicit HostGang(collective::Collective& ranks) : ranks_(ranks) {}
  uint32_t Mark() override { return 0; }

 private:
  Status Do(GangWork work, uint64_t count) override {
    if (work.type == NumberType::kBf16) return GatherBf16(static_cast<Bf16*>(work.values), count);
    const std::span<float> values(static_cast<float*>(work.values), count);
    if (work.call == GangCall::kAllReduce) return ranks_.AllReduce(values);
    if (work.call == GangCall::kReduceScatter) return ranks_.ReduceScatter(values);
    return ranks_.AllGather(values);
  }

  Status GatherBf16(Bf16* values, uint64_t count) {
    std::vector<float> floats(count);
    const collective::Piece own = collective::PieceOf(count, ranks_.rank(), ranks_.world());
    for (size_t i = own.begin; i < own.end; ++i) floats[i] = ToFloat(values[i]);
    DURE_TRY(ranks_.AllGather(floats));
    for (size_t i = 0; i < count; ++i) {
      if (i < own.begin || i >= own.end) values[i] = FromFloat<Bf16>(floats[i]);
    }
    return {};
  }

  collective::Collective& ranks_;
};

}  // namespace dure::model::cuda
