// A sum is looked at before its round closes, so that whoever watches sees what is odd about it
// with the round itself.
#include "aggregator/run_driver.h"

namespace dure::aggregator {

void RunDriver::Conclude(const round::Merged& merged) {
  auto growth = [before = rounds_.base(), after = merged.next, manifest = rounds_.manifest(),
                 count = parameter_count_, &store = shop_.store] {
    return derivation::GrowthOf(before, after, manifest, count, store);
  };
  auto answer = [this, merged](const Result<double>& grown) {
    const auto saturated = merged.sums ? std::optional(merged.sums->saturated_lanes) : std::nullopt;
    const auto told = grown ? growths_.Take(merged.at.round, *grown) : std::nullopt;
    const std::string alarm = derivation::AlarmOf(told, saturated, parameter_count_, summing_);
    if (!alarm.empty()) {
      shop_.say(merged.at.Text() + ": ALARM: " + alarm);
      view_.Remark(merged.at, "ALARM: " + alarm);
    }
    Feed(merged);
  };
  loop::RunFor(alive_, shop_.loop, shop_.workers, growth, answer);
}

}  // namespace dure::aggregator
