// What the world is held against: sums in the clear, and what a curious aggregator could know.
#include <algorithm>

#include "federation/masking/testing/world.h"

namespace dure::masking {
namespace {

int32_t LaneAt(const WordLayout& layout, ByteView lanes, uint64_t k) {
  if (layout.lane_bytes() == 1) return static_cast<int8_t>(lanes[k]);
  return static_cast<int16_t>(lanes[2 * k] | lanes[2 * k + 1] << 8);
}

}  // namespace

bool World::SumsAreExact() const {
  if (!published) return false;
  for (uint32_t g = 0; g < context_.segment_count(); ++g) {
    const WordLayout masked = context_.SegmentLayout(g);
    // The survivors, from any site that has accepted.
    if (accepted.empty()) return false;
    const Sites survivors = accepted.begin()->second.segments.at(g).survivors;
    const WordLayout sums =
        WordLayout::Make(masked.lane_max(), static_cast<uint32_t>(survivors.size()),
                         masked.parameter_count())
            .value();
    Bytes planes = blobs_.at(published->segments[g].planes);
    std::vector<int32_t> values(masked.parameter_count());
    for (uint64_t at = 0; at < values.size(); at += codec::kSegmentParameters) {
      const uint64_t end = std::min<uint64_t>(at + codec::kSegmentParameters, values.size());
      const PlaneSpan span = PlanesOf(sums, planes, {at, end});
      if (!ReadSums(sums, {span.low, span.high}, std::span(values).subspan(at, end - at))) {
        return false;
      }
    }
    Scalars scalars{};
    for (const uint32_t index : survivors) {
      const Site& site = sites_[SiteOf(index)];
      for (size_t k = 0; k < kScalars; ++k) scalars[k] += site.scalars[k];
      for (uint64_t k = 0; k < values.size(); ++k) {
        values[k] -= LaneAt(masked, site.lanes.at(g), k);
      }
    }
    const bool zero = std::all_of(values.begin(), values.end(), [](int32_t v) { return v == 0; });
    if (!zero || scalars != published->segments[g].scalars) return false;
  }
  return true;
}

std::string World::Unmaskable(const std::set<uint32_t>& colluding) const {
  struct Knowledge {
    std::set<uint32_t> mask, self;  // holders whose shares are known
  };
  // Each attempt has keys of its own, so shares of different contexts do not add up.
  std::map<std::pair<Digest, uint32_t>, std::map<uint32_t, Knowledge>> known;
  std::map<std::pair<Digest, uint32_t>, std::set<uint32_t>> uploaded;
  for (const auto& [from, bytes] : seen) {
    const auto message = DecodeMessage(bytes);
    if (!message) continue;
    if (const auto* upload = std::get_if<Signed<Uploaded>>(&*message)) {
      uploaded[{upload->header.context, upload->body.segment}].insert(upload->header.site);
    }
    const auto* reveal = std::get_if<Signed<Reveal>>(&*message);
    if (reveal == nullptr) continue;
    for (const RevealedShare& one : reveal->body.shares) {
      auto& knowledge = known[{reveal->header.context, reveal->body.segment}][one.owner];
      auto& holders = one.kind == SecretKind::kMask ? knowledge.mask : knowledge.self;
      holders.insert(reveal->header.site);
      auto& others = one.kind == SecretKind::kMask ? knowledge.self : knowledge.mask;
      if (others.contains(reveal->header.site) && !colluding.contains(reveal->header.site)) {
        return "site " + std::to_string(reveal->header.site) + " gave both secrets of site " +
               std::to_string(one.owner);
      }
    }
  }
  for (auto& [at, sites] : uploaded) {
    auto& knowledge = known[at];
    const auto knows = [&](uint32_t owner, bool mask) {
      std::set<uint32_t> holders = mask ? knowledge[owner].mask : knowledge[owner].self;
      holders.insert(colluding.begin(), colluding.end());
      return holders.size() >= context_.threshold || colluding.contains(owner);
    };
    for (const uint32_t site : sites) {
      if (colluding.contains(site) || !knows(site, false)) continue;
      bool all_pairs = true;
      for (uint32_t other = 0; other < context_.site_count(); ++other) {
        if (other == site) continue;
        all_pairs = all_pairs && (knows(site, true) || knows(other, true));
      }
      if (all_pairs) return "site " + std::to_string(site) + " can be unmasked";
    }
  }
  return {};
}

// What is durable must stand where the message was told from: after a death here the site would
// otherwise go on from before it, and could say something else.
void World::CheckDurable(uint32_t i, const Bytes& message) {
  const SiteHalf& now = *sites_[i].half;
  const auto durable = SiteHalf::Load(sites_[i].saved, *sites_[i].signer, verifier_);
  if (!durable || durable->phase() != now.phase() ||
      durable->history().released() != now.history().released()) {
    told_too_early.emplace_back(KindName(DecodeMessage(message).value()));
  }
}

}  // namespace dure::masking
