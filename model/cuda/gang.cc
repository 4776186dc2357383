#include "model/cuda/gang.h"

#include <algorithm>
#include <atomic>
#include <string>
#include <vector>

#include "federation/canonical.h"

namespace dure::model::cuda {
namespace {

using collective::Collective;

// How long the others may take to say where they are, once a call has been given up.
constexpr std::chrono::milliseconds kAskPatience{10'000};

const char* Name(GangCall call) {
  switch (call) {
    case GangCall::kAllReduce:
      return "all-reduce";
    case GangCall::kReduceScatter:
      return "reduce-scatter";
    case GangCall::kAllGather:
      return "all-gather";
    case GangCall::kBroadcast:
      return "broadcast";
  }
  return "call";
}

Bytes ToBytes(uint64_t calls) {
  CanonicalWriter writer;
  writer.U64(calls).Text(collective::WhereThisRuns());
  return writer.Take();
}

class NcclGang final : public DeviceGang {
 public:
  NcclGang(Device& device, Collective& ranks, OpenGang* gang)
      : device_(device), ranks_(ranks), gang_(gang) {}
  ~NcclGang() override { device_.table().gang_leave(gang_); }

  uint32_t Mark() override {
    uint32_t mark = 0;
    // An error shows again in the call that waits for the mark.
    (void)device_.table().gang_mark(gang_, &mark);
    return mark;
  }

 private:
  Status Do(GangWork work, uint64_t count) override {
    std::vector<uint64_t> edges;
    for (uint32_t rank = 0; rank < ranks_.world(); ++rank) {
      edges.push_back(collective::PieceOf(count, rank, ranks_.world()).begin);
    }
    edges.push_back(count);
    work.edges = edges.data();
    ++calls_;
    const DeviceTable& table = device_.table();
    if (table.gang_work(gang_, &work) == 0 && table.gang_wait(gang_, Milliseconds()) == 0)
      return {};
    return Fail(ErrorCode::kUnavailable,
                "rank " + std::to_string(ranks_.rank()) + " (" + collective::WhereThisRuns() +
                    "), " + Name(work.call) + " of " + std::to_string(count) +
                    " numbers: " + table.gang_error(gang_) + WhereTheOthersAre());
  }

  uint64_t Milliseconds() const {
    return static_cast<uint64_t>(std::min<int64_t>(ranks_.patience().count(), INT64_C(1) << 40));
  }

  // NCCL does not say who is late. The sockets of the same ranks do: those that do not answer are
  // gone or hang, and those that answer say how many calls they have made.
  std::string WhereTheOthersAre() {
    ranks_.set_patience(kAskPatience);
    const auto all = ranks_.Collect(ToBytes(calls_));
    if (!all) return "; " + all.error().message;
    std::string text;
    for (uint32_t rank = 0; rank < all->size(); ++rank) {
      CanonicalReader reader((*all)[rank]);
      const uint64_t calls = reader.U64();
      if (calls == calls_) continue;
      text += "; rank " + std::to_string(rank) + " (" + reader.Text() + ") has made " +
              std::to_string(calls) + " calls, this one " + std::to_string(calls_);
    }
    return text.empty() ? "; all ranks made this call" : text;
  }

  Device& device_;
  Collective& ranks_;
  OpenGang* const gang_;
  uint64_t calls_ = 0;
};

}  // namespace

Result<std::unique_ptr<DeviceGang>> JoinNccl(Device& device, Collective& ranks,
                                             std::chrono::milliseconds patience) {
  const DeviceTable& table = device.table();
  // Each rank says whether it can, so that none waits for one that cannot.
  uint8_t id[kGangIdBytes] = {};
  std::string trouble;
  if (table.gang_join == nullptr) {
    trouble = "the CUDA plug-in was built without NCCL";
  } else if (ranks.rank() == 0) {
    char message[256] = {};
    if (table.gang_id(id, message, sizeof message) != 0) trouble = message;
  }
  DURE_ASSIGN(
      const std::vector<Bytes> troubles,
      ranks.Collect(ByteView(reinterpret_cast<const uint8_t*>(trouble.data()), trouble.size())));
  for (uint32_t rank = 0; rank < troubles.size(); ++rank) {
    if (troubles[rank].empty()) continue;
    return Fail(ErrorCode::kUnavailable,
                "rank " + std::to_string(rank) + ": " + std::string(AsText(troubles[rank])));
  }
  DURE_TRY(ranks.Broadcast({id, sizeof id}, 0));
  OpenGang* gang = nullptr;
  if (table.gang_join(device.handle(), id, ranks.rank(), ranks.world(),
                      static_cast<uint64_t>(patience.count()), &gang) != 0) {
    return Fail(ErrorCode::kUnavailable,
                "rank " + std::to_string(ranks.rank()) + " (" + collective::WhereThisRuns() +
                    ") did not meet the others' GPUs: " + table.error(device.handle()));
  }
  return std::make_unique<NcclGang>(device, ranks, gang);
}

}  // namespace dure::model::cuda
