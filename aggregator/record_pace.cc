#include "aggregator/record_pace.h"

#include <algorithm>

namespace dure::aggregator {

Status RecordPace::Take(const std::string& seat, uint64_t bytes, MonoTime now) {
  Room& room = rooms_[seat];
  const Duration time = now.time_since_epoch();
  const auto needed = static_cast<double>(bytes);
  const Duration wait = std::max(room.entries.Wait(1, time), room.bytes.Wait(needed, time));
  if (wait > Duration::zero()) {
    return Fail(ErrorCode::kUnavailable,
                seat +
                    " has said so much lately that the record takes no more of it now, since it "
                    "keeps every entry for good; try again in " +
                    std::to_string(std::chrono::ceil<std::chrono::seconds>(wait).count()) + " s");
  }
  room.entries.Take(1, time);
  room.bytes.Take(needed, time);
  return {};
}

}  // namespace dure::aggregator
