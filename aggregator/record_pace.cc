#include "aggregator/record_pace.h"

#include <algorithm>
#include <cmath>

namespace dure::aggregator {

Status RecordPace::Take(const std::string& seat, uint64_t bytes, MonoTime now) {
  const auto [found, is_new] = buckets_.try_emplace(seat);
  Bucket& bucket = found->second;
  if (is_new) bucket.filled = now;
  const double refills = std::chrono::duration<double>(now - bucket.filled) / kPaceRefill;
  bucket.filled = now;
  bucket.entries = std::min(kPaceEntries, bucket.entries + refills * kPaceEntries);
  bucket.bytes = std::min(kPaceBytes, bucket.bytes + refills * kPaceBytes);
  const auto needed = static_cast<double>(bytes);
  const double lacking =
      std::max((1 - bucket.entries) / kPaceEntries, (needed - bucket.bytes) / kPaceBytes);
  if (lacking > 0) {
    const double seconds = lacking * std::chrono::duration<double>(kPaceRefill).count();
    return Fail(ErrorCode::kUnavailable,
                seat +
                    " has said so much lately that the record takes no more of it now, since it "
                    "keeps every entry for good; try again in " +
                    std::to_string(static_cast<uint64_t>(std::ceil(seconds))) + " s");
  }
  bucket.entries -= 1;
  bucket.bytes -= needed;
  return {};
}

}  // namespace dure::aggregator
