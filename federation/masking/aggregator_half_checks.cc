// From the published sum to one that everybody has checked, the aggregator too.
#include "federation/masking/aggregator_half.h"
#include "federation/masking/inner_product.h"

namespace dure::masking {

void AggregatorHalf::AdvanceOpening(bool overdue) {
  bool all = true;
  for (const uint32_t site : AnySurvivors()) all = all && s_.opened.contains(site);
  if (!all && !overdue) return;
  if (s_.opened.empty()) {
    s_.phase = AggregatorPhase::kFinished;
    Keep();
    out_.push_back(Finish{AnySurvivors()});
    return;
  }
  Openings openings;
  std::vector<Digest> ids;
  for (const auto& [site, bytes] : s_.opened) {
    openings.openings.push_back(bytes);
    ids.push_back(Sha256(bytes));
  }
  s_.result = ResultTranscript(s_.survivors, Sha256(s_.outcome), ids);
  s_.openings = EncodeMessage(openings);
  s_.phase = AggregatorPhase::kChecking;
  Keep();
  SendAll(s_.openings);
  EmitMeasures();
}

void AggregatorHalf::EmitMeasures() {
  for (const auto& [segment, result] : s_.results) {
    out_.push_back(MeasureSegment{segment, CheckCoefficients(s_.result, segment), result,
                                  static_cast<uint32_t>(s_.survived.at(segment).size())});
  }
}

void AggregatorHalf::AdvanceChecking(bool overdue) {
  if (!Is(AggregatorPhase::kChecking)) return;
  Sites missing;
  for (const uint32_t site : AnySurvivors()) {
    if (!s_.checked.contains(site)) missing.push_back(site);
  }
  if (!missing.empty() && !overdue) return;
  if (missing.empty()) {
    if (measured_.size() != segments()) return;
    for (const auto& [segment, product] : measured_) {
      if (Stated(segment) == product) continue;
      return GiveUp(
          "the sum is not that of what its sites say they sent: an upload changed after it came, "
          "or a site states a false check value",
          {});
    }
  }
  s_.phase = AggregatorPhase::kFinished;
  Keep();
  out_.push_back(Finish{std::move(missing)});
}

uint64_t AggregatorHalf::Stated(uint32_t segment) const {
  uint64_t sum = 0;
  for (const uint32_t site : s_.survived.at(segment)) {
    const auto stated = DecodeSigned<CheckValues>(s_.checked.at(site)).value();
    sum = FieldSum(sum, stated.body.values[segment]);
  }
  return sum;
}

}  // namespace dure::masking
