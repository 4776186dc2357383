#include "federation/codec/pieces.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace dure::codec {
namespace {

class Pieces {
 public:
  using Piece = std::function<Result<uint64_t>(uint64_t piece)>;
  Pieces(const Work& work, uint64_t count, uint64_t parameters_total, const Piece& piece)
      : work_(work), count_(count), parameters_total_(parameters_total), piece_(piece) {}

  void Worker() {
    while (!stopped_) {
      const uint64_t index = next_++;
      if (index >= count_) return;
      Finished(piece_(index));
    }
  }

  Status Outcome() {
    if (error_) return Fail(*std::move(error_));
    return {};
  }

 private:
  void Finished(Result<uint64_t> result) {
    const std::lock_guard lock(mutex_);
    if (error_) return;
    if (!result) {
      error_ = std::move(result.error());
    } else {
      parameters_done_ += *result;
      if (work_.progress && !work_.progress(parameters_done_, parameters_total_)) {
        error_ = Error{ErrorCode::kCancelled, "stopped before the end of the vector"};
      }
    }
    if (error_) stopped_ = true;
  }

  const Work& work_;
  const uint64_t count_;
  const uint64_t parameters_total_;
  const Piece& piece_;
  std::atomic<uint64_t> next_ = 0;
  std::atomic<bool> stopped_ = false;
  std::mutex mutex_;
  uint64_t parameters_done_ = 0;  // under mutex_
  std::optional<Error> error_;    // under mutex_
};

}  // namespace

Status RunPieces(const Work& work, uint64_t count, uint64_t parameters_total,
                 const std::function<Result<uint64_t>(uint64_t piece)>& piece) {
  Pieces pieces(work, count, parameters_total, piece);
  const uint64_t threads =
      std::min<uint64_t>(static_cast<uint64_t>(std::max(work.threads, 1)), count);
  std::vector<std::jthread> others;
  for (uint64_t i = 1; i < threads; ++i) others.emplace_back([&pieces] { pieces.Worker(); });
  pieces.Worker();
  others.clear();  // joins
  return pieces.Outcome();
}

}  // namespace dure::codec
