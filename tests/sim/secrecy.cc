#include "tests/sim/secrecy.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "tests/sim/world.h"

namespace dure::sim {

using masking::SecretKind;

namespace {

using Row = std::vector<int64_t>;

// Over the integers, each row kept in lowest terms.
size_t RankOf(std::vector<Row> rows, size_t columns) {
  size_t rank = 0;
  for (size_t c = 0; c < columns && rank < rows.size(); ++c) {
    const auto from = rows.begin() + static_cast<ptrdiff_t>(rank);
    const auto pivot = std::find_if(from, rows.end(), [c](const Row& row) { return row[c] != 0; });
    if (pivot == rows.end()) continue;
    std::iter_swap(from, pivot);
    for (size_t r = rank + 1; r < rows.size(); ++r) {
      const int64_t mine = rows[r][c];
      if (mine == 0) continue;
      int64_t common = 0;
      for (size_t i = 0; i < columns; ++i) {
        rows[r][i] = rows[r][i] * rows[rank][c] - rows[rank][i] * mine;
        common = std::gcd(common, rows[r][i]);
      }
      for (int64_t& value : rows[r]) value = common == 0 ? 0 : value / common;
    }
    ++rank;
  }
  return rank;
}

// Of so many, the sets of `size`, as bits.
std::vector<uint32_t> SetsOf(size_t count, size_t size) {
  std::vector<uint32_t> sets;
  for (uint32_t bits = 0; bits < 1U << count; ++bits) {
    if (static_cast<size_t>(std::popcount(bits)) == size) sets.push_back(bits);
  }
  return sets;
}

}  // namespace

void Secrecy::Opened(const masking::Context& context) { contexts_[context.Id()] = context; }

void Secrecy::Shared(const Digest& context, const masking::Sites& sharers) {
  sharers_[context] = sharers;
}

void Secrecy::Masked(const masking::MaskSegment& masks, ByteView lanes,
                     const masking::Scalars& scalars) {
  Bytes keys;
  for (const masking::Mask& mask : masks.masks) {
    keys.insert(keys.end(), mask.key.key.bytes.begin(), mask.key.key.bytes.end());
    keys.insert(keys.end(), mask.key.nonce.begin(), mask.key.nonce.end());
  }
  Bytes under(lanes.begin(), lanes.end());
  for (const uint64_t one : scalars) {
    for (int shift = 0; shift < 64; shift += 8) under.push_back(static_cast<uint8_t>(one >> shift));
  }
  const auto [put, fresh] = masked_.try_emplace(Sha256(keys), Sha256(under));
  if (!fresh && put->second != Sha256(under)) {
    world_.Violate("the same masks were put on two different updates");
  }
}

void Secrecy::Accepted(const masking::Scalars& scalars) {
  if (!summed_.contains(scalars)) world_.Violate("a site takes what is no sum for one");
}

void Secrecy::Said(ByteView message) {
  const auto decoded = masking::DecodeMessage(message);
  if (!decoded) return world_.Violate("a site says what is no message of the masking");
  if (const auto* reveal = std::get_if<masking::Signed<masking::Reveal>>(&*decoded)) {
    return OnReveal(*reveal);
  }
  if (const auto* agreed = std::get_if<masking::Signed<masking::Agreement>>(&*decoded)) {
    return OnAgreement(*agreed);
  }
}

void Secrecy::OnAgreement(const masking::Signed<masking::Agreement>& agreement) {
  if (agreement.body.step != 2) return;
  const auto [said, fresh] = signed_.try_emplace({agreement.header.context, agreement.header.site},
                                                 agreement.body.transcript);
  if (!fresh && said->second != agreement.body.transcript) {
    world_.Violate("a site signed two sets of survivors of one attempt");
  }
}

void Secrecy::OnReveal(const masking::Signed<masking::Reveal>& reveal) {
  const Digest& id = reveal.header.context;
  const auto context = contexts_.find(id);
  if (context == contexts_.end()) return world_.Violate("shares of a context that nobody opened");
  const uint32_t site = reveal.header.site;
  const auto own = signed_.find({id, site});
  const auto agreed = std::ranges::count_if(signed_, [&](const auto& one) {
    return own != signed_.end() && one.first.first == id && one.second == own->second;
  });
  if (static_cast<uint64_t>(agreed) < context->second.threshold) {
    return world_.Violate("a site gave its shares before enough agreed on the survivors");
  }
  const SiteId& name = context->second.seats[site].site;
  const auto [number, fresh] = released_.try_emplace({name, reveal.header.round.value}, id);
  if (!fresh && number->second != id) {
    return world_.Violate("a site released one number's sum twice");
  }
  for (const masking::RevealedShare& share : reveal.body.shares) {
    const SecretKind other =
        share.kind == SecretKind::kSelf ? SecretKind::kMask : SecretKind::kSelf;
    held_[{id, share.owner, share.kind}].insert(site);
    const auto both = held_.find({id, share.owner, other});
    if (both != held_.end() && both->second.contains(site)) {
      return world_.Violate("a site gave shares of both secrets of one site");
    }
  }
  given_.insert(id);
  CheckUnmasking(id);
  if (!world_.scenario().differences) CheckCombinations();
}

bool Secrecy::Recovers(const Key& secret, const std::set<uint32_t>& colluders) const {
  std::set<uint32_t> known = colluders;  // whoever colludes holds a share of every secret
  if (const auto held = held_.find(secret); held != held_.end()) {
    known.insert(held->second.begin(), held->second.end());
  }
  return known.size() >= contexts_.at(secret.context).threshold;
}

bool Secrecy::Unmasks(const Digest& context, uint32_t site,
                      const std::set<uint32_t>& colluders) const {
  if (!Recovers({context, site, SecretKind::kSelf}, colluders)) return false;
  if (Recovers({context, site, SecretKind::kMask}, colluders)) return true;
  const auto sharers = sharers_.find(context);
  if (sharers == sharers_.end()) return false;
  return std::ranges::all_of(sharers->second, [&](uint32_t peer) {
    return peer == site || colluders.contains(peer) ||
           Recovers({context, peer, SecretKind::kMask}, colluders);
  });
}

void Secrecy::CheckUnmasking(const Digest& context) {
  const masking::Context& of = contexts_.at(context);
  const uint32_t count = of.site_count();
  // Every set of colluders of the size that must be withstood; cohorts here are small.
  for (uint32_t bits = 0; bits < 1U << count; ++bits) {
    std::set<uint32_t> colluders;
    for (uint32_t i = 0; i < count; ++i) {
      if ((bits >> i & 1) != 0) colluders.insert(i);
    }
    if (colluders.size() != of.agreed.corrupt_max) continue;
    for (uint32_t site = 0; site < count; ++site) {
      if (colluders.contains(site) || !Unmasks(context, site, colluders)) continue;
      return world_.Violate("what the aggregator held unmasks " + of.seats[site].site.str());
    }
  }
}

std::set<SiteId> Secrecy::Opens(const Digest& context, const std::set<SiteId>& colluders) const {
  const auto sharers = sharers_.find(context);
  if (sharers == sharers_.end()) return {};
  const std::vector<masking::Seat>& seats = contexts_.at(context).seats;
  std::set<uint32_t> colluding;
  for (uint32_t i = 0; i < seats.size(); ++i) {
    if (colluders.contains(seats[i].site)) colluding.insert(i);
  }
  std::set<SiteId> sum;
  for (const uint32_t site : sharers->second) {
    const bool lost = Recovers({context, site, SecretKind::kMask}, colluding);
    if (lost || colluding.contains(site)) continue;  // what colludes says what it put in
    // Its masks with the others of the sum cancel; its own has to be known.
    if (!Recovers({context, site, SecretKind::kSelf}, colluding)) return {};
    sum.insert(seats[site].site);
  }
  return sum;
}

// Sites train on from round to round, and again on the same in another attempt: as the rule
// against differences does, this takes an update of one site for the same in each. Whoever colludes
// gives its shares and says what its own part was.
void Secrecy::CheckCombinations() {
  std::map<SiteId, size_t> column_of;
  for (const Digest& id : given_) {
    const masking::Context& context = contexts_.at(id);
    for (const auto& seat : context.seats) column_of.try_emplace(seat.site, column_of.size());
  }
  const size_t columns = column_of.size();
  for (const uint32_t bits : SetsOf(columns, withstood_)) {
    std::set<SiteId> colluders;
    for (const auto& [site, column] : column_of) {
      if ((bits >> column & 1) != 0) colluders.insert(site);
    }
    std::set<Row> rows;
    for (const Digest& id : given_) {
      Row row(columns, 0);
      for (const SiteId& site : Opens(id, colluders)) row[column_of.at(site)] = 1;
      rows.insert(std::move(row));
    }
    std::vector<Row> opened(rows.begin(), rows.end());
    const size_t rank = RankOf(opened, columns);
    for (const auto& [site, column] : column_of) {
      if (colluders.contains(site)) continue;
      opened.emplace_back(columns, 0)[column] = 1;
      const bool shown = RankOf(opened, columns) == rank;
      opened.pop_back();
      if (shown) return world_.Violate("sums that the aggregator held together show " + site.str());
    }
  }
}

}  // namespace dure::sim
