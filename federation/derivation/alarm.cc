#include "federation/derivation/alarm.h"

#include <fmt/format.h>

#include <cmath>

#include "federation/check.h"
#include "federation/derivation/derivation.h"

namespace dure::derivation {
namespace {

double SquaresOf(std::span<const float> scales) {
  double sum = 0;
  for (const float scale : scales) sum += static_cast<double>(scale) * static_cast<double>(scale);
  return sum;
}

}  // namespace

double GrowthOf(std::span<const float> before, std::span<const float> after) {
  DURE_CHECK(!before.empty() && before.size() == after.size(), "scales of one model");
  return std::sqrt(SquaresOf(after) / SquaresOf(before));
}

Result<double> GrowthOf(const round::Base& before, const round::Base& after,
                        const round::RunManifest& manifest, uint64_t parameter_count,
                        const blob::BlobStore& store) {
  DURE_ASSIGN(const auto then, ScalesOf(before, manifest, parameter_count, store));
  DURE_ASSIGN(const auto now, ScalesOf(after, manifest, parameter_count, store));
  return GrowthOf(then, now);
}

std::optional<double> Growths::Take(RoundNumber round, double growth) {
  if (last_ && last_->round != round) before_ = last_;
  last_ = Of{round, growth};
  const bool settled =
      before_ && before_->round.Next() == round && before_->growth <= kSettledGrowth;
  return settled ? std::optional(growth) : std::nullopt;
}

std::string AlarmOf(std::optional<double> growth, std::optional<uint64_t> saturated,
                    uint64_t parameter_count, uint64_t sites) {
  std::string text;
  if (growth && *growth >= kGrowthAlarm) {
    text = fmt::format("the sum is {:.1f} times as long as the round before", *growth);
  }
  const double lanes = static_cast<double>(parameter_count) * static_cast<double>(sites);
  const double cut = saturated && lanes > 0 ? static_cast<double>(*saturated) / lanes : 0;
  if (cut >= kCutAlarm) {
    if (!text.empty()) text += ", and ";
    text += fmt::format("{:.0f} % of what was sent was cut at its bounds", cut * 100);
  }
  if (text.empty()) return text;
  return text + "; one update may outweigh the others (docs/security.md)";
}

}  // namespace dure::derivation
