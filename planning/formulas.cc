#include "planning/formulas.h"

#include <algorithm>
#include <cmath>

#include "federation/check.h"

namespace dure::planning {

double StepSeconds(const Training& training) {
  return 6 * training.parameters * training.tokens_per_step /
         (training.gpus * training.peak_flops * training.mfu);
}

double UtilisationOfPeak(const Training& training, double tokens_per_second) {
  return 6 * training.parameters * tokens_per_second / (training.gpus * training.peak_flops);
}

double StaticBytesPerGpu(int stage, double parameters, double gpus) {
  DURE_CHECK(stage >= 0 && stage <= 3, "there are four stages");
  constexpr double kWhole[] = {16, 4, 2, 0};
  return kWhole[stage] * parameters + (16 - kWhole[stage]) * parameters / gpus;
}

double ActivationBytes(const ModelShape& shape, double tokens, Recompute recompute) {
  const double bytes = recompute == Recompute::kNothing ? 32 : 2;
  return bytes * shape.layers * shape.width * tokens;
}

double ZeroThreeBytes(double parameters, double tensor_parallel) {
  return 3 * 2 * parameters / tensor_parallel;
}

double UpdateBytes(double parameters, double bits) { return parameters * bits / 8; }

double SumBits(int lane_bits, double sites) {
  const double most = std::exp2(lane_bits - 1) - 1;
  const int whole = std::max(lane_bits, 8);  // the low plane is of whole bytes
  for (const int more : {0, 1, 2, 4, 8}) {
    if (2 * sites * most + 1 <= std::exp2(whole + more)) return whole + more;
  }
  return whole + 16;
}

double SparseBits(double kept, double chunk, double value_bits, double place_bits) {
  return kept / chunk * (value_bits + place_bits);
}

double RingBytes(double bytes, double sites) { return 2 * (sites - 1) / sites * bytes; }

double ExchangeSeconds(double parameters, const Exchange& exchange) {
  return (exchange.up_bits + exchange.down_bits) * parameters /
         (exchange.efficiency * exchange.bits_per_second);
}

double Utilisation(double compute_seconds, double exchange_seconds) {
  return compute_seconds / (compute_seconds + exchange_seconds);
}

double StepsForBlocking(double utilisation, double exchange_seconds, double step_seconds) {
  return std::ceil(utilisation / (1 - utilisation) * exchange_seconds / step_seconds);
}

double StepsForStreaming(double parameters, double bits, double rate, double step_seconds) {
  return std::ceil(bits * parameters / (rate * step_seconds));
}

double RateFor(double bits, double compute_seconds, double utilisation, double hidden_seconds) {
  return bits / (compute_seconds * (1 / utilisation - 1) + hidden_seconds);
}

double ClientMaskBytes(double parameters, const MaskedCohort& cohort) {
  return (cohort.neighbours + 1) * cohort.word_bytes * parameters;
}

double ServerMaskBytes(double parameters, const MaskedCohort& cohort) {
  // Each survivor's own mask, and each mask that a dropped site shared with a survivor.
  const double survivors = cohort.sites - cohort.dropped;
  const double shared = cohort.dropped * std::min(cohort.neighbours, survivors);
  return (survivors + shared) * cohort.word_bytes * parameters;
}

double MaskWordBytes(int lane_bits, double sites) {
  const double bits = SumBits(lane_bits, sites);
  return bits <= 8 ? 1 : bits <= 16 ? 2 : 4;
}

double ShareThreshold(double sites) { return std::floor(2 * sites / 3) + 1; }

}  // namespace dure::planning
