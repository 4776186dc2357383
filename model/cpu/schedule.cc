#include "model/cpu/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "federation/schedule_parts.h"

namespace dure::model::cpu {
namespace {

Status Refuse(const char* why) {
  return Fail(ErrorCode::kInvalid, std::string("schedule: ") + why);
}

double Ratio(uint64_t part, uint64_t whole) {
  return static_cast<double>(part) / static_cast<double>(whole);
}

// The fraction of the peak after the warm-up.
double Fraction(const Schedule& s, uint64_t step) {
  if (s.kind == Schedule::Kind::kConstant) return 1.0;
  if (step >= s.total_steps) return s.final_fraction;
  if (s.kind == Schedule::Kind::kCosine) {
    const double progress = Ratio(step - s.warmup_steps, s.total_steps - s.warmup_steps);
    const double cosine = 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
    return s.final_fraction + (1.0 - s.final_fraction) * cosine;
  }
  const uint64_t left = s.total_steps - step;
  if (left >= s.decay_steps) return 1.0;
  return s.final_fraction + (1.0 - s.final_fraction) * Ratio(left, s.decay_steps);
}

}  // namespace

Status Validate(const Schedule& s) {
  if (!(s.peak >= 0.0 && s.peak <= 1e3)) return Refuse("the peak must be 0 to 1000");
  if (!(s.final_fraction >= 0.0 && s.final_fraction <= 1.0)) {
    return Refuse("the final fraction must be 0 to 1");
  }
  if (s.kind == Schedule::Kind::kConstant) return {};
  const ScheduleParts parts{s.warmup_steps, s.decay_steps, s.total_steps};
  if (!WarmupFits(parts)) return Refuse("total steps must exceed the warm-up");
  if (s.kind == Schedule::Kind::kWsd && !DecayFits(parts)) {
    return Refuse("warm-up and decay are longer than the whole");
  }
  return {};
}

double LearningRate(const Schedule& s, uint64_t step) {
  if (step < s.warmup_steps) return s.peak * Ratio(step + 1, s.warmup_steps);
  return s.peak * Fraction(s, step);
}

double LearningRateSum(const Schedule& s, uint64_t begin, uint64_t end) {
  double sum = 0;
  for (uint64_t step = begin; step < end; ++step) sum += LearningRate(s, step);
  return sum;
}

}  // namespace dure::model::cpu
