#include "tests/sim/secrecy.h"

#include <algorithm>

#include "tests/sim/world.h"

namespace dure::sim {

using masking::SecretKind;

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
  CheckUnmasking(id);
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

}  // namespace dure::sim
