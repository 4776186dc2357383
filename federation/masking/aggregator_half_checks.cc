// Whom a phase waits for, and from the published sum to one that everybody has checked, the
// aggregator too.
#include "federation/masking/aggregator_half.h"
#include "federation/masking/inner_product.h"

namespace dure::masking {

bool AggregatorHalf::HasAnswered(uint32_t site) const {
  const auto of_each_segment = [&](const auto& kept) {
    bool all = true;
    for (uint32_t g = 0; g < segments(); ++g) all = all && kept.contains(SegmentSite{g, site});
    return all;
  };
  switch (s_.phase) {
    case AggregatorPhase::kAdvertising:
      return s_.advertised.contains(site);
    case AggregatorPhase::kSharing:
      return of_each_segment(s_.shares);
    case AggregatorPhase::kAgreeing:
      return s_.agreed1.contains(site);
    case AggregatorPhase::kUploading:
      return of_each_segment(s_.uploaded);
    case AggregatorPhase::kSurviving:
      return s_.agreed2.contains(site);
    case AggregatorPhase::kRevealing:
      return of_each_segment(s_.revealers);
    case AggregatorPhase::kOpening:
      return s_.opened.contains(site);
    case AggregatorPhase::kChecking:
      return s_.checked.contains(site);
    default:
      return true;
  }
}

Sites AggregatorHalf::Awaited() const {
  Sites awaited = s_.phase >= AggregatorPhase::kOpening ? AnySurvivors() : Listeners();
  std::erase_if(awaited, [this](uint32_t site) { return HasAnswered(site); });
  return awaited;
}

Sites AggregatorHalf::Contradicting() const {
  Sites sites;
  for (const uint32_t site : s_.sharers) {
    for (uint32_t g = 0; g < segments(); ++g) {
      const auto said = s_.uploaded.find({g, site});
      const auto stored = s_.stored.find({g, site});
      if (said == s_.uploaded.end() || stored == s_.stored.end()) continue;
      const Uploaded body = DecodeSigned<Uploaded>(said->second).value().body;
      if (stored->second == std::pair(body.payload, body.bytes)) continue;
      sites.push_back(site);
      break;
    }
  }
  return sites;
}

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
