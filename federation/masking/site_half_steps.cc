// How a site moves on when all that a phase waits for is there, and what it then tells.
#include <algorithm>

#include "federation/check.h"
#include "federation/masking/inner_product.h"
#include "federation/masking/merkle.h"
#include "federation/masking/seal.h"
#include "federation/masking/shamir.h"
#include "federation/masking/site_half.h"

namespace dure::masking {

Secret SiteHalf::Own(std::string_view label, uint32_t segment) const {
  return OwnSecret(s_.attempt.seed, context_id_, label, segment);
}

Secret SiteHalf::AgreedWith(uint32_t site, std::optional<uint32_t> segment) const {
  const Advertise& other = AdvertisedBy(site);
  auto agreed = segment ? agreement_->Agree(Own(kMaskSecret, *segment), other.mask_keys[*segment])
                        : agreement_->Agree(Own(kSealSecret), other.seal_key);
  DURE_CHECK(agreed.has_value(), "advertised keys were checked");
  return *agreed;
}

void SiteHalf::TellAdvertise() {
  const auto told = s_.attempt.advertised.find(me_);
  if (told != s_.attempt.advertised.end()) return Say(told->second);
  Advertise body;
  body.seal_key = agreement_->PublicOf(Own(kSealSecret));
  for (uint32_t g = 0; g < segments(); ++g) {
    body.mask_keys.push_back(agreement_->PublicOf(Own(kMaskSecret, g)));
  }
  body.nonce = NonceCommitment(context_id_, me_, Own(kNonceSecret));
  body.released = s_.history.released();
  auto message = Sign(*signer_, OwnHeader(), std::move(body));
  Say(message.carried);
  s_.attempt.advertised[me_] = message.carried;
  advertised_[me_] = std::move(message.body);
}

void SiteHalf::AdvanceAdvertised() {
  if (!Is(SitePhase::kAdvertised) || advertised_.size() != context_.site_count()) return;
  std::vector<Digest> ids;
  std::map<SiteId, std::optional<Released>> claims;
  for (const auto& [site, bytes] : s_.attempt.advertised) {
    ids.push_back(Sha256(bytes));
    const SiteId& name = context_.seats[site].site;
    claims[name] = advertised_.at(site).released;
    s_.history.NotePeer(name, claims[name]);
  }
  s_.history.Disprove(claims);
  if (!CheckCohortSums()) return;
  s_.attempt.roster = RosterTranscript(context_id_, ids);
  s_.phase = SitePhase::kShared;
  // The site's shares of its own secrets it keeps itself.
  std::vector<Bytes> told;
  for (uint32_t g = 0; g < segments(); ++g) {
    Held held;
    told.push_back(OwnShares(g, &held.head));
    for (const SecretKind kind : {SecretKind::kMask, SecretKind::kSelf}) {
      const bool mask = kind == SecretKind::kMask;
      const auto shares =
          Split(Own(mask ? kMaskSecret : kSelfSecret, g), context_.threshold, context_.site_count(),
                OwnCoefficients(s_.attempt.seed, context_id_, kind, g, context_.threshold));
      (mask ? held.mask : held.self) = shares[me_].value;
    }
    s_.attempt.held[{g, me_}] = held;
  }
  Keep();
  for (Bytes& one : told) Say(std::move(one));
}

std::vector<ReleasedSum> SiteHalf::CohortSums() const {
  ReleasedSum sum;
  for (const Seat& seat : context_.seats) sum.sites.push_back(seat.site);
  std::vector<ReleasedSum> sums;
  for (; sum.segment < segments(); ++sum.segment) sums.push_back(sum);
  return sums;
}

DifferenceRule SiteHalf::Rule() const {
  return RuleAgainstDifferences(context_.agreed.rules, s_.attempt.helpers);
}

// Nothing is shared for a cohort whose sum, should all of it survive, would show somebody.
bool SiteHalf::CheckCohortSums() {
  for (const ReleasedSum& candidate : CohortSums()) {
    const auto objection = s_.history.CheckDifferences(
        Rule(), context_.round, candidate, s_.attempt.members, QuorumOf(context_), beside_);
    if (!objection) continue;
    Refuse(*objection);
    return false;
  }
  return true;
}

Bytes SiteHalf::OwnShares(uint32_t segment, Digest* head) const {
  const uint32_t threshold = context_.threshold;
  const uint32_t count = context_.site_count();
  const Secret self = Own(kSelfSecret, segment);
  const auto coefficients = [&](SecretKind kind) {
    return OwnCoefficients(s_.attempt.seed, context_id_, kind, segment, threshold);
  };
  const auto mask_shares =
      Split(Own(kMaskSecret, segment), threshold, count, coefficients(SecretKind::kMask));
  const auto self_shares = Split(self, threshold, count, coefficients(SecretKind::kSelf));
  Shares shares;
  std::vector<Digest> leaves;
  for (uint32_t to = 0; to < count; ++to) {
    const ShareRoute route{segment, me_, to};
    ShareEntry entry;
    entry.mask = ShareCommitment(SecretKind::kMask, route, mask_shares[to].value);
    entry.self = ShareCommitment(SecretKind::kSelf, route, self_shares[to].value);
    if (to != me_) {
      Bytes plain(mask_shares[to].value.bytes.begin(), mask_shares[to].value.bytes.end());
      plain.insert(plain.end(), self_shares[to].value.bytes.begin(),
                   self_shares[to].value.bytes.end());
      entry.sealed = Seal(SealKey(AgreedWith(to, std::nullopt), s_.attempt.roster, route),
                          SealAssociated(s_.attempt.roster, route), plain);
      ::explicit_bzero(plain.data(), plain.size());
    }
    leaves.push_back(entry.Leaf(to));
    shares.entries.push_back(std::move(entry));
  }
  shares.head = Sign(*signer_, OwnHeader(),
                     ShareHead{s_.attempt.roster, segment,
                               SelfCommitment(context_id_, segment, me_, self), RootOf(leaves)})
                    .carried;
  if (head != nullptr) *head = Sha256(shares.head);
  return EncodeMessage(shares);
}

void SiteHalf::TellShares() {
  for (uint32_t g = 0; g < segments(); ++g) Say(OwnShares(g, nullptr));
}

void SiteHalf::AdvanceShared() {
  if (!Is(SitePhase::kShared) || s_.attempt.sharers.empty()) return;
  std::vector<Digest> heads;
  for (const uint32_t site : s_.attempt.sharers) {
    for (uint32_t g = 0; g < segments(); ++g) {
      const auto held = s_.attempt.held.find({g, site});
      if (held == s_.attempt.held.end()) return;
      heads.push_back(held->second.head);
    }
  }
  s_.attempt.shares = ShareTranscript(s_.attempt.roster, s_.attempt.sharers, heads);
  s_.attempt.agreed_shares[me_] = s_.attempt.shares;
  s_.phase = SitePhase::kAgreeing;
  Keep();
  SaySigned(Agreement{1, s_.attempt.shares});
  AdvanceAgreeing();
}

void SiteHalf::AdvanceAgreeing() {
  if (!Is(SitePhase::kAgreeing)) return;
  size_t agreed = 0;
  for (const uint32_t site : s_.attempt.sharers) {
    const auto said = s_.attempt.agreed_shares.find(site);
    if (said == s_.attempt.agreed_shares.end()) continue;
    if (said->second != s_.attempt.shares) {
      return Refuse(Refusal::kTranscript,
                    "a peer was given other shares or sharers; nothing was uploaded", kAggregator);
    }
    ++agreed;
  }
  if (agreed != s_.attempt.sharers.size()) return;
  s_.phase = SitePhase::kMasking;
  Keep();
  EmitMasks();
}

std::vector<Mask> SiteHalf::MasksOf(uint32_t segment) {
  std::vector<Mask> masks;
  masks.push_back(
      {SelfMask(Own(kSelfSecret, segment), s_.attempt.shares, segment, me_), Direction::kAdd});
  for (const uint32_t site : s_.attempt.sharers) {
    if (site == me_) continue;
    masks.push_back(
        {PairMask(AgreedWith(site, segment), s_.attempt.shares, PairOf(segment, me_, site)),
         me_ < site ? Direction::kAdd : Direction::kSubtract});
  }
  return masks;
}

void SiteHalf::EmitMasks() {
  for (uint32_t g = 0; g < segments(); ++g) {
    if (s_.attempt.payload_bytes.contains(g)) continue;
    out_.push_back(MaskSegment{context_id_, g, MasksOf(g)});
  }
}

void SiteHalf::TellUploaded() {
  for (const auto& [segment, bytes] : s_.attempt.payload_bytes) {
    SaySigned(Uploaded{segment, s_.attempt.payloads.at(segment), bytes});
  }
}

bool SiteHalf::CheckAllSurvivors() {
  const SurvivorCheck check{context_.agreed.rules, context_.seats, context_.threshold,
                            s_.attempt.sharers, s_.attempt.survivors_min};
  std::vector<ReleasedSum> sums;
  for (const auto& [segment, survived] : s_.attempt.survived) {
    Objection objection = CheckSurvivors(check, survived.sites);
    ReleasedSum sum{segment, {}};
    for (const uint32_t site : survived.sites) {
      if (!objection) sum.sites.push_back(context_.seats[site].site);
    }
    if (!objection) {
      objection = s_.history.CheckDifferences(Rule(), context_.round, sum, s_.attempt.members,
                                              QuorumOf(context_), beside_);
    }
    if (objection) {
      objection->accused = kAggregator;
      Refuse(*objection);
      return false;
    }
    sums.push_back(std::move(sum));
  }
  if (auto objection = s_.history.Sign(context_.round, context_.attempt, s_.attempt.survivors,
                                       std::move(sums), QuorumOf(context_))) {
    Refuse(*objection);
    return false;
  }
  return true;
}

void SiteHalf::AdvanceMasking() {
  if (!Is(SitePhase::kMasking) || s_.attempt.survived.size() != segments()) return;
  std::vector<SegmentSurvivors> all;
  for (const auto& [segment, survived] : s_.attempt.survived) {
    all.push_back({survived.sites, survived.uploads});
  }
  s_.attempt.survivors = SurvivorTranscript(s_.attempt.shares, all);
  if (!CheckAllSurvivors()) return;
  s_.attempt.agreed_survivors[me_] = s_.attempt.survivors;
  s_.phase = SitePhase::kSurviving;
  Keep();
  SaySigned(Agreement{2, s_.attempt.survivors});
  AdvanceSurviving();
}

void SiteHalf::AdvanceSurviving() {
  if (!Is(SitePhase::kSurviving)) return;
  size_t same = 0;
  size_t other = 0;
  for (const uint32_t site : s_.attempt.sharers) {
    const auto said = s_.attempt.agreed_survivors.find(site);
    if (said == s_.attempt.agreed_survivors.end()) continue;
    ++(said->second == s_.attempt.survivors ? same : other);
  }
  if (other + context_.threshold > s_.attempt.sharers.size()) {
    return Refuse(
        Refusal::kSurvivorSet,
        "peers were told of other survivors: no set has the threshold behind it; no share "
        "was given",
        kAggregator);
  }
  if (same < context_.threshold) return;
  s_.history.Release(context_.round, context_.attempt, s_.attempt.survivors);
  s_.phase = SitePhase::kRevealed;
  Keep();
  TellReveals();
}

void SiteHalf::TellReveals() {
  for (const auto& [segment, survived] : s_.attempt.survived) {
    Reveal reveal{segment, {}};
    for (const uint32_t site : s_.attempt.sharers) {
      const bool alive = std::binary_search(survived.sites.begin(), survived.sites.end(), site);
      const Held& held = s_.attempt.held.at({segment, site});
      // One or the other, never both: a survivor's own mask, or the pair masks of the dropped.
      reveal.shares.push_back(
          {site, alive ? SecretKind::kSelf : SecretKind::kMask, alive ? held.self : held.mask});
    }
    SaySigned(std::move(reveal));
  }
}

void SiteHalf::TellOpening() { SaySigned(Opening{outcome_id_, Own(kNonceSecret)}); }

void SiteHalf::EmitChecks() {
  for (uint32_t g = 0; g < segments(); ++g) {
    if (s_.attempt.result_products.contains(g)) continue;
    const SegmentResult& result = outcome_->segments[g];
    out_.push_back(CheckSegment{context_id_, g, CheckCoefficients(s_.attempt.result, g),
                                result.planes, result.scalars,
                                static_cast<uint32_t>(s_.attempt.survived.at(g).sites.size())});
  }
}

void SiteHalf::AdvanceChecking() {
  if (s_.attempt.result_products.size() != segments()) return;
  std::vector<uint64_t> values(segments(), 0);
  for (const auto& [segment, survived] : s_.attempt.survived) {
    if (!std::binary_search(survived.sites.begin(), survived.sites.end(), me_)) continue;
    uint64_t value = s_.attempt.own_products.at(segment);
    for (const uint32_t site : survived.sites) {
      if (site == me_) continue;
      const uint64_t mask =
          PairCheckMask(AgreedWith(site, segment), s_.attempt.result, PairOf(segment, me_, site));
      value = me_ < site ? FieldSum(value, mask) : FieldDifference(value, mask);
    }
    values[segment] = value;
  }
  s_.attempt.check_values[me_] = std::move(values);
  s_.last_said =
      Sign(*signer_, OwnHeader(), CheckValues{s_.attempt.result, s_.attempt.check_values.at(me_)})
          .carried;
  s_.phase = SitePhase::kChecked;
  Keep();
  TellLast();
  AdvanceChecked(false);
}

void SiteHalf::TellLast() {
  if (!s_.last_said.empty()) Say(s_.last_said);
}

// False only if all values are there and do not fit.
bool SiteHalf::SegmentFits(uint32_t segment, bool& verified) const {
  uint64_t sum = 0;
  verified = true;
  for (const uint32_t site : s_.attempt.survived.at(segment).sites) {
    const auto values = s_.attempt.check_values.find(site);
    verified = verified && values != s_.attempt.check_values.end();
    if (verified) sum = FieldSum(sum, values->second[segment]);
  }
  return !verified || sum == s_.attempt.result_products.at(segment);
}

void SiteHalf::AdvanceChecked(bool overdue) {
  if (!Is(SitePhase::kChecked)) return;
  Accept accept;
  bool all = true;
  for (uint32_t g = 0; g < segments(); ++g) {
    bool verified = false;
    if (!SegmentFits(g, verified)) {
      return Refuse(Refusal::kAggregate,
                    "the published sum is not that of the contributions; the model stays as it is",
                    kAggregator);
    }
    all = all && verified;
    const SegmentResult& result = outcome_->segments[g];
    accept.segments.push_back(
        {s_.attempt.survived.at(g).sites, result.planes, result.scalars, verified});
  }
  if (!all && !overdue) return;
  // First: a site that dies before it persisted accepts again.
  out_.push_back(std::move(accept));
  EndAttempt(SitePhase::kAccepted);
}

}  // namespace dure::masking
